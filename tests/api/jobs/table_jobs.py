"""Kinds of job that ppg knows nothing of: jobs that fill tables of a SQLite database, and an invariant.

They use only what `ppg` and `ppg_graph` export; see the hooks in `ppg.kinds.kind`.
"""

import functools
import hashlib
import os
import sqlite3

import ppg
from ppg_graph import Files, FileStatus, Fingerprint, NodeKind, Unobservable

__all__ = ["TableJob", "TempTableJob", "VariableInvariant"]


def content_of(database, table):
    """The fingerprint of a table's rows; None if there is no such table."""
    if not os.path.exists(database):
        return None
    connection = sqlite3.connect(database)
    try:
        rows = connection.execute(f'SELECT * FROM "{table}" ORDER BY 1').fetchall()
    except sqlite3.OperationalError:
        return None
    finally:
        connection.close()
    return Fingerprint(hashlib.blake2b(repr(rows).encode(), digest_size=16).digest())


def drop(database, table):
    connection = sqlite3.connect(database)
    with connection:
        connection.execute(f'DROP TABLE IF EXISTS "{table}"')
    connection.close()


def fill(callback, database, table):
    """In the job's process: makes the table from the rows that the user's function gives, one by one."""
    drop(database, table)
    connection = sqlite3.connect(database)
    with connection:
        connection.execute(f'CREATE TABLE "{table}" (value)')
    for row in callback():
        with connection:
            connection.execute(f'INSERT INTO "{table}" VALUES (?)', (row,))
    connection.close()


class TableJob(ppg.CallbackJob):
    """Fills a table of a database with the rows that a function gives."""

    __slots__ = ("database", "table")
    kind = NodeKind.OUTPUT

    def __init__(self, database, table, function, *, pipegraph=None):
        super().__init__(f"{database}#{table}", function, pipegraph, ppg.Execution())
        self.database = database
        self.table = table

    def definition(self):
        return super().definition() | {"database": self.database, "table": self.table}

    @property
    def path(self):
        return os.path.join(self.pipegraph.root, self.database)

    def process_call(self):
        where = (self.path, self.table)
        return ppg.ProcessCall(fill, (self.call, *where), functools.partial(content_of, *where))

    def outputs_of(self, returned, run_id):
        return ppg.JobOutputs(returned)

    def observe(self, observing):
        now = content_of(self.path, self.table)
        if now is None:
            return Files(FileStatus.MISSING, (self.table,))
        recorded = observing.recorded(self.job_id)
        return Files(FileStatus.INTACT) if now == recorded else Files(FileStatus.CHANGED, (self.table,))

    def discard(self):
        drop(self.path, self.table)
        return []

    def remove(self):
        drop(self.path, self.table)
        return []

    def stand_in_notes(self):
        return [self.database, self.table]

    @classmethod
    def stand_in(cls, job_id, notes, history, pipegraph):
        return ppg.unadmitted(cls, *notes, list, pipegraph=pipegraph)


class TempTableJob(TableJob):
    """Fills a table that only other jobs need."""

    __slots__ = ()
    kind = NodeKind.LAZY


class VariableInvariant(ppg.Job):
    """Observes a variable of the environment."""

    __slots__ = ()
    kind = NodeKind.INVARIANT

    def __init__(self, name, *, pipegraph=None):
        super().__init__(f"variable:{name}", pipegraph)

    def observe(self, observing):
        value = os.environ.get(self.job_id.removeprefix("variable:"))
        if value is None:
            return Unobservable(f"the variable {self.job_id} is not set; set it")
        return Fingerprint(value.encode())
