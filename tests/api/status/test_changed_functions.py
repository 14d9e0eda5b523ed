"""Changes of functions as jobs see them: of the callback, of what it captures and names, of Python."""

import importlib
import os
import shutil
import sys
import threading
from typing import NamedTuple

import pytest

import ppg
from ppg_graph import JobId
from ppg_invariants import FunctionState, StatusStore, fingerprint_function


def test_a_changed_function_reruns_its_job(run, account):
    def declare(number):
        ppg.FileGeneratingJob("a", lambda path: (account.ran("a"), path.write_text(f"{number}")))

    run(lambda: declare(1))
    account.taken()
    run(lambda: declare(1))
    assert account.taken() == []
    run(lambda: declare(2))
    assert account.taken() == ["a"]


def test_a_changed_function_does_not_rerun_a_job_that_ignores_code_changes(run, writer, account):
    def declare(text):
        ppg.FileGeneratingJob("a", writer(text)).ignore_code_changes()

    run(lambda: declare("1"))
    account.taken()
    run(lambda: declare("2"))
    assert account.taken() == []


def test_a_changed_helper_reruns_the_jobs_that_state_it(run, writer, account):
    def declare(helper):
        ppg.FileGeneratingJob("a", writer("A")).depends_on_func(helper)
        ppg.FileGeneratingJob("b", writer("B"))

    run(lambda: declare(lambda: 1))
    account.taken()
    run(lambda: declare(lambda: 2))
    assert account.taken() == ["a"]


HELPERS = """
FACTOR = {factor}

def helper(x):
    # {comment}
    return x * FACTOR

def make(path):
    path.write_text(str(helper(1)))
"""


@pytest.fixture
def project(folder, monkeypatch):
    """Imports a module of the user's project anew, as a new run of a script does."""
    monkeypatch.syspath_prepend(str(folder))

    def imported(**values):
        (folder / "helpers.py").write_text(HELPERS.format(**values))
        importlib.invalidate_caches()
        sys.modules.pop("helpers", None)
        shutil.rmtree(folder / "__pycache__", ignore_errors=True)
        return importlib.import_module("helpers")

    yield imported
    sys.modules.pop("helpers", None)


@pytest.mark.parametrize(("follow", "seen"), [("project", ["a"]), ("none", [])])
def test_an_edit_of_a_helper_is_seen_unless_names_are_not_followed(run, project, follow, seen):
    def outcome(**values):
        helpers = project(**values)
        return run(lambda: ppg.FileGeneratingJob("a", helpers.make), follow=follow).ran

    assert outcome(factor=2, comment="x") == ["a"]
    assert outcome(factor=2, comment="another comment") == []
    assert outcome(factor=33, comment="x") == seen


def test_a_captured_job_counts_by_its_name_not_by_where_it_was_declared(run):
    def declare():
        a = ppg.FileGeneratingJob("a", lambda path: path.write_text("A"))
        ppg.FileGeneratingJob("b", lambda path: path.write_text(f"{a.job_id} {a.files}")).depends_on(a)

    def declare_elsewhere():
        declare()

    assert run(declare).ran == ["a", "b"]
    assert run(declare_elsewhere).ran == []


def test_a_default_or_captured_value_that_cannot_be_fingerprinted_is_named_and_fails_its_branch(
    failing_run, writer, account
):
    lock = threading.Lock()

    def declare_jobs():
        ppg.FileGeneratingJob("a", lambda path, connection=lock: connection)
        ppg.FileGeneratingJob("b", lambda path: lock)
        ppg.FileGeneratingJob("c", writer("C"))

    error, _ = failing_run(declare_jobs)
    told = "\n".join(str(exception) for exception in error.exceptions.values())
    assert "function → default 'connection'" in told
    assert "function → closure 'lock'" in told
    assert "0x" not in told, "never an address"
    assert error.blocked == ("a", "b")
    assert account.taken() == ["c"]


class CodeElsewhere(NamedTuple):
    """What is asked of a code object."""

    bytecode: bytes
    syntax: bytes | None
    source: str | None
    name: str


class Elsewhere(FunctionState):
    """A function as another version of Python has it."""

    __slots__ = ()
    python = "3.99"


def under_another_python(state, *, syntax=True):
    """The same function as another version of Python compiles it: other bytecode, and perhaps the same source."""
    codes = tuple(
        CodeElsewhere(
            code.bytecode[::-1], *((code.syntax, code.source) if syntax else (None, None)), code.name
        )
        for code in state.codes
    )
    return Elsewhere(state.values, codes)


def a_function(path):
    """Writes."""
    path.write_text("x")


def test_another_python_is_no_change_of_a_function_with_the_same_syntax_and_both_are_stored(tmp_path):
    here = fingerprint_function(a_function)
    with StatusStore.open(tmp_path / "store") as store:
        first = store.resolve_function(JobId("f"), here)
    with StatusStore.open(tmp_path / "store") as store:
        assert store.resolve_function(JobId("f"), under_another_python(here)) == first
    with StatusStore.open(tmp_path / "store") as store:
        # The bytecode alone is enough by now, under either version.
        assert store.resolve_function(JobId("f"), under_another_python(here, syntax=False)) == first
        assert store.resolve_function(JobId("f"), here) == first


def test_another_python_without_the_source_is_a_change(tmp_path):
    here = fingerprint_function(a_function)
    with StatusStore.open(tmp_path / "store") as store:
        first = store.resolve_function(JobId("f"), here)
        assert store.resolve_function(JobId("f"), under_another_python(here, syntax=False)) != first


def test_a_captured_value_without_content_names_the_variable_and_fails_only_its_job(
    failing_run, writer, account
):
    handle = open(os.devnull)  # noqa: SIM115

    def declare():
        ppg.FileGeneratingJob("a", lambda path: handle.read())
        ppg.FileGeneratingJob("b", writer("B"))

    error, _graph = failing_run(declare)
    handle.close()
    assert account.taken() == ["b"]
    assert "closure 'handle'" in str(error.exceptions["FI:a"])
