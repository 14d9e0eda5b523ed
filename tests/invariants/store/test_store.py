"""The status store keeps what it is given, for one writer and any number of readers."""

import contextlib
import os
import sqlite3

import pytest

from ppg_graph import Fingerprint, JobId, NodeKind, Record
from ppg_invariants import (
    FileState,
    RunEnd,
    StatusStore,
    StoreDamagedWarning,
    StoredObservation,
    StoredRecord,
    StoreError,
    StoreLocked,
    encode_parameters,
    fingerprint_function,
    fingerprint_parameters,
)
from ppg_invariants.rows.codec import pack_record
from ppg_invariants.sqlite_file import schema


def record(content=b"a" * 16, **upstreams):
    return StoredRecord(
        Record(
            NodeKind.OUTPUT,
            Fingerprint(content),
            {JobId(name): Fingerprint(value) for name, value in upstreams.items()},
            {"x": Fingerprint(b"part")},
        ),
        {"out.txt": FileState(1, 2, 3, 4, 5, b"digest"), "b": FileState(1, 2, 3, 4, 5, b"d", "md5")},
        duration=1.5,
        peak_memory=4096,
        finished=12.0,
    )


def test_a_record_comes_back_as_it_was_given(tmp_path):
    given = record(a=b"1" * 16, b=b"22")
    with StatusStore.open(tmp_path / "store") as store:
        store.put(JobId("out.txt"), given)
        assert store.records()[JobId("out.txt")] == given
    with StatusStore.open(tmp_path / "store") as store:
        assert store.records()[JobId("out.txt")] == given
        assert store.history()[JobId("out.txt")] == given.record
        assert list(store.records()) == ["out.txt"]


def test_a_forgotten_record_is_gone_for_good(tmp_path):
    with StatusStore.open(tmp_path / "store") as store:
        store.put(JobId("a"), record())
        store.flush()
        store.forget(JobId("a"))
        store.forget(JobId("never was"))
        assert JobId("a") not in store.records()
    with StatusStore.open(tmp_path / "store") as store:
        assert dict(store.records()) == {}


def test_a_second_writer_stops_at_once_and_names_the_first(tmp_path):
    with StatusStore.open(tmp_path / "store"):
        with pytest.raises(StoreLocked) as caught:
            StatusStore.open(tmp_path / "store")
        assert caught.value.pid == os.getpid()
        assert str(os.getpid()) in str(caught.value)
    StatusStore.open(tmp_path / "store").close()


def test_a_closed_store_leaves_one_file(tmp_path):
    with StatusStore.open(tmp_path / "store") as store:
        store.put(JobId("a"), record())
    assert os.listdir(tmp_path) == ["store"]


def test_a_reader_sees_what_was_flushed_and_may_not_write(tmp_path):
    with pytest.raises(StoreError, match="nothing was run"):
        StatusStore.open(tmp_path / "store", read_only=True)
    with StatusStore.open(tmp_path / "store") as writer:
        writer.put(JobId("a"), record())
        writer.flush()
        with StatusStore.open(tmp_path / "store", read_only=True) as reader:
            assert list(reader.records()) == ["a"]
            with pytest.raises(StoreError, match="reading only"):
                reader.forget(JobId("a"))


def test_observations_keep_what_explains_them(tmp_path):
    value = {"a": [1, 2]}

    def function(x=3):
        return x, value

    state = fingerprint_function(function)
    with StatusStore.open(tmp_path / "store") as store:
        assert store.observation(JobId("p")) is None
        store.remember(
            JobId("p"),
            StoredObservation(
                Fingerprint(fingerprint_parameters(value)), parameters=encode_parameters(value)
            ),
        )
        fingerprint = store.resolve_function(JobId("f"), state)
        store.remember(JobId("f"), StoredObservation(fingerprint, function=state))
        file = FileState(1, 2, 3, 4, 5, b"digest", "md5")
        store.remember(JobId("i"), StoredObservation(Fingerprint(b"digest"), file=file))
    with StatusStore.open(tmp_path / "store") as store:
        parameters = store.observation(JobId("p"))
        assert parameters is not None
        assert parameters.parameters == encode_parameters(value)
        seen = store.observation(JobId("f"))
        assert seen is not None
        assert seen.function is not None
        assert "return x, value" in (seen.function.codes[0].source or "")
        assert store.resolve_function(JobId("f"), fingerprint_function(function)) == fingerprint
        assert store.observation(JobId("i")) == StoredObservation(Fingerprint(b"digest"), file=file)


def test_runs_and_their_events_are_kept_in_order(tmp_path):
    with StatusStore.open(tmp_path / "store") as store:
        first = store.begin_run({"script": "a.py"})
        store.add_event(first, "started", JobId("x"), {"pid": 1})
        store.add_event(first, "finished", JobId("x"))
        store.end_run(first, RunEnd.DONE)
        second = store.begin_run()
        summaries = store.runs()
        assert [summary.run_id for summary in summaries] == [second, first]
        assert summaries[1].end is RunEnd.DONE
        assert summaries[1].details == {"script": "a.py"}
        assert [(event.kind, event.job_id) for event in store.events(first)] == [
            ("started", "x"),
            ("finished", "x"),
        ]


