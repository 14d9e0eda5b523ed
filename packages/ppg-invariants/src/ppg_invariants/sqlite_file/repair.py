"""Repair: makes a new store of the sound rows of a damaged one, keeps the damaged file, and reports both.

A damaged file is copied to ``<name>.damaged-<time>``. `_copy_sound` reads every table in batches of rows,
continues behind each damaged page, and keeps the rows with a right checksum. They become the new store, which
replaces the old one by a rename.

`replace_open` does the same for a store in use. Its writer holds the jobs, records and codes in memory, and its
connection reads the file even if its name is gone.
"""

# ruff: noqa: PTH105, PTH108, PTH110, PTH113, PTH118, PTH123
# Paths are strings throughout this package: they come from job ids, and a Path costs more than a stat.

import contextlib
import os
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from ppg_graph import JobId
from ppg_invariants.errors import StoreError, remedy
from ppg_invariants.files.private_files import create_private
from ppg_invariants.rows.checksums import SEALED, TABLES, insert_into, is_sound_row, sealed
from ppg_invariants.rows.job_names import job_name
from ppg_invariants.rows.records import DamageReport
from ppg_invariants.sqlite_file import database, schema
from ppg_invariants.sqlite_file.header import with_sound_header
from ppg_invariants.sqlite_file.orphaned_log import copy_orphaned_store

__all__ = ["describe", "replace_damaged", "replace_open", "salvage_into_memory"]

_BATCH = 1000
_LAST_ROW = 1 << 40


def replace_damaged(path: str, what: str) -> DamageReport:
    """Copy the damaged store aside, and replace it by its sound rows. The caller holds the lock.

    Raises StoreError if that is impossible; then nothing is changed.
    """
    with _reported(path, what):
        aside = _copy_aside(path)
        try:
            target = _new_store(path)
            try:
                saved = _copy_readable(aside, target)
                database.write_out(target)
            finally:
                target.close()
            if os.path.lexists(aside + "-shm"):
                os.unlink(aside + "-shm")
            _take_its_place(path)
        except BaseException:
            with contextlib.suppress(OSError):
                database.remove_with_side_files(aside)
            raise
    return DamageReport(what, aside, saved)


def replace_open(
    path: str, what: str, source: sqlite3.Connection, remembered: Mapping[str, Sequence[tuple[Any, ...]]]
) -> DamageReport:
    """Replace a store in use by its sound rows and what its writer remembers; keep the file that is there.

    The caller holds the lock, and opens the store again afterwards.

    Parameters:
        path: absolute.
        what: the damage.
        source: the writer's connection, without a transaction; it stays open if this function raises.
        remembered: by table, all its rows without checksums; they replace those of the file. `jobs` is one of
            the tables.
    """
    aside = None
    with _reported(path, what):
        if os.path.lexists(path):
            aside = _copy_aside(path) if os.path.isfile(path) else _move_aside(path)
        target = _new_store(path)
        try:
            for table, rows in remembered.items():
                target.execute("BEGIN")
                target.executemany(insert_into(table), (sealed(table, row) for row in rows))
                target.execute("COMMIT")
            names = {number: job_name(name) for number, name in remembered["jobs"]}
            saved = _copy_sound(source, target, [table for table in TABLES if table not in remembered], names)
            database.write_out(target)
        finally:
            target.close()
        _take_its_place(path)
    source.close()
    return DamageReport(what, aside, saved)


def salvage_into_memory(path: str, what: str) -> tuple[sqlite3.Connection, DamageReport]:
    """Return the sound rows as a database in memory, for readers, which change nothing on disk."""
    target = sqlite3.connect(":memory:", isolation_level=None)
    schema.create(target)
    # SQLite would merge the log of a killed writer into the file.
    copy = copy_orphaned_store(path)
    if copy is None:
        return target, DamageReport(what, None, _copy_readable(path, target))
    with copy as folder:
        return target, DamageReport(what, None, _copy_readable(os.path.join(folder, "store"), target))


def describe(path: str, report: DamageReport) -> str:
    """Return the message for the user about a repair at the opening, or about damage that a reader met."""
    told = f"the status store {path} is damaged ({report.what}); "
    if not report.saved:
        return f"{told}the other rows are in use, and the next run repairs it"
    where = f"it was moved to {report.moved_to}; " if report.moved_to else ""
    return (
        f"{told}{where}the sound rows are in use (rows: {sum(report.saved.values())}, of jobs: "
        f"{report.saved['records']}). Jobs without a saved record run again"
    )


