"""What jobs leave behind in the compute node, and when it is to be killed.

The node is a subreaper: what a job has started and not waited for becomes a child of the node when its own parent
ends. A child that is no job is such an orphan. Its session tells which job it comes from, and when that has ended
the orphan is killed. Only a daemon has a session of its own; it is killed when all jobs have ended that may have
started it: those that ran, or had just ended, when it was first seen. Children that a load has started stay.
"""

from __future__ import annotations

import os
import signal

from ppg_exec.linux import ChildList, end_children

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection

__all__ = ["Orphans"]


class Orphans:
    """The orphans that this process has adopted. True while there are any."""

    __slots__ = ("_children", "_orphans", "_spared")

    def __init__(self) -> None:
        self._children = ChildList()
        self._spared: set[int] = set()
        # Of each orphan, the jobs of which one must have started it.
        self._orphans: dict[int, set[int]] = {}

    def __bool__(self) -> bool:
        return bool(self._orphans)

    def spare_new_children(self, jobs: Collection[int]) -> None:
        """After a load: what it has started is there for the jobs; `jobs` are pids of those not yet dealt with.

        What one of these has left behind in the meantime is told from it by its session, unless it is a daemon.
        """
        for pid in self._children.pids():
            if pid not in jobs and pid not in self._orphans and _session_of(pid) not in jobs:
                self._spared.add(pid)

    def look(self, ended: set[int], running: Collection[int], preforked: Collection[int]) -> list[int]:
        """The orphans that are new; `ended`, `running` and `preforked` are pids of jobs, and so their sessions."""
        found = []
        for pid in self._children.pids():
            if pid in running or pid in preforked or pid in self._spared or pid in self._orphans:
                continue
            session = _session_of(pid)
            is_known = session in ended or session in running
            self._orphans[pid] = {session} if is_known else ended.union(running)
            found.append(pid)
        return found

    def kill(self, running: Collection[int]) -> bool:
        """Kill the orphans whose job has ended; whether there were any, whose end has to be awaited."""
        doomed = [pid for pid, jobs in self._orphans.items() if jobs.isdisjoint(running)]
        for pid in doomed:
            # We have not waited for it, so the pid is still its own.
            os.kill(pid, signal.SIGKILL)
        return bool(doomed)

    def forget(self, pid: int) -> None:
        """A child has ended and was waited for."""
        self._orphans.pop(pid, None)
        self._spared.discard(pid)

    def end_everything(self) -> None:
        """Kill all children and what they leave behind, until there are none."""
        end_children(self._children, ())


def _session_of(pid: int) -> int:
    try:
        return os.getsid(pid)
    except ProcessLookupError:
        return 0
