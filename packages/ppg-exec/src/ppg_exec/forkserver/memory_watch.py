"""Memory watch: measures now and then how much memory the processes of each job have together.

The forkserver runs it. It looks at the processes beneath the forkserver alone, however many others the machine has.
It counts what belongs to a process alone, what of it is swapped out, and its part of
shared memory segments. It does not count what a job shares with the compute node that it was forked from,
which costs nothing. The kernel walks page tables for each measurement, so measurements are spaced to take at
most a twentieth of one core.
"""

from __future__ import annotations

import os
import time

from ppg_exec.linux import processes_beneath, read_proc, stat_fields

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection

__all__ = ["MemoryWatch", "own_memory"]

_INTERVAL = 0.5  # seconds
_SHARE = 20
_COUNTED = (b"Private_Clean:", b"Private_Dirty:", b"SwapPss:", b"Pss_Shmem:")
_PARENT, _SESSION = 1, 3


def own_memory(pid: int) -> int:
    """Bytes of memory that a process has for itself; 0 if it is gone."""
    total = 0
    for line in read_proc(f"/proc/{pid}/smaps_rollup").splitlines():
        if line.startswith(_COUNTED):
            total += int(line.split()[1]) * 1024
    return total


class MemoryWatch:
    """MemoryWatch: remembers the most memory that it measured of each job."""

    def __init__(self) -> None:
        self._peaks: dict[int, int] = {}
        self._next = time.monotonic() + _INTERVAL

    def patience(self) -> float:
        """Seconds until the next measurement is due."""
        return max(0.0, self._next - time.monotonic())

    def look(self, nodes: Collection[int]) -> dict[int, int]:
        """Bytes by job (its pid), of jobs with clearly more than ever before; `nodes` are pids."""
        began = time.monotonic()
        parents = {}
        sessions = {}
        # Orphans of jobs are children of their node or of the forkserver, which runs this.
        for pid in processes_beneath(os.getpid()):
            if fields := stat_fields(pid):
                parents[pid] = int(fields[_PARENT])
                sessions[pid] = int(fields[_SESSION])
        jobs = {pid for pid, parent in parents.items() if parent in nodes and sessions[pid] == pid}
        totals = dict.fromkeys(jobs, 0)
        for pid in parents:
            job = _ancestor_among(pid, jobs, parents)
            if job is None and sessions[pid] in jobs:
                job = sessions[pid]
            if job is not None:
                totals[job] += own_memory(pid)
        self._peaks = {pid: peak for pid, peak in self._peaks.items() if pid in jobs}
        grown = {pid: total for pid, total in totals.items() if total > 1.05 * self._peaks.get(pid, 0)}
        self._peaks |= grown
        now = time.monotonic()
        self._next = now + max(_INTERVAL, _SHARE * (now - began))
        return grown


def _ancestor_among(pid: int, wanted: Collection[int], parents: dict[int, int]) -> int | None:
    seen = 0
    while pid and pid not in wanted:
        pid = parents.get(pid, 0)
        seen += 1
        if seen > len(parents):
            return None  # the kernel gave pids to new processes between two reads
    return pid or None
