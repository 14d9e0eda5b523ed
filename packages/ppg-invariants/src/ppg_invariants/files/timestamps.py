"""Timestamps: decides whether a write could hide behind an unchanged timestamp.

A file was observed (stat, then read) at time T, and its change time was C. Today its size, times and inode
are the same. This module decides whether its content is the same. The file system's clock stamps every write
after T. So a write shows, unless its stamp equals C. That is possible only while the tick C is not over at T:

- The kernel stamps with a clock that ticks every 1 to 10 ms. `FileState.looked_ns` is read from that clock.
  So C < T means that every later write gets a later stamp. The state is *settled*.
- Some file systems keep fewer digits (2 s on FAT, 1 s on ext3). C itself shows how many: a stamp with six
  trailing zeros may come from a clock with milliseconds. So T is cut to as many digits as C has.
- Since Linux 6.13 the common file systems give a file a finer stamp after a stat of the last stamp. This is
  measured on an unnamed file in the same directory. Where it holds, C = T is settled too, if the observation
  happened since this kernel was booted.
- On remote file systems, another machine's clock stamps the files. The two clocks are assumed to agree to
  within `REMOTE_MARGIN_NS`. A younger state is not settled.

An unsettled state is hashed once more, and the new observation settles it. The change time counts, not the
modification time, because no program can set the change time at will.
"""

# ruff: noqa: PTH120
# Paths are strings throughout this package: they come from job ids, and a Path costs more than a stat.

import os
import time

from ppg_invariants.files.filesystem import Location, location_of
from ppg_invariants.files.state import FILE_CLOCK, FileState

__all__ = ["REMOTE_MARGIN_NS", "StampTrust", "stamp_resolution_ns", "stamps_are_distinct"]

REMOTE_MARGIN_NS = 3_000_000_000
_SECOND = 1_000_000_000
_REMOTE = Location.REMOTE


class StampTrust:
    """Stamp trust: judges timestamps in one pass over many files, and caches its findings per device."""

    def __init__(self) -> None:
        self._booted_ns = time.time_ns() - time.clock_gettime_ns(time.CLOCK_BOOTTIME)
        self._locations: dict[int, Location] = {}
        self._distinct: dict[int, bool] = {}

    def is_settled(self, state: FileState, path: str, device: int) -> bool:
        """Whether an unchanged stat of the file at `path`, on `device`, proves unchanged content."""
        changed, looked = state.ctime_ns, state.looked_ns
        if changed < looked - REMOTE_MARGIN_NS:
            return True
        if self._location(device, path) is _REMOTE:
            return False
        if changed < looked - looked % stamp_resolution_ns(changed):
            return True
        return looked > self._booted_ns and self._stamps_are_distinct(device, path)

    def _location(self, device: int, path: str) -> Location:
        known = self._locations.get(device)
        if known is None:
            known = self._locations[device] = location_of(path)
        return known

    def _stamps_are_distinct(self, device: int, path: str) -> bool:
        known = self._distinct.get(device)
        if known is None:
            directory = os.path.dirname(os.path.realpath(path))
            known = self._distinct[device] = bool(stamps_are_distinct(directory))
        return known


def stamp_resolution_ns(stamp_ns: int) -> int:
    """Return the coarsest tick, in ns, that this stamp allows: 2 s for whole seconds, else a power of ten."""
    if stamp_ns % 10:
        return 1
    if stamp_ns % _SECOND == 0:
        return 2 * _SECOND
    resolution = 1
    while stamp_ns % (resolution * 10) == 0:
        resolution *= 10
    return resolution


def stamps_are_distinct(directory: str) -> bool | None:
    """Whether all writes to files of a directory show in their timestamps, even within one tick of the clock.

    It writes several times within a tick, to a file without a name. None if that cannot be measured.
    """
    try:
        descriptor = os.open(directory, os.O_TMPFILE | os.O_RDWR | os.O_CLOEXEC, 0o600)
    except OSError:
        return None
    try:
        for _attempt in range(5):
            begin = time.clock_gettime_ns(FILE_CLOCK)
            stamps = set()
            for _write in range(8):
                os.pwrite(descriptor, b"x", 0)
                stamps.add(os.fstat(descriptor).st_ctime_ns)
            if time.clock_gettime_ns(FILE_CLOCK) == begin:
                return len(stamps) == 8
    except OSError:
        return None
    finally:
        os.close(descriptor)
    return None
