"""Lock: admits one writer per status store, by an OS lock on a file beside the store.

The lock ends with the process that holds it. It is a `flock`, because SQLite's own locks last only for a
transaction. It is on a separate file, because on network file systems both kinds of lock are the same.

A forked child shares the lock and would keep it alive, so the child closes its copy right after the fork. The
file contains the holder's process, host and start time, for the error message of other writers. `release`
removes the file. After a crash it stays behind, unlocked and harmless.

Any process that can open a file can lock it. So the file is for this user alone; or for a group, if all of the
group can write the store. Earlier versions made files that every user can open. Such a file counts if a process
of this user, or of the store's owner, holds it. If a process of another user does, or if another user has made the
file, the owner of the store replaces it.
"""

# ruff: noqa: PTH104, PTH108, PTH116, PTH123
# Paths are strings throughout this package: they come from job ids, and a Path costs more than a stat.

import contextlib
import datetime
import fcntl
import os
import re
import socket
import stat
import time
import weakref
from collections.abc import Iterator

from ppg_invariants.errors import StoreError, StoreLocked, remedy
from ppg_invariants.files.filesystem import Location, location_of
from ppg_invariants.files.private_files import private_mode

__all__ = ["WriterLock", "lock_holders", "lock_path"]

_ATTEMPTS = 1000
_MOMENT = 0.002  # seconds between two attempts

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
                with contextlib.suppress(OSError):  # an unlocked file does no harm
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
        for _ in range(_ATTEMPTS):
            descriptor = self._open()
            if descriptor is None:
                continue
            found = os.fstat(descriptor)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                holder = _read_note(descriptor)
                os.close(descriptor)
                if (
                    not self._others_can_lock(found)
                    or self._a_writer_holds(found)
                    or not self._replace(found)
                ):
                    raise StoreLocked(self._store, *holder) from None
                continue
            except OSError as error:
                os.close(descriptor)
                raise StoreError(
                    f"the file system of {self.path} cannot lock files ({error.strerror}); "
                    "choose a status file on another one"
                ) from error
            if self._is_still_there(descriptor):
                if self._others_can_lock(found) and found.st_uid == os.geteuid():
                    os.fchmod(descriptor, 0o600)
                _write_note(descriptor)
                return descriptor
            os.close(descriptor)  # the last holder removed this file before we locked it: open the next one
        raise StoreError(
            f"the status store {self._store} cannot be written: its lock {self.path} does not stay in its "
            "place; does another program remove it? Choose another status file"
        )

    def _open(self) -> int | None:
        """Open the lock file, or make it; None after a file was replaced that is no lock of a writer."""
        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        try:
            descriptor = os.open(self.path, flags, private_mode(self.path))
        except OSError as error:
            try:
                found = os.lstat(self.path)
            except OSError:
                found = None
            if found is not None and stat.S_ISREG(found.st_mode) and self._a_writer_holds(found):
                raise StoreLocked(self._store, None, None, None) from None
            if found is not None and not self._is_lock(found) and self._replace(found):
                return None
            usual = "make the directory writable, or choose another status file"
            raise StoreError(
                f"the status store {self._store} cannot be written: its lock {self.path} cannot be made "
                f"({error.strerror}); {remedy(error, usual)}"
            ) from error
        found = os.fstat(descriptor)
        if self._is_lock(found):
            return descriptor
        os.close(descriptor)
        if self._replace(found):
            return None
        raise StoreError(
            f"the status store {self._store} cannot be written: {self.path} is no lock of a run of yours; remove it"
        )

    def _owner(self) -> int:
        """The user that owns the store, or that will."""
        try:
            return os.stat(self._store).st_uid
        except OSError:
            return os.geteuid()  # there is none yet, or a link that leads nowhere

    def _is_lock(self, found: os.stat_result) -> bool:
        """Whether this may be the lock file of a writer: a plain file of a user that may write the store."""
        if not stat.S_ISREG(found.st_mode) or found.st_nlink > 1:
            return False
        is_of_group = private_mode(self.path) == 0o660 and not found.st_mode & 0o007
        return found.st_uid in {os.geteuid(), self._owner()} or is_of_group

    def _others_can_lock(self, found: os.stat_result) -> bool:
        """Whether users that may not write the store can open the lock file."""
        group = found.st_mode & 0o070
        return bool(found.st_mode & 0o007) or group not in {0, private_mode(self.path) & 0o070}

    def _a_writer_holds(self, found: os.stat_result) -> bool:
        """Whether a process of this user, of the store's owner, or of root may hold the lock."""
        if location_of(self._store) is not Location.LOCAL:
            return True  # it may run on another machine
        pids = lock_holders(found.st_ino)
        if pids is None:
            return True
        owners = set()
        for pid in pids:
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):
                owners.add(_user_of(pid))
        return bool(owners & {0, os.geteuid(), self._owner()})

    def _replace(self, found: os.stat_result) -> bool:
        """Remove the file in the place of the lock, if this user owns the store; return whether it is gone."""
        if os.geteuid() not in {0, self._owner()}:
            return False
        with _guard(self.path + ".guard") as is_alone:
            if not is_alone:
                return False
            try:
                # Another run of this user may have been faster: then its lock is in the place.
                if os.path.samestat(os.lstat(self.path), found):
                    _put_aside(self.path)
            except FileNotFoundError:
                return True
            except OSError:
                return False
        return True

    def _is_still_there(self, descriptor: int) -> bool:
        try:
            return os.path.samestat(os.fstat(descriptor), os.stat(self.path))
        except (FileNotFoundError, NotADirectoryError):
            return False


