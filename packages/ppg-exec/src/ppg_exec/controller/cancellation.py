"""Ending tasks before their time: those that are cancelled, whose time is up, or that take too much memory.

The node ends its jobs itself, as it is the first to know when they began, whatever the mcp is busy with. But a node
that loads, or that imports what a task needs, is deaf until that is done. Then the forkserver helps, which never is:

- a load is interrupted by an exception, and if that does not help, its node goes;
- a job beside it gets the signals past the node.

So here is a deadline for each load and job with a timeout and for each one that is to end. A job that should have
ended by its node is looked after as long as it runs.
"""

from __future__ import annotations

import enum
import signal
import time
from dataclasses import dataclass
from typing import assert_never

from ppg_exec.controller.registry import Entry, Stage
from ppg_exec.hosts.nodes import Fleet
from ppg_exec.transport.logbook import Activity, read_logbook
from ppg_exec.transport.messages import EndTask

__all__ = ["Ending"]

_SECONDS_BETWEEN_LOOKS = 0.25
_DEAF = frozenset({Activity.READING, Activity.LOADING})


class _Step(enum.Enum):
    """What is to be done when a deadline has passed and the task still runs."""

    TIME_IS_UP = "time is up"
    """its timeout is over"""
    HELP = "help"
    """it should end; see whether its node is deaf"""
    FORCE = "force"
    """it was told to end, and its grace is over"""


@dataclass(frozen=True, slots=True)
class _Deadline:
    when: float
    entry: Entry
    number: int
    step: _Step
    seen: tuple[int, int] | None = None
    """what the node was deaf for at the look before"""

    @property
    def is_of_this_run(self) -> bool:
        """Whether the task still runs, and not again."""
        return self.entry.stage is Stage.RUNNING and self.entry.number == self.number


class Ending:
    """Sees to it that what is to end does, `grace` seconds after it was told at the latest."""

    def __init__(self, fleet: Fleet, grace: float) -> None:
        self._fleet = fleet
        self._grace = grace
        self._deadlines: list[_Deadline] = []

    def cancel(self, entry: Entry) -> None:
        """End an entry that is at a node; that node says when."""
        if not entry.is_load:
            self._tell(entry, "cancelled")
        elif entry.stage is Stage.RUNNING:
            self._interrupt(entry)

    def end_for_memory(self, entry: Entry) -> None:
        """End a job that has taken more memory than it stated."""
        entry.is_over_memory = True
        self._tell(entry, "over memory")

    def has_begun(self, entry: Entry) -> None:
        """An entry runs: from now on its timeout counts."""
        if entry.cancelled:
            if entry.is_load:
                self._interrupt(entry)
            else:
                self._add(0, entry, _Step.HELP)
        elif entry.task.timeout is not None:
            self._add(entry.task.timeout, entry, _Step.TIME_IS_UP)

    def next(self) -> float | None:
        """When `enforce` has to be called next (monotonic seconds)."""
        return min((deadline.when for deadline in self._deadlines), default=None)

    def enforce(self) -> None:
        """Do what is due."""
        if not self._deadlines:
            return
        now = time.monotonic()
        valid = [deadline for deadline in self._deadlines if deadline.is_of_this_run]
        self._deadlines = [deadline for deadline in valid if deadline.when > now]
        for deadline in valid:
            if deadline.when <= now:
                self._do(deadline)

    def _do(self, deadline: _Deadline) -> None:
        entry, step = deadline.entry, deadline.step
        assert entry.node is not None
        supervisor = self._fleet.supervisor
        match step:
            case _Step.TIME_IS_UP if entry.is_load:
                entry.timed_out = True
                self._interrupt(entry)
            case _Step.TIME_IS_UP | _Step.HELP:
                doing = read_logbook(entry.node.logbook)
                if doing[0] not in _DEAF or doing != deadline.seen:
                    # It may be about to see to it, or have done so.
                    self._add(_SECONDS_BETWEEN_LOOKS, entry, step, doing)
                    return
                entry.timed_out = step is _Step.TIME_IS_UP
                supervisor.signal_job(entry.node, entry.pid, signal.SIGTERM)
                self._add(self._grace, entry, _Step.FORCE)
            case _Step.FORCE if entry.is_load:
                supervisor.kill_node(entry.node)
            case _Step.FORCE:
                supervisor.signal_job(entry.node, entry.pid, signal.SIGKILL)
            case _:
                assert_never(step)

    def _tell(self, entry: Entry, why: str) -> None:
        assert entry.node is not None
        entry.node.channel.put(EndTask(entry.number, self._grace, why))
        if entry.stage is Stage.RUNNING:
            self._add(0, entry, _Step.HELP)

    def _interrupt(self, entry: Entry) -> None:
        assert entry.node is not None
        self._fleet.supervisor.interrupt_node(entry.node)
        self._add(self._grace, entry, _Step.FORCE)

    def _add(self, seconds: float, entry: Entry, step: _Step, seen: tuple[int, int] | None = None) -> None:
        self._deadlines.append(_Deadline(time.monotonic() + seconds, entry, entry.number, step, seen))
