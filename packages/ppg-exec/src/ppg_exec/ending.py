"""Ending tasks before their time: those that are cancelled, and loads whose time is up.

The node ends its jobs itself. It is deaf while it loads, so a load is interrupted through the forkserver, and if
that does not help, the node goes.
"""

from __future__ import annotations

import time

from .entries import Entry, Stage
from .fleet import Fleet

__all__ = ["Ending"]


class Ending:
    """Sees to it that what is to end does, `grace` seconds after it was told at the latest."""

    def __init__(self, fleet: Fleet, grace: float) -> None:
        self._fleet = fleet
        self._grace = grace
        self._deadlines: list[tuple[float, Entry, bool]] = []

    def end(self, entry: Entry) -> None:
        """End an entry that is at a node; that node says when."""
        assert entry.node is not None
        if not entry.is_load:
            entry.node.channel.put(("end", entry.number, self._grace, "cancelled"))
        elif entry.stage is Stage.RUNNING:
            self._interrupt(entry)

    def end_for_memory(self, entry: Entry) -> None:
        """End an entry that has taken more memory than it stated."""
        assert entry.node is not None
        entry.node.channel.put(("end", entry.number, self._grace, "over memory"))

    def watch(self, entry: Entry) -> None:
        """A load has begun: from now on its timeout counts."""
        if entry.cancelled:
            self._interrupt(entry)
        elif entry.task.timeout is not None:
            self._deadlines.append((time.monotonic() + entry.task.timeout, entry, False))

    def next(self) -> float | None:
        """When `enforce` has to be called next (monotonic seconds)."""
        return min((when for when, _, _ in self._deadlines), default=None)

    def enforce(self) -> None:
        """Interrupt the loads whose time is up, and end the nodes of those that went on all the same."""
        now = time.monotonic()
        running = [deadline for deadline in self._deadlines if deadline[1].stage is Stage.RUNNING]
        self._deadlines = [deadline for deadline in running if deadline[0] > now]
        for when, entry, is_last in running:
            if when > now:
                continue
            assert entry.node is not None
            if is_last:
                self._fleet.supervisor.kill_node(entry.node)
            else:
                entry.timed_out = True
                self._interrupt(entry)

    def _interrupt(self, entry: Entry) -> None:
        assert entry.node is not None
        self._fleet.supervisor.interrupt_node(entry.node)
        self._deadlines.append((time.monotonic() + self._grace, entry, True))
