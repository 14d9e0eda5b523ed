"""Jobs that fail: what is told, what is done all the same, and what is left for the next run."""

import builtins
import os
import re
import signal
import socket
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

import pytest

import ppg
from ppg.inspect.why import why_from_graph
from tests.exec.attacks import SideEffect


def test_a_failing_job_blocks_what_depends_on_it_and_nothing_else(failing_run, run, writer, account):
    def declare(*, broken):
        def make(path, broken=broken):
            account.ran("a")
            if broken:
                raise ValueError("no luck")
            path.write_text("A")

        a = ppg.FileGeneratingJob("a", make)
        b = ppg.FileGeneratingJob("b", writer("B")).depends_on(a)
        ppg.FileGeneratingJob("c", writer("C")).depends_on(b)
        ppg.FileGeneratingJob("d", writer("D"))

    error, graph = failing_run(lambda: declare(broken=True))
    assert account.taken() == ["a", "d"]
    assert isinstance(error, builtins.RuntimeError)
    assert isinstance(error, ppg.PyPipelineGraphError)
    assert list(error.exceptions) == ["a"]
    assert error.blocked == ("b", "c")
    assert isinstance(graph.job("a").exception, ValueError)
    assert "no luck" in str(error)
    assert graph.job("c").outcome.cause == "a"
    run(lambda: declare(broken=False))
    assert account.taken() == ["a", "b", "c"]


def test_the_exceptions_type_message_and_traceback_survive(failing_run, folder):
    class SpecialError(ValueError):
        pass

    def deeper():
        raise SpecialError("the message")

    def make():
        deeper()

    error, graph = failing_run(lambda: ppg.FileGeneratingJob("a", make))
    assert type(error.exceptions["a"]).__name__ == "SpecialError"
    assert isinstance(error.exceptions["a"], ValueError)
    assert str(error.exceptions["a"]) == "the message"
    assert "in deeper" in graph.job("a").traceback
    assert 'raise SpecialError("the message")' in graph.job("a").traceback


def test_what_a_failed_job_wrote_is_removed(failing_run, folder):
    def make(path):
        path.write_text("half")
        raise ValueError

    failing_run(lambda: ppg.FileGeneratingJob("a", make))
    assert not (folder / "a").exists()


def test_what_a_failed_job_wrote_is_renamed_if_wanted(failing_run, folder):
    def make(path):
        path.write_text("half")
        raise ValueError

    failing_run(lambda: ppg.FileGeneratingJob("a", make, rename_broken=True))
    assert not (folder / "a").exists()
    assert (folder / "a.broken").read_text() == "half"


def test_the_files_and_records_of_blocked_jobs_stay(failing_run, run, writer, account, folder):
    def declare(*, broken):
        def make(path, broken=broken):
            if broken:
                raise ValueError
            path.write_text("A")

        a = ppg.FileGeneratingJob("a", make)
        ppg.FileGeneratingJob("b", writer("B")).depends_on(a)

    run(lambda: declare(broken=False))
    account.taken()
    failing_run(lambda: declare(broken=True))
    assert (folder / "b").read_text() == "B"
    run(lambda: declare(broken=False))
    assert account.taken() == [], "a was made again with the same bytes, so b stays as it was"


@pytest.mark.parametrize(
    ("make", "named"),
    [
        (lambda: None, "missing: a"),
        (lambda path: path.touch(), "empty: a"),
        (lambda path: path.mkdir(), "not a file: a"),
    ],
)
def test_a_callback_that_does_not_make_its_file_breaks_the_contract(failing_run, make, named):
    error, _graph = failing_run(lambda: ppg.FileGeneratingJob("a", make))
    assert isinstance(error.exceptions["a"], ppg.JobContractError)
    assert named in str(error.exceptions["a"])


def test_every_missing_file_of_many_is_named(failing_run):
    error, _graph = failing_run(
        lambda: ppg.MultiFileGeneratingJob(["a", "b", "c"], lambda paths: paths[1].write_text("B"))
    )
    assert "missing: a, c" in str(error.exceptions["a:b:c"])


def _segfault():
    os.kill(os.getpid(), signal.SIGSEGV)


