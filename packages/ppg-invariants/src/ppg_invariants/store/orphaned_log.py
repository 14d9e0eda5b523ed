"""Reads a store whose writer was killed, without touching what it left.

A writer that was killed leaves its write-ahead log behind, and the next process that opens the file through SQLite,
though only to read, puts the log in order. Somebody who only looks must not: so the store and its log are copied,
and the copy is put in order.
"""

# ruff: noqa: PTH116, PTH118
# Paths are strings throughout this package: they come from job ids, and a Path costs more than a stat.

import contextlib
import os
import re
from typing import TYPE_CHECKING

from ppg_invariants.store.lock import lock_path

if TYPE_CHECKING:
    import tempfile

__all__ = ["copy_of_remains"]


def copy_of_remains(path: str) -> "tempfile.TemporaryDirectory[str] | None":
    """A folder with a copy of the store, called `store`, if its writer was killed; None if it may be at work.

    None as well where there is no room for a copy, or the system does not tell who holds locks.
    """
    before = _stamps(path)
    if before is None or _is_locked(lock_path(path)):
        return None
    import shutil  # noqa: PLC0415 (only what a killed writer left needs it)
    import tempfile  # noqa: PLC0415 (the same)

    folder = tempfile.TemporaryDirectory(prefix="ppg-")
    copy = os.path.join(folder.name, "store")
    with contextlib.suppress(OSError):
        shutil.copyfile(path, copy)
        shutil.copyfile(path + "-wal", copy + "-wal")
        # A writer may have come meanwhile, or be one that this machine does not know of.
        if _stamps(path) == before and not _is_locked(lock_path(path)):
            return folder
    folder.cleanup()
    return None


def _stamps(path: str) -> list[tuple[int, int, int]] | None:
    """What tells whether store and log changed; None if one of them is not there."""
    try:
        found = [os.stat(name) for name in (path, path + "-wal")]
    except OSError:
        return None
    return [(one.st_ino, one.st_size, one.st_mtime_ns) for one in found]


def _is_locked(path: str) -> bool:
    """Whether a process holds the lock; found out without taking it, which could keep a writer away."""
    try:
        inode = os.stat(path).st_ino
    except FileNotFoundError:
        return False
    try:
        with open("/proc/locks", encoding="ascii") as file:  # noqa: PTH123
            return any(re.search(rf"FLOCK .*:{inode} ", line) for line in file)
    except OSError:
        return True
