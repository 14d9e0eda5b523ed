"""Lock: admits one writer per status store, by an OS lock on a file beside the store.

The lock ends with the process that holds it. It is a `flock`, because SQLite's own locks last only for a
transaction. It is on a separate file, because on network file systems both kinds of lock are the same.

A forked child shares the lock and would keep it alive, so the child closes its copy right after the fork. The
file contains the holder's process, host and start time, for the error message of other writers. `release`
removes the file. After a crash it stays behind, unlocked and harmless.
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
    """Writer lock: holds the right to write to the store at `path`, from construction until `release`.

    Raises StoreLocked if another process (or this one) holds it. Raises StoreError if no lock can be made
    there.
    """

    def __init__(self, path: str) -> None:
        self._store = path
        self.path: str = lock_path(path)
        self._descriptor: int | None = self._acquire()
        _held.add(self)

    def release(self) -> None:
        """Release the lock; harmless if it is not held any more."""
        if self._descriptor is not None:
            # If the lock file was removed, another writer may have made a new one, which must stay.
            if self._is_still_there(self._descriptor):
                os.unlink(self.path)
            os.close(self._descriptor)
            self._descriptor = None

    def take_again(self) -> bool:
        """Take the lock again if its file was removed or replaced; return whether it was.

        Raises StoreLocked if another process took it meanwhile. Raises StoreError if no lock can be made there.
        """
        if self._descriptor is None or self._is_still_there(self._descriptor):
            return False
        former = self._descriptor
        self._descriptor = self._acquire()
        os.close(former)
        return True

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
            os.close(descriptor)  # the last holder removed this file before we locked it: open the next one

    def _is_still_there(self, descriptor: int) -> bool:
        try:
            return os.path.samestat(os.fstat(descriptor), os.stat(self.path))
        except (FileNotFoundError, NotADirectoryError):
            return False


def lock_path(path: str) -> str:
    """Return the path of the lock file of the store at `path`."""
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
        return None, None, None  # the holder has not written its note yet
    return int(lines[0]), lines[1], lines[2]


def _let_go_in_child() -> None:
    for lock in list(_held):
        lock.let_go_in_child()


os.register_at_fork(after_in_child=_let_go_in_child)
