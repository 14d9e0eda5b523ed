"""Jobserver: shares cores between programs by tokens in a fifo, after the protocol of GNU make's jobserver.

Each participant may keep one core busy without asking, so every participant makes progress and none waits for
itself. For each further core it reads a byte, a token, from the fifo, and writes it back afterwards.

There are three fifos in play:

- the fifo that this process was *given* by a make, a ninja or another executor above it (`given_pool`);
- the fifo that the executors of one user share on a machine (`MachinePool`). A program that is killed cannot
  write its tokens back. So each participant keeps a locked note of how many it holds, and the next one
  returns the tokens of the dead;
- the fifo that each task of several cores is given for the programs that it starts (`task_tokens.TaskTokens`).
  Its tokens are the task's own cores, so whatever happens to them ends with the task.

Other users must not stop a pool, nor make it write to other files (see `private_folder`). No lock is waited for
without limit.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import shutil
import stat
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol, Self

from ppg_exec.resources.fair_share import Holding
from ppg_exec.resources.machine import part_of_machine
from ppg_exec.resources.private_folder import is_own_file, open_private_folder, open_runtime_folder
from ppg_exec.resources.task_tokens import OWN_VARIABLE, TOKEN, TaskTokens

__all__ = [
    "OWN_VARIABLE",
    "CorePool",
    "GivenPool",
    "MachinePool",
    "TaskTokens",
    "given_pool",
    "machine_pool",
    "make_supports_fifos",
]

_LOOK_SECONDS = 0.5  # between two looks for holders that have died
_PATIENCE = 2.0  # seconds; the lock is held for well under a millisecond
_MOMENT = 0.01  # seconds between two attempts to get the lock
_HOLDER = "holder-"
_NOTE = struct.Struct("<IIII")
"""Tokens, and the numbers of a `Holding`; an older version writes and reads the first one alone."""
_MOST_TOKENS = 1 << 12  # what every fifo has room for
_JOBS = re.compile(r"(?:^|\s)-j(\d+)")
_AUTH = re.compile(r"--jobserver-(?:auth|fds)=(?:fifo:(?P<fifo>\S+)|(?P<read>\d+),(?P<write>\d+))")


class CorePool(Protocol):
    """CorePool: holds tokens for cores beyond the first; never blocks."""

    def acquire(self, count: int) -> int:
        """Take up to `count` tokens; returns how many there were."""
        ...

    def release(self, count: int) -> None:
        """Put back tokens that were taken."""
        ...

    def fileno(self) -> int:
        """A descriptor that is readable while there are tokens."""
        ...

    @property
    def cores(self) -> int | None:
        """How many cores are shared; None if that is not known."""
        ...

    def close(self) -> None:
        """Put back all tokens and leave."""
        ...


class GivenPool:
    """GivenPool: takes tokens from the jobserver of the program that has started this process."""

    def __init__(self, read: int, write: int, cores: int | None = None) -> None:
        """`read` and `write` are non-blocking descriptors of the fifo, which now belong to the pool of so many `cores`."""
        self._read = read
        self._write = write
        self._cores = cores
        self._held: list[bytes] = []

    def acquire(self, count: int) -> int:
        """Take up to `count` tokens; returns how many there were."""
        if count <= 0:
            return 0
        try:
            tokens = os.read(self._read, count)
        except OSError:
            # There is none, or it cannot be read: a fault of sharing must not end the run, which asks again later.
            return 0
        # make gives meaning to single bytes, so each byte goes back unchanged.
        self._held += [bytes([token]) for token in tokens]
        return len(tokens)

    def release(self, count: int) -> None:
        """Put back tokens that were taken. Those that the fifo refuses stay, and `close` tries them again."""
        for token in self._held[-count:] if count else []:
            try:
                os.write(self._write, token)
            except OSError:
                return  # a fault of sharing must not end the run; the other programs have fewer cores meanwhile
            self._held.remove(token)

    def fileno(self) -> int:
        """A descriptor that is readable while there are tokens."""
        return self._read

    @property
    def cores(self) -> int | None:
        """How many cores are shared; None if that is not known."""
        return self._cores

    def close(self) -> None:
        """Put back all tokens and leave."""
        self.release(len(self._held))
        for descriptor in {self._read, self._write}:
            os.close(descriptor)


class MachinePool(GivenPool):
    """MachinePool: shares the cores of one machine between executors.

    Args:
        directory: has its fifo and the notes; all executors that name the same one share it. Only this user can
            read and write it. A descriptor of it belongs to the pool from now on.
        cores: how many there are; the number that the first executor states counts.

    Raises OSError: UnsafeFolderError if another user can change the directory; TimeoutError if a process that
    does not go on holds the lock of the pool.

    """

    def __init__(self, directory: Path | int, cores: int) -> None:
        self._folder = directory if isinstance(directory, int) else open_private_folder(str(directory))
        opened = [self._folder]
        try:
            # Kept open, because an executor that leaves must put its tokens back even if no descriptor is left.
            self._lock = self._open("lock", os.O_RDWR | os.O_CREAT)
            opened.append(self._lock)
            self._name = f"{_HOLDER}{os.getpid()}-{os.urandom(8).hex()}"
            # Read the holders and the fifo under one lock; separately they can disagree.
            with self._locked():
                descriptor = self._set_up(cores)
                opened.append(descriptor)
                self._note = self._open(self._name, os.O_RDWR | os.O_CREAT | os.O_EXCL)
                fcntl.flock(self._note, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BaseException:
            for one in opened:
                os.close(one)
            raise
        super().__init__(descriptor, descriptor)
        self._looked = 0.0
        self._lost = 0
        self._wishes = Holding(1, 1)
        self._collecting: int | None = None

    def acquire(self, count: int) -> int:
        """Take up to `count` tokens; returns how many there were."""
        if not count:
            return 0
        taken = self._take(count)
        if taken < count and self._find_dead_holders():
            taken += self._take(count - taken)
        return taken

    def _take(self, count: int) -> int:
        taken = super().acquire(count)
        if taken:
            # Write at once, because a token that is in no note counts as lost after a while.
            self._write_note()
        return taken

    def release(self, count: int) -> None:
        """Put back tokens that were taken."""
        if count:
            super().release(count)
            self._write_note()

    def close(self) -> None:
        """Put back all tokens and leave."""
        self.stop_collecting()
        try:
            with self._locked():
                super().close()
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(self._name, dir_fd=self._folder)
        except TimeoutError:
            # A stopped process holds the lock. A note without a lock counts as that of a dead process, and another
            # participant returns its tokens.
            os.close(self._read)
        finally:
            for descriptor in (self._note, self._lock, self._folder):
                os.close(descriptor)

    def others(self, own: Holding) -> list[Holding]:
        """Note what this executor has and wants; returns the same of the others. An unreadable pool has no others."""
        self._wishes = own
        self._write_note()
        try:
            return [each.holding for each in self._holders() if each.name != self._name and not each.is_dead]
        except OSError:
            return []

    @property
    def cores(self) -> int:
        """How many cores are shared."""
        return self._size() + 1

    def collect(self) -> bool:
        """Become the one that collects tokens for a task of several cores, unless another participant does."""
        if self._collecting is None:
            try:
                descriptor = self._open("collector", os.O_RDWR | os.O_CREAT)
            except OSError:
                return False
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                os.close(descriptor)
                return False
            self._collecting = descriptor
        return True

    def stop_collecting(self) -> None:
        """Let others collect."""
        if self._collecting is not None:
            os.close(self._collecting)
            self._collecting = None

    def _write_note(self) -> None:
        # An old note costs at most a token, which the other participants find; a full disk must not end the run.
        with contextlib.suppress(OSError):
            os.pwrite(self._note, _NOTE.pack(len(self._held), *self._wishes), 0)

    def _open(self, name: str, flags: int, kind: int = stat.S_IFREG) -> int:
        """Open a file of the pool, which belongs to this user alone; never a link."""
        flags |= os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        descriptor = os.open(name, flags, 0o600, dir_fd=self._folder)
        if not is_own_file(descriptor, kind):
            os.close(descriptor)
            should = "a fifo" if kind == stat.S_IFIFO else "a file"
            path = Path(f"/proc/self/fd/{self._folder}").readlink() / name
            raise FileExistsError(f"{path} should be {should} of this user alone: remove it")
        return descriptor

    def _holders(self) -> Iterator[_Holder]:
        for name in sorted(os.listdir(self._folder)):  # noqa: PTH208 (a descriptor)
            if name.startswith(_HOLDER):
                try:
                    descriptor = self._open(name, os.O_RDONLY)
                except OSError:
                    continue  # it has just left, or is no note of ours
                with _Holder(name, descriptor) as other:
                    yield other

    def _set_up(self, cores: int) -> int:
        """Open the fifo; fill it with new tokens if there is no other participant."""
        with contextlib.suppress(FileExistsError):
            os.mkfifo("tokens", 0o600, dir_fd=self._folder)
        descriptor = self._open("tokens", os.O_RDWR, stat.S_IFIFO)
        try:
            living = False
            for other in self._holders():
                living = living or not other.is_dead
                if other.is_dead:
                    os.unlink(other.name, dir_fd=self._folder)
            if not living:
                with contextlib.suppress(BlockingIOError):
                    os.read(descriptor, 65536)
                os.write(descriptor, TOKEN * (cores - 1))
                size = self._open("size", os.O_RDWR | os.O_CREAT)
                with os.fdopen(size, "r+b") as file:
                    file.truncate()
                    file.write(str(cores - 1).encode())
        except BaseException:
            os.close(descriptor)
            raise
        return descriptor

    def _find_dead_holders(self) -> int:
        # An executor that shares the pool is short of tokens most of the time, and nearly always the others live.
        now = time.monotonic()
        if now < self._looked + _LOOK_SECONDS:
            return 0
        self._looked = now
        try:
            with self._locked(wait=False):
                return self._return_tokens_of_dead_holders()
        except OSError:
            # Another participant is at it (TimeoutError), or the notes cannot be read. The next look is soon.
            return 0

    def _return_tokens_of_dead_holders(self) -> int:
        returned = 0
        held = 0
        size = self._size()
        for other in self._holders():
            if other.name != self._name and other.is_dead:
                # A damaged note cannot bring in more tokens than there are.
                tokens = min(other.tokens, size)
                os.write(self._write, TOKEN * tokens)
                returned += tokens
                os.unlink(other.name, dir_fd=self._folder)
            else:
                held += other.tokens
        return returned + self._replace_lost(size, held)

    def _size(self) -> int:
        """How many tokens there are in all; 0 if no participant has written that."""
        try:
            with os.fdopen(self._open("size", os.O_RDONLY), "rb") as file:
                return min(int(file.read(20)), _MOST_TOKENS)
        except (OSError, ValueError):
            return 0  # filled by a version that wrote no size, or by an executor killed before that

    def _replace_lost(self, size: int, held: int) -> int:
        """Put in the tokens that no participant has; returns how many.

        A fifo forgets its content when the last process that has it open is killed, which others may see only
        later. Tokens that are missing twice in a row are lost, and not just on the way from the fifo to a
        note.
        """
        waiting = int.from_bytes(fcntl.ioctl(self._read, termios.FIONREAD, bytes(4)), sys.byteorder)
        missing = max(0, size - held - waiting)
        lost, self._lost = min(missing, self._lost), missing
        if lost:
            os.write(self._write, TOKEN * lost)
            self._lost = 0
        return lost

    @contextlib.contextmanager
    def _locked(self, *, wait: bool = True) -> Iterator[None]:
        """Hold the lock of the pool. Raises TimeoutError if another process holds it for long, or at all."""
        give_up = time.monotonic() + (_PATIENCE if wait else 0.0)
        while True:
            try:
                fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() >= give_up:
                    raise TimeoutError(
                        "a process that does not go on holds the lock of the pool of cores; is a run stopped?"
                    ) from None
                time.sleep(_MOMENT)
        try:
            yield
        finally:
            fcntl.flock(self._lock, fcntl.LOCK_UN)


class _Holder:
    """_Holder: reads an open note: how many tokens it has, and whether its lock is free, so its writer is dead."""

    def __init__(self, name: str, descriptor: int) -> None:
        self.name: str = name
        self._descriptor = descriptor
        self.is_dead: bool = False
        self.tokens: int = 0
        self.holding: Holding = Holding(1, 1)

    def __enter__(self) -> Self:
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self.is_dead = True
        except BlockingIOError:
            self.is_dead = False
        # Read after the lock was tried, because a dead holder writes no more.
        note = os.pread(self._descriptor, _NOTE.size, 0)
        self.tokens = int.from_bytes(note[:4], "little")
        if len(note) == _NOTE.size:
            self.holding = Holding(*_NOTE.unpack(note)[1:])
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._descriptor)


def make_supports_fifos() -> bool:
    """Whether the installed make, if any, can be given a fifo; before 4.4 it stops with an error."""
    make = shutil.which("make")
    if make is None:
        return True
    try:
        output = subprocess.run(
            [make, "--version"], capture_output=True, text=True, timeout=10, check=False
        ).stdout
    except (OSError, subprocess.TimeoutExpired):
        return False
    version = re.search(r"Make (\d+)\.(\d+)", output)
    return version is not None and (int(version[1]), int(version[2])) >= (4, 4)


def given_pool(makeflags: str | None = None) -> GivenPool | None:
    """The jobserver that MAKEFLAGS (by default those of the environment) name, if it can be used."""
    if makeflags is None:
        makeflags = os.environ.get("MAKEFLAGS", "")
        if OWN_VARIABLE in os.environ:
            makeflags += f" --jobserver-auth=fifo:{os.environ[OWN_VARIABLE]}"
    every = list(_AUTH.finditer(makeflags))
    if not every:
        return None
    found = every[-1]
    stated = _JOBS.findall(makeflags)
    cores = int(stated[-1]) if stated else None
    try:
        if found["fifo"]:
            return _pool_of_fifo(found["fifo"], cores)
        # Other programs share the open pipe itself. Only our own opening of it is non-blocking.
        numbers = int(found["read"]), int(found["write"])
        if not all(_is_fifo_of_ours(os.fstat(number)) for number in numbers):
            return None  # a make that did not pass it on: these descriptors are other files by now
        read = os.open(f"/proc/self/fd/{numbers[0]}", os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        return GivenPool(read, os.dup(numbers[1]), cores)
    except OSError:
        return None  # a make that did not pass it on: its rule lacks the leading "+"


def _pool_of_fifo(path: str, cores: int | None) -> GivenPool | None:
    """The pool of a fifo; None if another file, or that of another user, has its name.

    The make may have ended long ago, and the name may be taken again.
    """
    if not _is_fifo_of_ours(Path(path).stat()):
        return None
    descriptor = os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
    if not _is_fifo_of_ours(os.fstat(descriptor)):
        os.close(descriptor)
        return None
    return GivenPool(descriptor, descriptor, cores)


def _is_fifo_of_ours(found: os.stat_result) -> bool:
    return stat.S_ISFIFO(found.st_mode) and found.st_uid in {0, os.geteuid()}


def machine_pool(cores: int) -> MachinePool:
    """The pool of this user on this machine, or on the part of it that a batch system has given to this process.

    Raises OSError if other users could change it (see `MachinePool`).
    """
    return MachinePool(open_runtime_folder("ppg-cores", part=part_of_machine()), cores)