@pytest.mark.parametrize(
    ("make", "exit_code", "signal_number"),
    [
        (lambda: os._exit(3), 3, None),
        (lambda: sys.exit(0), 0, None),
        (lambda: sys.exit(5), 5, None),
        (_segfault, None, signal.SIGSEGV),
        (lambda: os.kill(os.getpid(), signal.SIGKILL), None, signal.SIGKILL),
    ],
)
def test_a_process_that_dies_is_reported_with_its_cause_and_output(
    failing_run, run, writer, account, make, exit_code, signal_number
):
    def die(path):
        print("the last words")
        sys.stdout.flush()
        path.write_text("half")
        make()

    def declare(callback):
        a = ppg.FileGeneratingJob("a", callback)
        ppg.FileGeneratingJob("b", writer("B")).depends_on(a)
        ppg.FileGeneratingJob("c", writer("C"))

    error, graph = failing_run(lambda: declare(die))
    died = error.exceptions["a"]
    assert isinstance(died, ppg.JobDiedException)
    assert (died.exit_code, died.signal) == (exit_code, signal_number)
    assert died.likely_cause
    assert graph.job("a").stdout == "the last words\n"
    assert account.taken() == ["c"]
    assert not os.path.exists("a")
    run(lambda: declare(writer("A")))
    assert account.taken() == ["a", "b"]


def test_a_callback_that_cannot_be_pickled_names_the_culprit_and_fails_only_its_job(
    failing_run, writer, account
):
    lock = threading.Lock()

    def declare():
        ppg.FileGeneratingJob("a", lambda path: lock.acquire()).ignore_code_changes()
        ppg.FileGeneratingJob("b", writer("B"))

    error, _graph = failing_run(declare)
    assert account.taken() == ["b"]
    assert "closure 'lock'" in str(error.exceptions["a"])


def test_a_job_that_needs_more_cores_than_exist_fails_with_that_reason(failing_run, writer, account):
    def declare():
        ppg.FileGeneratingJob("a", writer("A")).use_cores(3)
        ppg.FileGeneratingJob("b", writer("B"))

    error, _graph = failing_run(declare, resource_coordinator=ppg.LocalSystem(max_cores_to_use=2))
    assert account.taken() == ["b"]
    assert "3 cores" in str(error.exceptions["a"])


def test_a_second_run_with_the_same_status_file_stops_at_once_and_names_the_holder(folder, account):
    script = textwrap.dedent("""
        import sys, ppg
        def wait(path):
            (path.parent / "running").touch()
            sys.stdin.close()
            while not (path.parent / "go").exists():
                pass
            path.write_text("A")
        ppg.new_pipegraph(quiet=True)
        ppg.FileGeneratingJob("a", wait)
        ppg.run_pipegraph()
    """)
    (folder / "script.py").write_text(script)
    holder = subprocess.Popen([sys.executable, "script.py"])
    try:
        while not (folder / "running").exists():
            assert holder.poll() is None
            time.sleep(0.01)
        ppg.new_pipegraph(quiet=True)
        ppg.FileGeneratingJob("b", lambda path: path.write_text("B"))
        held = rf"process {holder.pid} on {re.escape(socket.gethostname())}, since \d"
        with pytest.raises(ppg.PyPipelineGraphError, match=held):
            ppg.run_pipegraph()
        assert not (folder / "b").exists()
    finally:
        (folder / "go").touch()
        assert holder.wait() == 0
    assert (folder / "a").read_text() == "A"


def test_a_traceback_begins_with_the_users_own_code(failing_run):
    def make():
        raise ValueError

    _error, graph = failing_run(lambda: ppg.FileGeneratingJob("a", make))
    first_frame = graph.job("a").traceback.splitlines()[1]
    assert "in make" in first_frame


def test_a_relative_name_that_leads_nowhere_is_reported_with_the_working_directory(
    failing_run, folder, monkeypatch
):
    """It is the project's, wherever the script has gone since, unless the callback itself went elsewhere."""
    (folder / "elsewhere").mkdir()
    (folder / "elsewhere" / "input").write_text("x")

    def wander(path):
        os.chdir("elsewhere")
        Path("other").read_text()

    def run_elsewhere(path):
        os.chdir("elsewhere")
        subprocess.run(["cat", "other"], check=True)

    def vanish(path):
        os.mkdir("gone")
        os.chdir("gone")
        os.rmdir(folder / "gone")
        Path("other").read_text()

    def declare():
        monkeypatch.chdir(folder / "elsewhere")
        ppg.FileGeneratingJob("plain", lambda path: Path("input").read_text())
        ppg.FileGeneratingJob("wander", wander)
        ppg.FileGeneratingJob("vanish", vanish)
        ppg.FileGeneratingJob("of a program", run_elsewhere)
        ppg.FileGeneratingJob("absolute", lambda path: Path("/nowhere").read_text())
        ppg.FileGeneratingJob("own", lambda path: exec("raise FileNotFoundError('of my own')"))
        ppg.JobGeneratingJob("generate", lambda: Path("input").read_text())
        ppg.FileGeneratingJob("user", wander).depends_on(
            ppg.DataLoadingJob("load", lambda: Path("input").read_text())
        )

    error, graph = failing_run(declare)
    ends = {name: graph.job(name).traceback.splitlines()[-1] for name in error.exceptions}
    in_root = f"The working directory was '{folder}'"
    assert ends == {
        "plain": in_root,
        "wander": (
            f"The callback had changed its working directory to '{folder}/elsewhere', where relative names begin since then"
        ),
        "of a program": (
            f"The callback had changed its working directory to '{folder}/elsewhere', where relative names begin since then"
        ),
        "vanish": "The working directory had been removed",
        "absolute": "FileNotFoundError: [Errno 2] No such file or directory: '/nowhere'",
        "own": "FileNotFoundError: of my own",
        "generate": in_root,
        "load": in_root,
    }
    assert graph.job("plain").exception.filename == "input"


