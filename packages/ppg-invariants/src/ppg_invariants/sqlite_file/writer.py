"""Writer: holds the changes of a store that wait, and writes them in batches.

Before each batch it compares lock, file and log with those of the last batch. Another program may have deleted,
replaced or changed them, and reads may have met damaged rows. Then the writer makes the store again. It takes the
rows that the store has in memory, and the other sound rows that its connection still reads.
"""

# ruff: noqa: PTH103, PTH112, PTH116, PTH120
# Paths are strings throughout this package: they come from job ids, and a Path costs more than a stat.

import os
import sqlite3
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ppg_invariants.errors import StoreDamagedWarning, StoreError, StoreLocked, remedy
from ppg_invariants.files.filesystem import Location, location_of
from ppg_invariants.rows.records import DamageReport
from ppg_invariants.sqlite_file import database, repair
from ppg_invariants.sqlite_file.lock import WriterLock

__all__ = ["Writer"]

_BATCH = 1000
_Statement = tuple[str, tuple[object, ...]]
Remembered = Callable[[], Mapping[str, Sequence[tuple[Any, ...]]]]
"""Returns by table all rows that the store has in memory."""


class Writer:
    """Writer: writes the changes of one store.

    Parameters:
        path: the path of the store.
        connection: may write; the writer closes it.
        lock: held; the writer releases it.
        remembered: returns by table all rows that the store has in memory, waiting changes included.

    Attributes:
        connection: the present connection; a repair replaces it.
        damage: what was repaired last.
        flush_after: seconds that a change may wait, so that later changes are written with it.
    """

    def __init__(
        self, path: str, connection: sqlite3.Connection, lock: WriterLock, remembered: Remembered
    ) -> None:
        self.connection: sqlite3.Connection = connection
        self.damage: DamageReport | None = None
        self.flush_after: float = 0.1
        self._path = path
        self._lock = lock
        self._remembered = remembered
        self._owner = os.getpid()
        self._pending: list[_Statement] = []
        self._pending_since: float | None = None
        self._met: str | None = None
        self._files = _Files(os.path.realpath(path))

    def write(self, statement: str, values: tuple[object, ...]) -> None:
        """Let a change wait for the next batch; write the batch if it is large."""
        if self._pending_since is None:
            self._pending_since = time.monotonic()
        self._pending.append((statement, values))
        if len(self._pending) >= _BATCH:
            self.flush()

    def met_damage(self, what: str) -> None:
        """Note that a read met damage, so that the next `flush` repairs the store."""
        self._met = self._met or what

    def seconds_until_due(self) -> float | None:
        """Return in how many seconds the waiting changes should be written; None if no change waits."""
        if self._pending_since is None:
            return None
        return max(0.0, self._pending_since + self.flush_after - time.monotonic())

    def flush(self, *, always_look: bool = False) -> None:
        """Write the waiting changes; after the return they survive the death of this process.

        Raises StoreError if they cannot be written (a full disk, for example). The changes then still wait,
        and none is lost.
        """
        if not (self._pending or self._met or always_look):
            return
        if os.getpid() != self._owner:
            raise StoreError(
                f"the status store {self._path} belongs to process {self._owner}; a fork of it must not write"
            )
        news = self._guard()
        try:
            try:
                database.at_second_look(self._transact)
            except database.READING_ERRORS as error:
                if not (database.is_damage(error) or self._is_marked_read_only(error)):
                    raise
                news.append(self._replaced(f"it is damaged ({error})"))
                self._transact()
        except sqlite3.Error as error:
            what_to_do = remedy(error, "make room or make it writable")
            raise StoreError(
                f"the status store {self._path} cannot be written: {error}; its content is still valid, but "
                f"{len(self._pending)} changes are not in it; {what_to_do}, and run again"
            ) from error
        self._pending.clear()
        self._pending_since = None
        if news:
            # With `-W error` the warning ends the run; by then everything is written.
            warnings.warn(". ".join(news), StoreDamagedWarning, stacklevel=3)

    def close(self) -> None:
        """Write the waiting changes, close the file and release the lock; nothing of it in a forked child."""
        if os.getpid() != self._owner:
            return
        try:
            self.flush(always_look=True)
        finally:
            self.connection.close()
            self._lock.release()

    def _transact(self) -> None:
        connection = self.connection
        connection.execute("BEGIN IMMEDIATE")
        try:
            for statement, values in self._pending:
                connection.execute(statement, values)
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise
        finally:
            # Also a batch that failed, on a full disk for example, may have changed the log.
            self._files.note()

    def _is_marked_read_only(self, error: Exception) -> bool:
        """Whether damage of the header, and not the file system, makes SQLite refuse to write."""
        if getattr(error, "sqlite_errorcode", 0) & 0xFF != sqlite3.SQLITE_READONLY:
            return False
        return all(os.access(one, os.W_OK) for one in (self._files.path, os.path.dirname(self._files.path)))

    def _guard(self) -> list[str]:
        """Restore folder, lock and file if they are not those of the last batch; return what to tell the user."""
        what = self._files.restored_folder(self._path) or self._files.change()
        news = self._lock_again()
        if what is None and self._met is not None:
            what = f"it is damaged ({self._met})"
        if what is not None:
            news.append(self._replaced(what))
        return news

    def _lock_again(self) -> list[str]:
        lost = f"the lock {self._lock.path} was deleted or replaced during the run"
        try:
            return [f"{lost}; this run made it again"] if self._lock.take_again() else []
        except StoreLocked as error:
            raise StoreError(
                f"{lost}, and another run has begun to write the store: {error}. "
                f"{len(self._pending)} changes of this run are not in the store, and their jobs run again; let that run end, and run again"
            ) from error
        except StoreError as error:
            return [f"{lost}, and cannot be made again ({error}). Start no other run while this one lasts"]

    def _replaced(self, what: str) -> str:
        report = repair.replace_open(self._files.path, what, self.connection, self._remembered())
        try:
            self.connection = database.connect_writer(self._path)
        except sqlite3.Error as error:
            raise StoreError(
                f"the status store {self._path} was made again, but cannot be opened: {error}; run again"
            ) from error
        self._met = None
        self._files.note()
        self.damage = report
        kept = "" if report.moved_to is None else f"What was there is now {report.moved_to}. "
        return f"the status store {self._path} was made again during the run, because {what}. {kept}No record is lost"


