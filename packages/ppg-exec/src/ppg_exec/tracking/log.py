"""Shared log: lets the processes that a task forks add to the notes of the task.

It is a file in memory, which these processes inherit. Each note is one write at its end, so notes of several processes stay
whole, and are in the order in which they were made. User code may close the descriptor, and open another file under its
number. So each process looks whether it is still the log before it writes.
"""

from __future__ import annotations

import fcntl
import os
from struct import Struct

from ppg_exec.tracking.origin import is_of_others
from ppg_exec.tracking.wire import LONGEST

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["SharedLog", "new_log"]

_LENGTHS = Struct("=II")
_AWAY = 200
"""A descriptor of user code rarely has a number from here on."""


class SharedLog:
    """SharedLog: is the log of one task, as one of its processes has it.

    Args:
        descriptor: of the file, opened for appending.
        owner: a process that has the same file under this number; another number is `number`.
        number: see above.

    """

    __slots__ = ("_identity", "_is_opening", "_number", "_owner", "descriptor")

    def __init__(self, descriptor: int, owner: int, number: int) -> None:
        self.descriptor: int = descriptor
        self._owner = owner
        self._number = number
        self._is_opening = False
        seen = os.fstat(descriptor)
        self._identity = (seen.st_dev, seen.st_ino)

    @property
    def origin(self) -> tuple[int, int]:
        """A process that has the file, and its number there."""
        return self._owner, self._number

    def append(self, key: str, value: bytes) -> str:
        """Add a note; returns why that was impossible, or an empty string."""
        try:
            size = self._size()
            name = key.encode("utf-8", "surrogateescape")
            record = b"".join((_LENGTHS.pack(len(name), len(value)), name, value))
            if size + len(record) > LONGEST:
                return "the processes that it has forked have used too many files"
            if os.write(self.descriptor, record) != len(record):
                return "the log of the processes that it has forked has no room"
        except OSError as error:
            if is_of_others(error):
                raise
            return f"the log of the processes that it has forked cannot be written: {error.strerror}"
        return ""

    def fail(self, why: str) -> str:
        """Add a note that says why notes are missing; returns why that was impossible, or an empty string."""
        return self.append("!", why.encode("utf-8", "replace"))

    def read(self) -> Iterator[tuple[str, bytes]]:
        """All notes with their keys; that of a failure has the key `!`. Raises OSError if user code has closed the log."""
        size = self._size()
        data = b""
        while len(data) < size and (more := os.pread(self.descriptor, size - len(data), len(data))):
            data += more
        place = 0
        while place + _LENGTHS.size <= len(data):
            length, behind = _LENGTHS.unpack_from(data, place)
            start = place + _LENGTHS.size
            place = start + length + behind
            if place > len(data):
                yield "!", b"the log of the processes that it has forked is cut off"
                return
            yield (
                data[start : start + length].decode("utf-8", "surrogateescape"),
                data[start + length : place],
            )

    def close(self) -> None:
        """Close the descriptor, unless it is another file by now."""
        try:
            self._size(again=False)
        except OSError:
            return  # user code has closed it
        os.close(self.descriptor)

    def _size(self, *, again: bool = True) -> int:
        """Bytes of the log. Raises OSError if it is out of reach."""
        try:
            seen = os.fstat(self.descriptor)
            if (seen.st_dev, seen.st_ino) == self._identity:
                return seen.st_size
        except OSError as error:
            if not again or is_of_others(error):
                raise
        if not again or self._is_opening:
            raise OSError(0, "it was closed")
        # A daemon has closed all descriptors. Opening a file calls the hook, which would come back here.
        self._is_opening = True
        try:
            self.descriptor = os.open(
                f"/proc/{self._owner}/fd/{self._number}", os.O_RDWR | os.O_APPEND | os.O_CLOEXEC
            )
        finally:
            self._is_opening = False
        return self._size(again=False)


def new_log() -> SharedLog:
    """A log of this process. Raises OSError."""
    low = os.memfd_create("ppg-uses-of-files", os.MFD_CLOEXEC)
    try:
        descriptor = fcntl.fcntl(low, fcntl.F_DUPFD_CLOEXEC, _AWAY)
    except OSError:
        descriptor = low  # the limit of descriptors is lower
    else:
        os.close(low)
    fcntl.fcntl(descriptor, fcntl.F_SETFL, os.O_APPEND)
    return SharedLog(descriptor, os.getpid(), descriptor)
