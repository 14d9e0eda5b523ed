"""Compare: compares files with their recorded states, by stat first, and by hash only in doubt.

A file with the same size, modification time, change time and inode, all settled (see `timestamps`), is
intact. This costs one stat. A file of another size is changed. Every other file is hashed, on as many threads
as there are cores (the hashes release Python's lock).
"""

# ruff: noqa: PTH116
# Paths are strings throughout this package: they come from job ids, and a Path costs more than a stat.

import os
import stat
from collections.abc import Callable, Iterable, Sequence
from enum import Enum
from functools import partial
from typing import NamedTuple, TypeVar

from ppg_invariants.errors import FileUnobservable
from ppg_invariants.files.state import Algorithm, FileProblem, FileState, Problem, describe_file, new_hasher
from ppg_invariants.files.timestamps import StampTrust

__all__ = [
    "FileComparison",
    "Verdict",
    "compare_files",
    "observe_file",
    "observe_files",
    "observe_modification_time",
]

_Input = TypeVar("_Input")
_Result = TypeVar("_Result")

# Below this size, starting threads costs more time than they save.
_WORTH_THREADS = 8 << 20


class Verdict(Enum):
    """Verdict: names what happened to a file since its state was recorded."""

    INTACT = "intact"
    """The stat proves that the file is unchanged."""
    TOUCHED = "touched"
    """The stat differs or proves nothing, and the content is equal; the comparison carries the new state."""
    MISSING = "missing"
    """The file does not exist."""
    EMPTY = "empty"
    """The file has 0 bytes now, and had more."""
    CHANGED = "changed"
    """The content differs; the comparison carries the new state if the file was hashed."""
    UNREADABLE = "unreadable"
    """The file cannot be read, or the path is no regular file any more; the message gives the reason."""


class FileComparison(NamedTuple):
    """File comparison: holds the verdict on a file, its new state if known, and a message for users."""

    verdict: Verdict
    state: FileState | None = None
    message: str = ""


_INTACT = FileComparison(Verdict.INTACT)
_MISSING = FileComparison(Verdict.MISSING, message="does not exist")
_EMPTY = FileComparison(Verdict.EMPTY, message="is empty (0 bytes)")


def compare_files(
    entries: Iterable[tuple[str, FileState]],
    *,
    threads: int | None = None,
    should_stop: Callable[[], bool] | None = None,
) -> list[FileComparison]:
    """Compare each file (path, recorded state) with its record, in one pass of stats; results in order.

    The entries are consumed one by one. Only doubtful entries are kept, for hashing. `threads` limits the
    hashing (default: the cores that this process may use). All hashing threads call `should_stop`. If it
    returns true, ObservationInterrupted is raised.
    """
    results: list[FileComparison] = []
    doubtful: list[int] = []
    doubted: list[tuple[str, FileState]] = []
    look = os.stat
    trust = StampTrust()
    for entry in entries:
        path, state = entry
        try:
            found = look(path)
        except (FileNotFoundError, NotADirectoryError):
            results.append(_MISSING)
            continue
        except (OSError, ValueError) as error:
            results.append(FileComparison(Verdict.UNREADABLE, message=f"cannot be read: {error}"))
            continue
        size, modified, changed, inode, *_ = state
        if found.st_size != size:
            results.append(_with_another_size(path, found))
            continue
        if not (
            found.st_mtime_ns == modified
            and found.st_ctime_ns == changed
            and found.st_ino == inode
            and trust.is_settled(state, path, found.st_dev)
        ):
            doubtful.append(len(results))
            doubted.append(entry)
        results.append(_INTACT)
    hash_and_compare = partial(_hash_and_compare, should_stop=should_stop)
    for index, comparison in zip(
        doubtful, _spread(doubted, hash_and_compare, _entry_size, threads), strict=True
    ):
        results[index] = comparison
    return results


def observe_file(
    path: str, remembered: FileState | None = None, *, algorithm: Algorithm = "md5"
) -> FileState:
    """Return the state of an input file; hash it only if its stat does not prove the `remembered` state.

    Raises FileUnobservable if it is missing, unreadable or no regular file. An empty input file is allowed.
    """
    if remembered is not None and remembered.algorithm == algorithm:
        (comparison,) = compare_files([(path, remembered)], threads=1)
        if comparison.verdict is Verdict.INTACT:
            return remembered
        if comparison.state is not None:
            return comparison.state
    state = describe_file(path, algorithm=algorithm, empty_ok=True)
    if isinstance(state, FileProblem):
        raise FileUnobservable(path, state.message)
    return state


