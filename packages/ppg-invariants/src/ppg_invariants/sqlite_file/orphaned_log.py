"""Orphaned log: copies a store and its log for readers, if a killed writer left the log, or if they must not share it.

A killed writer leaves its write-ahead log behind. The next process that opens the store through SQLite merges
the log into it, even if it only reads. A reader must not change the store. So the store and its log are
copied, and SQLite merges the copy.

A reader that may not write the store copies it also while a writer works.
"""

# ruff: noqa: PTH116, PTH118
# Paths are strings throughout this package: they come from job ids, and a Path costs more than a stat.

import contextlib
import os
import time
from typing import TYPE_CHECKING

from ppg_invariants.errors import StoreError
from ppg_invariants.sqlite_file.lock import lock_holders, lock_path

if TYPE_CHECKING:
    import tempfile
    from collections.abc import Callable

__all__ = ["copy_orphaned_store", "copy_store_in_use"]

_ATTEMPTS = 200
_MOMENT = 0.02
"""Seconds between two attempts; a writer commits at most every 0.1 s."""


def copy_orphaned_store(path: str) -> "tempfile.TemporaryDirectory[str] | None":
    """Return a folder with a copy of the store, named `store`, if its writer was killed.

    Return None if there is no log, or if a writer may be at work. Return None also without room for a copy,
    or if the system does not list its locks.
    """
    before = _stamps(path)
    if before is None or _is_locked(lock_path(path)):
        return None
    return _copied(path, before, lambda: not _is_locked(lock_path(path)))


def copy_store_in_use(path: str) -> "tempfile.TemporaryDirectory[str] | None":
    """Return a folder with a copy of the store, named `store`, or None if there is no log.

    Raises StoreError if the writer changes the store faster than it can be copied.
    """
    for _ in range(_ATTEMPTS):
        before = _stamps(path)
        if before is None:
            return None
        folder = _copied(path, before, lambda: True)
        if folder is not None:
            return folder
        time.sleep(_MOMENT)
    raise StoreError(
        f"the status store {path} cannot be copied while a run writes it, and you may not write it; wait for that run"
    )


def _copied(
    path: str, before: list[tuple[int, int, int]], is_quiet: "Callable[[], bool]"
) -> "tempfile.TemporaryDirectory[str] | None":
    """Return a copy of what had these stamps; None if it has changed, or if there is no room."""
    import shutil  # noqa: PLC0415 (only what a killed writer left needs it)
    import tempfile  # noqa: PLC0415 (the same)

    folder = tempfile.TemporaryDirectory(prefix="ppg-")
    copy = os.path.join(folder.name, "store")
    with contextlib.suppress(OSError):
        shutil.copyfile(path, copy)
        shutil.copyfile(path + "-wal", copy + "-wal")
        # A writer may have started meanwhile, or may write from another machine.
        if _stamps(path) == before and is_quiet():
            return folder
    folder.cleanup()
    return None


def _stamps(path: str) -> list[tuple[int, int, int]] | None:
    """Return the stamps that show a change of store or log; None if one of them is missing."""
    try:
        found = [os.stat(name) for name in (path, path + "-wal")]
    except OSError:
        return None
    return [(one.st_ino, one.st_size, one.st_mtime_ns) for one in found]


def _is_locked(path: str) -> bool:
    """Whether a process holds the lock, without taking it: that could turn a writer away."""
    try:
        inode = os.stat(path).st_ino
    except FileNotFoundError:
        return False
    holders = lock_holders(inode)
    return holders is None or bool(holders)
