"""Tables: reads and writes the rows of one open store, and meets the damage of its file.

Rows are read from the file, waiting changes included. Rows refer to a job by its number, and new names get numbers
here. A writer repairs damage that a read meets, at its next commit; a reader warns of it, and omits the row.
"""

import functools
import sqlite3
import warnings
from typing import Any

from ppg_graph import JobId
from ppg_invariants.errors import StoreDamagedWarning, StoreError
from ppg_invariants.rows.checksums import TABLES, RowsDamagedError, insert_into, is_sound_row, sealed
from ppg_invariants.rows.codec import NO_NAME
from ppg_invariants.rows.job_names import load_names, stored_name
from ppg_invariants.rows.records import DamageReport
from ppg_invariants.sqlite_file import database, repair
from ppg_invariants.sqlite_file.lock import WriterLock
from ppg_invariants.sqlite_file.writer import Remembered, Writer

__all__ = ["Tables"]


class Tables:
    """Tables: reads and writes the rows of one store.

    Parameters:
        path: the path of the store.
        source: what the store was opened as; `close` closes it.

    Attributes:
        names: the names of the jobs by number; `load_names` reads them.
        writer: writes the changes; None if the store was opened for reading only, or before `begin_to_write`.
    """

    def __init__(self, path: str, source: database.Reader | sqlite3.Connection) -> None:
        self.path = path
        self.names: list[JobId] = []
        self.writer: Writer | None = None
        self._source = source
        self._damage: DamageReport | None = None
        self._closed = False

    def begin_to_write(self, lock: WriterLock, remembered: Remembered) -> None:
        """Write from now on; `remembered` returns by table all rows in memory, for a store that is made again."""
        assert isinstance(self._source, sqlite3.Connection)
        self.writer = Writer(self.path, self._source, lock, remembered)

    def load_names(self) -> None:
        """Read the names of the jobs. Raises RowsDamagedError if one is not as it was written."""
        self.names = load_names(self.rows)

    # Reading

    def select(self, table: str, condition: str, *values: object) -> list[tuple[Any, ...]]:
        """Return the sound rows of a table that fulfil a condition, waiting changes included."""
        columns = ", ".join(TABLES[table])
        sound = []
        for *row, checksum in self.query(f"SELECT {columns}, checksum FROM {table} {condition}", *values):  # noqa: S608 (our own names)
            if is_sound_row(table, tuple(row), checksum, {}):
                sound.append(tuple(row))
            else:
                self.met_damage(str(RowsDamagedError(table)))
        return sound

    def query(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        """Return rows, waiting changes included; a writer repairs damage that it meets, a reader returns none."""
        self.flush()
        for _before_repair in range(2):
            try:
                return database.at_second_look(lambda: self.rows(query, *values))
            except database.READING_ERRORS as error:
                self.met_damage(database.damage_of(self.path, error))
                self.flush()
        return []

    def rows(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        """Return the rows of the file, without the waiting changes. Raises one of `READING_ERRORS`."""
        if self.writer is not None:
            return self.writer.connection.execute(query, values).fetchall()
        if isinstance(self._source, database.Reader):
            return self._source.select(query, values)
        return self._source.execute(query, values).fetchall()

    # Numbers

    @functools.cached_property
    def numbers(self) -> dict[JobId, int]:
        """Numbers of the jobs by name; made on first use, because most readers need none."""
        numbers = dict(zip(self.names, range(len(self.names)), strict=True))
        numbers.pop(NO_NAME, None)
        return numbers

    def number(self, job_id: JobId) -> int:
        """Return the number of a job; a new job gets one."""
        number = self.numbers.get(job_id)
        if number is None:
            number = self.numbers[job_id] = len(self.names)
            self.names.append(job_id)
            self.insert("jobs", number, stored_name(job_id))
        return number

    # Writing

    def insert(self, table: str, *values: Any) -> None:
        """Write a row in place of the one with the same key."""
        self.write(insert_into(table), *sealed(table, values))

    def write(self, statement: str, *values: object) -> None:
        """Let a change wait for the next batch."""
        if self.writer is None:
            raise StoreError(
                f"the status store {self.path} was opened for reading only; open it without read_only"
            )
        if self._closed:
            raise StoreError(f"the status store {self.path} is closed; open it again")
        self.writer.write(statement, values)

    def flush(self) -> None:
        """Write the waiting changes; see `Writer.flush`."""
        if self.writer is not None:
            self.writer.flush()

    def close(self) -> None:
        """Write the waiting changes, close the file and release the lock; harmless the second time."""
        if self._closed:
            return
        self._closed = True
        if self.writer is not None:
            self.writer.close()
        else:
            self._source.close()

    # Damage

    @property
    def damage(self) -> DamageReport | None:
        """The damage of the file, if opening it required a repair, or a repair since then."""
        repaired = None if self.writer is None else self.writer.damage
        return repaired or self._damage

    def met_damage(self, what: str) -> None:
        """Note damage that a read met: the next commit of a writer repairs it, and a reader only warns."""
        if self.writer is not None:
            self.writer.met_damage(what)
        elif self._damage is None:
            self.report(DamageReport(what, None, {}))

    def report(self, report: DamageReport) -> None:
        """Keep what was damaged and repaired, and warn of it."""
        self._damage = report
        warnings.warn(repair.describe(self.path, report), StoreDamagedWarning, stacklevel=5)