def observe_files(
    inputs: Sequence[tuple[str, FileState | None]],
    *,
    algorithm: Algorithm = "md5",
    threads: int | None = None,
    should_stop: Callable[[], bool] | None = None,
) -> list[FileState | FileUnobservable]:
    """Observe many files (path, remembered state) at once, on all cores; return errors in place.

    See `observe_file`, and `compare_files` for `should_stop`.
    """
    new_hasher(algorithm)  # an unknown algorithm is an error of the caller, not of the first file
    results: list[FileState | FileUnobservable | None] = [None] * len(inputs)
    known = [
        (index, path, state)
        for index, (path, state) in enumerate(inputs)
        if state is not None and state.algorithm == algorithm
    ]
    compared = compare_files(
        [(path, state) for _, path, state in known], threads=threads, should_stop=should_stop
    )
    for (index, _path, state), comparison in zip(known, compared, strict=True):
        results[index] = state if comparison.verdict is Verdict.INTACT else comparison.state

    def observe(path: str) -> FileState | FileUnobservable:
        state = describe_file(path, algorithm=algorithm, empty_ok=True, should_stop=should_stop)
        return FileUnobservable(path, state.message) if isinstance(state, FileProblem) else state

    left = [index for index, result in enumerate(results) if result is None]
    found = _spread([inputs[index][0] for index in left], observe, _size_of, threads)
    for index, result in zip(left, found, strict=True):
        results[index] = result
    return [result for result in results if result is not None]


def observe_modification_time(path: str) -> int:
    """Return the modification time of an input file in ns since the epoch. Raises FileUnobservable."""
    try:
        found = os.stat(path)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise FileUnobservable(path, "does not exist") from error
    except (OSError, ValueError) as error:
        raise FileUnobservable(path, f"cannot be read: {error}") from error
    if not stat.S_ISREG(found.st_mode):
        raise FileUnobservable(path, "is not a regular file")
    return found.st_mtime_ns


def _with_another_size(path: str, found: os.stat_result) -> FileComparison:
    if not stat.S_ISREG(found.st_mode):
        return FileComparison(Verdict.UNREADABLE, message=f"{path} is not a regular file")
    if found.st_size == 0:
        return _EMPTY
    return FileComparison(Verdict.CHANGED, message=f"has {found.st_size} bytes now")


def _hash_and_compare(entry: tuple[str, FileState], should_stop: Callable[[], bool] | None) -> FileComparison:
    path, recorded = entry
    now = describe_file(path, algorithm=recorded.algorithm, empty_ok=True, should_stop=should_stop)
    if isinstance(now, FileProblem):
        if now.problem is Problem.MISSING:
            return _MISSING
        return FileComparison(Verdict.UNREADABLE, message=now.message)
    if now.has_content_of(recorded):
        return FileComparison(Verdict.TOUCHED, now)
    return FileComparison(Verdict.CHANGED, now, "has other content")


def _entry_size(entry: tuple[str, FileState]) -> int:
    return entry[1].size


def _size_of(path: str) -> int:
    try:
        return os.stat(path).st_size
    except (OSError, ValueError):
        return 0  # the hashing pass reports the error


def _spread(
    inputs: Sequence[_Input],
    work: Callable[[_Input], _Result],
    size: Callable[[_Input], int],
    threads: int | None,
) -> Iterable[_Result]:
    """Return the results of `work` in the order of `inputs`; use several threads if the inputs are large."""
    threads = len(os.sched_getaffinity(0)) if threads is None else threads
    if threads <= 1 or len(inputs) <= 1:
        return [work(one) for one in inputs]
    sizes = [size(one) for one in inputs]
    if sum(sizes) < _WORTH_THREADS:
        return [work(one) for one in inputs]
    from threading import Thread  # noqa: PLC0415 (the compute node needs none of it)

    # The largest files come first, so that no thread starts a big file while the others finish.
    order = iter(sorted(range(len(inputs)), key=sizes.__getitem__, reverse=True))
    results: dict[int, _Result] = {}
    failures: list[BaseException] = []

    def take_what_is_left() -> None:
        # Each thread takes the next input after its last one, so the threads need no queue and no wakeups.
        try:
            for index in order:
                results[index] = work(inputs[index])
                if failures:
                    return
        except BaseException as error:  # noqa: BLE001 (raised below, in the caller's thread)
            failures.append(error)

    helpers = [
        Thread(target=take_what_is_left, name=f"hash-{number}", daemon=True)
        for number in range(1, min(threads, len(inputs)))
    ]
    for helper in helpers:
        helper.start()
    take_what_is_left()
    for helper in helpers:
        helper.join()
    if failures:
        raise failures[0]
    return [results[index] for index in range(len(inputs))]
