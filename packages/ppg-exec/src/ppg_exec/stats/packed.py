"""Packed: has the stat of a file as plain bytes, and the stats that stand for what is not known."""

from __future__ import annotations

import os
from struct import Struct
from struct import error as struct_error

__all__ = ["DOUBTFUL", "LATE", "STAT", "UNKNOWN", "packed"]

STAT = Struct("=QQqqq")
"""Device, inode, size, and the nanoseconds of the last modification and of the last change."""
UNKNOWN = STAT.pack(0, 0, -1, 0, 0)
"""A stat that no file has."""
DOUBTFUL = (0, 0, -2, 0, 0)
"""The stat of a file that was used, of which it cannot be proved any more what it was then."""
LATE = -3
"""Size of a stat that is that of a lease (`leases`) instead."""

_LARGEST = (1 << 63) - 1


def packed(found: os.stat_result) -> bytes:
    """A stat as bytes."""
    try:
        return STAT.pack(found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)
    except struct_error:  # a time after the year 2262
        times = (max(-_LARGEST, min(_LARGEST, each)) for each in (found.st_mtime_ns, found.st_ctime_ns))
        return STAT.pack(found.st_dev, found.st_ino, found.st_size, *times)