@contextlib.contextmanager
def _reported(path: str, what: str) -> Iterator[None]:
    try:
        yield
    except (OSError, sqlite3.Error, StoreError) as error:
        database.remove_unfinished(path)
        cause = error.__cause__ if isinstance(error, StoreError) else error
        usual = "make room, and see that the folder is writable"
        what_to_do = remedy(cause, usual) if isinstance(cause, OSError | sqlite3.Error) else usual
        raise StoreError(
            f"the status store {path} is damaged ({what}) and cannot be repaired: {cause or error}; "
            f"{what_to_do}, or choose another status file"
        ) from error
    except BaseException:
        database.remove_unfinished(path)
        raise


def _copy_aside(path: str) -> str:
    aside = _unused_name(path)
    try:
        _copy(path, aside)
        if os.path.isfile(path + "-wal"):
            _copy(path + "-wal", aside + "-wal")
    except BaseException:
        with contextlib.suppress(OSError):
            database.remove_with_side_files(aside)
        raise
    return aside


def _copy(source: str, target: str) -> None:
    """Copy a file to a new one, which is as private as the store."""
    import shutil  # noqa: PLC0415 (only a damaged store needs it)

    with open(source, "rb") as reading, open(create_private(target), "wb") as writing:
        shutil.copyfileobj(reading, writing)


def _move_aside(path: str) -> str:
    aside = _unused_name(path)
    os.rename(path, aside)  # noqa: PTH104 (see above)
    return aside


def _new_store(path: str) -> sqlite3.Connection:
    unfinished = database.unfinished_name(path)
    database.create_store(unfinished)
    return database.connect_writer(unfinished)


def _take_its_place(path: str) -> None:
    # A log that stayed would be applied to the new file.
    for name in database.side_files(path):
        if os.path.lexists(name):
            os.unlink(name)
    os.replace(database.unfinished_name(path), path)


def _copy_readable(path: str, target: sqlite3.Connection) -> dict[str, int]:
    try:
        source = database.connect_reader(path, immutable=not os.path.exists(path + "-wal"))
    except database.DamagedHeaderError:
        # SQLite would read nothing or the wrong things; its log is of no use without it.
        source = sqlite3.connect(":memory:", isolation_level=None)
        with open(path, "rb") as file:
            source.deserialize(with_sound_header(file.read()))
    try:
        return _copy_sound(source, target, TABLES, {})
    finally:
        source.close()


def _copy_sound(
    source: sqlite3.Connection, target: sqlite3.Connection, tables: Iterable[str], names: dict[int, JobId]
) -> dict[str, int]:
    """Copy the sound rows of these tables; return their number by table.

    `names` has the jobs by their numbers, and gets those of the table `jobs`.
    """
    saved = dict.fromkeys(TABLES, 0)
    text_factory = source.text_factory
    source.text_factory = lambda raw: raw.decode("utf-8", "replace")
    try:
        source.execute("PRAGMA writable_schema = ON")  # without it, SQLite refuses a file that was cut
        has_checksums = _has_checksums(source)
        target.execute("BEGIN")
        for table in tables:
            insert = insert_into(table, "INSERT OR IGNORE")
            for *values, checksum in _readable_rows(source, table, has_checksums=has_checksums):
                row = tuple(values)
                if not is_sound_row(table, row, checksum, names):
                    continue
                if table == "jobs":
                    names[row[0]] = job_name(row[1])
                saved[table] += target.execute(insert, sealed(table, row)).rowcount
        target.execute("COMMIT")
    except database.READING_ERRORS as error:
        if not database.is_damage(error):
            raise
        if target.in_transaction:
            target.execute("COMMIT")
    finally:
        source.text_factory = text_factory
    return saved


def _readable_rows(
    source: sqlite3.Connection, table: str, *, has_checksums: bool
) -> Iterator[tuple[Any, ...]]:
    """Yield the values of every readable row, and its checksum; None for one that has no checksum."""
    checksum = "checksum" if has_checksums and table in SEALED else "NULL"
    query = (
        f"SELECT rowid, {', '.join(TABLES[table])}, {checksum} FROM {table} "  # noqa: S608 (our own names)
        "NOT INDEXED WHERE rowid >= ? ORDER BY rowid LIMIT ?"
    )

    def read(begin: int, count: int) -> list[tuple[Any, ...]] | None:
        try:
            rows = source.execute(query, (begin, count)).fetchall()
        except database.READING_ERRORS as error:
            if database.is_damage(error):
                return None
            raise
        # A damaged index of pages leads to rows that are not in order.
        if any(row[0] < begin for row in rows):
            return None
        return rows

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


def _has_checksums(source: sqlite3.Connection) -> bool:
    """Whether the rows have checksums; rows of earlier versions of ppg need the right types only."""
    query = (
        "SELECT count(*) FROM sqlite_master AS m, pragma_table_info(m.name) AS c WHERE c.name = 'checksum'"
    )
    ((count,),) = source.execute(query).fetchall()
    return bool(count)


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
