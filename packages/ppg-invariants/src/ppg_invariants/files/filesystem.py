"""Filesystem: finds out whether a path is on a local or a remote file system.

SQLite's journal and the trust in timestamps depend on it.
"""

# ruff: noqa: PTH116, PTH120, PTH123
# Paths are strings throughout this package: they come from job ids, and a Path costs more than a stat.

import functools
import os
from enum import Enum

__all__ = ["Location", "file_system_type", "location_of"]


class Location(Enum):
    """Location: names where a file system stores its bytes."""

    LOCAL = "local"
    """On this machine: one kernel stamps the files, and shared memory and locks work."""
    REMOTE = "remote"
    """On another machine, or unknown, which is treated as remote."""


_LOCAL_TYPES = frozenset(
    "apfs bcachefs btrfs erofs exfat ext2 ext3 ext4 f2fs iso9660 jfs msdos nilfs2 ntfs3 overlay ramfs "  # noqa: SIM905
    "reiserfs rootfs squashfs tmpfs udf vfat xfs zfs".split()
)


def location_of(path: str) -> Location:
    """Return the location of `path`; if it does not exist, that of its nearest existing directory."""
    return Location.LOCAL if file_system_type(path) in _LOCAL_TYPES else Location.REMOTE


def file_system_type(path: str) -> str:
    """Return the kernel's name for the type of the file system of `path`, such as "ext4"; "unknown" if it has none."""
    real = os.path.realpath(path)
    while not os.path.lexists(real):
        real = os.path.dirname(real)
    device = os.stat(real).st_dev
    by_device, by_point = _mounts()
    number = f"{os.major(device)}:{os.minor(device)}"
    kind = by_device.get(number)
    if kind is None:  # btrfs gives each subvolume its own device number, which no mount table lists
        inside = [point for point in by_point if real == point or real.startswith(point.rstrip("/") + "/")]
        kind = by_point[max(inside, key=len)] if inside else "unknown"
    return kind


def _mounts() -> tuple[dict[str, str], dict[str, str]]:
    try:
        with open("/proc/self/mountinfo", encoding="utf-8", errors="surrogateescape") as table:
            return _parse_mountinfo(table.read())
    except OSError:
        return {}, {}


@functools.lru_cache(maxsize=4)
def _parse_mountinfo(text: str) -> tuple[dict[str, str], dict[str, str]]:
    by_device: dict[str, str] = {}
    by_point: dict[str, str] = {}
    for line in text.splitlines():
        left, separator, right = line.partition(" - ")
        fields = left.split()
        if not separator or len(fields) < 5:
            continue
        kind = right.split()[0]
        by_device[fields[2]] = kind
        point = fields[4].encode("utf-8", "surrogateescape").decode("unicode_escape")
        by_point[point] = kind
    return by_device, by_point
