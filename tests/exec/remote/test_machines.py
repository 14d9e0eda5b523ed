"""Several agents: loads where they are needed, lost machines, names, results that refer to objects of the caller."""

import importlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ppg_exec import (
    Cancelled,
    Died,
    ExecutorError,
    LoadRepeated,
    Notice,
    Outcome,
    Raised,
    RemoteExecutor,
    RunsIn,
    Started,
    Succeeded,
    Task,
)
from ppg_exec.links.hello import Settings
from ppg_exec.links.messages import FROM_AGENT, TO_AGENT, NamesAsked, NamesGiven, SubmitTask
from ppg_exec.remote.fleet import Arrived
from ppg_exec.remote.local_fleet import LocalFleet
from ppg_exec.transport.messages import decode
from tests.exec.holder import Holder
from tests.exec.remote.agents import fleet_of


def wait_for(path: Path) -> None:
    while not path.exists():
        time.sleep(0.01)


def load(key: str, function: Callable[[], object], needs: tuple[str, ...] | None = None) -> Task:
    return Task(key, function, place=RunsIn.NODE, needs=needs)


def test_a_task_finds_what_was_loaded_on_every_machine(run: Any, tmp_path: Path) -> None:
    shared = Holder()

    def set_it() -> None:
        shared.value = 7
        with open(tmp_path / "loads", "a") as log:
            log.write("x")

    def both(own: Path, other: Path) -> int:
        # Each waits for the other one, so they run at the same time: one on each machine, of one core each.
        own.touch()
        wait_for(other)
        return int(shared.value)

    with RemoteExecutor(fleet_of(2, cores=1)) as executor:
        run(executor, load("load", set_it))
        a, b = tmp_path / "a", tmp_path / "b"
        outcomes = run(executor, Task("a", both, (a, b)), Task("b", both, (b, a)))
        assert [each.end for each in outcomes.values()] == [Succeeded(7), Succeeded(7)]
        assert (tmp_path / "loads").read_text() == "xx"


def test_a_machine_loads_only_what_its_tasks_need(run: Any, tmp_path: Path) -> None:
    shared = Holder()

    def put(name: str, value: object) -> Callable[[], None]:
        def do() -> None:
            setattr(shared, name, value)
            with open(tmp_path / name, "a") as log:
                log.write("x")

        return do

    def both(own: Path, other: Path, name: str) -> int:
        own.touch()
        wait_for(other)
        return int(getattr(shared, name))

    with RemoteExecutor(fleet_of(2, cores=1)) as executor:
        run(executor, load("first", put("first", 1), ()), load("second", put("second", 2), ("first",)))
        run(executor, load("other", put("other", 3), ()))
        a, b = tmp_path / "a", tmp_path / "b"
        tasks = [
            Task("a", both, (a, b, "second"), needs=("second",)),
            Task("b", both, (b, a, "second"), needs=("second",)),
        ]
        outcomes = run(executor, *tasks)
        assert {outcome.end for outcome in outcomes.values()} == {Succeeded(2)}
        assert [(tmp_path / name).read_text() for name in ("first", "second", "other")] == ["xx", "xx", "x"]


def test_a_killed_agent_s_tasks_start_elsewhere_and_that_is_no_attempt_of_theirs(tmp_path: Path) -> None:
    def work(ready: Path, go: Path) -> int:
        ready.touch()
        wait_for(go)
        return os.getppid()

    fleet = fleet_of(cores=1)
    with RemoteExecutor(fleet) as executor:
        executor.submit(Task("a", work, (tmp_path / "ready", tmp_path / "go")))
        while not any(isinstance(event, Started) for event in executor.poll(60)):
            pass
        (process,) = fleet.processes().values()
        os.kill(process.pid, signal.SIGKILL)
        (tmp_path / "go").touch()
        events: list[Any] = []
        while new := executor.poll(60):
            events += new
    (outcome,) = (event for event in events if isinstance(event, Outcome))
    assert isinstance(outcome.end, Succeeded)
    assert (outcome.attempts, outcome.lost) == (1, 1)
    (notice,) = (event for event in events if isinstance(event, Notice))
    assert "was lost" in notice.message
    assert "1 of its running jobs start again" in notice.message


def test_a_task_that_loses_three_machines_fails_with_that_story(tmp_path: Path) -> None:
    def end_the_agent() -> None:
        # The node is a child of the forkserver, that one of the guard, and that one of the agent.
        pid = os.getppid()
        for _ in range(3):
            pid = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
        os.kill(pid, signal.SIGKILL)
        time.sleep(60)

    with RemoteExecutor(fleet_of(cores=1)) as executor:
        executor.submit(Task("bad", end_the_agent))
        events: list[Any] = []
        while new := executor.poll(60):
            events += new
        executor.submit(Task("next", lambda: 42))
        while new := executor.poll(60):
            events += new
    bad, following = (event for event in events if isinstance(event, Outcome))
    assert isinstance(bad.end, Died)
    assert "lost 3 times" in bad.end.likely_cause
    assert bad.lost == 3
    assert following.end == Succeeded(42)


