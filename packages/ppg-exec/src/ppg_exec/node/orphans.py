"""Orphans: finds what jobs leave behind in the compute node, and kills it in time.

The node is a subreaper. A process that a job has started and not waited for becomes a child of the node when
its own parent ends. A child that is no job is such an orphan. Its session shows the job that it comes from;
when that job has ended, the node kills the orphan. Only a daemon has its own session. The node kills a daemon
when all jobs have ended that may have started it. These are the jobs that ran, or had just ended, when the
node first saw it. Children that a load has started stay.
"""

from __future__ import annotations

import os
import signal

from ppg_exec.linux import ChildList, end_children

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection

__all__ = ["Orphans"]


class Orphans:
    """Orphans: holds the orphans that this process has adopted; true while there are any.

    Args:
        keep: moves a descriptor out of the reach of jobs.

    """

    __slots__ = ("_children", "_orphans", "_spared")

    def __init__(self, keep: Callable[[int], int]) -> None:
        self._children = ChildList(keep)
        self._spared: set[int] = set()
        # For each orphan: the jobs of which one has started it.
        self._orphans: dict[int, set[int]] = {}

    def __bool__(self) -> bool:
        return bool(self._orphans)

    def spare_new_children(self, jobs: Collection[int]) -> None:
        """Keep, after a load, the children that the load has started, because jobs may use them.

        `jobs` are the pids of jobs that the node has not dealt with yet. What one of them has left behind
        meanwhile differs from the load's children by its session, unless it is a daemon.
        """
        for pid in self._children.pids():
            if pid not in jobs and pid not in self._orphans and _session_of(pid) not in jobs:
                self._spared.add(pid)

    def look(self, ended: set[int], running: Collection[int], preforked: Collection[int]) -> list[int]:
        """Find new orphans. `ended`, `running` and `preforked` are pids of jobs, and so their sessions."""
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
        """Kill the orphans of ended jobs; returns whether there were any, which the node must await."""
        doomed = [pid for pid, jobs in self._orphans.items() if jobs.isdisjoint(running)]
        for pid in doomed:
            # The node has not waited for the orphan, so the pid is still its own.
            os.kill(pid, signal.SIGKILL)
        return bool(doomed)

    def forget(self, pid: int) -> None:
        """Forget a child that has ended and was waited for."""
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
