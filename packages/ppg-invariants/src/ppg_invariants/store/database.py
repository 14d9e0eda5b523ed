"""Database: opens the SQLite file for the writer and for readers, and creates it.

On a local disk the journal is a write-ahead log: readers never wait for the writer, and the writer never
waits for readers. With ``synchronous=NORMAL`` a commit survives the death of the process at once. A loss of
power can cost the commits since the last checkpoint, but never the consistency. A job that lost its record
only runs again.

A write-ahead log needs shared memory, which a remote file system does not have. There the journal is a
rollback journal with ``synchronous=FULL``.

`create_store` makes a new store under another name and renames it when it is complete. So an empty or
incomplete file under the store's own name is always damage.
"""

# ruff: noqa: PTH100, PTH105, PTH108, PTH110, PTH116, PTH118
# Paths are strings throughout this package: they come from job ids, and a Path costs more than a stat.

import contextlib
import os
import sqlite3
import stat
import urllib.parse
from typing import Any

from ppg_invariants.errors import StoreError, remedy
from ppg_invariants.files.filesystem import Location, location_of
from ppg_invariants.files.private_files import create_private, is_planted, narrow
from ppg_invariants.store import schema
from ppg_invariants.store.header import DamagedHeaderError, check_header
from ppg_invariants.store.orphaned_log import copy_orphaned_store, copy_store_in_use

__all__ = [
    "READING_ERRORS",
    "CutShortError",
    "DamagedHeaderError",
    "Reader",
    "check_header",
    "check_length",
    "connect_reader",
    "connect_writer",
    "create_store",
    "damage_of",
    "is_damage",
    "refuse_strangers",
    "remove_unfinished",
    "remove_with_side_files",
    "require_permission",
    "side_files",
    "unfinished_name",
    "unusable",
    "write_out",
]

_BUSY_SECONDS = 30.0
_SURROUNDINGS = frozenset(
    {
        sqlite3.SQLITE_PERM,
        sqlite3.SQLITE_ABORT,
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_NOMEM,
        sqlite3.SQLITE_READONLY,
        sqlite3.SQLITE_INTERRUPT,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_PROTOCOL,
        sqlite3.SQLITE_TOOBIG,
        sqlite3.SQLITE_NOLFS,
        sqlite3.SQLITE_AUTH,
    }
)
"""SQLite's codes for errors with a cause outside of the file."""


READING_ERRORS = (sqlite3.DatabaseError, UnicodeDecodeError)
"""Errors of reading; the second one is of a damaged name of a column."""

CutShortError = DamagedHeaderError
"""The earlier name of `DamagedHeaderError`."""

check_length = check_header
"""The earlier name of `check_header`."""


def create_store(path: str) -> None:
    """Create an empty store at `path` in one step. Raises StoreError if that is impossible."""
    unfinished = unfinished_name(path)
    try:
        remove_with_side_files(unfinished)
        # SQLite gives its side files the mode of this file.
        os.close(create_private(unfinished))
        connection = sqlite3.connect(unfinished, isolation_level=None)
        try:
            _set_journal(connection, path)
            schema.create(connection)
            write_out(connection)
        finally:
            connection.close()
        os.replace(unfinished, path)
    except (OSError, sqlite3.Error) as error:
        remove_unfinished(path)
        usual = "see that the directory is writable and the disk not full, or choose another status file"
        raise StoreError(
            f"the status store {path} cannot be made: {error}; {remedy(error, usual)}"
        ) from error


def write_out(connection: sqlite3.Connection) -> None:
    """Write the log into the file. Raises sqlite3.Error if that fails, which `close` does silently."""
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()


def unfinished_name(path: str) -> str:
    """Return the path under which a new store for `path` is made."""
    return path + ".new"


def remove_unfinished(path: str) -> None:
    """Remove a store for `path` that was never completed, if there is one; the caller holds the lock."""
    with contextlib.suppress(OSError):  # the next writer tries it again
        remove_with_side_files(unfinished_name(path))


def connect_writer(path: str) -> sqlite3.Connection:
    """Return a connection for the holder of the lock."""
    _take_side_files(path)
    check_header(path)
    connection = sqlite3.connect(path, isolation_level=None, timeout=_BUSY_SECONDS)
    try:
        schema.check(lambda query: connection.execute(query).fetchall(), path)
        _set_journal(connection, path)
    except BaseException:
        connection.close()
        raise
    return connection


