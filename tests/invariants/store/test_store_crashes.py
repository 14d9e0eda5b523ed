"""Whatever kills the writer, whatever damages the file: nothing that was committed and can be read is lost."""

import contextlib
import os
import pickle
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from ppg_graph import Fingerprint, JobId, NodeKind, Record
from ppg_invariants import (
    StatusStore,
    StoreDamagedWarning,
    StoredObservation,
    StoredRecord,
    StoreError,
    StoreLocked,
    StoreTooNew,
    encode_parameters,
)
from ppg_invariants.sqlite_file import schema
from tests.fakes import small_file_system
from tests.invariants.crash_rounds import record


def filled(path, count=2000):
    """A closed store with so many records."""
    with StatusStore.open(path) as store:
        for number in range(count):
            store.put(JobId(f"job{number}"), record(number))
        store.remember(JobId("p"), StoredObservation(Fingerprint(b"p"), parameters=encode_parameters(1)))
        store.begin_run()
    return path


def run_program(program, *arguments):
    return subprocess.run(
        [sys.executable, "-c", program, *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
    )


def rounds_of_kills(folder, rounds, seed):
    run = subprocess.run(
        [sys.executable, "-m", "tests.invariants.crash_rounds", str(folder), str(rounds), str(seed)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
    )
    assert run.returncode == 0, run.stdout + run.stderr
    print(run.stdout)
    assert "in a flush" in run.stdout


def test_a_writer_killed_at_any_moment_loses_nothing_that_it_committed(tmp_path):
    rounds_of_kills(tmp_path, rounds=500, seed=1)


@pytest.mark.nightly
@pytest.mark.parametrize("seed", range(2, 12))
def test_many_more_kills_lose_nothing_either(tmp_path, seed):
    rounds_of_kills(tmp_path, rounds=1000, seed=seed)


def test_the_lock_ends_with_its_process_even_if_a_fork_of_it_lives_on(tmp_path):
    program = """
import os, sys, time
from ppg_invariants import StatusStore
store = StatusStore.open(sys.argv[1])
reading, writing = os.pipe()
if os.fork() == 0:
    os.close(1)
    os.write(writing, b"x")
    time.sleep(600)
os.read(reading, 1)
print("ready", flush=True)
time.sleep(600)
"""
    path = tmp_path / "store"
    holder = subprocess.Popen(
        [sys.executable, "-c", program, path],
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
    )
    try:
        assert holder.stdout.readline() == "ready\n"
        with pytest.raises(StoreLocked) as caught:
            StatusStore.open(path)
        assert caught.value.pid == holder.pid
        assert caught.value.host == os.uname().nodename
        holder.kill()
        holder.wait()
        StatusStore.open(path).close()
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(holder.pid, signal.SIGKILL)
        holder.wait()
        holder.stdout.close()


def test_a_fork_of_the_writer_cannot_write_and_its_exit_changes_nothing(tmp_path):
    with StatusStore.open(tmp_path / "store") as store:
        store.put(JobId("a"), record(1))
        child = os.fork()
        if child == 0:
            code = 1
            try:
                store.flush()
            except StoreError:
                store.close()
                code = 0
            os._exit(code)
        assert os.waitpid(child, 0)[1] == 0
        with pytest.raises(StoreLocked):
            StatusStore.open(tmp_path / "store")
    with StatusStore.open(tmp_path / "store") as store:
        assert list(store.records()) == ["a"]


DAMAGE = {
    "cut in half": lambda data, _: data[: len(data) // 2],
    "cut within the first page": lambda data, _: data[:50],
    "emptied": lambda _data, _: b"",
    "no database any more": lambda _data, _: pickle.dumps({"an": "old status file"}),
    "a page of zeros": lambda data, chance: _page(data, chance, bytes(4096)),
    "a page of noise": lambda data, chance: _page(data, chance, chance.randbytes(4096)),
    "the page from which all records are found": lambda data, _: (
        data[: 2 * 4096] + bytes(4096) + data[3 * 4096 :]
    ),
    "ten pages of noise": lambda data, chance: _pages(data, chance, 10),
}


def _roots():
    """Pages from which all rows of a table are found; without one of them SQLite finds none of its rows."""
    with contextlib.closing(sqlite3.connect(":memory:")) as connection:
        schema.create(connection)
        return {page for (page,) in connection.execute("SELECT rootpage FROM sqlite_master")}


def _page(data, chance, content):
    page = chance.choice([page for page in range(1, len(data) // 4096) if page + 1 not in _roots()])
    return data[: page * 4096] + content + data[(page + 1) * 4096 :]


def _pages(data, chance, count):
    for _ in range(count):
        data = _page(data, chance, chance.randbytes(4096))
    return data


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("damage", DAMAGE)
def test_of_a_damaged_store_all_that_is_readable_is_saved_and_the_rest_kept_aside(tmp_path, damage, seed):
    path = filled(tmp_path / "store")
    good = path.read_bytes()
    bad = DAMAGE[damage](good, random.Random(seed))
    path.write_bytes(bad)
    with catch_damage() as warned, StatusStore.open(path) as store:
        left = dict(store.records())
        for job_id, stored in left.items():
            assert stored == record(int(job_id[3:]))
        store.observation(JobId("p"))
        store.runs()
        store.put(JobId("new"), record(1))
        aside = [name for name in os.listdir(tmp_path) if ".damaged-" in name]
        assert len(aside) == len(warned)
        if warned:
            assert (tmp_path / aside[0]).read_bytes() == bad
            assert aside[0] in str(warned[0].message)
            assert store.damage is not None
    if damage in ("a page of zeros", "a page of noise", "ten pages of noise"):
        assert len(left) > 1000
    if damage == "cut in half":
        assert len(left) > 100
    with StatusStore.open(path) as store:
        assert store.damage is None
        assert set(left) < set(store.records())


@contextlib.contextmanager
def catch_damage():
    import warnings

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("error")
        warnings.simplefilter("always", StoreDamagedWarning)
        yield caught


def test_a_damaged_row_counts_as_no_record(tmp_path):
    path = filled(tmp_path / "store", 10)
    with contextlib.closing(sqlite3.connect(path)) as connection, connection:
        (packed,) = connection.execute("SELECT packed FROM records WHERE job = 2").fetchone()
        flipped = bytes([*packed[:20], packed[20] ^ 1, *packed[21:]])
        connection.execute("UPDATE records SET packed = ? WHERE job = 2", (flipped,))
        connection.execute(
            "UPDATE records SET packed = (SELECT packed FROM records WHERE job = 6) WHERE job = 4"
        )
    with pytest.warns(StoreDamagedWarning, match="records"):
        store = StatusStore.open(path)
    with store:
        assert len(store.records()) == 8
        assert len(store.history()) == 8


def test_readers_of_a_damaged_store_see_what_is_readable_and_change_nothing(tmp_path):
    path = filled(tmp_path / "store")
    data = path.read_bytes()
    path.write_bytes(data[: len(data) * 3 // 4])
    before = path.read_bytes()
    with catch_damage() as warned, StatusStore.open(path, read_only=True) as store:
        assert len(store.records()) > 0
        assert store.damage is not None
        assert store.damage.moved_to is None
    assert len(warned) == 1
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == ["store"]


def test_a_store_of_a_newer_schema_is_left_alone(tmp_path):
    path = filled(tmp_path / "store", 3)
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 99")
        connection.execute("CREATE TABLE newer (a)")
    before = path.read_bytes()
    for read_only in (False, True):
        with pytest.raises(StoreTooNew, match="schema version 99"):
            StatusStore.open(path, read_only=read_only)
    assert path.read_bytes() == before


def test_a_database_of_another_program_is_left_alone(tmp_path):
    path = tmp_path / "places.sqlite"
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE bookmarks (url TEXT)")
    before = path.read_bytes()
    with pytest.raises(StoreError, match="another program"):
        StatusStore.open(path)
    assert path.read_bytes() == before


@pytest.fixture
def open_folder():
    """A folder that other users can reach, however the folders of the tests are protected."""
    with tempfile.TemporaryDirectory() as name:
        os.chmod(name, 0o755)
        yield Path(name)


def test_a_read_only_directory_is_a_clear_error_for_writers_and_no_obstacle_for_readers(open_folder):
    (open_folder / "folder").mkdir()
    path = filled(open_folder / "folder" / "store")
    os.chmod(path, 0o444)
    os.chmod(path.parent, 0o555)
    program = """
import os, sys
from ppg_invariants import StatusStore, StoreError
if os.geteuid() == 0:
    os.setuid(65534)
with StatusStore.open(sys.argv[1], read_only=True) as store:
    print(len(store.records()))
try:
    StatusStore.open(sys.argv[1])
except StoreError as error:
    print(error)
"""
    run = run_program(program, path)
    os.chmod(path.parent, 0o755)
    count, _, message = run.stdout.partition("\n")
    assert count == "2000", run.stderr
    assert "make the directory writable" in message


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 400 KiB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    with small_file_system(folder, "400k"):
        yield folder


def test_a_full_disk_is_a_clear_error_and_nothing_is_lost_once_there_is_room(small_disk):
    ballast = small_disk / "ballast"
    ballast.write_bytes(bytes(150_000))
    path = small_disk / "store"
    store = StatusStore.open(path)
    number = 0
    with pytest.raises(StoreError, match="disk is full") as caught:  # noqa: PT012
        for number in range(5000):
            store.put(JobId(f"job{number}"), record(number))
            if number % 50 == 0:
                store.flush()
    assert "not in it" in str(caught.value)
    with StatusStore.open(path, read_only=True) as reader:
        committed = len(reader.records())
        assert 0 < committed < number
    ballast.unlink()
    store.flush()
    store.close()
    with StatusStore.open(path) as again:
        assert len(again.records()) == len({*again.records()}) >= committed
        assert all(again.records()[JobId(f"job{one}")] == record(one) for one in range(number))


def test_a_disk_too_full_for_a_new_store_is_a_clear_error(small_disk):
    (small_disk / "ballast").write_bytes(bytes(390_000))
    with pytest.raises(StoreError, match="cannot be made"):
        StatusStore.open(small_disk / "store")
    assert not (small_disk / "store").exists()
    (small_disk / "ballast").unlink()
    StatusStore.open(small_disk / "store").close()


def test_readers_read_on_while_a_writer_commits_and_see_only_whole_batches(tmp_path):
    program = """
import dataclasses, sys
from pathlib import Path
from ppg_graph import JobId
from ppg_invariants import StatusStore
from tests.invariants.crash_rounds import record
stop = Path(sys.argv[2])
batch = 0
with StatusStore.open(sys.argv[1]) as store:
    print("ready", flush=True)
    while not stop.exists():
        batch += 1
        for number in range(10):
            store.put(JobId(f"job{number}"), dataclasses.replace(record(number), finished=batch))
        store.flush()
print(batch)
"""
    path, stop = tmp_path / "store", tmp_path / "stop"
    writer = subprocess.Popen(
        [sys.executable, "-c", program, path, stop],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
    )
    assert writer.stdout.readline() == "ready\n"
    seen = []
    while len(seen) < 30 or len(set(seen)) < 5:
        with StatusStore.open(path, read_only=True) as reader:
            batches = {stored.finished for stored in reader.records().values()}
            assert len(batches) <= 1
            seen += batches
    stop.touch()
    last = int(writer.communicate()[0])
    assert seen == sorted(seen)
    assert seen[-1] <= last


def test_the_log_of_a_killed_writer_survives_a_copy_of_the_folder(tmp_path):
    """What a snapshot or a backup finds: the file and its write-ahead log, no lock."""
    (tmp_path / "live").mkdir()
    store = StatusStore.open(tmp_path / "live" / "store")
    store.put(JobId("job1"), record(1))
    store.flush()
    shutil.copytree(tmp_path / "live", tmp_path / "copy")
    store.close()
    with StatusStore.open(tmp_path / "copy" / "store") as copy:
        assert copy.records()[JobId("job1")] == record(1)


def test_a_record_without_files_duration_or_memory_is_kept(tmp_path):
    bare = StoredRecord(Record(NodeKind.LOAD, Fingerprint(b""), {}))
    with StatusStore.open(tmp_path / "store") as store:
        store.put(JobId("load"), bare)
    with StatusStore.open(tmp_path / "store") as store:
        assert store.records()[JobId("load")] == bare