def test_the_loads_of_a_lost_machine_are_repeated_where_tasks_need_them(tmp_path: Path, run: Any) -> None:
    shared = Holder()

    def set_it() -> None:
        shared.value = 5

    fleet = fleet_of(cores=1)
    with RemoteExecutor(fleet) as executor:
        run(executor, load("load", set_it))
        (process,) = fleet.processes().values()
        os.kill(process.pid, signal.SIGKILL)
        executor.submit(Task("a", lambda: shared.value))
        events: list[Any] = []
        while new := executor.poll(60):
            events += new
    kinds = [type(event) for event in events]
    assert kinds.index(LoadRepeated) < kinds.index(Outcome)
    assert next(event for event in events if isinstance(event, Outcome)).end == Succeeded(5)


def load_once(log: Path, shared: Holder) -> Callable[[], None]:
    """A load that fails wherever it runs again."""

    def set_it() -> None:
        with open(log, "a") as file:
            file.write("x")
        if len(log.read_text()) > 1:
            raise OSError("not here")
        shared.value = 5

    return set_it


def test_no_task_runs_on_a_machine_that_could_not_load_what_it_needs(tmp_path: Path) -> None:
    shared = Holder()

    def read() -> object:
        return getattr(shared, "value", "ran without the data")

    events: list[Any] = []
    with RemoteExecutor(fleet_of(2, cores=1)) as executor:
        executor.submit(load("load", load_once(tmp_path / "log", shared)))
        while not any(isinstance(event, Outcome) for event in events):
            events += executor.poll(60)
        # Both machines must be there before the tasks come.
        while executor.cores < 2:
            executor.prepare()
            events += executor.poll(0.05)
        for number in range(8):
            executor.submit(Task(f"task {number}", read, needs=("load",)))
        while new := executor.poll(60):
            events += new
    (repeated,) = (event for event in events if isinstance(event, LoadRepeated))
    assert isinstance(repeated.end, Raised)
    said = f"the machine {repeated.machine} gets no more jobs: 'load' could not be loaded again there"
    assert Notice(said) in events
    ends = {event.key: event.end for event in events if isinstance(event, Outcome) and event.key != "load"}
    assert len(ends) == 8
    assert set(ends.values()) == {Succeeded(5)}


def test_tasks_end_if_no_machine_has_or_can_load_what_they_need(tmp_path: Path, run: Any) -> None:
    shared = Holder()
    fleet = fleet_of(cores=1)
    with RemoteExecutor(fleet) as executor:
        run(executor, load("load", load_once(tmp_path / "log", shared)))
        (process,) = fleet.processes().values()
        os.kill(process.pid, signal.SIGKILL)
        needs = Task("needs it", lambda: getattr(shared, "value", None), needs=("load",))
        outcomes = run(executor, needs, Task("does not", lambda: 7, needs=()))
    assert outcomes["does not"].end == Succeeded(7)
    end = outcomes["needs it"].end
    assert isinstance(end, Died)
    assert "needs the data of 'load', which could not be loaded again on" in end.likely_cause