def test_a_job_has_only_the_last_note_of_each_kind(tmp_path):
    with StatusStore.open(tmp_path / "store") as store:
        first, second = store.begin_run(), store.begin_run()
        store.note(first, "ran", JobId("b"), {"reasons": ["new"]})
        store.note(first, "ran", JobId("a"), {"reasons": ["new"]})
        store.note(first, "made", JobId("a"), {"jobs": []})
        store.note(second, "ran", JobId("a"), {"reasons": ["changed"]})
    with StatusStore.open(tmp_path / "store", read_only=True) as store:
        noted = store.noted("ran", JobId("a"))
        assert (noted.run_id, noted.kind, noted.details) == (second, "ran", {"reasons": ["changed"]})
        assert store.noted("made", JobId("a")).run_id == first
        assert store.noted("made", JobId("b")) is None
        assert store.noted("ran", JobId("never heard of")) is None
        assert store.job_ids() == ["b", "a"]


def test_a_damaged_note_counts_as_none(tmp_path):
    with StatusStore.open(tmp_path / "store") as store:
        store.note(store.begin_run(), "ran", JobId("a"), {})
    with contextlib.closing(sqlite3.connect(tmp_path / "store")) as connection, connection:
        connection.execute("UPDATE notes SET details = 'half of'")
    store = StatusStore.open(tmp_path / "store", read_only=True)
    with store, pytest.warns(StoreDamagedWarning, match="notes"):
        assert store.noted("ran", JobId("a")) is None


def test_names_that_are_no_unicode_are_kept(tmp_path):
    name = JobId(os.fsdecode(b"caf\xe9.txt"))
    with StatusStore.open(tmp_path / "store") as store:
        store.put(name, record())
    with StatusStore.open(tmp_path / "store") as store:
        assert list(store.records()) == [name]


VERSION_1 = """
CREATE TABLE jobs (id INTEGER PRIMARY KEY, name TEXT NOT NULL);
CREATE TABLE records (job INTEGER PRIMARY KEY, packed BLOB NOT NULL);
CREATE TABLE observations (job INTEGER PRIMARY KEY, packed BLOB NOT NULL);
CREATE TABLE evidence (fingerprint BLOB PRIMARY KEY, packed BLOB NOT NULL);
CREATE TABLE blobs (digest BLOB PRIMARY KEY, content BLOB NOT NULL);
CREATE TABLE codes (python TEXT NOT NULL, bytecode BLOB NOT NULL, syntax BLOB, canonical BLOB NOT NULL,
                    PRIMARY KEY (python, bytecode));
CREATE TABLE runs (id INTEGER PRIMARY KEY, started REAL NOT NULL, ended REAL, outcome TEXT NOT NULL,
                   pid INTEGER NOT NULL, host TEXT NOT NULL, details TEXT NOT NULL);
CREATE TABLE events (run INTEGER NOT NULL, at REAL NOT NULL, kind TEXT NOT NULL, job INTEGER,
                     details TEXT NOT NULL);
CREATE INDEX events_of_run ON events (run);
PRAGMA application_id = 0x70706731;
PRAGMA user_version = 1;
"""


def make_version_1(path, function):
    """A store as the first version of the schema had it, with one record and one known function."""
    state = fingerprint_function(function)
    packed = pack_record(JobId("a"), record(), {"a": 1}.__getitem__)
    with contextlib.closing(sqlite3.connect(path)) as connection, connection:
        connection.executescript(VERSION_1)
        connection.execute("INSERT INTO jobs VALUES (1, 'a')")
        connection.execute("INSERT INTO records VALUES (1, ?)", (packed,))
        code = state.codes[0]
        connection.execute(
            "INSERT INTO codes VALUES (?, ?, ?, ?)", (state.python, code.bytecode, None, b"known")
        )


def test_a_store_of_the_first_version_is_migrated_with_all_its_rows(tmp_path):
    def function():
        return 1

    make_version_1(tmp_path / "store", function)
    state = fingerprint_function(function)
    before = (tmp_path / "store").read_bytes()
    with StatusStore.open(tmp_path / "store", read_only=True) as store:
        assert store.records()[JobId("a")] == record()
    assert (tmp_path / "store").read_bytes() == before
    for _again in range(2):
        with StatusStore.open(tmp_path / "store") as store:
            assert store.records()[JobId("a")] == record()
            assert store.resolve_function(JobId("f"), state) == state.combine([b"known"])
    with contextlib.closing(sqlite3.connect(tmp_path / "store")) as connection:
        assert schema.version_of(connection) == schema.SCHEMA_VERSION
    StatusStore.open(tmp_path / "store", read_only=True).close()


def test_a_migration_that_fails_changes_nothing(tmp_path, monkeypatch):
    make_version_1(tmp_path / "store", lambda: 1)

    def fail(connection):
        connection.execute("DROP TABLE codes")
        raise RuntimeError("no")

    monkeypatch.setitem(schema._MIGRATIONS, 1, fail)
    with pytest.raises(RuntimeError):
        StatusStore.open(tmp_path / "store")
    monkeypatch.undo()
    with StatusStore.open(tmp_path / "store") as store:
        assert list(store.records()) == ["a"]
