"""Connections to the SQLite file: journal by file system, durability, new files made whole before they appear.

On a local disk the journal is a write-ahead log: readers never wait for the writer, nor it for them. Commits are
then durable against the death of the process at once (``synchronous=NORMAL``); a loss of power can cost the last
ones, back to the last checkpoint, but never the consistency, and a job whose record is lost is only done again.
On a remote file system a write-ahead log would need shared memory that does not exist there: a rollback journal
with ``synchronous=FULL``.

A new store is made under another name and renamed when it is complete. So an empty or half-made file under the
store's own name is damage, never a store that was about to begin.
"""

# ruff: noqa: PTH100, PTH105, PTH108, PTH110, PTH116, PTH118
# Paths are strings throughout this package: they come from job ids, and a Path costs more than a stat.

import os
import sqlite3
import urllib.parse
from typing import Any

from ppg_invariants.errors import StoreError, remedy
from ppg_invariants.files.filesystem import Location, location_of
from ppg_invariants.store import schema
from ppg_invariants.store.orphaned_log import copy_of_remains

__all__ = [
    "CutShortError",
    "Reader",
    "connect_reader",
    "connect_writer",
    "create_store",
    "is_damage",
    "side_files",
]

_BUSY_SECONDS = 30.0
_CORRUPT, _NOT_A_DATABASE = 11, 26
_SMALLEST_PAGE = 512


class CutShortError(sqlite3.DatabaseError):
    """SQLite takes a file without a whole header for a new database; here it is a store that lost its content."""

    def __init__(self) -> None:
        super().__init__("the file is cut short")


def create_store(path: str) -> None:
    """Put an empty store at `path`, all at once. Raises StoreError if that cannot be."""
    unfinished = path + ".new"
    try:
        remove_with_side_files(unfinished)
        connection = sqlite3.connect(unfinished, isolation_level=None)
        try:
            _set_journal(connection, path)
            schema.create(connection)
        finally:
            connection.close()
        os.replace(unfinished, path)
    except (OSError, sqlite3.Error) as error:
        usual = "see that the directory is writable and the disk not full, or choose another status file"
        raise StoreError(
            f"the status store {path} cannot be made: {error}; {remedy(error, usual)}"
        ) from error


def connect_writer(path: str) -> sqlite3.Connection:
    """Connection for the holder of the lock."""
    check_length(path)
    connection = sqlite3.connect(path, isolation_level=None, timeout=_BUSY_SECONDS)
    try:
        schema.check(lambda query: connection.execute(query).fetchall(), path)
        _set_journal(connection, path)
    except BaseException:
        connection.close()
        raise
    return connection


class Reader:
    """Reads a store without lock, without changing it, and without leaving files beside it.

    While nobody writes (there is no write-ahead log), the file is read as it is, and afterwards looked at again:
    if it changed meanwhile, the query is repeated. Once somebody writes, SQLite's own protocol is used. If a writer
    was killed and left its log, a copy is read (`remains`).
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self._copy = copy_of_remains(path)
        if self._copy is not None:
            self._stamp = None
            self._connection = connect_reader(os.path.join(self._copy.name, "store"), immutable=False)
            return
        self._stamp = self._quiet_stamp()
        self._connection = connect_reader(path, immutable=self._stamp is not None)

    def select(self, query: str, values: tuple[object, ...] = ()) -> list[tuple[Any, ...]]:
        """The rows that a query gives."""
        while True:
            rows = self._connection.execute(query, values).fetchall()
            if self._stamp is None or self._stamp == self._quiet_stamp():
                return rows
            self._connection.close()
            self._stamp = self._quiet_stamp()
            self._connection = connect_reader(self._path, immutable=self._stamp is not None)

    def close(self) -> None:
        """Let go of the file."""
        self._connection.close()
        if self._copy is not None:
            self._copy.cleanup()

    def _quiet_stamp(self) -> tuple[int, int, int] | None:
        """What tells whether the file changed; None while somebody writes, or where nobody can."""
        if os.path.exists(self._path + "-wal"):
            return None
        found = os.stat(self._path)
        return found.st_ino, found.st_size, found.st_mtime_ns


def connect_reader(path: str, *, immutable: bool) -> sqlite3.Connection:
    """Connection that changes nothing; `immutable` promises that nobody else does either."""
    check_length(path)
    options = "mode=ro&immutable=1" if immutable else "mode=ro"
    return sqlite3.connect(
        f"file:{urllib.parse.quote(os.path.abspath(path))}?{options}",
        uri=True,
        isolation_level=None,
        timeout=_BUSY_SECONDS,
    )


def check_length(path: str) -> None:
    """Raise CutShortError if the file has no whole header."""
    if os.stat(path).st_size < _SMALLEST_PAGE:
        raise CutShortError


def is_damage(error: sqlite3.Error) -> bool:
    """Whether SQLite says that the file is broken, as opposed to busy, full or forbidden."""
    if isinstance(error, CutShortError):
        return True
    code = getattr(error, "sqlite_errorcode", None)
    if code is None:
        return False
    missing_table = isinstance(error, sqlite3.OperationalError) and "no such" in str(error)
    return (code & 0xFF) in (_CORRUPT, _NOT_A_DATABASE) or missing_table


def side_files(path: str) -> tuple[str, ...]:
    """The files that SQLite keeps beside a database while it is in use."""
    return (path + "-wal", path + "-shm", path + "-journal")


def remove_with_side_files(path: str) -> None:
    """Remove a database that nobody uses, as far as it exists."""
    for name in (*side_files(path), path):
        if os.path.lexists(name):
            os.unlink(name)


def _set_journal(connection: sqlite3.Connection, path: str) -> None:
    if location_of(path) is Location.LOCAL:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
    else:
        connection.execute("PRAGMA journal_mode = DELETE")
        connection.execute("PRAGMA synchronous = FULL")
