"""Lookahead: decides how many tasks are sent to a node before their turn."""

from __future__ import annotations

from ppg_exec.controller.registry import TaskState

__all__ = ["Lookahead"]

_AHEAD_SECONDS = 0.02
_MOST_AHEAD = 64
_STALE_SECONDS = 0.1
_SHORTEST = 0.0002


class Lookahead:
    """Lookahead: holds the tasks that were sent to a node before their turn, and decides how many to send.

    Short tasks would spend their time waiting for the controller. So as many are sent ahead as keep the cores
    busy for `_AHEAD_SECONDS`, judged by how long tasks of one core took lately. None are sent while that time
    is unknown or long. Tasks that still wait at a node after `_STALE_SECONDS` are recalled if a more
    important one is queued.
    """

    def __init__(self, cores: int) -> None:
        self._cores = cores
        self._states: dict[int, TaskState] = {}
        self._usual = 0.0
        self._recalled = False

    def __len__(self) -> int:
        return len(self._states)

    def has_room(self) -> bool:
        """Whether another task should be sent ahead."""
        if not self._usual or self._recalled:
            return False
        return len(self._states) < min(_MOST_AHEAD, int(_AHEAD_SECONDS * self._cores / self._usual))

    def note_wall_time(self, state: TaskState, wall: float) -> None:
        """Note that a task has taken `wall` seconds."""
        if state.may_go_ahead:
            wall = max(wall, _SHORTEST)
            self._usual = wall if not self._usual else 0.8 * self._usual + 0.2 * wall

    def add(self, state: TaskState) -> None:
        """Note that a task was sent ahead."""
        self._states[state.number] = state

    def remove(self, state: TaskState) -> None:
        """Note that a task has started, or come back."""
        del self._states[state.number]
        if not self._states:
            self._recalled = False

    def oldest(self) -> TaskState | None:
        """The task that starts next."""
        return next(iter(self._states.values()), None)

    def all_back(self) -> list[TaskState]:
        """All tasks, to recall them, unless that was done already."""
        if self._recalled:
            return []
        self._recalled = bool(self._states)
        return list(self._states.values())

    def outranked(self, first: TaskState | None, now: float) -> list[TaskState]:
        """Tasks to recall, because `first` in the line is more important than the oldest of them."""
        oldest = self.oldest()
        if first is None or oldest is None or self._recalled or now - oldest.sent_at < _STALE_SECONDS:
            return []
        if first.task.priority <= oldest.task.priority:
            return []
        self._recalled = True
        return list(self._states.values())