class Reader:
    """Reader: reads a store without a lock, without changes, and without files beside it.

    Without a write-ahead log no writer is at work. The reader then reads the file as it is, and compares its
    stat afterwards: if the file changed, it repeats the query. While a writer works, the reader uses SQLite's
    own protocol. If a killed writer left its log, it reads a copy (see `orphaned_log`); so does a reader that may
    not write the store, as long as there is a log.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self._connection = self._connect()

    def select(self, query: str, values: tuple[object, ...] = ()) -> list[tuple[Any, ...]]:
        """Return the rows of a query."""
        while True:
            try:
                rows = self._connection.execute(query, values).fetchall()
            except READING_ERRORS:
                # A file that a writer changes at this moment looks damaged.
                if self._stamp is None or self._stamp == self._stamp_without_log():
                    raise
                rows = []
            if self._stamp is None or self._stamp == self._stamp_without_log():
                return rows
            self._connection.close()
            self._connection = self._connect()

    def migrated(self) -> sqlite3.Connection:
        """Return a copy in memory with the present schema, and close this reader."""
        copy = sqlite3.connect(":memory:", isolation_level=None)
        self._connection.backup(copy)
        self.close()
        schema.migrate(copy, self._path)
        return copy

    def close(self) -> None:
        """Close the file, and remove the copy if there is one."""
        self._connection.close()
        if self._copy is not None:
            self._copy.cleanup()

    def _connect(self) -> sqlite3.Connection:
        # SQLite's protocol makes files beside the store. If they belong to a reader that may not write the store,
        # its owner may not write to them.
        may_write = os.access(self._path, os.W_OK, effective_ids=True)
        while True:
            self._copy = copy_orphaned_store(self._path) if may_write else copy_store_in_use(self._path)
            if self._copy is not None:
                self._stamp = None
                return connect_reader(os.path.join(self._copy.name, "store"), immutable=False)
            self._stamp = self._stamp_without_log()
            if self._stamp is not None or may_write:
                return connect_reader(self._path, immutable=self._stamp is not None)

    def _stamp_without_log(self) -> tuple[int, int, int] | None:
        """Return inode, size and modification time, to detect a change; None with a write-ahead log."""
        if os.path.exists(self._path + "-wal"):
            return None
        found = os.stat(self._path)
        return found.st_ino, found.st_size, found.st_mtime_ns


def connect_reader(path: str, *, immutable: bool) -> sqlite3.Connection:
    """Return a connection that only reads; `immutable` promises that no process writes."""
    check_header(path)
    options = "mode=ro&immutable=1" if immutable else "mode=ro"
    return sqlite3.connect(
        f"file:{urllib.parse.quote(os.path.abspath(path))}?{options}",
        uri=True,
        isolation_level=None,
        timeout=_BUSY_SECONDS,
    )


def is_damage(error: sqlite3.Error | UnicodeDecodeError) -> bool:
    """Whether SQLite reports a broken file, as opposed to a busy, full or forbidden one."""
    if isinstance(error, UnicodeDecodeError):
        return True
    if isinstance(error, sqlite3.ProgrammingError | sqlite3.NotSupportedError):
        return False
    code = getattr(
        error, "sqlite_errorcode", None
    )  # absent for text that is no UTF-8, and for our own errors
    return code is None or code == sqlite3.SQLITE_IOERR_SHORT_READ or (code & 0xFF) not in _SURROUNDINGS


def damage_of(path: str, error: sqlite3.Error | UnicodeDecodeError) -> str:
    """Return what is damaged; raise StoreError if the error has another cause."""
    if isinstance(error, sqlite3.Error) and not is_damage(error):
        raise unusable(path, error) from error
    return str(error)


def unusable(path: str, error: sqlite3.Error) -> StoreError:
    """Return the error for the user about a file that cannot be read, with a remedy."""
    usual = "see that file and directory may be read and written, and that the disk is not full"
    return StoreError(f"the status store {path} cannot be used: {error}; {remedy(error, usual)}")


def side_files(path: str) -> tuple[str, ...]:
    """Return the paths of the files that SQLite keeps beside a database in use."""
    return (path + "-wal", path + "-shm", path + "-journal")


def remove_with_side_files(path: str) -> None:
    """Remove a database that no process uses, and its side files; missing files are skipped."""
    for name in (*side_files(path), path):
        if os.path.lexists(name):
            os.unlink(name)


def refuse_strangers(path: str, *, to_write: bool) -> None:
    """Raise StoreError if another user has planted the store, or a log that SQLite would merge into it.

    A writer removes what has no content (see `_take_side_files`).
    """
    for name in (path, *side_files(path)):
        if is_planted(name) and not (to_write and name != path and _has_nothing_to_lose(name)):
            raise StoreError(
                f"{name} belongs to another user (uid {os.lstat(name).st_uid}), and in its folder every user can "
                "make files; run in a folder of your own, or remove the file"
            )


def _has_nothing_to_lose(side_file: str) -> bool:
    """Whether a side file can be removed: the index (-shm) is made again from the log, and a log may be empty."""
    found = os.lstat(side_file)
    return stat.S_ISREG(found.st_mode) and (side_file.endswith("-shm") or not found.st_size)


def require_permission(path: str) -> None:
    """Raise StoreError if there is a store that this user may not write, before anything is made beside it."""
    if os.path.exists(path) and not os.access(path, os.R_OK | os.W_OK, effective_ids=True):
        owner = os.stat(path).st_uid
        whose = "" if owner == os.geteuid() else f" belongs to another user (uid {owner}) and"
        raise StoreError(
            f"the status store {path}{whose} may not be written by you; choose another status file, or have its "
            "owner make the directory writable for a group (docs/security.md)"
        )


def _take_side_files(path: str) -> None:
    """Make the store and its side files private, and remove side files to which the owner cannot write.

    Earlier versions let readers and refused writers leave such files.
    """
    real = os.path.realpath(path)
    for name in (real, *side_files(real)):
        narrow(name, real)
    for name in side_files(real):
        try:
            found = os.lstat(name)
        except FileNotFoundError:
            continue
        may_use = os.access(name, os.R_OK | os.W_OK, effective_ids=True) and not is_planted(name)
        if found.st_uid == os.geteuid() or may_use:
            continue
        problem = (
            f"the status store {path} cannot be used: {name} belongs to another user (uid {found.st_uid})"
        )
        if not _has_nothing_to_lose(name):
            raise StoreError(f"{problem}; let that user run the pipegraph to its end, or remove the file")
        try:
            os.unlink(name)
        except OSError as error:
            raise StoreError(f"{problem} and cannot be removed ({error.strerror}); remove it") from error


def _set_journal(connection: sqlite3.Connection, path: str) -> None:
    if location_of(path) is Location.LOCAL:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
    else:
        connection.execute("PRAGMA journal_mode = DELETE")
        connection.execute("PRAGMA synchronous = FULL")
