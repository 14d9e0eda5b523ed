"""File systems: tells which ones stamp changes by the clock of this machine."""

from __future__ import annotations

import functools
import os

__all__ = ["LOCAL_TYPES", "MOUNT_TABLE", "LocalDevices"]

LOCAL_TYPES = frozenset(
    "bcachefs btrfs erofs ext2 ext3 ext4 f2fs iso9660 jfs nilfs2 overlay ramfs rootfs squashfs tmpfs udf xfs".split()  # noqa: SIM905
)
"""Types of file systems where each change of a file, and each new name of it, stamps it by the clock of this machine.

Not FAT and exFAT, where a program sets the only time; not ZFS, where a folder that is in use can be rolled back.
"""
MOUNT_TABLE = "/proc/self/mountinfo"


class LocalDevices:
    """LocalDevices: knows the devices with file systems of `LOCAL_TYPES`; asks once for each."""

    __slots__ = ("_known",)

    def __init__(self) -> None:
        self._known: dict[int, bool] = {}

    def has(self, device: int, name: str) -> bool:
        """Whether this device is one of them; `name` is on it."""
        known = self._known.get(device)
        if known is None:
            known = self._known[device] = _type_of(device, name) in LOCAL_TYPES
        return known


def _type_of(device: int, name: str) -> str:
    """The type of the file system with a device, or of that at the mount point above a name."""
    try:
        with open(MOUNT_TABLE, encoding="utf-8", errors="surrogateescape") as table:  # noqa: PTH123 - lean
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
