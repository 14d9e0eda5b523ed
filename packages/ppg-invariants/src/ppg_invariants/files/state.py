"""State: describes a file by its stat and the hash of its content.

`describe_files` runs in every job process right after the job's function. Every fork of the compute node pays
for the imports of this module. So it imports little: no dataclasses (they import inspect), no threads.

**Timestamps.** A file is described in this order: note the time, stat, read. If a process writes to the file
after the stat, the next stat differs and the file is hashed again. So no write is missed, whatever bytes were
read.

The one exception is a write so soon after the stat that the file system's clock has not ticked in between.
Such a write leaves the timestamp unchanged. So the state keeps the noted time, `looked_ns`. A later
comparison (see `timestamps`) uses it to decide whether a write could hide behind the timestamp.
"""

# ruff: noqa: PTH116
# Paths are strings throughout this package: they come from job ids, and a Path costs more than a stat.

import os
import stat
import sys
import time
from collections.abc import Callable, Sequence
from enum import Enum
from functools import cache, partial
from typing import Any, NamedTuple, Protocol

import xxhash

__all__ = [
    "Algorithm",
    "FileProblem",
    "FileState",
    "Problem",
    "content_fingerprint",
    "describe_file",
    "describe_files",
    "describe_files_plainly",
    "described",
    "hash_file",
    "new_hasher",
    "require_algorithm",
]

Algorithm = str
"""Name of a hash: xxh3_128 (outputs), md5 (FileChecksumInvariant), sha256, blake2b, blake3 (if installed)…"""

_CHUNK = 1 << 20
_BIG_CHUNK = 2 << 20
_WORTH_OVERLAP = 64 << 20
# The kernel stamps files with its coarse clock, CLOCK_REALTIME_COARSE, which `time` does not name.
FILE_CLOCK = 5 if sys.platform == "linux" else time.CLOCK_REALTIME


class Hasher(Protocol):
    """Hasher: declares the part of hashlib's interface that this module uses."""

    def update(self, data: bytes | bytearray | memoryview, /) -> object:
        """Add data to the hash."""

    def digest(self) -> bytes:
        """Return the hash of all data so far."""


class FileState(NamedTuple):
    """File state: describes a file at one moment; sizes in bytes, times in nanoseconds since the epoch."""

    size: int
    mtime_ns: int
    ctime_ns: int
    inode: int
    looked_ns: int
    """When the observation began, by the clock that stamps files; see the module docstring."""
    digest: bytes
    algorithm: Algorithm = "xxh3_128"

    def has_content_of(self, other: "FileState") -> bool:
        """Whether both states have the same algorithm and the same content."""
        return self.digest == other.digest and self.algorithm == other.algorithm and self.size == other.size


class Problem(Enum):
    """Problem: names why a file has no state."""

    MISSING = "missing"
    """The path does not exist, or is a dangling symlink."""
    EMPTY = "empty"
    """The file has 0 bytes, and its declaration does not allow that."""
    NOT_A_FILE = "not a file"
    """The path is a directory, socket, pipe or device."""
    UNREADABLE = "unreadable"
    """The operating system refuses to stat or to read the file."""
    UNSTABLE = "unstable"
    """The file changed while it was read."""


class FileProblem(NamedTuple):
    """File problem: holds the path of a file without a state, the problem and a message."""

    path: str
    problem: Problem
    message: str


def new_hasher(algorithm: Algorithm) -> Hasher:
    """Return an empty hash. Raises ValueError for an algorithm that is unknown or not installed."""
    if algorithm == "xxh3_128":
        hasher: Hasher = xxhash.xxh3_128()
        return hasher
    if algorithm == "blake3":
        try:
            from blake3 import blake3  # type: ignore[import-not-found,unused-ignore]  # noqa: PLC0415
        except ImportError as error:
            raise ValueError("algorithm='blake3' needs the package blake3: pip install blake3") from error
        blake: Hasher = blake3()
        return blake
    return _standard_hash(algorithm)(usedforsecurity=False)


