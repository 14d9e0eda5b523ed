"""Damage of a store, met when it is opened, read or written: what is sound stays, and the user is told."""

import contextlib
import os
import random
import shutil
import sqlite3
import subprocess
import sys
import warnings

import pytest

from ppg_graph import Fingerprint, JobId
from ppg_invariants import (
    RunEnd,
    StatusStore,
    StoreDamagedWarning,
    StoredObservation,
    StoreError,
    StoreTooNew,
    encode_parameters,
    fingerprint_function,
)
from ppg_invariants.rows.checksums import SEALED, TABLES
from ppg_invariants.sqlite_file import schema
from tests.fakes import small_file_system
from tests.invariants import damages
from tests.invariants.crash_rounds import record


def fill(store, numbers=range(50)):
    """Put rows into every table."""

    def function(x=3):
        return x

    run = store.begin_run()
    for number in numbers:
        job = JobId(f"job{number}")
        store.put(job, record(number))
        store.note(run, "ran", job, {"number": number})
        store.add_event(run, "started", job)
        parameters = encode_parameters(number)
        store.remember(JobId(f"p{number}"), StoredObservation(Fingerprint(b"p%d" % number), None, parameters))
    state = fingerprint_function(function)
    fingerprint = store.resolve_function(JobId("f"), state)
    store.remember(JobId("f"), StoredObservation(fingerprint, function=state))
    store.end_run(run, RunEnd.DONE)


@pytest.fixture
def path(tmp_path):
    """A closed store with rows in every table, in a folder of its own."""
    (tmp_path / "folder").mkdir()
    with StatusStore.open(tmp_path / "folder" / "store") as store:
        fill(store)
    return tmp_path / "folder" / "store"


@contextlib.contextmanager
def sql(path):
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as connection:
        yield connection


