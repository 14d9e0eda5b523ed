"""Schema: defines the tables of the status store and their version, and migrates older stores."""

import sqlite3
from collections.abc import Callable
from typing import Any

from ppg_invariants.errors import StoreError, StoreTooNew

__all__ = ["APPLICATION_ID", "SCHEMA_VERSION", "TABLES", "check", "create", "migrate", "version_of"]

APPLICATION_ID = 0x70706731
"""Marks the file as a status store, in the header of the file."""

SCHEMA_VERSION = 3

TABLES: dict[str, tuple[str, ...]] = {
    "jobs": ("id", "name"),
    "records": ("job", "packed"),
    "observations": ("job", "packed"),
    "evidence": ("fingerprint", "packed"),
    "blobs": ("digest", "content"),
    "codes": ("python", "bytecode", "syntax", "canonical"),
    "runs": ("id", "started", "ended", "outcome", "pid", "host", "details"),
    "events": ("run", "at", "kind", "job", "details"),
    "notes": ("run", "at", "kind", "job", "details"),
}
"""Every table and its columns."""

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


_MIGRATIONS: dict[int, Callable[[sqlite3.Connection], None]] = {
    1: _several_trees_for_one_bytecode,
    2: _notes,
}
"""By older version, the step to the next version; all steps run inside one transaction."""


def create(connection: sqlite3.Connection) -> None:
    """Create the tables of the present version in an empty database."""
    connection.executescript(
        f"BEGIN; PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {SCHEMA_VERSION}; "
        f"{_CREATE} COMMIT;"
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
    program.
    """
    ((application,),) = select("PRAGMA application_id")
    if application != APPLICATION_ID:
        raise StoreError(
            f"{path} is a database of another program, not a status store; choose another status file"
        )
    ((version,),) = select("PRAGMA user_version")
    if version > SCHEMA_VERSION:
        raise StoreTooNew(
            f"the status store {path} has schema version {version}, this ppg reads up to {SCHEMA_VERSION}; "
            "use the newer ppg, or another status file"
        )
    return int(version)


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