@cache
def _standard_hash(algorithm: str) -> Callable[..., Hasher]:
    """Return the constructor of a standard-library hash; cached, so that small files need no lookup."""
    import hashlib  # noqa: PLC0415 (the compute node does not need it)

    if algorithm not in hashlib.algorithms_available or algorithm.startswith("shake"):
        raise ValueError(
            f"unknown hash algorithm {algorithm!r}; use one of xxh3_128, md5, sha256, blake2b, blake3"
        )
    return getattr(hashlib, algorithm, None) or partial(hashlib.new, algorithm)


def require_algorithm(algorithm: Algorithm) -> None:
    """Raise ValueError if the algorithm is unknown or not installed."""
    new_hasher(algorithm)


def describe_file(
    path: str,
    *,
    algorithm: Algorithm = "xxh3_128",
    empty_ok: bool = False,
    should_stop: Callable[[], bool] | None = None,
) -> FileState | FileProblem:
    """Return the present state of the file at `path`, with the hash of its content; symlinks are followed.

    `should_stop` is called every few megabytes. If it returns true, ObservationInterrupted is raised.
    """
    looked = time.clock_gettime_ns(FILE_CLOCK)
    try:
        found = os.stat(path)
    except (FileNotFoundError, NotADirectoryError):
        return FileProblem(path, Problem.MISSING, "does not exist")
    except (OSError, ValueError) as error:
        return FileProblem(path, Problem.UNREADABLE, _reason(error))
    if not stat.S_ISREG(found.st_mode):
        return FileProblem(path, Problem.NOT_A_FILE, f"is {_kind_of_file(found.st_mode)}, not a file")
    if found.st_size == 0 and not empty_ok:
        return FileProblem(path, Problem.EMPTY, "is empty (0 bytes)")
    try:
        digest = hash_file(path, algorithm, found.st_size, should_stop)
    except _UnstableError:
        return FileProblem(path, Problem.UNSTABLE, "changed while it was read; a process still writes to it")
    except FileNotFoundError:
        return FileProblem(path, Problem.MISSING, "was removed while it was looked at")
    except OSError as error:
        return FileProblem(path, Problem.UNREADABLE, _reason(error))
    return FileState(
        found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino, looked, digest, algorithm
    )


def describe_files(
    paths: Sequence[str],
    *,
    algorithm: Algorithm = "xxh3_128",
    empty_ok: bool = False,
) -> list[FileState | FileProblem]:
    """Return the states of several files, in order; the job process calls it after the job's function."""
    return [describe_file(path, algorithm=algorithm, empty_ok=empty_ok) for path in paths]


def describe_files_plainly(paths: Sequence[str], *, empty_ok: bool = False) -> list[tuple[object, ...]]:
    """Return the result of `describe_files` as plain tuples, which a job process sends without a pickler."""
    return [
        (state.path, state.problem.name, state.message) if isinstance(state, FileProblem) else tuple(state)
        for state in describe_files(paths, empty_ok=empty_ok)
    ]


def described(plain: Sequence[Any]) -> FileState | FileProblem:
    """Return the state or problem from a tuple of `describe_files_plainly`."""
    if len(plain) == 3:
        path, problem, message = plain
        return FileProblem(path, Problem[problem], message)
    return FileState(*plain)


def hash_file(
    path: str, algorithm: Algorithm, expected_size: int, should_stop: Callable[[], bool] | None = None
) -> bytes:
    """Return the hash of the content of a regular file of `expected_size` bytes.

    Raises OSError if the file cannot be read, or if its stat changes during a read in chunks. Raises
    ObservationInterrupted if `should_stop` returns true.
    """
    hasher = new_hasher(algorithm)
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        if expected_size < _CHUNK:
            data = os.read(descriptor, expected_size + 1)
            if len(data) == expected_size:
                hasher.update(data)
                return hasher.digest()
            os.lseek(descriptor, 0, os.SEEK_SET)
        _hash_stream(descriptor, hasher if should_stop is None else _StoppableHasher(hasher, should_stop))
    finally:
        os.close(descriptor)
    return hasher.digest()


