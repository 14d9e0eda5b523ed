"""Kinds of damage to a status store, each a function of the store's path and a seeded generator of random numbers."""

import contextlib
import os
import pickle
import shutil
import sqlite3

from ppg_invariants.rows.checksums import TABLES

PAGE = 4096


def _bytes(path, change):
    data = bytearray(path.read_bytes())
    change(data)
    path.write_bytes(data)


def _flip(data, chance, first, last, most):
    for _ in range(chance.randint(1, most)):
        data[chance.randrange(first, last)] ^= 1 << chance.randrange(8)


def _page(chance, data):
    return chance.randrange(len(data) // PAGE) * PAGE


def flipped_bits(path, chance):
    """A few bits of the whole file."""
    _bytes(path, lambda data: _flip(data, chance, 0, len(data), 40))


def flipped_header(path, chance):
    """A few bits of the first hundred bytes."""
    _bytes(path, lambda data: _flip(data, chance, 0, 100, 4))


def flipped_schema(path, chance):
    """A few bits of the first page, which describes the tables."""
    _bytes(path, lambda data: _flip(data, chance, 100, PAGE, 10))


def zeroed_pages(path, chance):
    """One to three pages."""

    def change(data):
        for _ in range(chance.randint(1, 3)):
            begin = _page(chance, data)
            data[begin : begin + PAGE] = bytes(PAGE)

    _bytes(path, change)


def pages_of_noise(path, chance):
    """One to three pages."""

    def change(data):
        for _ in range(chance.randint(1, 3)):
            begin = _page(chance, data)
            data[begin : begin + PAGE] = chance.randbytes(PAGE)

    _bytes(path, change)


def swapped_pages(path, chance):
    """Two pages in each other's place."""

    def change(data):
        one, two = _page(chance, data), _page(chance, data)
        data[one : one + PAGE], data[two : two + PAGE] = data[two : two + PAGE], data[one : one + PAGE]

    _bytes(path, change)


def repeated_page(path, chance):
    """A page over another one."""

    def change(data):
        one, two = _page(chance, data), _page(chance, data)
        data[one : one + PAGE] = data[two : two + PAGE]

    _bytes(path, change)


def cut(path, chance):
    """The file ends anywhere."""
    os.truncate(path, chance.randrange(path.stat().st_size))


def cut_between_pages(path, chance):
    """The file ends where a page ends."""
    os.truncate(path, chance.randrange(path.stat().st_size // PAGE) * PAGE)


def continued(path, chance):
    """Noise behind the end."""
    with path.open("ab") as file:
        file.write(chance.randbytes(chance.choice([1, 500, PAGE, 3 * PAGE])))


def emptied(path, _chance):
    """No byte is left."""
    os.truncate(path, 0)


def other_content(path, chance):
    """A text or a pickle."""
    path.write_bytes(chance.choice([b"hello\n", b"x" * 5000, pickle.dumps({"a": 1}), bytes(PAGE * 3)]))


@contextlib.contextmanager
def _sql(path):
    connection = sqlite3.connect(path, isolation_level=None)
    try:
        connection.execute("PRAGMA ignore_check_constraints = ON")
        yield connection
    finally:
        connection.close()


def user_version(path, chance):
    """Another number, in the present, the past or the future."""
    with _sql(path) as store:
        store.execute(
            f"PRAGMA user_version = {chance.choice([0, -1, 1, 2, 3, 5, 6, 99, 1 << 30, -(1 << 31)])}"
        )


def application_id(path, chance):
    """Another number."""
    with _sql(path) as store:
        store.execute(f"PRAGMA application_id = {chance.choice([0, 1, -1, 1 << 30])}")


WRONG = [
    "''", "x''", "x'ff'", "'text'", "1", "-1", "0", "1.5", "9e999", "4611686018427387904", "-9223372036854775808",
    "CAST(x'ff61' AS TEXT)", "CAST(x'00' AS TEXT)", "'[[[[[['", "'{\"a\": 1e999}'", "zeroblob(100000)",
]  # fmt: skip


def _random_column(chance):
    table = chance.choice(list(TABLES))
    return table, chance.choice(list(TABLES[table]))


def wrong_values(path, chance):
    """Values of other types and sizes, in one to twenty places."""
    with _sql(path) as store:
        for _ in range(chance.randint(1, 20)):
            table, column = _random_column(chance)
            where = chance.choice(["1", f"rowid % {chance.randint(1, 5)} = 0"])
            with contextlib.suppress(sqlite3.Error):  # an integer key refuses some values
                store.execute(f"UPDATE OR IGNORE {table} SET {column} = {chance.choice(WRONG)} WHERE {where}")


def wrong_checksums(path, chance):
    """Checksums that are no numbers, or those of other rows."""
    with _sql(path) as store:
        for table in chance.sample(["jobs", "evidence", "blobs", "codes", "runs", "notes"], 3):
            value = chance.choice([*WRONG, f"(SELECT checksum FROM {table} LIMIT 1)"])
            store.execute(f"UPDATE {table} SET checksum = {value} WHERE rowid % {chance.randint(1, 3)} = 0")


def exchanged_rows(path, chance):
    """Every value of one column stands in the row before."""
    with _sql(path) as store:
        table, column = _random_column(chance)
        rows = store.execute(f"SELECT rowid, {column} FROM {table}").fetchall()
        values = [value for _, value in rows]
        for (rowid, _), value in zip(rows, values[1:] + values[:1], strict=True):
            with contextlib.suppress(sqlite3.Error):  # values of a key are unique
                store.execute(f"UPDATE OR IGNORE {table} SET {column} = ? WHERE rowid = ?", (value, rowid))


def moved_rows(path, chance):
    """Rows under other numbers, also negative and huge ones."""
    with _sql(path) as store:
        table = chance.choice(["jobs", "records", "observations", "runs"])
        key = next(iter(TABLES[table]))
        by = chance.choice([1 << 20, -(1 << 20), 1 << 41, 1 << 62, 1, -3])
        where = chance.choice(["1", f"{key} % 3 = 0"])
        with contextlib.suppress(sqlite3.Error):  # the other number is taken
            store.execute(f"UPDATE OR IGNORE {table} SET {key} = {key} + {by} WHERE {where}")


def missing_rows(path, chance):
    """A table without some of its rows."""
    with _sql(path) as store:
        table, _ = _random_column(chance)
        store.execute(f"DELETE FROM {table} WHERE rowid % {chance.randint(1, 3)} = 0")


def names_that_are_no_text(path, chance):
    """Names of jobs as bytes, and as text that is no UTF-8."""
    with _sql(path) as store:
        form = chance.choice(
            ["CAST(name AS BLOB)", "CAST(x'ff' || CAST(name AS BLOB) AS TEXT)", "CAST(x'c3' AS TEXT)"]
        )
        store.execute(f"UPDATE jobs SET name = {form} WHERE id % {chance.randint(1, 4)} = 0")


def changed_tables(path, chance):
    """A table or a column that is missing or has another name."""
    with _sql(path) as store:
        table, column = _random_column(chance)
        change = chance.choice(
            [
                f"DROP TABLE {table}",
                f"ALTER TABLE {table} RENAME TO other",
                f"ALTER TABLE {table} RENAME COLUMN {column} TO other",
                f"ALTER TABLE {table} ADD COLUMN other TEXT",
                "DROP INDEX events_of_run",
                "CREATE TABLE other (a)",
                f"CREATE TRIGGER other AFTER INSERT ON {table} BEGIN SELECT RAISE(ABORT, 'no'); END",
            ]
        )
        store.execute(change)


def _with_log(path, change):
    log = path.with_name(path.name + "-wal")
    if not log.exists():
        log.write_bytes(b"\x37\x7f\x06\x82" + bytes(28) + bytes(PAGE + 24))
    change(log)


def flipped_log(path, chance):
    """Bits of the write-ahead log."""

    def change(log):
        _bytes(log, lambda data: _flip(data, chance, 0, len(data), 40))

    _with_log(path, change)


def cut_log(path, chance):
    """A write-ahead log that ends anywhere."""
    _with_log(path, lambda log: os.truncate(log, chance.randrange(log.stat().st_size)))


def log_of_noise(path, chance):
    """A write-ahead log of noise."""
    _with_log(path, lambda log: log.write_bytes(chance.randbytes(chance.choice([10, 32, 5000, 20000]))))


def lost_log(path, _chance):
    """No write-ahead log where a killed writer had left one."""
    path.with_name(path.name + "-wal").unlink(missing_ok=True)


def other_side_files(path, chance):
    """Noise as index of the log, as rollback journal, as an unfinished store."""
    for suffix in chance.sample(["-shm", "-journal", ".new", ".new-wal", ".new-journal"], 2):
        path.with_name(path.name + suffix).write_bytes(chance.randbytes(chance.choice([0, 100, 40000])))


def a_folder_as_lock(path, _chance):
    """The lock is a folder."""
    lock = path.with_name(path.name + ".lock")
    lock.unlink(missing_ok=True)
    lock.mkdir()


def lock_of_noise(path, chance):
    """Noise in the lock file that no process holds."""
    path.with_name(path.name + ".lock").write_bytes(chance.randbytes(chance.choice([0, 3, 5000])))


def older_copy(path, _chance):
    """The store of an earlier run."""
    shutil.copyfile(path.with_name("earlier"), path)
    path.with_name(path.name + "-wal").unlink(missing_ok=True)


AT_REST = [
    flipped_bits, flipped_header, flipped_schema, zeroed_pages, pages_of_noise, swapped_pages, repeated_page, cut,
    cut_between_pages, continued, emptied, other_content, user_version, application_id, wrong_values,
    wrong_checksums, exchanged_rows, moved_rows, missing_rows, names_that_are_no_text, changed_tables, flipped_log,
    cut_log, log_of_noise, lost_log, other_side_files, lock_of_noise,
    a_folder_as_lock, older_copy,
]  # fmt: skip
"""Damages between two runs."""


# -- obstacles: ppg names them, and the user removes them ------------------------------------------------


def a_folder_in_its_place(path, _chance):
    """The store is a folder."""
    path.unlink()
    path.mkdir()


def a_pipe_in_its_place(path, _chance):
    """The store is a pipe."""
    path.unlink()
    os.mkfifo(path)


def another_programs_database(path, _chance):
    """A database with other tables."""
    path.unlink()
    path.with_name(path.name + "-wal").unlink(missing_ok=True)
    with _sql(path) as other:
        other.execute("CREATE TABLE bookmarks (url TEXT)")


OBSTACLES = [a_folder_in_its_place, a_pipe_in_its_place, another_programs_database]
"""Damages that end the run with an error which names them."""


# -- in mid-run ------------------------------------------------------------------------------------------


def deleted_in_mid_run(path, _chance):
    """The store is deleted."""
    path.unlink()


def replaced_in_mid_run(path, chance):
    """Another file takes the place of the store."""
    new = path.with_name("new")
    if chance.random() < 0.5:
        new.write_bytes(chance.randbytes(5000))
    else:
        shutil.copyfile(path.with_name("earlier"), new)
    new.replace(path)


def overwritten_in_mid_run(path, _chance):
    """`cp` puts the store of an earlier run over this one."""
    shutil.copyfile(path.with_name("earlier"), path)


def emptied_in_mid_run(path, _chance):
    """The store is emptied."""
    os.truncate(path, 0)


def noise_in_mid_run(path, chance):
    """Pages of the store become noise."""
    pages = path.stat().st_size // PAGE
    with path.open("r+b") as file:
        for _ in range(chance.randint(1, 4)):
            file.seek(chance.randrange(pages) * PAGE)
            file.write(chance.randbytes(PAGE))


def log_deleted_in_mid_run(path, chance):
    """The write-ahead log, its index or both are deleted."""
    for suffix in chance.choice([["-wal"], ["-shm"], ["-wal", "-shm"]]):
        path.with_name(path.name + suffix).unlink()


def log_cut_in_mid_run(path, chance):
    """The write-ahead log ends anywhere."""
    log = path.with_name(path.name + "-wal")
    os.truncate(log, chance.randrange(log.stat().st_size))


def lock_deleted_in_mid_run(path, _chance):
    """The lock file is deleted."""
    path.with_name(path.name + ".lock").unlink()


def folder_deleted_in_mid_run(path, _chance):
    """The folder of the store is deleted."""
    shutil.rmtree(path.parent)


IN_MID_RUN = [
    deleted_in_mid_run, replaced_in_mid_run, overwritten_in_mid_run, emptied_in_mid_run, noise_in_mid_run,
    log_deleted_in_mid_run, log_cut_in_mid_run, lock_deleted_in_mid_run, folder_deleted_in_mid_run,
]  # fmt: skip
"""Damages that a job of the run does, while the run writes."""
