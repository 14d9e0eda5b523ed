"""The status store keeps what it is given, for one writer and any number of readers."""

import os

import pytest

from ppg_graph import Fingerprint, JobId, NodeKind, Record
from ppg_invariants import (
    FileState,
    RunEnd,
    StatusStore,
    StoredObservation,
    StoredRecord,
    StoreError,
    StoreLocked,
    encode_parameters,
    fingerprint_function,
    fingerprint_parameters,
)


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


def test_names_that_are_no_unicode_are_kept(tmp_path):
    name = JobId(os.fsdecode(b"caf\xe9.txt"))
    with StatusStore.open(tmp_path / "store") as store:
        store.put(name, record())
    with StatusStore.open(tmp_path / "store") as store:
        assert list(store.records()) == [name]
