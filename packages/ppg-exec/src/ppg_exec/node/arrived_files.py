"""Arrived files: lets a task wait until files that other machines have made are here as these machines have reported them.

File systems of networks show a new file late, if its name was looked up too early, and an old one for a while after it was
written again. So a task looks at size and time of each such file before its function begins. It looks again at the end, because
the main process does not look at files that other machines have made.
"""

from __future__ import annotations

import os
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["WAIT_SECONDS", "AfterArrival", "ExpectedFile", "StaleFileError", "wait_for_files"]

ExpectedFile = tuple[str, int, int]
"""An absolute name, with the size and the time of the last modification (ns) that were reported."""

WAIT_SECONDS = 120.0
"""How long a task waits for all of its files; NFS shows changes after a minute at most, unless its mount has other options."""
_SHORTEST = 0.01
_LONGEST = 0.5


class StaleFileError(OSError):
    """StaleFileError: says that a file is not what the machine that made it has reported."""


class AfterArrival:
    """AfterArrival: calls a function once files are here, and fails if they are others at its end."""

    __slots__ = ("_expected", "_function")

    def __init__(self, function: Callable[..., object], expected: Sequence[ExpectedFile]) -> None:
        self._function = function
        self._expected = tuple(expected)

    def __call__(self, *arguments: object) -> object:
        """Call the function."""
        __tracebackhide__ = True
        wait_for_files(self._expected)
        returned = self._function(*arguments)
        for path, size, modified in self._expected:
            if not _is_there(path, size, modified):
                raise StaleFileError(f"'{path}' changed while the job ran; run again")
        return returned


def wait_for_files(expected: Sequence[ExpectedFile], patience: float = WAIT_SECONDS) -> None:
    """Wait until each file has its size and time. Raises StaleFileError after so many seconds."""
    __tracebackhide__ = True
    give_up = time.monotonic() + patience
    for path, size, modified in expected:
        pause = _SHORTEST
        while not _is_there(path, size, modified):
            if time.monotonic() > give_up:
                raise StaleFileError(
                    f"'{path}' is not here as it was made on another machine, after {patience:.0f} s: {_difference(path, size)}; "
                    "look whether this machine sees the files of the run, and whether something else changed this one"
                )
            _look_behind_caches(path)
            time.sleep(pause)  # no event tells that the cache of a file system has expired
            pause = min(2 * pause, _LONGEST)


def _is_there(path: str, size: int, modified: int) -> bool:
    try:
        found = os.stat(path)  # noqa: PTH116 - pathlib is more than a job process should load
    except OSError:
        return False
    return found.st_size == size and found.st_mtime_ns == modified


def _difference(path: str, size: int) -> str:
    try:
        found = os.stat(path)  # noqa: PTH116 - the same
    except OSError as error:
        return error.strerror or "it is not there"
    return (
        f"it has {found.st_size:,} bytes instead of {size:,}"
        if found.st_size != size
        else "it has another time"
    )


def _look_behind_caches(path: str) -> None:
    """Open a file, or its folder, because network file systems ask the server then."""
    from ppg_exec.tracking.hook import Unnoted  # noqa: PLC0415 - few tasks wait

    with Unnoted():
        for name in (path, path.rpartition("/")[0] or "/"):
            try:
                os.close(os.open(name, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK))
            except OSError:
                continue
            return
