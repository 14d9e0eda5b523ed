"""What counts as a change: input files, parameters and functions as jobs see them."""

import functools
import os
import threading
from pathlib import Path
from typing import NamedTuple

import pytest

import ppg
from ppg_graph import JobId
from ppg_invariants import FunctionState, StatusStore, fingerprint_function, observe_file, observe_files

# -- memory is per edge


@pytest.fixture
def declare(writer):
    """Declares jobs of which some depend on one parameter that has this value now."""

    def declare_jobs(value, users, others=""):
        parameter = ppg.ParameterInvariant("p", value)
        for name in users:
            ppg.FileGeneratingJob(name, writer(name)).depends_on(parameter)
        for name in others:
            ppg.FileGeneratingJob(name, writer(name))

    return declare_jobs


def test_an_invariant_that_is_attached_or_detached_is_a_change_of_that_job_only(run, declare, account):
    run(lambda: declare(1, "a", "b"))
    account.taken()
    run(lambda: declare(1, "ab"))
    assert account.taken() == ["b"]
    run(lambda: declare(1, "b", "a"))
    assert account.taken() == ["a"]
    run(lambda: declare(1, "b", "a"))
    assert account.taken() == []


def test_an_invariant_that_changed_while_it_was_detached_is_a_change(run, declare, account):
    run(lambda: declare(1, "ab"))
    run(lambda: declare(2, "b", "a"))
    account.taken()
    run(lambda: declare(2, "ab"))
    assert account.taken() == ["a"]


def test_an_invariant_that_changed_while_one_of_its_jobs_was_absent_is_a_change_of_that_job(
    run, declare, account
):
    run(lambda: declare(1, "ab"))
    account.taken()
    run(lambda: declare(2, "b"))
    assert account.taken() == ["b"]
    run(lambda: declare(2, "ab"))
    assert account.taken() == ["a"], "b has consumed the new value, a has not"


def test_an_invariant_that_was_absent_for_a_run_is_no_change_when_all_is_as_before(run, declare, account):
    run(lambda: declare(1, "a"))
    account.taken()
    run(lambda: declare(1, ""))
    run(lambda: declare(1, "a"))
    assert account.taken() == []


def test_an_invariant_that_changed_and_changed_back_while_its_job_was_absent_is_no_change(
    run, declare, account
):
    run(lambda: declare(1, "ab"))
    run(lambda: declare(2, "b"))
    account.taken()
    run(lambda: declare(1, "ab"))
    assert account.taken() == ["b"]


def test_an_invariant_that_changed_while_its_job_failed_is_still_a_change_afterwards(
    run, failing_run, account
):
    def declare_job(value, *, broken):
        def make(path):
            account.ran("a")
            if broken:
                raise ValueError
            path.write_text("A")

        ppg.FileGeneratingJob("a", make).ignore_code_changes().depends_on_params(value)

    run(lambda: declare_job(1, broken=False))
    failing_run(lambda: declare_job(2, broken=True))
    account.taken()
    run(lambda: declare_job(2, broken=False))
    assert account.taken() == ["a"]


# -- input files


@pytest.fixture
def uses(writer):
    """Declares a job that uses the file `input`, observed by this kind of invariant."""

    def declare_user(invariant):
        ppg.FileGeneratingJob("a", writer("A")).depends_on(invariant("input"))

    return declare_user


def test_one_nanosecond_is_another_modification_time_and_other_content_at_the_same_time_is_not(
    run, uses, account, folder
):
    def stamped(nanoseconds, content):
        (folder / "input").write_text(content)
        os.utime(folder / "input", ns=(nanoseconds, nanoseconds))

    stamped(1_700_000_000_123_456_789, "one")
    run(lambda: uses(ppg.FileTimeInvariant))
    account.taken()
    stamped(1_700_000_000_123_456_789, "another")
    run(lambda: uses(ppg.FileTimeInvariant))
    assert account.taken() == []
    stamped(1_700_000_000_123_456_790, "another")
    run(lambda: uses(ppg.FileTimeInvariant))
    assert account.taken() == ["a"]


