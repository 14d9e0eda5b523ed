"""One writer per status store: an OS lock on a file beside it, which ends with the process that holds it.

`flock` rather than SQLite's own locks, because those last only for a transaction; on a file of its own, because
on network file systems both kinds are the same. Its one weakness, that a forked child shares it and could keep
it alive, is met by closing it in the child. The file holds who has the lock, for the error message of others,
and is removed when the lock is given back; after a crash it stays behind, unlocked, and does no harm.
"""

# ruff: noqa: PTH108, PTH116
# Paths are strings throughout this package: they come from job ids, and a Path costs more than a stat.

import datetime
import fcntl
import os
import socket
import weakref

from ppg_invariants.errors import StoreError, StoreLocked, remedy

__all__ = ["WriterLock", "lock_path"]

_held: "weakref.WeakSet[WriterLock]" = weakref.WeakSet()


class WriterLock:
    """The right to write to the store at `path`, held from construction until `release`.

    Raises StoreLocked if another process (or this one) has it, StoreError if no lock can be made there.
    """

    def __init__(self, path: str) -> None:
        self._store = path
        self.path: str = lock_path(path)
        self._descriptor: int | None = self._acquire()
        _held.add(self)

    def release(self) -> None:
        """Give the lock back; harmless when it is not held any more."""
        if self._descriptor is not None:
            # Somebody may have removed it, and somebody else made one anew, which is not ours to remove.
            if self._is_still_there(self._descriptor):
                os.unlink(self.path)
            os.close(self._descriptor)
            self._descriptor = None

    def let_go_in_child(self) -> None:
        """Close this process's share of a lock that belongs to the parent."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def _acquire(self) -> int:
        while True:
            try:
                descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
            except OSError as error:
                usual = "make the directory writable, or choose another status file"
                raise StoreError(
                    f"the status store {self._store} cannot be written: its lock {self.path} cannot be made "
                    f"({error.strerror}); {remedy(error, usual)}"
                ) from error
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                holder = _read_note(descriptor)
                os.close(descriptor)
                raise StoreLocked(self._store, *holder) from None
            except OSError as error:
                os.close(descriptor)
                raise StoreError(
                    f"the file system of {self.path} cannot lock files ({error.strerror}); "
                    "choose a status file on another one"
                ) from error
            if self._is_still_there(descriptor):
                _write_note(descriptor)
                return descriptor
            os.close(descriptor)  # its last holder removed it before we had it: take the next one

    def _is_still_there(self, descriptor: int) -> bool:
        try:
            return os.path.samestat(os.fstat(descriptor), os.stat(self.path))
        except FileNotFoundError:
            return False


def lock_path(path: str) -> str:
    """The file that is locked by who writes to the store at `path`."""
    return path + ".lock"


def _write_note(descriptor: int) -> None:
    since = datetime.datetime.now().astimezone().isoformat(timespec="seconds")
    note = f"{os.getpid()}\n{socket.gethostname()}\n{since}\n"
    try:
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, note.encode(), 0)
    except OSError:  # a full disk: the lock holds without its note
        return


def _read_note(descriptor: int) -> tuple[int | None, str | None, str | None]:
    lines = os.pread(descriptor, 4096, 0).decode(errors="replace").split("\n")
    if len(lines) < 4 or not lines[0].isdigit():
        return None, None, None  # it has not been written yet
    return int(lines[0]), lines[1], lines[2]


def _let_go_in_child() -> None:
    for lock in list(_held):
        lock.let_go_in_child()


os.register_at_fork(after_in_child=_let_go_in_child)