class _Files:
    """Files: notices whether the store's file and its log are those that the last batch left."""

    def __init__(self, path: str) -> None:
        self.path = path
        # Elsewhere sizes and times can change after the write.
        self._is_local = location_of(path) is Location.LOCAL
        self.note()

    def note(self) -> None:
        """Keep how the files look now."""
        self._seen = self._look(self.path), self._look(self.path + "-wal"), self._look(self.path + "-shm")[:2]

    def restored_folder(self, path: str) -> str | None:
        """Make the folder again if it is gone, and return that; None if it is there."""
        folder = os.path.dirname(self.path)
        if os.path.isdir(folder):
            return None
        try:
            os.makedirs(folder)
        except OSError as error:
            raise StoreError(
                f"the folder of the status store {path} was deleted or replaced during the run, and cannot be "
                f"made again: {error}; make it, and run again"
            ) from error
        return "its folder was deleted"

    def change(self) -> str | None:
        """Return what another program did to the files since `note`; None if nothing."""
        was, log_was, index_was = self._seen
        now, log, index = (
            self._look(self.path),
            self._look(self.path + "-wal"),
            self._look(self.path + "-shm")[:2],
        )
        if not now:
            return "its file was deleted"
        if now[:2] != was[:2]:
            return "its file was replaced"
        if now != was:
            return "another program wrote to its file"
        if (log, index) != (log_was, index_was):
            return "its log was deleted, replaced or changed"
        return None

    def _look(self, path: str) -> tuple[int, ...]:
        try:
            found = os.stat(path)
        except OSError:
            return ()
        precise = (found.st_size, found.st_mtime_ns) if self._is_local else ()
        return found.st_dev, found.st_ino, *precise