def is_whole(path, numbers=range(50)):
    """Whether the store opens in silence and has everything that `fill` puts into it."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with StatusStore.open(path) as store:
            return (
                {job_id: store.records()[job_id] for job_id in store.records()}
                == {JobId(f"job{number}"): record(number) for number in numbers}
                and all(store.noted("ran", JobId(f"job{n}")).details == {"number": n} for n in numbers)
                and all(store.observation(JobId(f"p{n}")).parameters == encode_parameters(n) for n in numbers)
                and store.observation(JobId("f")).function is not None
                and store.runs()[-1].end is RunEnd.DONE
                and len(store.events(1)) == len(numbers)
            )


def aside(path):
    return sorted(name for name in os.listdir(path.parent) if ".damaged-" in name and "-wal" not in name)


# -- the header ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", [0, -1, 1, 2, 3, 5, 99, 1 << 30])
def test_a_wrong_version_number_is_damage_and_nothing_is_lost(path, version):
    with sql(path) as connection:
        connection.execute(f"PRAGMA user_version = {version}")
    with pytest.warns(StoreDamagedWarning, match=f"schema version {version}"):
        StatusStore.open(path, read_only=True).close()
    with pytest.warns(StoreDamagedWarning, match=f"schema version {version}.*moved to"):
        StatusStore.open(path).close()
    assert is_whole(path)
    assert len(aside(path)) == 1


def test_a_wrong_application_number_over_our_tables_is_damage_and_nothing_is_lost(path):
    with sql(path) as connection:
        connection.execute("PRAGMA application_id = 7")
    with pytest.warns(StoreDamagedWarning):
        StatusStore.open(path).close()
    assert is_whole(path)


def test_a_newer_store_has_other_tables_and_is_left_alone(path):
    with sql(path) as connection:
        connection.execute("ALTER TABLE notes ADD COLUMN more TEXT")
        connection.execute("PRAGMA user_version = 99")
    before = path.read_bytes()
    with pytest.raises(StoreTooNew, match="schema version 99"):
        StatusStore.open(path)
    assert path.read_bytes() == before


# -- rows ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("table", "column"), [(table, column) for table, columns in TABLES.items() for column in columns]
)
@pytest.mark.parametrize("value", ["'x'", "x'ff'", "1.5", "7", "CAST(x'ff61' AS TEXT)"])
def test_a_wrong_value_anywhere_gives_a_warning_and_costs_its_own_row_only(path, table, column, value):
    with sql(path) as connection:
        ((rowid, count),) = connection.execute(f"SELECT max(rowid), count(*) FROM {table}")
        try:
            connection.execute(f"UPDATE {table} SET {column} = {value} WHERE rowid = {rowid}")
        except sqlite3.IntegrityError:
            return  # SQLite lets no such value in
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        with StatusStore.open(path) as store:
            read_everything(store)
            fill(store, [100])
            read_everything(store)
    assert all(one.category is StoreDamagedWarning for one in caught)
    # A row under another key is not read.
    assert len(caught) == 1 or table in {"evidence", "blobs", "events", "notes"}
    assert len(caught) <= 1
    with sql(path) as connection:
        ((left,),) = connection.execute(f"SELECT count(*) FROM {table}")
    assert left >= count - 1
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with StatusStore.open(path) as store:
            read_everything(store)
            assert store.records()[JobId("job100")] == record(100)
            assert len(store.records()) >= 50


def read_everything(store):
    for job_id in store.job_ids():
        store.observation(job_id)
        store.noted("ran", job_id)
    dict(store.records())
    dict(store.history())
    for run in store.runs():
        store.events(run.run_id)


def test_a_number_of_a_job_far_behind_the_others_takes_no_memory(path):
    with sql(path) as connection:
        connection.execute("UPDATE jobs SET id = id + (1 << 41) WHERE id = 3")
    with pytest.warns(StoreDamagedWarning, match="jobs"), StatusStore.open(path) as store:
        assert len(store.records()) > 40


def test_a_reader_tells_of_a_damaged_row_and_changes_nothing(path):
    with sql(path) as connection:
        connection.execute("UPDATE notes SET details = '{}'")
    before = path.read_bytes()
    with pytest.warns(StoreDamagedWarning, match="notes") as caught:  # noqa: PT031, SIM117
        with StatusStore.open(path, read_only=True) as store:
            assert store.noted("ran", JobId("job1")) is None
            assert store.noted("ran", JobId("job2")) is None
    assert len(caught) == 1
    assert path.read_bytes() == before
    assert aside(path) == []


def test_records_and_observations_are_not_taken_for_each_other(path):
    with sql(path) as connection:
        for one, other in [("records", "observations"), ("observations", "records")]:
            connection.execute(f"INSERT OR IGNORE INTO {one} SELECT * FROM {other}")
    with pytest.warns(StoreDamagedWarning):
        StatusStore.open(path).close()
    assert is_whole(path)


# -- stores without checksums ----------------------------------------------------------------------------


def without_checksums(path):
    """Make the store one of the version before rows had checksums."""
    with sql(path) as connection:
        for table in SEALED:
            connection.execute(f"ALTER TABLE {table} DROP COLUMN checksum")
        connection.execute("PRAGMA user_version = 3")
        connection.execute("VACUUM")


def test_a_store_without_checksums_gets_them_and_keeps_everything(path):
    without_checksums(path)
    assert is_whole(path)
    with sql(path) as connection:
        assert schema.version_of(connection) == schema.SCHEMA_VERSION
    assert is_whole(path)
    assert aside(path) == []


def test_a_damaged_store_without_checksums_keeps_the_rows_with_values_of_the_right_types(path):
    without_checksums(path)
    with sql(path) as connection:
        connection.execute("UPDATE runs SET details = x'ff'")
        connection.execute("UPDATE jobs SET name = 3 WHERE name = 'job3'")
    with pytest.warns(StoreDamagedWarning):
        StatusStore.open(path).close()
    with StatusStore.open(path) as store:
        assert set(store.records()) == {JobId(f"job{number}") for number in range(50) if number != 3}
        assert store.noted("ran", JobId("job7")).details == {"number": 7}
        assert store.runs() == []


# -- in mid-run ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("damage", damages.IN_MID_RUN)
def test_what_happens_to_the_files_in_mid_run_gives_a_warning_at_the_next_commit_and_loses_nothing(
    path, damage
):
    shutil.copyfile(path, path.with_name("earlier"))
    store = StatusStore.open(path)
    store.put(JobId("job50"), record(50))
    store.flush()
    damage(path, random.Random(1))
    store.put(JobId("job51"), record(51))
    with pytest.warns(StoreDamagedWarning) as caught:
        store.flush()
    assert len(caught) == 1
    assert "the run" in str(caught[0].message)
    store.close()
    with StatusStore.open(path) as again:
        assert again.damage is None
        assert set(again.records()) == {JobId(f"job{number}") for number in range(52)}
        if damage not in {damages.emptied_in_mid_run, damages.noise_in_mid_run}:
            assert again.noted("ran", JobId("job7")).details == {"number": 7}


def test_a_damaged_row_that_a_read_meets_gives_a_warning_and_is_repaired_before_the_next_read(path):
    with sql(path) as connection:
        connection.execute(
            "UPDATE notes SET at = at + 1 WHERE job = (SELECT id FROM jobs WHERE name = 'job3')"
        )
    with StatusStore.open(path) as store:
        assert store.noted("ran", JobId("job3")) is None
        with pytest.warns(StoreDamagedWarning, match="notes"):
            assert store.noted("ran", JobId("job4")) is not None
    with StatusStore.open(path) as store, warnings.catch_warnings():
        warnings.simplefilter("error")
        read_everything(store)
    assert len(aside(path)) == 1


def test_after_its_lock_was_deleted_and_taken_by_another_run_a_run_writes_no_more(path):
    store = StatusStore.open(path)
    os.unlink(f"{path}.lock")
    program = """
