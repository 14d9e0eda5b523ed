"""Tasks that are forked before their turn: whatever happens to them until then, they run once, and as if just forked."""

import os
import select
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ppg_exec import Cancelled, LocalExecutor, Outcome, Raised, RunsIn, Started, Succeeded, Task

PREFORKED = 4


class Scene:
    """Two tasks that hold both cores until `release`, and others behind them that are preforked by now."""

    def __init__(self, executor: LocalExecutor, folder: Path, loaded: Any) -> None:
        self.executor = executor
        self.gate = folder / "gate"
        self.events: list[Any] = []
        self.folder = str(folder)
        # Short tasks are sent ahead once they are known to be short, which they are not on a busy machine.
        executor._dispatcher._lookahead._usual = 0.001
        gate = str(self.gate)
        os.mkfifo(gate)

        def hold() -> None:
            with open(gate) as file:
                file.read()

        def mark(name: str) -> Any:
            with open(f"{folder}/ran", "a") as file:
                file.write(f"{name}\n")
            return getattr(loaded, "value", "nothing")

        executor.submit(Task("holder 0", hold, priority=1))
        executor.submit(Task("holder 1", hold, priority=1))
        while sum(isinstance(event, Started) for event in self.events) < 2:
            self.events += executor.poll(30)
        for number in range(PREFORKED):
            executor.submit(Task(f"preforked {number}", mark, (f"preforked {number}",)))
        self.wait_until(lambda: len(self.preforked()) == PREFORKED)

    def until_ended(self, count: int) -> dict[str, Outcome]:
        """Poll until so many tasks have ended in all."""
        while len(ended := [event for event in self.events if isinstance(event, Outcome)]) < count:
            self.events += self.executor.poll(30)
        by_key = {outcome.key: outcome for outcome in ended}
        assert len(by_key) == len(ended)
        return by_key

    def node(self) -> int:
        """The pid of the compute node."""
        guard = self.executor._host.pid or 0
        return children(children(guard)[0])[0]

    def preforked(self) -> list[int]:
        """The pids of the processes that have not begun."""
        begun = {event.pid for event in self.events if isinstance(event, Started)}
        return [pid for pid in children(self.node()) if pid not in begun]

    def wait_until(self, condition: Callable[[], bool]) -> None:
        """Poll until it holds."""
        deadline = time.monotonic() + 30
        while not condition():
            assert time.monotonic() < deadline
            self.events += self.executor.poll(0.01)

    def submit_what_is_urgent(self, *tasks: Task) -> None:
        """Submit tasks for which the preforked ones are taken back, which is considered when they have waited a while."""
        deadline = time.monotonic() + 0.2
        while (left := deadline - time.monotonic()) > 0:
            self.events += self.executor.poll(left)
        preforked = self.preforked()
        for task in tasks:
            self.executor.submit(task)
        self.wait_until(lambda: all(state(pid) == "X" for pid in preforked))

    def release(self) -> None:
        """Let the holders end."""
        with open(self.gate, "w"):
            return

    def ran(self) -> list[str]:
        """Which of the preforked have run, sorted."""
        try:
            return sorted(Path(self.folder, "ran").read_text().split("\n")[:-1])
        except FileNotFoundError:
            return []


