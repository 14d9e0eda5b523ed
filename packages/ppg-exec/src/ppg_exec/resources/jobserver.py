"""Jobserver: shares cores between programs by tokens in a fifo, after the protocol of GNU make's jobserver.

Each participant may keep one core busy without asking, so every participant makes progress and none waits for
itself. For each further core it reads a byte, a token, from the fifo, and writes it back afterwards.

There are three fifos in play:

- the fifo that this process was *given* by a make, a ninja or another executor above it (`given_pool`);
- the fifo that the executors of one user share on a machine (`MachinePool`). A program that is killed cannot
  write its tokens back. So each participant keeps a locked note of how many it holds, and the next one
  returns the tokens of the dead;
- the fifo that each task of several cores is given for the programs that it starts (`TaskTokens`). Its tokens
  are the task's own cores, so whatever happens to them ends with the task.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import shutil
import stat
import subprocess
import sys
import tempfile
import termios
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol, Self

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

OWN_VARIABLE = "PPG_JOBSERVER"
"""Names a task's fifo to an executor within the task, also where make is too old for fifos."""
_TOKEN = b"+"
_LOOK_SECONDS = 0.5  # between two looks for holders that have died
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

    def close(self) -> None:
        """Put back all tokens and leave."""
        ...


class GivenPool:
    """GivenPool: takes tokens from the jobserver of the program that has started this process."""

    def __init__(self, read: int, write: int) -> None:
        """`read` and `write` are non-blocking descriptors of the fifo, which now belong to the pool."""
        self._read = read
        self._write = write
        self._held: list[bytes] = []

    def acquire(self, count: int) -> int:
        """Take up to `count` tokens; returns how many there were."""
        if count <= 0:
            return 0
        try:
            tokens = os.read(self._read, count)
        except BlockingIOError:
            return 0
        # make gives meaning to single bytes, so each byte goes back unchanged.
        self._held += [bytes([token]) for token in tokens]
        return len(tokens)

    def release(self, count: int) -> None:
        """Put back tokens that were taken."""
        for _ in range(count):
            os.write(self._write, self._held.pop())

    def fileno(self) -> int:
        """A descriptor that is readable while there are tokens."""
        return self._read

    def close(self) -> None:
        """Put back all tokens and leave."""
        self.release(len(self._held))
        for descriptor in {self._read, self._write}:
            os.close(descriptor)


