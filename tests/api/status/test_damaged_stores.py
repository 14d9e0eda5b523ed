"""Runs with a damaged status store; `tests.invariants.corruption` has many more kinds of damage."""

import contextlib
import sqlite3
import warnings
from pathlib import Path

import pytest

import ppg
from ppg_invariants import StoreDamagedWarning

STORE = ".pypipegraph_status_robust"


def write(path):
    path.write_text("x")


@pytest.fixture
def run(tmp_path):
    """Runs a project of two jobs in this process; what ran."""

    def once(act=lambda: None):
        ppg.new_pipegraph(ppg.LocalSystem(inline=True), root=tmp_path, quiet=True)
        first = ppg.FileGeneratingJob("first", write)
        second = ppg.FileGeneratingJob("second", lambda path: (act(), write(path))).ignore_code_changes()
        second.depends_on(first)
        return ppg.run().ran

    return once


def damage(folder):
    with contextlib.closing(sqlite3.connect(folder / STORE)) as store:
        store.execute("PRAGMA user_version = 0")


def test_where_warnings_are_errors_a_damaged_store_ends_the_run_once_and_with_a_clear_error(run, tmp_path):
    assert run() == ["first", "second"]
    damage(tmp_path)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(ppg.PyPipelineGraphError, match="is damaged") as caught:
            run()
        assert not isinstance(caught.value, ppg.RuntimeError)
        assert run() == []


def test_a_store_that_a_job_deletes_is_made_again_with_the_records_of_the_whole_run(run, tmp_path):
    with pytest.warns(StoreDamagedWarning, match="its file was deleted"):
        assert run((tmp_path / STORE).unlink) == ["first", "second"]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert run() == []


@pytest.mark.parametrize("name", ["half \ud800", "\udfff", "\ud800\udc00 apart"])
def test_a_job_id_that_is_no_text_is_refused_when_it_is_declared(tmp_path, name):
    ppg.new_pipegraph(root=tmp_path, quiet=True)
    with pytest.raises(ValueError, match="must be text"):
        ppg.ParameterInvariant(name, 1)


def test_a_job_id_of_bytes_that_are_no_utf_8_is_kept(tmp_path):
    def run():
        ppg.new_pipegraph(ppg.LocalSystem(inline=True), root=tmp_path, quiet=True)
        job = ppg.FileGeneratingJob("caf\udce9", write).depends_on(ppg.ParameterInvariant("p\udcff\0", 1))
        assert job.job_id == "caf\udce9"
        return ppg.run().ran

    assert run() == ["caf\udce9"]
    assert run() == []
    assert Path(tmp_path, "caf\udce9").exists()