def children(pid: int) -> list[int]:
    """The children of a process that have not ended."""
    found = [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return [each for each in found if state(each) not in "ZX"]


def state(pid: int) -> str:
    """The letter of its state; X if there is no such process."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return "X"


class Holder:
    """Has what is loaded."""


@pytest.fixture
def loaded() -> Holder:
    """What the load of a test sets `value` of."""
    return Holder()


@pytest.fixture
def scene(local: LocalExecutor, tmp_path: Path, loaded: Holder) -> Scene:
    """Two tasks run, and four are preforked."""
    return Scene(local, tmp_path, loaded)


def names(*numbers: int) -> list[str]:
    """Names of preforked tasks."""
    return [f"preforked {number}" for number in numbers]


def test_preforked_tasks_have_not_begun_and_run_once_when_a_core_is_free(scene: Scene) -> None:
    assert scene.ran() == []
    assert not any(isinstance(event, Started) and "preforked" in event.key for event in scene.events)
    scene.release()
    ended = scene.until_ended(2 + PREFORKED)
    assert all(isinstance(ended[name].end, Succeeded) for name in names(0, 1, 2, 3))
    assert scene.ran() == names(0, 1, 2, 3)


def test_a_preforked_process_that_is_killed_costs_its_task_nothing(scene: Scene) -> None:
    preforked = scene.preforked()
    for pid in preforked:
        os.kill(pid, signal.SIGKILL)
    scene.wait_until(lambda: all(state(pid) == "X" for pid in preforked))
    scene.release()
    ended = scene.until_ended(2 + PREFORKED)
    assert [ended[name].end for name in names(0, 1, 2, 3)] == [Succeeded("nothing")] * PREFORKED
    assert scene.ran() == names(0, 1, 2, 3)


def test_a_preforked_task_that_is_cancelled_never_runs(scene: Scene) -> None:
    scene.executor.cancel("preforked 1")
    scene.executor.cancel("preforked 2")
    assert {key: outcome.end for key, outcome in scene.until_ended(2).items()} == {
        "preforked 1": Cancelled(),
        "preforked 2": Cancelled(),
    }
    scene.release()
    scene.until_ended(2 + PREFORKED)
    assert scene.ran() == names(0, 3)


def test_tasks_that_cannot_begin_where_they_should_fail_and_the_others_run_once(
    local: LocalExecutor, tmp_path: Path
) -> None:
    def run(number: int) -> None:
        with open(tmp_path / "ran", "a") as file:
            file.write(f"{number}\n")

    for number in range(150):
        gone = number > 30 and number % 3 == 0
        folder = str(tmp_path / "gone" if gone else tmp_path)
        local.submit(Task(str(number), run, (number,), working_directory=folder))
    ended: dict[str, Outcome] = {}
    while len(ended) < 150:
        ended |= {event.key: event for event in local.poll(30) if isinstance(event, Outcome)}
    failed = sorted(int(key) for key, outcome in ended.items() if isinstance(outcome.end, Raised))
    assert failed == list(range(33, 150, 3))
    ran = sorted(int(line) for line in (tmp_path / "ran").read_text().split())
    assert ran == [number for number in range(150) if number not in failed]


def test_preforked_tasks_find_what_was_loaded_in_the_meantime(scene: Scene, loaded: Holder) -> None:
    def load() -> None:
        loaded.value = "loaded"  # type: ignore[attr-defined]

    scene.submit_what_is_urgent(Task("load", load, place=RunsIn.NODE, priority=2))
    scene.release()
    ended = scene.until_ended(3 + PREFORKED)
    assert [ended[name].end for name in names(0, 1, 2, 3)] == [Succeeded("loaded")] * PREFORKED
    assert scene.ran() == names(0, 1, 2, 3)


def test_a_more_important_task_goes_first_although_others_are_preforked(scene: Scene) -> None:
    scene.submit_what_is_urgent(*(Task(f"urgent {number}", int, priority=5) for number in range(2)))
    scene.release()
    scene.until_ended(4 + PREFORKED)
    started = [event.key for event in scene.events if isinstance(event, Started)]
    assert started == ["holder 0", "holder 1", "urgent 0", "urgent 1", *names(0, 1, 2, 3)]
    assert scene.ran() == names(0, 1, 2, 3)


def test_closing_leaves_no_preforked_process(scene: Scene) -> None:
    watched = [os.pidfd_open(pid) for pid in scene.preforked()]
    scene.executor.close()
    for descriptor in watched:
        assert select.select([descriptor], [], [], 10)[0]
        os.close(descriptor)
    assert scene.ran() == []


ALONE = """
import sys, time
sys.path.insert(0, sys.argv[1])
from pathlib import Path
from ppg_exec import LocalExecutor
from test_preforking import Scene, children

with LocalExecutor(cores=2) as executor:
    scene = Scene(executor, Path(sys.argv[2]), None)
    guard = executor._host.pid
    print(guard, children(guard)[0], scene.node(), *scene.preforked(), flush=True)
    time.sleep(1000)
"""


def test_preforked_processes_end_when_all_that_could_signal_them_are_killed_at_once(tmp_path: Path) -> None:
    arguments = [str(Path(__file__).parent), str(tmp_path)]
    caller = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(ALONE), *arguments], stdout=subprocess.PIPE, text=True
    )
    assert caller.stdout is not None
    guard, forkserver, node, *preforked = (int(pid) for pid in caller.stdout.readline().split())
    watched = [os.pidfd_open(pid) for pid in preforked]
    for how in (signal.SIGSTOP, signal.SIGKILL):
        for pid in (caller.pid, guard, forkserver, node):
            os.kill(pid, how)
    caller.wait()
    caller.stdout.close()
    for descriptor in watched:
        assert select.select([descriptor], [], [], 10)[0]
        os.close(descriptor)
