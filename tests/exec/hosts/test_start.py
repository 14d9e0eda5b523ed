"""How the processes are started, stopped and continued, and what the compute node consists of."""

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from ppg_exec import LocalExecutor, Outcome, RunsIn, Started, Succeeded, Task


def run_script(tmp_path: Path, text: str, *arguments: str) -> str:
    path = tmp_path / "script.py"
    path.write_text(text)
    done = subprocess.run(
        [sys.executable, str(path), *arguments], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


PREAMBLE = """
from ppg_exec import *
def outcomes(executor, *tasks):
    for task in tasks:
        executor.submit(task)
    found = {}
    while events := executor.poll(30):
        found |= {event.key: event.end for event in events if isinstance(event, Outcome)}
    return found
"""


def test_the_users_script_runs_once_and_its_functions_find_their_globals(tmp_path: Path) -> None:
    (tmp_path / "beside.py").write_text("def helper():\n    return 'beside'\n")
    out = run_script(
        tmp_path,
        PREAMBLE
        + """
import beside
print("once")
FACTOR = 3
class Thing:
    def times(self, n):
        return n * FACTOR
def work(n):
    return Thing().times(n), beside.helper(), __name__
with LocalExecutor(cores=1) as executor:
    print(outcomes(executor, Task("t", work, (2,)))["t"].value)
""",
    )
    assert out == "once\n(6, 'beside', '__main__')\n"


def test_a_class_of_the_script_comes_back_as_the_same_class(tmp_path: Path) -> None:
    out = run_script(
        tmp_path,
        PREAMBLE
        + """
class Thing:
    pass
with LocalExecutor(cores=1) as executor:
    for n in range(2):
        print(type(outcomes(executor, Task("t", lambda: Thing()))["t"].value) is Thing)
""",
    )
    assert out == "True\nTrue\n"


def test_the_node_is_lean_and_has_one_thread(tmp_path: Path) -> None:
    """Every fork pays for what the node has loaded. A script without other imports shows it."""
    out = run_script(
        tmp_path,
        PREAMBLE
        + """
def look():
    import os, sys
    return sorted(sys.modules), len(open(f"/proc/{os.getppid()}/maps").readlines()), \\
        len(os.listdir(f"/proc/{os.getppid()}/task"))
with LocalExecutor(cores=1) as executor:
    outcomes(executor, Task("warm", lambda: [look]))
    modules, mappings, threads = outcomes(executor, Task("t", look))["t"].value
    heavy = {"asyncio", "multiprocessing", "logging", "typing", "dataclasses", "inspect", "cloudpickle",
             "psutil", "subprocess", "pathlib", "dis", "ast", "ppg_exec.controller.local", "ppg_exec.tasks"}
    print(sorted(heavy & set(modules)), mappings < 110, threads)
""",
    )
    assert out == "[] True 1\n"


def test_modules_that_the_node_loads_for_itself_make_jobs_do_no_more(tmp_path: Path) -> None:
    """Native code of modules may have printed, so a job flushes its streams, which costs many page faults."""
    out = run_script(
        tmp_path,
        PREAMBLE
        + """
from ppg_exec import Tracking
def flushes():
    import os, sys
    sys.modules["ppg_exec.node.job_process"].flush_c_stdio = lambda: os.write(2, b"flushed")
with LocalExecutor(cores=1) as executor:
    def stderr_of(**options):
        executor.submit(Task("t", flushes, **options))
        while not (ended := [event for event in executor.poll() if isinstance(event, Outcome)]):
            pass
        assert isinstance(ended[0].end, Succeeded), ended
        return ended[0].stderr.text()
    print([stderr_of()])
    print([stderr_of(tracking=Tracking("/project"))])
    outcomes(executor, Task("load", __import__, ("colorsys",), place=RunsIn.NODE))
    print([stderr_of(tracking=Tracking("/project"))])
""",
    )
    assert out == "['']\n['']\n['flushed']\n"


def test_a_forked_start_sees_what_the_script_has_changed_in_modules(run: Any, nothing_left: Any) -> None:
    import string

    string.changed_by_a_test = "yes"  # type: ignore[attr-defined]
    try:
        look = Task("t", lambda: getattr(__import__("string"), "changed_by_a_test", "no"))
        with LocalExecutor(cores=1) as clean:
            assert run(clean, look)["t"].end == Succeeded("no")
        with LocalExecutor(cores=1, start_method="fork") as forked:
            outcome = run(forked, look, Task("print", print, ("hello",)), Task("die", lambda: os._exit(3)))
            assert outcome["t"].end == Succeeded("yes")
            assert outcome["print"].stdout.text() == "hello\n"
            assert outcome["die"].end.exit_code == 3
            run(forked, Task("load", int, place=RunsIn.NODE), Task("fresh", int, place=RunsIn.FRESH))
        nothing_left(forked.marker)
    finally:
        del string.changed_by_a_test  # type: ignore[attr-defined]


def test_paused_tasks_make_no_progress_until_they_are_resumed(local: LocalExecutor, tmp_path: Path) -> None:
    beat = tmp_path / "beat"

    def work() -> None:
        while not (tmp_path / "stop").exists():
            with open(beat, "a") as file:
                file.write("x")
            time.sleep(0.002)

    local.submit(Task("t", work))
    started: Started = local.poll(10)[0]
    while not beat.exists():
        time.sleep(0.002)
    local.pause()
    wait_for_state(started.pid, "T")
    size = beat.stat().st_size
    assert local.poll(0.1) == []
    assert beat.stat().st_size == size
    local.resume()
    (tmp_path / "stop").touch()
    (outcome,) = local.poll(10)
    assert isinstance(outcome, Outcome)
    assert outcome.end == Succeeded(None)


def wait_for_state(pid: int, state: str) -> None:
    deadline = time.monotonic() + 10
    while Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != state:
        assert time.monotonic() < deadline
        time.sleep(0.002)


def test_libraries_with_threads_in_the_caller_do_not_disturb_jobs(tmp_path: Path) -> None:
    out = run_script(
        tmp_path,
        PREAMBLE
        + """
import threading, time
lock = threading.Lock()
def hold():
    with lock:
        time.sleep(1000)
threading.Thread(target=hold, daemon=True).start()
import logging
logging._lock.acquire() if hasattr(logging, "_lock") else None
with LocalExecutor(cores=2) as executor:
    found = outcomes(executor, *(Task(str(n), logging.getLogger, (str(n),), lambda: 1) for n in range(4)))
    print({end.value for end in found.values()})
""",
    )
    assert out == "{1}\n"


@pytest.mark.parametrize("place", [RunsIn.FORK, RunsIn.FRESH])
def test_a_job_reads_nothing_and_leads_its_own_session(local: LocalExecutor, run: Any, place: RunsIn) -> None:
    def look() -> tuple[str, bool]:
        return sys.stdin.read(), os.getsid(0) == os.getpid()

    assert run(local, Task("t", look, place=place))["t"].end == Succeeded(("", True))


def test_a_fresh_task_finds_nothing_that_was_loaded(local: LocalExecutor, run: Any) -> None:
    def load() -> None:
        import decimal

        decimal.loaded_by_a_test = True  # type: ignore[attr-defined]

    run(local, Task("load", load, place=RunsIn.NODE))

    def look() -> bool:
        import decimal

        return hasattr(decimal, "loaded_by_a_test")

    outcomes = run(local, Task("fork", look), Task("fresh", look, place=RunsIn.FRESH))
    assert outcomes["fork"].end == Succeeded(True)
    assert outcomes["fresh"].end == Succeeded(False)