def test_of_a_touched_input_only_the_remembered_time_moves_on(run, uses, account, folder):
    def remembered():
        with StatusStore.open(folder / ".pypipegraph_status_robust", read_only=True) as store:
            return store.observation(JobId("input"))

    (folder / "input").write_text("content")
    run(lambda: uses(ppg.FileChecksumInvariant))
    before = remembered()
    os.utime(folder / "input", ns=(1, 1))
    account.taken()
    run(lambda: uses(ppg.FileChecksumInvariant))
    after = remembered()
    assert account.taken() == []
    assert before.fingerprint == after.fingerprint
    assert before.file.digest == after.file.digest
    assert before.file.algorithm == "md5"
    assert before.file.mtime_ns != 1
    assert after.file.mtime_ns == 1


@pytest.mark.parametrize("replaced", [False, True])
def test_an_input_with_other_content_of_the_same_size_and_time_is_a_change(
    run, uses, account, folder, replaced
):
    path = folder / "input"
    path.write_text("content")
    run(lambda: uses(ppg.FileChecksumInvariant))
    account.taken()
    stat = path.stat()
    if replaced:
        (folder / "new").write_text("CONTENT")
        os.replace(folder / "new", path)
    else:
        path.write_text("CONTENT")
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert (path.stat().st_size, path.stat().st_mtime_ns) == (stat.st_size, stat.st_mtime_ns)
    run(lambda: uses(ppg.FileChecksumInvariant))
    assert account.taken() == ["a"]


def test_an_input_that_is_written_within_the_same_tick_of_the_clock_as_the_look_at_it_is_hashed_again(
    tmp_path,
):
    path = str(tmp_path / "input")
    within_a_tick = 0
    for number in range(300):
        with open(path, "wb") as stream:
            stream.write(b"%08d" % number)
        first = observe_file(path)
        with open(path, "r+b") as stream:
            stream.write(b"%08d" % (number + 1_000_000))
        within_a_tick += os.stat(path).st_ctime_ns // 4_000_000 == first.ctime_ns // 4_000_000
        (again,) = observe_files([(path, first)])
        assert again.digest != first.digest, number
    assert within_a_tick > 0


def test_a_stat_that_may_hide_a_write_is_not_believed_and_one_that_cannot_is(tmp_path):
    path = tmp_path / "input"
    path.write_text("content")
    first = observe_file(str(path))
    path.write_text("CONTENT")
    stat = path.stat()
    # As if the write had left no trace: whether there can have been one depends on when the last look was.
    unchanged = first._replace(mtime_ns=stat.st_mtime_ns, ctime_ns=stat.st_ctime_ns, inode=stat.st_ino)
    too_soon = unchanged._replace(looked_ns=1)
    later = unchanged._replace(looked_ns=stat.st_ctime_ns + 60_000_000_000)
    assert observe_file(str(path), too_soon).digest != first.digest
    assert observe_file(str(path), later) is later, "it was not read"


def test_an_input_of_another_size_is_a_change(run, uses, account, folder):
    (folder / "input").write_text("content")
    run(lambda: uses(ppg.FileChecksumInvariant))
    account.taken()
    (folder / "input").write_text("content!")
    run(lambda: uses(ppg.FileChecksumInvariant))
    assert account.taken() == ["a"]


UNREADABLE = "/proc/self/mem"
"""A regular file that nobody can read from its beginning, not even the superuser."""

NO_INPUT = {
    "missing": (lambda path: None, "does not exist"),
    "directory": (lambda path: path.mkdir(), "director|not a regular file"),
    "pipe": (os.mkfifo, "pipe|not a regular file"),
    "dangling": (lambda path: path.symlink_to("nowhere"), "does not exist"),
    "circular": (lambda path: path.symlink_to(path), "cannot be read"),
    "unreadable": (lambda path: path.symlink_to(UNREADABLE), "cannot be read"),
}