def lock_path(path: str) -> str:
    """Return the path of the lock file of the store at `path`."""
    return path + ".lock"


@contextlib.contextmanager
def _guard(path: str) -> Iterator[bool]:
    """Let one run of this user at a time replace a lock; the value is whether this one may.

    The guard is a file that only this user can open, so no other user can hold it.
    """
    descriptor = _locked_guard(path)
    try:
        yield descriptor is not None
    finally:
        if descriptor is not None:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(path)
            os.close(descriptor)


def _locked_guard(path: str) -> int | None:
    flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    for _ in range(_ATTEMPTS):
        try:
            descriptor = os.open(path, flags, 0o600)
        except OSError:
            descriptor = -1
        try:
            found = os.fstat(descriptor) if descriptor >= 0 else None
            is_ours = found is not None and found.st_uid == os.geteuid() and found.st_nlink <= 1
            if found is None or not is_ours or found.st_mode & 0o077 or not stat.S_ISREG(found.st_mode):
                _put_aside(path)  # another user has made it
            else:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if os.path.samestat(os.stat(path), found):
                    return descriptor
        except (BlockingIOError, FileNotFoundError):
            time.sleep(_MOMENT)  # another run of this user is at it
        except OSError:
            return None
        if descriptor >= 0:
            os.close(descriptor)
    return None


def _put_aside(path: str) -> None:
    aside = f"{path}.{os.getpid()}-{os.urandom(4).hex()}"
    os.rename(path, aside)
    with contextlib.suppress(OSError):  # a folder stays under its other name
        os.unlink(aside)


def _user_of(pid: int) -> int:
    """Return the user that started a process; a program that is set-uid runs as another one."""
    try:
        with open(f"/proc/{pid}/status", encoding="utf-8", errors="replace") as file:
            return next(int(line.split()[1]) for line in file if line.startswith("Uid:"))
    except PermissionError:  # /proc is mounted with hidepid
        return os.stat(f"/proc/{pid}").st_uid


def lock_holders(inode: int) -> list[int] | None:
    """Return the processes of this machine that hold a lock (flock) of a file; None if the system lists none."""
    try:
        with open("/proc/locks", encoding="ascii") as file:
            found = [re.search(rf"FLOCK +\S+ +\S+ +(-?\d+) \S*:{inode} ", line) for line in file]
    except OSError:
        return None
    return [int(match[1]) for match in found if match is not None]


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