class MachinePool(GivenPool):
    """MachinePool: shares the cores of one machine between executors.

    Args:
        directory: has its fifo and the notes; all executors that name the same one share it.
        cores: how many there are; the number that the first executor states counts.

    """

    def __init__(self, directory: Path, cores: int) -> None:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._directory = directory
        # Kept open, because an executor that leaves must put its tokens back even if no descriptor is left.
        self._lock = os.open(directory / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        # Read the holders and the fifo under one lock; separately they can disagree.
        with self._locked():
            descriptor = self._set_up(cores)
            handle, name = tempfile.mkstemp(prefix="holder-", dir=directory)
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        super().__init__(descriptor, descriptor)
        self._note = handle
        self._looked = 0.0
        self._lost = 0
        self._name = Path(name)

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
        with self._locked():
            super().close()
            self._name.unlink(missing_ok=True)
            os.close(self._note)
        os.close(self._lock)

    def _write_note(self) -> None:
        os.pwrite(self._note, len(self._held).to_bytes(4, "little"), 0)

    def _set_up(self, cores: int) -> int:
        """Open the fifo; fill it with new tokens if there is no other participant."""
        fifo = self._directory / "tokens"
        with contextlib.suppress(FileExistsError):
            os.mkfifo(fifo, 0o600)
        if not stat.S_ISFIFO(fifo.stat().st_mode):
            raise FileExistsError(f"{fifo} should be a fifo; remove it")
        descriptor = os.open(fifo, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        living = False
        for note in self._directory.glob("holder-*"):
            with _Holder(note) as other:
                living = living or not other.is_dead
                if other.is_dead:
                    note.unlink(missing_ok=True)
        if not living:
            with contextlib.suppress(BlockingIOError):
                os.read(descriptor, 65536)
            os.write(descriptor, _TOKEN * (cores - 1))
            (self._directory / "size").write_text(str(cores - 1))
        return descriptor

    def _find_dead_holders(self) -> int:
        # An executor that shares the pool is short of tokens most of the time, and nearly always the others live.
        now = time.monotonic()
        if now < self._looked + _LOOK_SECONDS:
            return 0
        self._looked = now
        return self._return_tokens_of_dead_holders()

    def _return_tokens_of_dead_holders(self) -> int:
        returned = 0
        held = 0
        with self._locked():
            for note in self._directory.glob("holder-*"):
                with _Holder(note) as other:
                    if note != self._name and other.is_dead:
                        os.write(self._write, _TOKEN * other.tokens)
                        returned += other.tokens
                        note.unlink(missing_ok=True)
                    else:
                        held += other.tokens
            return returned + self._replace_lost(held)

    def _replace_lost(self, held: int) -> int:
        """Put in the tokens that no participant has; returns how many.

        A fifo forgets its content when the last process that has it open is killed, which others may see only
        later. Tokens that are missing twice in a row are lost, and not just on the way from the fifo to a
        note.
        """
        try:
            size = int((self._directory / "size").read_text())
        except (FileNotFoundError, ValueError):
            return 0  # filled by a version that wrote no size, or by an executor killed before that
        waiting = int.from_bytes(fcntl.ioctl(self._read, termios.FIONREAD, bytes(4)), sys.byteorder)
        missing = max(0, size - held - waiting)
        lost, self._lost = min(missing, self._lost), missing
        if lost:
            os.write(self._write, _TOKEN * lost)
            self._lost = 0
        return lost

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        fcntl.flock(self._lock, fcntl.LOCK_EX)
        try:
            yield
        finally:
            fcntl.flock(self._lock, fcntl.LOCK_UN)


class _Holder:
    """_Holder: reads a note: how many tokens it has, and whether its lock is free, so its writer is dead."""

    def __init__(self, note: Path) -> None:
        self._path = note
        self.is_dead = False
        self.tokens = 0

    def __enter__(self) -> Self:
        try:
            self._file = self._path.open("rb")
        except FileNotFoundError:
            self._file = None  # type: ignore[assignment] # it has just left
            return self
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self.is_dead = True
        except BlockingIOError:
            self.is_dead = False
        # Read after the lock was tried, because a dead holder writes no more.
        self.tokens = int.from_bytes(self._file.read(4), "little")
        return self

    def __exit__(self, *_: object) -> None:
        if self._file is not None:
            self._file.close()


class TaskTokens:
    """TaskTokens: is the fifo for the programs that one task of several cores starts."""

    def __init__(self, cores: int) -> None:
        """Make the fifo. It has one token less than `cores`, the task's own."""
        self._directory = tempfile.mkdtemp(prefix="ppg-jobserver-")
        self.path: str = f"{self._directory}/tokens"
        os.mkfifo(self.path, 0o600)
        # A fifo forgets its content when no process has it open.
        self._descriptor = os.open(self.path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        os.write(self._descriptor, _TOKEN * (cores - 1))

    def close(self) -> None:
        """Remove the fifo, once the task has ended."""
        os.close(self._descriptor)
        with contextlib.suppress(FileNotFoundError):
            Path(self.path).unlink()
            Path(self._directory).rmdir()


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
    try:
        if found["fifo"]:
            descriptor = os.open(found["fifo"], os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
            return GivenPool(descriptor, descriptor)
        # Other programs share the open pipe itself. Only our own opening of it is non-blocking.
        read = os.open(f"/proc/self/fd/{int(found['read'])}", os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        return GivenPool(read, os.dup(int(found["write"])))
    except OSError:
        return None  # a make that did not pass it on: its rule lacks the leading "+"


def machine_pool(cores: int) -> MachinePool:
    """The pool of this user on this machine."""
    runtime = os.environ.get("XDG_RUNTIME_DIR") or f"{tempfile.gettempdir()}/ppg-{os.getuid()}"
    return MachinePool(Path(runtime) / "ppg-cores", cores)