import sys
from ppg_invariants import StatusStore
store = StatusStore.open(sys.argv[1])
print("ready", flush=True)
sys.stdin.read()
store.close()
"""
    with subprocess.Popen(
        [sys.executable, "-c", program, path],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(name for name in sys.path if name)},
    ) as other:
        assert other.stdout.readline() == "ready\n"
        store.put(JobId("new"), record(1))
        with pytest.raises(StoreError, match=rf"another run.*process {other.pid}"):
            store.flush()
        with pytest.raises(StoreError, match="another run"):
            store.close()
        other.stdin.close()
    assert other.returncode == 0
    assert is_whole(path)
    assert sorted(os.listdir(path.parent)) == ["store"]


def test_a_touched_lock_or_a_reader_is_no_damage(path):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with StatusStore.open(path) as store:
            os.utime(f"{path}.lock")
            for number in range(50, 55):
                store.put(JobId(f"job{number}"), record(number))
                store.flush()
                with StatusStore.open(path, read_only=True) as reader:
                    assert len(reader.records()) == number + 1


# -- files that stay behind ------------------------------------------------------------------------------


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 400 KiB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    with small_file_system(folder, "400k"):
        yield folder


def test_a_creation_that_fails_leaves_no_file_behind(small_disk):
    (small_disk / "ballast").write_bytes(bytes(380_000))
    with pytest.raises(StoreError, match="cannot be made"):
        StatusStore.open(small_disk / "store")
    assert os.listdir(small_disk) == ["ballast"]


def test_a_repair_that_fails_leaves_no_file_behind_and_changes_nothing(small_disk):
    path = small_disk / "store"
    with StatusStore.open(path) as store:
        fill(store)
    os.truncate(path, path.stat().st_size * 3 // 4)
    damaged = path.read_bytes()
    room = os.statvfs(small_disk).f_bavail * 4096
    (small_disk / "ballast").write_bytes(bytes(room - len(damaged) - 30_000))
    with pytest.raises(StoreError, match=r"cannot be repaired.*make room"):
        StatusStore.open(path)
    assert sorted(os.listdir(small_disk)) == ["ballast", "store"]
    assert path.read_bytes() == damaged


def test_an_unfinished_store_of_a_killed_process_is_removed(path):
    for suffix in (".new", ".new-wal", ".new-shm", ".new-journal"):
        path.with_name(path.name + suffix).write_bytes(b"half of it")
    assert is_whole(path)
    assert os.listdir(path.parent) == ["store"]
