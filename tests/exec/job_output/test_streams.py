"""Standard streams that user code closes or replaces: no failure, and what was printed before is kept."""

import io
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ppg_exec import LocalExecutor, Raised, RunsIn, Succeeded, Task


def close() -> None:
    sys.stdout.close()
    sys.stderr.close()


def set_to_none() -> None:
    sys.stdout = sys.stderr = None  # type: ignore[assignment]


def replace_by_something_else() -> None:
    sys.stdout = sys.stderr = object()  # type: ignore[assignment]


def replace_by_memory() -> None:
    sys.stdout = sys.stderr = io.StringIO()


def detach() -> None:
    sys.stdout.detach()
    sys.stderr.detach()


WAYS = [close, set_to_none, replace_by_something_else, replace_by_memory, detach]


def printing(way: Callable[[], None]) -> Callable[[], int]:
    def job() -> int:
        # No line ends here, so both are still in buffers.
        sys.stdout.write("printed")
        sys.stderr.write("complained")
        way()
        return 5

    return job


@pytest.mark.parametrize("start_method", ["forkserver", "fork"])
@pytest.mark.parametrize("place", list(RunsIn), ids=str)
@pytest.mark.parametrize("way", WAYS)
def test_a_task_that_loses_its_streams_succeeds_and_what_it_printed_is_kept(
    run: Any, way: Any, place: RunsIn, start_method: Any
) -> None:
    def hello() -> None:
        print("hello")
        print("world", file=sys.stderr)

    with LocalExecutor(cores=1, start_method=start_method) as executor:
        outcomes = run(executor, Task("t", printing(way), place=place))
        outcomes |= run(executor, Task("next", hello), Task("load", hello, place=RunsIn.NODE))
    assert outcomes["t"].end == Succeeded(5)
    assert (outcomes["t"].stdout.text(), outcomes["t"].stderr.text()) == ("printed", "complained")
    for other in ("next", "load"):
        assert outcomes[other].end == Succeeded(None)
        assert (outcomes[other].stdout.text(), outcomes[other].stderr.text()) == ("hello\n", "world\n")


@pytest.mark.parametrize("way", WAYS)
def test_a_task_that_loses_its_streams_and_fails_tells_its_own_failure(
    local: LocalExecutor, run: Any, way: Any
) -> None:
    lose = printing(way)

    def fail() -> None:
        lose()
        raise KeyError("its own")

    outcome = run(local, Task("t", fail))["t"]
    assert isinstance(outcome.end, Raised)
    assert outcome.end.type_name == "KeyError"
    assert (outcome.stdout.text(), outcome.stderr.text()) == ("printed", "complained")


def test_output_that_cannot_be_written_is_still_a_failure(local: LocalExecutor, run: Any) -> None:
    def fill() -> None:
        os.dup2(os.open("/dev/full", os.O_WRONLY), 1)
        sys.stdout.write("x")

    end = run(local, Task("t", fill))["t"].end
    assert isinstance(end, Raised)
    assert "No space left" in end.message


INLINE = """
import io, sys
from ppg_exec import InlineExecutor, Task

def close():
    sys.stdout.close()
    sys.stderr.close()
def set_to_none():
    sys.stdout = sys.stderr = None
def replace_by_something_else():
    sys.stdout = sys.stderr = object()
def replace_by_memory():
    sys.stdout = sys.stderr = io.StringIO()
def detach():
    sys.stdout.detach()
    sys.stderr.detach()

def task():
    sys.stdout.write("printed ")
    sys.stderr.write("complained ")
    globals()[sys.argv[1]]()

print("before")
with InlineExecutor() as executor:
    for key in ("first", "second"):
        executor.submit(Task(key, task))
    ends = [executor.poll()[-1].end for _ in range(2)]
print(ends, flush=True)
print("after", file=sys.stderr)
import os
os.system("echo child; echo child >&2")
"""


@pytest.mark.parametrize("way", WAYS)
def test_an_inline_task_that_loses_its_streams_leaves_the_others_theirs(tmp_path: Path, way: Any) -> None:
    path = tmp_path / "inline.py"
    path.write_text(INLINE)
    done = subprocess.run(
        [sys.executable, path, way.__name__], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("before\nprinted printed [Succeeded(value=None)")
    assert done.stdout.endswith("child\n")
    assert done.stderr == "complained complained after\nchild\n"


def test_a_script_without_streams_can_fork_its_processes(tmp_path: Path) -> None:
    path = tmp_path / "script.py"
    path.write_text(
        "import os, sys\n"
        "from ppg_exec import LocalExecutor, Task\n"
        "sys.stdout = None\n"
        "with LocalExecutor(cores=1, start_method='fork') as executor:\n"
        "    executor.submit(Task('t', lambda: 5))\n"
        "    events = []\n"
        "    while found := executor.poll(30):\n"
        "        events += found\n"
        "os.write(1, repr(events[-1].end).encode())\n"
    )
    done = subprocess.run([sys.executable, path], capture_output=True, text=True, timeout=60, check=False)
    assert done.stdout == "Succeeded(value=5)", done.stderr
