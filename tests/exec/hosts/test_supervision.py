"""Nothing outlives its parent, whatever dies first and however."""

import itertools
import os
import random
import select
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ppg_exec import Died, LocalExecutor, Notice, Outcome, RunsIn, Started, Succeeded, Task

# A caller of its own: it runs tasks that start processes of their own, and says when they run.
CALLER = """
import os, subprocess, sys, time
from ppg_exec import LocalExecutor, Started, Task

def work(path):
    subprocess.Popen(["sleep", "1000"])
    subprocess.Popen(["setsid", "sleep", "1000"])
    open(path, "w").write(str(os.getppid()))
    time.sleep(1000)

executor = LocalExecutor(cores=3)
print(executor.marker, flush=True)
for number in range(3):
    executor.submit(Task(str(number), work, (f"{sys.argv[1]}/{number}",)))
while True:
    executor.poll()
"""


@pytest.fixture
def caller(tmp_path: Path) -> Any:
    """A process with an executor that runs three tasks: (process, marker, pids of forkserver, node and jobs)."""
    script = tmp_path / "caller.py"
    script.write_text(textwrap.dedent(CALLER))
    process = subprocess.Popen(
        [sys.executable, str(script), str(tmp_path)],
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert process.stdout is not None
    marker = process.stdout.readline().strip()
    deadline = time.monotonic() + 30
    while not all((tmp_path / str(number)).exists() for number in range(3)):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    yield process, marker
    process.kill()
    process.wait()
    process.stdout.close()


def tree(root: int) -> list[int]:
    """All pids beneath a process."""
    parents: dict[int, list[int]] = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                stat = Path(f"/proc/{name}/stat").read_text()
            except OSError:
                continue
            parents.setdefault(int(stat.rpartition(")")[2].split()[1]), []).append(int(name))
    found = []
    level = [root]
    while level:
        level = [child for pid in level for child in parents.get(pid, [])]
        found += level
    return found


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_nothing_is_left_when_the_caller_is_killed(
    caller: Any, how: signal.Signals, nothing_left: Callable[[str], None]
) -> None:
    process, marker = caller
    beneath = tree(process.pid)
    assert len(beneath) >= 2 + 3 + 3
    process.send_signal(how)
    process.wait(10)
    nothing_left(marker)
    assert not [pid for pid in beneath if os.path.exists(f"/proc/{pid}/exe")]


@pytest.mark.parametrize("victim", ["guard", "forkserver"])
def test_a_killed_forkserver_or_guard_takes_all_with_it_and_the_caller_goes_on(
    run: Any, nothing_left: Callable[[str], None], victim: str
) -> None:
    with LocalExecutor(cores=2) as executor:
        executor.submit(Task("victim", lambda: os.system("sleep 1000 & sleep 1000")))
        assert isinstance(executor.poll(10)[0], Started)
        guard = executor._host.pid or 0
        os.kill(guard if victim == "guard" else tree(guard)[0], signal.SIGKILL)
        events: list[Any] = []
        while not any(isinstance(event, Outcome) for event in events):
            events += executor.poll(10)
        (outcome,) = [event for event in events if isinstance(event, Outcome)]
        assert isinstance(outcome.end, Died)
        assert any(isinstance(event, Notice) for event in events)
        nothing_left(executor.marker)
        assert run(executor, Task("next", int))["next"].end == Succeeded(0)
    nothing_left(executor.marker)


# The node of this caller is busy: it loads, beside a job that has started a daemon.
LOADING = """
import os, subprocess, sys, time
from ppg_exec import LocalExecutor, RunsIn, Started, Task

def work():
    subprocess.Popen(["setsid", "sleep", "1000"])
    time.sleep(1000)

def load(path):
    open(path, "w").close()
    time.sleep(1000)

executor = LocalExecutor(cores=2, start_method=sys.argv[2])
executor.submit(Task("work", work))
executor.poll()
executor.submit(Task("load", load, (sys.argv[1],), place=RunsIn.NODE))
while True:
    executor.poll()
"""


@pytest.fixture(params=["forkserver", "fork"])
def loading(
    request: pytest.FixtureRequest, tmp_path: Path
) -> Iterator[tuple[subprocess.Popen[bytes], list[int]]]:
    """A caller with a node that loads beside a job, and all pids beneath it: guard, forkserver, node, others."""
    script = tmp_path / "caller.py"
    script.write_text(LOADING)
    process = subprocess.Popen([sys.executable, str(script), str(tmp_path / "loads"), request.param])
    deadline = time.monotonic() + 30
    while not ((tmp_path / "loads").exists() and len(tree(process.pid)) >= 5):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    yield process, tree(process.pid)
    process.kill()
    process.wait()


def kill_together(*pids: int) -> None:
    """End processes none of which can see to anything once the first is gone."""
    for how in (signal.SIGSTOP, signal.SIGKILL):
        for pid in pids:
            os.kill(pid, how)


def assert_gone(pids: list[int], descriptors: list[int]) -> None:
    for pid, descriptor in zip(pids, descriptors, strict=True):
        assert select.select([descriptor], [], [], 10)[0], f"{pid} of {pids} is still there"
        os.close(descriptor)


def test_a_node_that_loads_does_not_outlive_caller_and_forkserver_that_die_together(loading: Any) -> None:
    process, beneath = loading
    descriptors = [os.pidfd_open(pid) for pid in beneath]
    kill_together(process.pid, beneath[1])
    assert_gone(beneath, descriptors)


def test_a_node_that_loads_does_not_outlive_all_above_it_and_ends_what_is_beneath(loading: Any) -> None:
    process, beneath = loading
    descriptors = [os.pidfd_open(pid) for pid in beneath]
    kill_together(process.pid, *beneath[:2])
    assert_gone(beneath, descriptors)


def test_a_job_does_not_outlive_all_above_it(loading: Any) -> None:
    process, beneath = loading
    guard, forkserver, node = beneath[:3]
    jobs = [int(pid) for pid in Path(f"/proc/{node}/task/{node}/children").read_text().split()]
    own = [pid for pid in jobs if b"sleep" not in Path(f"/proc/{pid}/cmdline").read_bytes()]
    assert own
    others = [pid for pid in beneath[3:] if pid not in own]
    descriptors = [os.pidfd_open(pid) for pid in own]
    kill_together(process.pid, guard, forkserver, node)
    for pid in others:  # no process is left to end what a job has started
        os.kill(pid, signal.SIGKILL)
    assert_gone(own, descriptors)


def test_a_caller_that_never_closes_leaves_nothing(
    tmp_path: Path, nothing_left: Callable[[str], None]
) -> None:
    script = tmp_path / "script.py"
    script.write_text(
        "from ppg_exec import *\nimport time\n"
        "e = LocalExecutor(cores=1)\ne.submit(Task('t', time.sleep, (1000,)))\ne.poll()\nprint(e.marker)\n"
    )
    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    nothing_left(done.stdout.strip())


def test_no_process_is_started_before_there_is_something_to_run() -> None:
    with LocalExecutor(cores=1):
        assert not [pid for pid in tree(os.getpid()) if _runs_python(pid)]


def _runs_python(pid: int) -> bool:
    try:
        return b"ppg_exec.forkserver.server" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False


def test_closing_ends_running_tasks_first_gently_then_by_force(
    nothing_left: Callable[[str], None], tmp_path: Path
) -> None:
    note = tmp_path / "note"

    def gentle() -> None:
        signal.signal(signal.SIGTERM, lambda *_: (note.write_text("goodbye"), os._exit(0)))
        (tmp_path / "gentle").touch()
        time.sleep(1000)

    def stubborn() -> None:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        (tmp_path / "stubborn").touch()
        time.sleep(1000)

    executor = LocalExecutor(cores=2, grace=0.3)
    executor.submit(Task("gentle", gentle))
    executor.submit(Task("stubborn", stubborn))
    while not ((tmp_path / "gentle").exists() and (tmp_path / "stubborn").exists()):
        executor.poll(0.05)
    executor.close()
    executor.close()
    assert note.read_text() == "goodbye"
    nothing_left(executor.marker)


def kill_something(caller: int, victim: str, rng: random.Random) -> None:
    beneath = tree(caller)
    levels = {"guard": 0, "forkserver": 1, "node": 2}
    if victim == "caller" or not beneath:
        pid = caller
    elif victim in levels:
        pid = beneath[min(levels[victim], len(beneath) - 1)]
    else:
        pid = rng.choice(beneath)
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return


# Runs many short tasks and a few that start processes; ends by itself, right or killed.
BUSY = """
import os, subprocess, sys
from ppg_exec import LocalExecutor, Outcome, Succeeded, Task

def short(n): return n
def long(n):
    subprocess.Popen(["sleep", "1000"])
    subprocess.run(["sleep", "0.02"])
    return n

with LocalExecutor(cores=2, grace=0.2) as executor:
    print(executor.marker, flush=True)
    for n in range(60):
        executor.submit(Task(str(n), long if n % 7 == 0 else short, (n,), retries=3))
    seen = {}
    while events := executor.poll(60):
        for event in events:
            if isinstance(event, Outcome):
                seen[event.key] = event.end
    wrong = {key: end for key, end in seen.items() if end != Succeeded(int(key))}
    print(len(seen), wrong, flush=True)
"""


VICTIMS = ("caller", "guard", "forkserver", "node", "anything")


@pytest.mark.parametrize("rounds", [10, pytest.param(300, marks=pytest.mark.nightly)])
def test_random_kills_leave_nothing_and_cost_no_task_its_outcome(
    rounds: int, tmp_path: Path, nothing_left: Callable[[str], None]
) -> None:
    rng = random.Random(rounds)
    script = tmp_path / "busy.py"
    script.write_text(BUSY)
    for victim in itertools.islice(itertools.cycle(VICTIMS), rounds):
        process = subprocess.Popen(
            [sys.executable, str(script)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        assert process.stdout is not None
        marker = process.stdout.readline().strip()
        time.sleep(rng.random() * 0.25)  # the moment of the kill is what is random here
        kill_something(process.pid, victim, rng)
        out, err = process.communicate(timeout=60)
        if process.returncode == 0:
            assert out.strip() == "60 {}", (victim, out, err)
        else:
            assert process.returncode == -signal.SIGKILL, (victim, out, err)
        nothing_left(marker)


@pytest.mark.parametrize("place", [RunsIn.FORK, RunsIn.FRESH], ids=str)
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_node_that_is_signalled_dies_of_that_signal_and_its_task_says_so(
    local: LocalExecutor, run: Any, how: signal.Signals, place: RunsIn
) -> None:
    def signal_the_node() -> None:
        os.kill(os.getppid(), how)
        while True:
            signal.pause()

    end = run(local, Task("t", signal_the_node, place=place))["t"].end
    assert isinstance(end, Died), end
    assert end.signal == how
    assert "sys.exit" not in end.likely_cause
    assert "Traceback" not in end.likely_cause
    assert run(local, Task("next", lambda: 42))["next"].end == Succeeded(42)