@pytest.fixture
def changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A module of the project with another value than its import gives: machines ask for it."""
    name = f"changed_{tmp_path.name}"
    (tmp_path / f"{name}.py").write_text("V = 3\nSHARED = None\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    module: Any = importlib.import_module(name)
    module.V = 7
    return module


def reader(module: Any) -> Callable[[], int]:
    """A function that imports a module by itself, and returns its value."""
    name: str = module.__name__
    return lambda: int(importlib.import_module(name).V)


def test_names_of_modules_stand_for_the_same_on_machines(changed: Any, run: Any) -> None:
    name: str = changed.__name__
    shared = changed.SHARED = Holder()

    def read() -> tuple[int, bool]:
        found: Any = importlib.import_module(name)
        return found.V, found.SHARED is shared

    with RemoteExecutor(fleet_of(cores=2)) as executor:
        executor.watch([(name, "V"), (name, "SHARED")], lambda _: False)
        outcomes = run(executor, *(Task(str(number), read) for number in range(4)))
    assert {outcome.end for outcome in outcomes.values()} == {Succeeded((7, True))}


class FleetThatSendsTasksAroundAnswers(LocalFleet):
    """Sends an answer about names in one piece with two tasks, one before it and one after it."""

    def __init__(self, settings: Settings, submit: Callable[[], object]) -> None:
        super().__init__(settings)
        self.submit = submit
        self.held: bytes | None = None

    def receive(self) -> list[Any]:
        events = super().receive()
        for event in events:
            if isinstance(event, Arrived):
                for body in event.bodies:
                    if isinstance(decode(body, FROM_AGENT), NamesAsked):
                        self.submit()
        return events

    def send(self, machine: str, body: bytes) -> None:
        message = decode(body, TO_AGENT)
        if isinstance(message, NamesGiven):
            self.held = body
            return
        super().send(machine, body)
        if isinstance(message, SubmitTask) and self.held is not None:
            super().send(machine, self.held)
            self.held = None


def test_tasks_that_arrive_around_an_answer_about_names_run(changed: Any) -> None:
    read = reader(changed)

    def submit() -> None:
        executor.submit(Task("before", read))
        executor.submit(Task("after", read))

    with RemoteExecutor(FleetThatSendsTasksAroundAnswers(fleet_of(cores=3).settings, submit)) as executor:
        executor.watch([(changed.__name__, "V")], lambda _: False)
        executor.submit(Task("first", read))
        ends: dict[str, object] = {}
        while events := executor.poll(60):
            ends.update({event.key: event.end for event in events if isinstance(event, Outcome)})
    assert ends == dict.fromkeys(("first", "before", "after"), Succeeded(7))


def test_an_agent_that_waits_for_an_answer_leaves_when_it_is_asked_to(
    changed: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    fleet = FleetThatSendsTasksAroundAnswers(fleet_of(cores=1).settings, lambda: asked.append("asked"))
    with RemoteExecutor(fleet) as executor:
        executor.watch([(changed.__name__, "V")], lambda _: False)
        executor.submit(Task("first", reader(changed)))
        while not asked:
            executor.poll(1)
        (process,) = fleet.processes().values()
        statuses: list[int] = []
        end = process.end

        def noted(patience: float = 0.0) -> int:
            statuses.append(end(patience))
            return statuses[-1]

        monkeypatch.setattr(process, "end", noted)
    assert statuses == [0], "it was killed"


def test_what_tasks_return_refers_to_the_caller_s_own_objects(run: Any) -> None:
    shared = Holder()

    def helper() -> Holder:
        return shared

    def make() -> Callable[[], object]:
        return lambda: (shared, helper)

    with RemoteExecutor(fleet_of(cores=1)) as executor:
        end = run(executor, Task("a", make))["a"].end
        found, function = end.value()
        assert found is shared
        assert function() is shared
        assert run(executor, Task("b", lambda: shared))["b"].end.value is shared


def test_a_machine_that_does_not_see_the_files_of_the_run_is_refused_in_a_sentence(
    tmp_path: Path, run: Any
) -> None:

    fleet = fleet_of(cores=1, proof=(str(tmp_path / "missing"), "x"))
    with (
        RemoteExecutor(fleet) as executor,
        pytest.raises(ExecutorError, match="does not see the files of the run"),
    ):
        run(executor, Task("a", int))


def test_a_paused_executor_s_tasks_stop_and_go_on(tmp_path: Path) -> None:
    def count() -> None:
        number = 0
        while not (tmp_path / "end").exists():
            number += 1
            (tmp_path / "count").write_text(str(number))

    fleet = fleet_of(cores=1)
    with RemoteExecutor(fleet) as executor:
        executor.submit(Task("a", count))
        started = [event for event in executor.poll(60) if isinstance(event, Started)]
        while not started:
            started = [event for event in executor.poll(60) if isinstance(event, Started)]
        executor.pause()
        state = Path(f"/proc/{started[0].pid}/stat")
        while state.read_text().rpartition(")")[2].split()[0] != "T":
            time.sleep(0.01)
        executor.resume()
        (tmp_path / "end").touch()
        assert [type(event) for event in executor.poll(60)] == [Outcome]


def test_agents_and_all_beneath_them_end_with_the_process_that_has_started_them(
    tmp_path: Path, nothing_left: Callable[[str], None]
) -> None:
    script = """
import sys, time
from pathlib import Path
from tests.exec.remote.agents import fleet_of
from ppg_exec import RemoteExecutor, Task
fleet = fleet_of(cores=1)
executor = RemoteExecutor(fleet)
executor.submit(Task("a", lambda: time.sleep(600)))
while not executor.poll(60): pass
print(next(iter(fleet.processes().values())).marker, flush=True)
time.sleep(600)
"""
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        marker = process.stdout.readline().strip()
        assert marker
        process.kill()
    nothing_left(marker)


def test_an_agent_that_hears_nothing_ends_its_tasks_and_itself(
    tmp_path: Path, nothing_left: Callable[[str], None]
) -> None:
    def work(ready: Path) -> None:
        ready.touch()
        time.sleep(600)

    fleet = fleet_of(cores=1, silence=1.0, grace=0.1)
    with RemoteExecutor(fleet) as executor:
        executor.submit(Task("a", work, (tmp_path / "ready",)))
        while not (tmp_path / "ready").exists():
            executor.poll(0.1)
        (process,) = fleet.processes().values()
        # Nothing is sent as long as nobody polls.
        nothing_left(process.marker)
        executor.cancel("a")
        events: list[Any] = []
        while new := executor.poll(60):
            events += new
    (outcome,) = (event for event in events if isinstance(event, Outcome))
    assert outcome.end == Cancelled()
    assert outcome.lost == 1
