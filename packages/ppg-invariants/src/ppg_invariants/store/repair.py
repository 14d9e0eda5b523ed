"""Repair: keeps a copy of a damaged store, saves its readable rows, and reports both.

The damaged file is copied to ``<name>.damaged-<time>`` first. Then `repair` reads every table from that copy
in batches of rows, and continues behind each damaged page. The rows that it read become the new store, which
replaces the old one by a rename.
"""

# ruff: noqa: PTH105, PTH108, PTH110, PTH123
# Paths are strings throughout this package: they come from job ids, and a Path costs more than a stat.

import os
import sqlite3
import time
from collections.abc import Callable, Iterator
from typing import Any

from ppg_invariants.errors import StoreError
from ppg_invariants.store import database, schema
from ppg_invariants.store.private_files import create_private
from ppg_invariants.store.records import DamageReport

__all__ = ["replace_damaged", "salvage_into_memory"]

_BATCH = 1000
_LAST_ROW = 1 << 40


def replace_damaged(path: str, what: str) -> DamageReport:
    """Copy the damaged store aside, and replace it by its readable rows. The caller holds the lock."""
    aside = _unused_name(path)
    try:
        _copy(path, aside)
        if os.path.exists(path + "-wal"):
            _copy(path + "-wal", aside + "-wal")
        unfinished = path + ".new"
        database.create_store(unfinished)
        target = database.connect_writer(unfinished)
        try:
            saved = _copy_readable(aside, target)
        finally:
            target.close()
        if os.path.lexists(aside + "-shm"):
            os.unlink(aside + "-shm")
        for name in database.side_files(path):
            if os.path.lexists(name):
                os.unlink(name)
        os.replace(unfinished, path)
    except OSError as error:
        raise StoreError(
            f"the status store {path} is damaged ({what}) and cannot be moved aside: {error}; make its folder writable, or "
            "choose another status file"
        ) from error
    return DamageReport(what, aside, saved)


def _copy(source: str, target: str) -> None:
    """Copy a file to a new one, which is as private as the store."""
    import shutil  # noqa: PLC0415 (only a damaged store needs it)

    with open(source, "rb") as reading, open(create_private(target), "wb") as writing:
        shutil.copyfileobj(reading, writing)


def salvage_into_memory(path: str, what: str) -> tuple[sqlite3.Connection, DamageReport]:
    """Return the readable rows as a database in memory, for readers, which change nothing on disk."""
    target = sqlite3.connect(":memory:", isolation_level=None)
    schema.create(target)
    return target, DamageReport(what, None, _copy_readable(path, target))


def _copy_readable(path: str, target: sqlite3.Connection) -> dict[str, int]:
    saved = dict.fromkeys(schema.TABLES, 0)
    try:
        source = database.connect_reader(path, immutable=not os.path.exists(path + "-wal"))
    except database.CutShortError:
        return saved
    try:
        source.text_factory = lambda raw: raw.decode("utf-8", "replace")
        source.execute("PRAGMA writable_schema = ON")  # without it, SQLite refuses a file that was cut
        target.execute("BEGIN")
        for table, columns in schema.TABLES.items():
            marks = ", ".join("?" * len(columns))
            insert = f"INSERT OR IGNORE INTO {table} ({', '.join(columns)}) VALUES ({marks})"  # noqa: S608 (names of our own tables)
            for row in _readable_rows(source, table, columns):
                try:
                    target.execute(insert, row)
                except sqlite3.IntegrityError:
                    continue  # a damaged row violates a constraint of the schema
                saved[table] += 1
        target.execute("COMMIT")
    except sqlite3.DatabaseError as error:
        if not database.is_damage(error):
            raise
        if target.in_transaction:
            target.execute("COMMIT")
    finally:
        source.close()
    return saved


def _readable_rows(
    source: sqlite3.Connection, table: str, columns: tuple[str, ...]
) -> Iterator[tuple[Any, ...]]:
    query = f"SELECT rowid, {', '.join(columns)} FROM {table}"  # noqa: S608 (names of our own tables)
    query += " NOT INDEXED WHERE rowid >= ? ORDER BY rowid LIMIT ?"

    def read(begin: int, count: int) -> list[tuple[Any, ...]] | None:
        try:
            return source.execute(query, (begin, count)).fetchall()
        except sqlite3.DatabaseError as error:
            if database.is_damage(error):
                return None
            raise

    begin, count = 0, _BATCH
    while begin <= _LAST_ROW:
        rows = read(begin, count)
        if rows is None and count > 1:
            count = max(1, count // 8)
        elif rows is None:
            begin, count = _behind_the_hole(read, begin), _BATCH
        elif not rows:
            return
        else:
            for row in rows:
                yield row[1:]
            begin, count = rows[-1][0] + 1, min(_BATCH, count * 2)


def _behind_the_hole(read: Callable[[int, int], list[tuple[Any, ...]] | None], begin: int) -> int:
    """Return the first row number after `begin` at which rows are readable again."""
    step = 1
    while read(begin + step, 1) is None:
        step *= 2
        if begin + step > _LAST_ROW:
            return _LAST_ROW + 1
    low, high = step // 2, step
    while high - low > 1:
        middle = (low + high) // 2
        if read(begin + middle, 1) is None:
            low = middle
        else:
            high = middle
    return begin + high


def _unused_name(path: str) -> str:
    stamp = time.strftime("%Y%m%d-%H%M%S")
    for attempt in range(1000):
        name = f"{path}.damaged-{stamp}" + (f"-{attempt}" if attempt else "")
        if not os.path.lexists(name):
            return name
    raise StoreError(
        f"the status store {path} is damaged, and there are too many damaged ones beside it; remove those"
    )
