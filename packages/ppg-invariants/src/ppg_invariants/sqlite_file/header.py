"""Header: checks the first 100 bytes of a store's file, which SQLite mostly believes.

A flipped bit there can make SQLite refuse to write, or write over pages in use. The format is documented at
https://www.sqlite.org/fileformat.html#the_database_header. All stores agree in most of these bytes, so a copy with
right ones can be read.
"""

# ruff: noqa: PTH110, PTH116, PTH123
# Paths are strings throughout this package: they come from job ids, and a Path costs more than a stat.

import os
import sqlite3
import stat
from typing import BinaryIO

from ppg_invariants.errors import StoreError, remedy
from ppg_invariants.sqlite_file.schema import APPLICATION_ID

__all__ = ["DamagedHeaderError", "check_header", "is_status_file", "with_sound_header"]

_LENGTH = 100
_SMALLEST_PAGE = 512
_USUAL_PAGE = 4096
_MAGIC = b"SQLite format 3\0"


class DamagedHeaderError(sqlite3.DatabaseError):
    """DamagedHeaderError: the file has no sound header; `reason` says why."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason: str = reason


def is_status_file(path: "str | os.PathLike[str]") -> bool:
    """Whether a file calls itself a status store; false for what cannot be read."""
    try:
        # The mode comes first: a named pipe would wait for a writer.
        if not stat.S_ISREG(os.stat(path).st_mode):
            return False
        with open(path, "rb", buffering=0) as file:
            header = file.read(_LENGTH)
    except OSError:
        return False
    return header[:16] == _MAGIC and _number(header, 68) == APPLICATION_ID


def check_header(path: str) -> None:
    """Raise DamagedHeaderError if the file has no sound header, StoreError if it is no file at all."""
    try:
        _check(path)
    except OSError as error:
        usual = "remove it, if it is a link that leads nowhere, or see that it may be read"
        raise StoreError(
            f"the status store {path} cannot be used: {error}; {remedy(error, usual)}"
        ) from error


def _check(path: str) -> None:
    found = os.stat(path)
    if not stat.S_ISREG(found.st_mode):
        raise StoreError(f"the status store {path} is no file; move it away, or choose another status file")
    if found.st_size < _SMALLEST_PAGE:
        # SQLite itself opens such a file as a new database.
        raise DamagedHeaderError("the file is cut short")
    with open(path, "rb", buffering=0) as file:
        header = file.read(_LENGTH)
        if header[:16] != _MAGIC:
            raise DamagedHeaderError("file is not a database")
        page = _page_size(header)
        versions = header[18:20]
        if (
            page is None
            or versions not in (b"\1\1", b"\2\2")
            or header[20:24] != b"\0\x40\x20\x20"  # reserved bytes, and three constants
            or not 1 <= _number(header, 44) <= 4  # schema format
            or _number(header, 52)  # automatic vacuum
            or _number(header, 56) != 1  # UTF-8
            or _number(header, 64)  # incremental vacuum
            or any(header[72:92])  # reserved for expansion
        ):
            raise DamagedHeaderError("the header of the file is damaged")
        # Only without a log does the file alone hold the last state.
        before = os.stat(path).st_mtime_ns
        is_sound = os.path.exists(path + "-wal") or _has_sound_free_list(file, header, page)
        if not is_sound and before == os.stat(path).st_mtime_ns:
            raise DamagedHeaderError("the list of free pages is damaged")


def with_sound_header(data: bytes) -> bytes:
    """Return the content of a file as SQLite reads it from memory: with a header that fits the other pages."""
    page = _page_size(data) or _USUAL_PAGE
    header = bytearray(data[:_LENGTH].ljust(_LENGTH, b"\0"))
    header[:24] = _MAGIC + (page & 0xFFFF or 1).to_bytes(2, "big") + b"\1\1\0\x40\x20\x20"
    for offset, value in [
        (24, 1),  # number of the change
        (28, len(data) // page),  # pages
        (32, 0),  # first free page
        (36, 0),  # free pages
        (40, 1),  # number of the schema's change
        (44, 4),  # schema format
        (48, 0),
        (52, 0),
        (56, 1),  # UTF-8
        (64, 0),
        (92, 1),  # the change for which the number of pages holds
    ]:
        header[offset : offset + 4] = value.to_bytes(4, "big")
    header[72:92] = bytes(20)
    return bytes(header) + data[_LENGTH : len(data) // page * page]


def _has_sound_free_list(file: BinaryIO, header: bytes, page: int) -> bool:
    """Whether the list has as many pages as the header says, all of them in the file, and none of them twice."""
    pages = os.fstat(file.fileno()).st_size // page
    trunk, count = _number(header, 32), _number(header, 36)
    seen: set[int] = set()
    while trunk:
        if trunk in seen or not 2 <= trunk <= pages:
            return False
        seen.add(trunk)
        file.seek((trunk - 1) * page)
        content = file.read(page)
        leaves = _number(content, 4) if len(content) == page else page
        if leaves > page // 4 - 2:
            return False
        for position in range(leaves):
            leaf = _number(content, 8 + 4 * position)
            if leaf in seen or not 2 <= leaf <= pages:
                return False
            seen.add(leaf)
        trunk = _number(content, 0)
    return len(seen) == count


def _page_size(header: bytes) -> int | None:
    size = int.from_bytes(header[16:18], "big")
    size = 1 << 16 if size == 1 else size
    return size if size >= _SMALLEST_PAGE and not size & (size - 1) else None


def _number(data: bytes, offset: int) -> int:
    return int.from_bytes(data[offset : offset + 4], "big")