def content_fingerprint(state: FileState) -> bytes:
    """Return the fingerprint of a file's content alone: equal bytes have equal fingerprints."""
    if state.algorithm == "xxh3_128":
        return state.digest
    return state.algorithm.encode() + b":" + state.digest


class _StoppableHasher:
    """Stoppable hasher: calls `should_stop` before each chunk, and raises ObservationInterrupted."""

    def __init__(self, hasher: Hasher, should_stop: Callable[[], bool]) -> None:
        self._hasher = hasher
        self._should_stop = should_stop

    def update(self, data: bytes | bytearray | memoryview, /) -> None:
        if self._should_stop():
            from ppg_invariants.errors import ObservationInterrupted  # noqa: PLC0415 (job processes do not need it)

            raise ObservationInterrupted("the hashing of a file was stopped")
        self._hasher.update(data)

    def digest(self) -> bytes:
        return self._hasher.digest()


class _UnstableError(OSError):
    """Unstable error: the file changed between the begin and the end of reading."""


def _hash_stream(descriptor: int, hasher: Hasher) -> None:
    before = os.fstat(descriptor)
    if before.st_size >= _WORTH_OVERLAP:
        _hash_while_reading(descriptor, hasher)
    else:
        buffer = bytearray(_CHUNK)
        view = memoryview(buffer)
        while count := os.readv(descriptor, [buffer]):
            hasher.update(view[:count])
    after = os.fstat(descriptor)
    if (before.st_size, before.st_mtime_ns, before.st_ctime_ns) != (
        after.st_size,
        after.st_mtime_ns,
        after.st_ctime_ns,
    ):
        raise _UnstableError(before.st_size, after.st_size)


def _hash_while_reading(descriptor: int, hasher: Hasher) -> None:
    """Hash on two threads that take turns: one reads a chunk while the other hashes the chunk before it.

    One reader thread and one hasher thread would be as slow as reading alone. For a cached file, reading
    takes longer than the fastest hash. A memory map of the file would need no copy. But if the file were cut
    short meanwhile, the process would die.
    """
    # Only big files need threads, and their hashing takes far longer than this import.
    from threading import Semaphore, Thread  # noqa: PLC0415

    turns = (Semaphore(1), Semaphore(0))
    ended: list[BaseException | None] = []

    def take_turns(mine: int) -> None:
        view = memoryview(bytearray(_BIG_CHUNK))
        offset = mine * _BIG_CHUNK
        while True:
            failure: BaseException | None = None
            count = 0
            try:
                count = _read_chunk(descriptor, view, offset)
            except OSError as error:
                failure = error
            turns[mine].acquire()
            try:
                if not ended and failure is None:
                    hasher.update(view[:count])
            except BaseException as error:  # noqa: BLE001 (raised below, in the caller's thread)
                failure = error
            if failure is not None or count < _BIG_CHUNK:
                ended.append(failure)
            turns[1 - mine].release()
            if ended:
                return
            offset += 2 * _BIG_CHUNK

    other = Thread(target=take_turns, args=(1,), name="hash", daemon=True)
    other.start()
    try:
        take_turns(0)
    finally:
        # A signal may raise an exception in the middle of a turn, and the other thread must end then, too.
        ended.append(None)
        turns[1].release()
        other.join()
    if ended[0] is not None:
        raise ended[0]


def _read_chunk(descriptor: int, view: memoryview, offset: int) -> int:
    """Fill the view from the file, and return the number of bytes; only the file's end gives fewer."""
    count = 0
    while count < len(view) and (more := os.preadv(descriptor, [view[count:]], offset + count)):
        count += more
    return count


def _reason(error: Exception) -> str:
    text = error.strerror if isinstance(error, OSError) else str(error)
    return f"cannot be read: {text}"


def _kind_of_file(mode: int) -> str:
    if stat.S_ISDIR(mode):
        return "a directory"
    if stat.S_ISFIFO(mode):
        return "a named pipe"
    if stat.S_ISSOCK(mode):
        return "a socket"
    return "a device"