@pytest.mark.parametrize(
    ("invariant", "troubles"),
    [
        (ppg.FileChecksumInvariant, sorted(NO_INPUT)),
        (ppg.FileTimeInvariant, sorted(NO_INPUT.keys() - {"unreadable"})),
    ],
)
def test_an_input_that_is_missing_unreadable_or_no_file_fails_its_branch_and_the_rest_runs(
    failing_run, writer, account, folder, invariant, troubles
):
    for trouble in troubles:
        make, _ = NO_INPUT[trouble]
        make(folder / trouble)

    def declare_jobs():
        for trouble in troubles:
            ppg.FileGeneratingJob(f"of {trouble}", writer("A")).depends_on(invariant(trouble))
        ppg.FileGeneratingJob("free", writer("B"))

    error, _ = failing_run(declare_jobs)
    assert sorted(error.exceptions) == troubles
    assert sorted(error.blocked) == [f"of {trouble}" for trouble in troubles]
    assert account.taken() == ["free"]
    for trouble in troubles:
        message = str(error.exceptions[trouble])
        assert f"'{trouble}'" in message
        assert any(words in message for words in NO_INPUT[trouble][1].split("|")), message


# -- parameters


def test_a_parameter_that_cannot_be_fingerprinted_is_a_type_error_at_the_definition_with_its_path(
    folder, writer
):
    ppg.new_pipegraph(quiet=True)
    job = ppg.FileGeneratingJob("a", writer("A"))
    with pytest.raises(TypeError, match=r"parameters\['db'\]\[1\].*lock"):
        job.depends_on_params({"db": [0, threading.Lock()]})
    with pytest.raises(TypeError, match=r"p': .*parameters\['db'\]\[1\].*lock"):
        ppg.ParameterInvariant("p", {"db": [0, threading.Lock()]})
    assert not job.upstreams


def test_parameters_in_another_order_rerun_the_job_and_sets_and_dictionaries_have_none(run, writer, account):
    def declare_job(value):
        ppg.FileGeneratingJob("a", writer("A")).depends_on_params(value)

    def reran(value):
        run(lambda: declare_job(value))
        return account.taken() == ["a"]

    assert reran((1, 2))
    assert reran((2, 1))
    assert reran([1])
    assert reran([1, 1])
    assert reran({"a": {1, 2}, "b": float("nan")})
    assert not reran({"b": float("nan"), "a": {2, 1}})
    assert reran({"b": float("nan"), "a": {2, 1.0}})


# -- functions


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


class Writer:
    def __init__(self, text):
        self.text = text

    def __call__(self, path):
        path.write_text(self.text)

    def method(self, path):
        path.write_text("method")


def write_text(text, path):
    path.write_text(text)


def test_partials_methods_callable_objects_and_functions_in_c_are_callbacks(run, folder):
    def declare_jobs(text):
        ppg.FileGeneratingJob("partial", functools.partial(write_text, text))
        ppg.FileGeneratingJob("method", Writer(text).method)
        ppg.FileGeneratingJob("object", Writer(text))
        ppg.FileGeneratingJob("c", os.mknod, empty_ok=True)

    run(lambda: declare_jobs("1"))
    assert [(folder / name).read_text() for name in ("partial", "method", "object", "c")] == [
        "1",
        "method",
        "1",
        "",
    ]
    assert run(lambda: declare_jobs("1")).ran == []
    assert run(lambda: declare_jobs("2")).ran == ["partial", "object"], (
        "the instance of a method does not count"
    )


def test_what_cannot_be_a_callback_is_refused_at_the_definition(folder):
    ppg.new_pipegraph(quiet=True)
    for wrong in (1, "text", None, Path, Writer):
        with pytest.raises(TypeError, match="must be"):
            ppg.FileGeneratingJob("a", wrong)
    for wrong in (1, "text", None):
        with pytest.raises(TypeError, match="must be callable"):
            ppg.FunctionInvariant("f", wrong)


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
