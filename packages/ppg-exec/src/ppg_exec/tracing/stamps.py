"""Stamps: tells whether a file is still what it was when a task began, by the time of its last change.

No program can set this time at will. A file system stamps a change with a clock that ticks every few milliseconds, or more
coarsely, as the digits of the stamp show. Another machine stamps the files of a network file system. Its clock is assumed to
agree to within a few seconds.
"""

from __future__ import annotations

import functools
import os
import time
from stat import S_ISREG

from ppg_exec.tracking.notes import packed
from ppg_exec.tracking.wire import STAT

__all__ = ["UNKNOWN", "Stamps", "now_ns"]

UNKNOWN = STAT.pack(0, 0, -1, 0, 0)
"""A stat that no file has."""

_FILE_CLOCK = 5  # CLOCK_REALTIME_COARSE
_SECOND = 1_000_000_000
_REMOTE_MARGIN = 3 * _SECOND
_LOCAL_TYPES = frozenset(
    "bcachefs btrfs erofs exfat ext2 ext3 ext4 f2fs iso9660 jfs msdos nilfs2 ntfs3 overlay ramfs rootfs squashfs tmpfs udf "  # noqa: SIM905
    "vfat xfs zfs".split()
)


def now_ns() -> int:
    """The time by the clock that stamps changes of local files."""
    return time.clock_gettime_ns(_FILE_CLOCK)


class Stamps:
    """Stamps: compares files with the moment at which a task began.

    Args:
        began: this moment, as `now_ns` had it.

    """

    def __init__(self, began: int) -> None:
        self._began = began
        self._is_local: dict[int, bool] = {}

    def unchanged(self, name: str) -> bytes | None:
        """The stat of a regular file that has not changed since the task began, packed; None of another one."""
        try:
            found = os.stat(name)  # noqa: PTH116 - lean
        except (OSError, ValueError):
            return None
        return packed(found) if S_ISREG(found.st_mode) and self.is_unchanged(found, name) else None

    def is_unchanged(self, found: os.stat_result, name: str) -> bool:
        """Whether a file or folder is what it was when the task began."""
        changed = found.st_ctime_ns
        if changed < self._began - _REMOTE_MARGIN:
            return True
        device = found.st_dev
        is_local = self._is_local.get(device)
        if is_local is None:
            is_local = self._is_local[device] = _type_of(device, name) in _LOCAL_TYPES
        return is_local and changed < self._began - self._began % _resolution(changed)


def _resolution(stamp: int) -> int:
    """The coarsest tick, in ns, that a stamp allows."""
    if stamp % _SECOND == 0:
        return 2 * _SECOND
    tick = 1
    while stamp % (tick * 10) == 0:
        tick *= 10
    return tick


def _type_of(device: int, name: str) -> str:
    """The type of the file system with a device, or of that at the mount point above a name."""
    try:
        with open("/proc/self/mountinfo", encoding="utf-8", errors="surrogateescape") as table:  # noqa: PTH123 - lean
            by_device, by_point = _mounts(table.read())
    except OSError:
        return ""
    known = by_device.get(f"{os.major(device)}:{os.minor(device)}")
    if known is not None:
        return known
    # btrfs gives each subvolume a device of its own, which no table lists.
    real = os.path.realpath(name)
    inside = [point for point in by_point if real == point or real.startswith(point.rstrip("/") + "/")]
    return by_point[max(inside, key=len)] if inside else ""


@functools.cache
def _mounts(table: str) -> tuple[dict[str, str], dict[str, str]]:
    by_device: dict[str, str] = {}
    by_point: dict[str, str] = {}
    for line in table.splitlines():
        left, separator, right = line.partition(" - ")
        fields = left.split()
        if separator and len(fields) > 4:
            by_device[fields[2]] = by_point[fields[4]] = right.split()[0]
    return by_device, by_point
