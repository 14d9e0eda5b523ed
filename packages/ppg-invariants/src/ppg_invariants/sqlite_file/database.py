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

# ruff: noqa: PTH100, PTH105, PTH108, PTH110, PTH112, PTH115, PTH116, PTH118, PTH120, PTH208
# Paths are strings throughout this package: they come from job ids, and a Path costs more than a stat.

import contextlib
import os
import sqlite3
import stat
import urllib.parse
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from ppg_invariants.errors import StoreError, remedy
from ppg_invariants.files.filesystem import Location, location_of
from ppg_invariants.files.private_files import (
    create_private,
    is_of_another,
    is_open_to_others,
    is_planted,
    narrow,
    own_links,
    private_mode,
)
from ppg_invariants.sqlite_file import schema
from ppg_invariants.sqlite_file.header import DamagedHeaderError, check_header
from ppg_invariants.sqlite_file.orphaned_log import copy_orphaned_store, copy_store_in_use

__all__ = [
    "READING_ERRORS",
    "CutShortError",
    "DamagedHeaderError",
    "Reader",
    "at_second_look",
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

T = TypeVar("T")

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
        with _checked_files(unfinished) as held:
            connection = sqlite3.connect(unfinished, isolation_level=None)
            try:
                _set_journal(connection, path)
                schema.create(connection)
                _refuse_others(connection, held)
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
    connection = _connected_writer(path)
    if _is_read_only(connection):
        # If the file cannot be opened for writing at this moment (too many open files), SQLite opens it for reading.
        # A lasting obstacle is reported by the first write.
        connection.close()
        connection = _connected_writer(path)
    return connection


def _connected_writer(path: str) -> sqlite3.Connection:
    with _checked_files(path) as held:
        connection = sqlite3.connect(path, isolation_level=None, timeout=_BUSY_SECONDS)
        try:
            schema.check(lambda query: connection.execute(query).fetchall(), path)
            _set_journal(connection, path)
            _refuse_others(connection, held)
        except BaseException:
            connection.close()
            raise
    return connection


def _is_read_only(connection: sqlite3.Connection) -> bool:
    """Whether SQLite refuses to change the file. Without a change, it begins a transaction of a reader instead."""
    try:
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("CREATE TABLE never_committed (x)")
    except sqlite3.Error as error:
        return getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_READONLY
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
    return False


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
        f"file:{urllib.parse.quote(os.fsencode(os.path.abspath(path)))}?{options}",
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


def at_second_look(attempt: Callable[[], T]) -> T:
    """Return what `attempt` returns, and repeat it once if the file seems damaged.

    SQLite reports damage also when the disk has a read error (EIO). An error that passes is no damage.
    """
    try:
        return attempt()
    except READING_ERRORS as error:
        if not is_damage(error):
            raise
    return attempt()


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

    A writer removes what has no content (see `_take_side_files`). It also refuses a folder that was planted.
    """
    for place in own_links(path):
        for name in (place, *side_files(place)):
            if is_planted(name) and not (to_write and name != place and _has_nothing_to_lose(name)):
                raise StoreError(
                    f"{name} belongs to another user (uid {_owner(name)}), and other users can make files "
                    "in its folder; run in a folder of your own, or remove the file"
                )
            if _has_several_names(name):
                raise StoreError(
                    f"{name} has several names (hard links), and other users can make files in its folder; "
                    "run in a folder of your own, or remove that name"
                )
        planted = _planted_folder(place) if to_write else None
        if planted is not None:
            raise StoreError(
                f"{planted} belongs to another user (uid {_owner(planted)}), and is in a folder in which other "
                f"users can make files, so the status store {path} cannot be used; choose another status file, or "
                "have the owner make the store's folder writable for a group of yours (docs/security.md)"
            )


def _owner(path: str) -> str:
    try:
        return str(os.lstat(path).st_uid)
    except OSError:
        return "unknown"  # it is gone by now


def _has_several_names(path: str) -> bool:
    try:
        found = os.lstat(path)
        return stat.S_ISREG(found.st_mode) and found.st_nlink > 1 and is_open_to_others(path)
    except OSError:
        return False


def _planted_folder(path: str) -> str | None:
    """Return a folder above `path` that another user may have planted; None if its folder is meant for our group."""
    folder = os.path.dirname(os.path.abspath(path))
    if os.geteuid() == 0 or not os.path.isdir(folder):
        return None  # root works in the folders of users
    if os.stat(folder).st_uid in {0, os.geteuid()} or private_mode(path) == 0o660:
        return None
    while not is_planted(folder):
        above = os.path.dirname(folder)
        if above == folder:
            return None
        folder = above
    return folder


@contextlib.contextmanager
def _checked_files(path: str) -> Iterator[dict[str, int]]:
    """Hold the files that SQLite may open, by O_PATH descriptors, where others can make files; none elsewhere.

    A missing log is made here, because SQLite opens any file of that name. As long as a file is held, no other file
    gets its inode. Closing such a descriptor does not end the locks of SQLite.
    """
    real = os.path.realpath(path)
    held: dict[str, int] = {}
    made: list[str] = []
    try:
        if is_open_to_others(real) and location_of(real) is Location.LOCAL:
            for name in (real, real + "-wal", real + "-shm"):
                if name != real:
                    with contextlib.suppress(FileExistsError):
                        os.close(create_private(name))
                        made.append(name)
                try:
                    held[name] = os.open(name, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC)
                except FileNotFoundError:
                    raise _planted_meanwhile(name) from None
                found = os.fstat(held[name])
                if is_of_another(found, name) or not stat.S_ISREG(found.st_mode) or found.st_nlink != 1:
                    raise _planted_meanwhile(name)  # noqa: TRY301 - what was made is removed as after any error
        yield held
    except BaseException:
        for name in made:
            with contextlib.suppress(OSError):
                os.unlink(name)
        raise
    finally:
        for descriptor in held.values():
            os.close(descriptor)


def _refuse_others(connection: sqlite3.Connection, held: dict[str, int]) -> None:
    """Raise StoreError if SQLite has opened other files than those that were checked."""
    if not held:
        return
    ((journal,),) = connection.execute("PRAGMA journal_mode").fetchall()
    missing = {name for name in held if journal == "wal" or not name.endswith(("-wal", "-shm"))}
    foreign = []
    for number in os.listdir("/proc/self/fd"):
        link = f"/proc/self/fd/{number}"
        try:
            name = os.readlink(link).removesuffix(" (deleted)")
            found = os.stat(link)
        except OSError:
            continue  # closed meanwhile
        if name not in held or int(number) == held[name]:
            continue
        if os.path.samestat(found, os.fstat(held[name])):
            missing.discard(name)
        else:
            foreign.append((name, link))
    if not missing:
        return
    # SQLite would merge the log of another user as it closes.
    for name, link in foreign:
        if name.endswith("-wal"):
            os.truncate(link, 0)
    raise _planted_meanwhile(min(missing))


def _planted_meanwhile(name: str) -> StoreError:
    return StoreError(
        f"another user has put {name} in its place while the status store was opened; "
        "run in a folder in which no other user can make files"
    )


def _has_nothing_to_lose(side_file: str) -> bool:
    """Whether a side file can be removed: the index (-shm) is made again from the log, and a log may be empty."""
    try:
        found = os.lstat(side_file)
    except FileNotFoundError:
        return True
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
        except FileNotFoundError:
            continue
        except OSError as error:
            raise StoreError(f"{problem} and cannot be removed ({error.strerror}); remove it") from error


def _set_journal(connection: sqlite3.Connection, path: str) -> None:
    if location_of(path) is Location.LOCAL:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
    else:
        connection.execute("PRAGMA journal_mode = DELETE")
        connection.execute("PRAGMA synchronous = FULL")
