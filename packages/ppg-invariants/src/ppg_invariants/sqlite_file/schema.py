"""Schema: defines the tables of the status store and their version, and migrates older stores."""

import sqlite3
from collections.abc import Callable
from typing import Any

from ppg_invariants.errors import StoreError, StoreTooNew
from ppg_invariants.rows.checksums import SEALED, TABLES, RowsDamagedError, checksum_of, is_sound_row

__all__ = [
    "APPLICATION_ID",
    "SCHEMA_VERSION",
    "HeaderDamagedError",
    "check",
    "create",
    "migrate",
    "version_of",
]

APPLICATION_ID = 0x70706731
"""Marks the file as a status store, in the header of the file."""

SCHEMA_VERSION = 4
"""A higher version needs other tables or other columns; otherwise the number counts as damaged."""

_CREATE_NOTES = """
CREATE TABLE notes (run INTEGER NOT NULL, at REAL NOT NULL, kind TEXT NOT NULL, job INTEGER NOT NULL,
                    details TEXT NOT NULL, PRIMARY KEY (job, kind));
"""

_CREATE = f"""
CREATE TABLE jobs (id INTEGER PRIMARY KEY, name TEXT NOT NULL);
CREATE TABLE records (job INTEGER PRIMARY KEY, packed BLOB NOT NULL);
CREATE TABLE observations (job INTEGER PRIMARY KEY, packed BLOB NOT NULL);
CREATE TABLE evidence (fingerprint BLOB PRIMARY KEY, packed BLOB NOT NULL);
CREATE TABLE blobs (digest BLOB PRIMARY KEY, content BLOB NOT NULL);
CREATE TABLE codes (python TEXT NOT NULL, bytecode BLOB NOT NULL, syntax BLOB, canonical BLOB NOT NULL);
CREATE TABLE runs (id INTEGER PRIMARY KEY, started REAL NOT NULL, ended REAL, outcome TEXT NOT NULL,
                   pid INTEGER NOT NULL, host TEXT NOT NULL, details TEXT NOT NULL);
CREATE TABLE events (run INTEGER NOT NULL, at REAL NOT NULL, kind TEXT NOT NULL, job INTEGER,
                     details TEXT NOT NULL);
CREATE INDEX events_of_run ON events (run);
{_CREATE_NOTES}
"""

_ADD_CHECKSUMS = tuple(
    f"ALTER TABLE {table} ADD COLUMN checksum INTEGER NOT NULL DEFAULT 0" for table in sorted(SEALED)
)


class HeaderDamagedError(sqlite3.DatabaseError):
    """HeaderDamagedError: the header of the file contradicts its tables."""


def _several_trees_for_one_bytecode(connection: sqlite3.Connection) -> None:
    """1 → 2: a code object may have several syntax trees, which all compile to it."""
    connection.execute("ALTER TABLE codes RENAME TO old_codes")
    connection.execute(
        "CREATE TABLE codes (python TEXT NOT NULL, bytecode BLOB NOT NULL, syntax BLOB, canonical BLOB NOT NULL)"
    )
    connection.execute("INSERT INTO codes SELECT python, bytecode, syntax, canonical FROM old_codes")
    connection.execute("DROP TABLE old_codes")


def _notes(connection: sqlite3.Connection) -> None:
    """2 → 3: add the table of notes, which holds the last event of each kind for each job."""
    connection.execute(_CREATE_NOTES)


def _checksums(connection: sqlite3.Connection) -> None:
    """3 → 4: every row has a checksum."""
    for statement in _ADD_CHECKSUMS:
        connection.execute(statement)
    for table in sorted(SEALED):

        def seal(*values: Any, table: str = table) -> int | None:
            return checksum_of(table, values) if is_sound_row(table, values, None, {}) else None

        columns = ", ".join(TABLES[table])
        connection.create_function("seal", len(TABLES[table]), seal, deterministic=True)
        try:
            connection.execute(f"UPDATE {table} SET checksum = seal({columns})")  # noqa: S608 (our own names)
        except sqlite3.IntegrityError:
            raise RowsDamagedError(table) from None  # the function returned NULL, which the column refuses


_MIGRATIONS: dict[int, Callable[[sqlite3.Connection], None]] = {
    1: _several_trees_for_one_bytecode,
    2: _notes,
    3: _checksums,
}
"""By older version, the step to the next version; all steps run inside one transaction."""


def create(connection: sqlite3.Connection) -> None:
    """Create the tables of the present version in an empty database."""
    connection.executescript(
        f"BEGIN; PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {SCHEMA_VERSION}; "
        f"{_CREATE} {';'.join(_ADD_CHECKSUMS)}; COMMIT;"
    )


def version_of(connection: sqlite3.Connection) -> int:
    """Return the schema version of an open store."""
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    return int(version)


Select = Callable[[str], list[tuple[Any, ...]]]
"""Returns the rows of a query."""


def check(select: Select, path: str) -> int:
    """Return the schema version of an open store that this ppg can read or migrate.

    Raises StoreTooNew if a newer ppg wrote the store. Raises StoreError if the file belongs to another
    program. Raises HeaderDamagedError if the file has the present tables, and its header says otherwise.
    """
    ((application,),) = select("PRAGMA application_id")
    ((version,),) = select("PRAGMA user_version")
    if application == APPLICATION_ID and version == SCHEMA_VERSION:
        return SCHEMA_VERSION
    if _has_present_tables(select):
        raise HeaderDamagedError(
            f"its header says schema version {version}, its tables are of {SCHEMA_VERSION}"
        )
    if application != APPLICATION_ID:
        raise StoreError(
            f"{path} is a database of another program, not a status store; choose another status file"
        )
    if version > SCHEMA_VERSION:
        raise StoreTooNew(
            f"the status store {path} has schema version {version}, this ppg reads up to {SCHEMA_VERSION}; "
            "use the newer ppg, or another status file"
        )
    if version not in _MIGRATIONS:
        raise HeaderDamagedError(f"its header says schema version {version}, which never was")
    return int(version)


def _has_present_tables(select: Select) -> bool:
    found: dict[str, set[str]] = {}
    for table, column in select(
        "SELECT m.name, c.name FROM sqlite_master AS m, pragma_table_info(m.name) AS c WHERE m.type = 'table'"
    ):
        found.setdefault(table, set()).add(column)
    return found == {
        table: {*columns, *(["checksum"] if table in SEALED else [])} for table, columns in TABLES.items()
    }


def migrate(connection: sqlite3.Connection, path: str) -> None:
    """Migrate the store to the present version, all or nothing. Raises the same errors as `check`."""
    version = check(lambda query: connection.execute(query).fetchall(), path)
    if version == SCHEMA_VERSION:
        return
    connection.execute("BEGIN IMMEDIATE")
    try:
        for step in range(version, SCHEMA_VERSION):
            _MIGRATIONS[step](connection)
        connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")