MB = 1 << 20


def test_a_run_with_several_failures_raises_one_error_with_all_of_them_and_the_next_run_does_just_the_rest(
    failing_run, run, writer, account
):
    def declare(*, broken):
        def make(path, broken=broken):
            account.ran(path.name)
            if broken:
                raise (ValueError if path.name == "a" else KeyError)(f"of {path.name}")
            path.write_text("made")

        a = ppg.FileGeneratingJob("a", make)
        ppg.FileGeneratingJob("after a", writer("A")).depends_on(a)
        ppg.FileGeneratingJob("b", make)
        ppg.FileGeneratingJob("c", writer("C"))

    error, _ = failing_run(lambda: declare(broken=True))
    assert {name: type(exception) for name, exception in error.exceptions.items()} == {
        "a": ValueError,
        "b": KeyError,
    }
    assert "2 jobs failed" in str(error)
    assert "of a" in str(error)
    assert "of b" in str(error)
    assert error.blocked == ("after a",)
    assert account.taken() == ["a", "b", "c"]
    assert run(lambda: declare(broken=False)).ran == ["a", "after a", "b"]


def test_a_run_reports_an_exception_without_unpickling_it(folder, capfd):
    """Messages, logs, results and the error of the run have its text; only reading it opens it."""

    def fail():
        raise SideEffect(str(folder / "mark"))

    (folder / "logs").mkdir()
    graph = ppg.new_pipegraph()
    ppg.FileGeneratingJob("out", fail)
    with pytest.raises(ppg.RuntimeError) as caught:
        graph.run()
    error = caught.value
    assert "'out': SideEffect: it has a side effect" in str(error)
    outcome = graph.result["out"]
    assert outcome.error == "SideEffect: it has a side effect"
    assert graph.result.rows()[0]["error"] == outcome.error
    assert "it has a side effect" in graph.result._repr_html_()
    assert "it has a side effect" in capfd.readouterr().err
    assert any("it has a side effect" in line for line in why_from_graph(graph, "out"))
    assert "it has a side effect" in (folder / "logs" / "ppg_errors.txt").read_text()
    assert not (folder / "mark").exists()
    assert isinstance(error.exceptions["out"], SideEffect)
    assert error.exceptions["out"] is outcome.exception
    assert (folder / "mark").exists()


def test_exceptions_that_cannot_be_pickled_or_printed_or_are_huge_are_reported_and_the_run_ends(
    failing_run, writer, account
):
    class Unpicklable(ValueError):
        def __init__(self, one, two):
            super().__init__(f"{one} and {two}")
            self.stream = open(os.devnull)  # noqa: SIM115

    class Unprintable(Exception):
        def __str__(self):
            raise ArithmeticError("not even this")

    def unpicklable():
        raise Unpicklable("one", "two")

    def unprintable():
        raise Unprintable

    def huge():
        raise ValueError("x" * MB)

    def declare():
        ppg.FileGeneratingJob("unpicklable", unpicklable)
        ppg.FileGeneratingJob("unprintable", unprintable)
        ppg.FileGeneratingJob("huge", huge)
        ppg.FileGeneratingJob("other", writer("O"))

    error, graph = failing_run(declare)
    assert set(error.exceptions) == {"unpicklable", "unprintable", "huge"}
    assert account.taken() == ["other"]
    assert "one and two" in str(error.exceptions["unpicklable"])
    assert (
        "Unpicklable" in str(error.exceptions["unpicklable"]) + type(error.exceptions["unpicklable"]).__name__
    )
    assert isinstance(error.exceptions["unprintable"], ppg.JobError)
    assert "Unprintable" in str(error.exceptions["unprintable"])
    assert "ArithmeticError" in str(error.exceptions["unprintable"])
    assert "x" * MB in str(error.exceptions["huge"])
    assert all(job.traceback for job in graph if job.job_id in error.exceptions)
