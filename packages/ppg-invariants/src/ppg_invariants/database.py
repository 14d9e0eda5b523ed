"""Connections to the SQLite file: journal by file system, durability, new files made whole before they appear.

On a local disk the journal is a write-ahead log: readers never wait for the writer, nor it for them. Commits are
then durable against the death of the process at once (``synchronous=NORMAL``); a loss of power can cost the last
ones, back to the last checkpoint, but never the consistency, and a job whose record is lost is only done again.
On a remote file system a write-ahead log would need shared memory that does not exist there: a rollback journal
with ``synchronous=FULL``.

A new store is made under another name and renamed when it is complete. So an empty or half-made file under the
store's own name is damage, never a store that was about to begin.
"""

# ruff: noqa: PTH100, PTH105, PTH108, PTH110, PTH120
# Paths are strings throughout this package: they come from job ids, and a Path costs more than a stat.

import os
import sqlite3
import urllib.parse

from . import schema
from .errors import StoreError
from .mounts import Location, location_of

__all__ = ["connect_reader", "connect_writer", "create_store", "is_damage", "side_files"]

_BUSY_SECONDS = 30.0
_CORRUPT, _NOT_A_DATABASE = 11, 26


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
        raise StoreError(
            f"the status store {path} cannot be made: {error}; see that the directory is writable and "
            "the disk not full, or choose another status file"
        ) from error


def connect_writer(path: str) -> sqlite3.Connection:
    """Connection for the holder of the lock."""
    connection = sqlite3.connect(path, isolation_level=None, timeout=_BUSY_SECONDS)
    try:
        _set_journal(connection, path)
    except BaseException:
        connection.close()
        raise
    return connection


def connect_reader(path: str) -> sqlite3.Connection:
    """Connection that changes nothing and needs no lock; works in a read-only directory, too."""
    options = "mode=ro"
    writable = os.access(os.path.dirname(os.path.abspath(path)), os.W_OK)
    if not writable and not os.path.exists(path + "-wal"):
        options += "&immutable=1"  # nobody can write there, so that SQLite need not keep its index of the log
    return sqlite3.connect(
        f"file:{urllib.parse.quote(os.path.abspath(path))}?{options}",
        uri=True,
        isolation_level=None,
        timeout=_BUSY_SECONDS,
    )


def is_damage(error: sqlite3.Error) -> bool:
    """Whether SQLite says that the file is broken, as opposed to busy, full or forbidden."""
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
