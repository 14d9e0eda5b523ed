"""`Pipegraph.accept` and signals: before it writes nothing is accepted, and what it writes is written to its end."""

import os
import signal
import subprocess
import sys
import textwrap
from contextlib import contextmanager

import pytest

import ppg


def test_ctrl_c_while_it_decides_accepts_nothing(folder, accept, writer, made):
    made(a="A")

    class Interrupting:
        def __fspath__(self):
            signal.raise_signal(signal.SIGINT)
            return "a"

    def declare():
        ppg.FileGeneratingJob("a", writer("A"))

    with pytest.raises(KeyboardInterrupt):
        accept(declare, [Interrupting()])
    assert list(accept(declare).accepted) == ["a"]


@contextmanager
def interrupted_when(function):
    """Ctrl-C is pressed whenever a function of this name is called."""

    def watch(frame, event, _argument):
        if event == "call" and frame.f_code.co_name == function:
            signal.raise_signal(signal.SIGINT)

    sys.setprofile(watch)
    try:
        yield
    finally:
        sys.setprofile(None)


@pytest.mark.parametrize(
    ("moment", "accepted"),
    [
        ("decide", False),
        ("_judge_blocked", False),
        ("begin_run", True),
        ("put", True),
        ("note_accepted", True),
        ("end_run", True),
        ("_describe", True),
    ],
)
def test_ctrl_c_at_whatever_moment_ends_it_and_all_or_nothing_is_accepted(
    folder, accept, writer, made, moment, accepted
):
    made(a="A", b="B", c="C")

    def declare():
        for name in "abc":
            ppg.FileGeneratingJob(name, writer(name))
        missing = ppg.FileGeneratingJob("missing", writer("missing"))
        ppg.FileGeneratingJob("blocked", writer("blocked")).depends_on(missing)

    with pytest.raises(KeyboardInterrupt) as caught, interrupted_when(moment):
        accept(declare)
    assert getattr(caught.value, "__notes__", []) == (
        ["3 jobs had been accepted already"] if accepted else []
    )
    assert list(accept(declare).accepted) == ([] if accepted else ["a", "b", "c"])


def test_ctrl_c_at_the_end_of_a_dry_run_ends_it_and_says_nothing_of_acceptance(accept, writer, made):
    made(a="A")

    def declare():
        ppg.FileGeneratingJob("a", writer("A"))

    with pytest.raises(KeyboardInterrupt) as caught, interrupted_when("_describe"):
        accept(declare, dry_run=True)
    assert not hasattr(caught.value, "__notes__")


def test_a_signal_that_the_script_handles_itself_gets_there_and_accepted_jobs_are_listed(
    accept, writer, made
):
    made(a="A")
    received = []
    former = signal.signal(signal.SIGINT, lambda number, _frame: received.append(number))
    try:
        with interrupted_when("put"):
            acceptance = accept(lambda: ppg.FileGeneratingJob("a", writer("A")))
    finally:
        signal.signal(signal.SIGINT, former)
    assert list(acceptance.accepted) == ["a"]
    assert received == [signal.SIGINT]


def test_ctrl_z_stops_it_and_it_goes_on_in_the_foreground(folder, made):
    made(a="A")
    script = """
        import os, signal, ppg
        class Suspending:
            def __fspath__(self):
                signal.raise_signal(signal.SIGTSTP)
                return "a"
        graph = ppg.new_pipegraph(quiet=True)
        ppg.FileGeneratingJob("a", lambda path: None)
        print(list(graph.accept([Suspending()]).accepted))
    """
    child = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(script)], stdout=subprocess.PIPE, text=True
    )
    stopped = os.waitid(os.P_PID, child.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)
    assert stopped is not None
    assert stopped.si_code == os.CLD_STOPPED
    child.send_signal(signal.SIGCONT)
    said, _ = child.communicate(timeout=60)
    assert (child.returncode, said) == (0, "['a']\n")
