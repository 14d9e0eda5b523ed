"""What is loaded in the compute node, and the identity of objects that callbacks share."""

import os
import select
import signal
import subprocess
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from ppg_exec import (
    Cancelled,
    Died,
    LoadRepeated,
    LocalExecutor,
    Notice,
    Outcome,
    Raised,
    RunsIn,
    Started,
    Succeeded,
    Task,
    TimedOut,
)
from tests.exec.holder import Holder


def parent_of(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def load(key: str, function: Any, **options: Any) -> Task:
    return Task(key, function, place=RunsIn.NODE, **options)


def test_a_job_sees_what_a_load_has_put_on_an_object_that_both_refer_to(
    local: LocalExecutor, run: Any
) -> None:
    shared = Holder()
    outcomes = run(local, load("load", lambda: setattr(shared, "data", [1, 2, 3]) or None))
    assert outcomes["load"].end == Succeeded(None)
    outcomes = run(local, Task("job", lambda: sum(shared.data)))
    assert outcomes["job"].end == Succeeded(6)
    assert not hasattr(shared, "data"), "the controller's own object stays as it is"


def test_an_unloaded_attribute_is_gone_for_later_jobs(local: LocalExecutor, run: Any) -> None:
    shared = Holder()
    run(local, load("load", lambda: setattr(shared, "data", 1)))
    local.unload("load", lambda: delattr(shared, "data"))
    assert run(local, Task("job", lambda: hasattr(shared, "data")))["job"].end == Succeeded(False)


def test_an_unload_that_fails_is_a_notice(local: LocalExecutor, run: Any) -> None:
    shared = Holder()
    run(local, load("load", lambda: None))
    local.unload("load", lambda: delattr(shared, "never"))
    events = local.poll(10)
    assert [type(event) for event in events] == [Notice]
    assert "unload load" in events[0].message
    assert "AttributeError" in events[0].message


def test_containers_and_script_globals_stay_one_object_across_messages(
    local: LocalExecutor, run: Any
) -> None:
    registry: dict[str, int] = {}
    run(local, load("first", lambda: registry.update(a=1)))
    run(local, load("second", lambda: registry.update(b=2)))
    assert run(local, Task("job", lambda: registry))["job"].end == Succeeded(registry)
    assert run(local, Task("len", lambda: sorted(registry)))["len"].end == Succeeded(["a", "b"])


def test_functions_of_the_script_share_their_globals_in_the_node(local: LocalExecutor, run: Any) -> None:
    namespace: dict[str, Any] = {"__name__": "__main__", "count": 0}
    exec("def bump():\n    global count\n    count += 1\ndef look():\n    return count\n", namespace)
    run(local, load("bump", namespace["bump"]))
    assert run(local, Task("look", namespace["look"]))["look"].end.value in (0, 1)


def test_a_shared_object_that_a_job_returns_is_the_callers_own(local: LocalExecutor, run: Any) -> None:
    shared = Holder()
    value = run(local, Task("job", lambda: [shared, shared]))["job"].end.value
    assert value[0] is shared
    assert value[1] is shared


def test_callbacks_that_a_job_returns_refer_to_the_same_objects_when_they_run(
    local: LocalExecutor, run: Any
) -> None:
    shared = Holder()

    def generate() -> list[Any]:
        fresh = Holder()
        return [lambda: setattr(fresh, "seen", shared.data), lambda: fresh.seen, lambda: shared]

    run(local, load("load", lambda: setattr(shared, "data", "loaded")))
    first, second, third = run(local, Task("generator", generate))["generator"].end.value
    run(local, load("generated load", first))
    assert run(local, Task("generated job", second))["generated job"].end == Succeeded("loaded")
    assert third() is shared


def test_the_table_of_shared_objects_forgets_those_that_nothing_else_refers_to() -> None:
    from ppg_exec.pickling.send import SharedObjects

    objects = SharedObjects()
    kept = [Holder() for _ in range(100)]
    for number in range(2000):
        objects.dump({"callback": [Holder(), number]})
    objects.dump({"callback": kept})
    forgotten = objects.pop_unreferenced()
    assert len(forgotten) >= 4000
    _, introduced = objects.dump({"callback": kept[0]})
    assert not introduced, "what the caller still refers to is still known"


def test_a_failed_load_reports_its_exception_and_the_node_goes_on(local: LocalExecutor, run: Any) -> None:
    def fail() -> None:
        print("before")
        raise KeyError("no such column")

    outcome = run(local, load("load", fail))["load"]
    assert isinstance(outcome.end, Raised)
    assert isinstance(outcome.end.exception, KeyError)
    assert outcome.stdout.text() == "before\n"
    assert run(local, Task("job", int))["job"].end == Succeeded(0)


def test_the_working_directory_and_umask_of_a_load_are_restored(
    local: LocalExecutor, run: Any, tmp_path: Any
) -> None:
    def wander() -> None:
        os.chdir(tmp_path)
        os.umask(0o077)

    def where() -> tuple[str, int]:
        return os.getcwd(), os.umask(0)

    before = run(local, Task("before", where))["before"].end
    run(local, load("load", wander))
    assert run(local, Task("after", where))["after"].end == before


def test_when_the_node_dies_its_jobs_have_died_loads_are_repeated_and_the_rest_goes_on(
    local: LocalExecutor, run: Any
) -> None:
    shared = Holder()
    run(local, load("load", lambda: setattr(shared, "data", 5)))
    local.submit(Task("victim", lambda: time.sleep(1000)))
    started = local.poll(10)
    assert isinstance(started[0], Started)
    os.kill(parent_of(started[0].pid), signal.SIGKILL)
    (died,) = [event for event in local.poll(10) if isinstance(event, Outcome)]
    assert died.key == "victim"
    assert isinstance(died.end, Died)
    assert "compute node died" in died.end.likely_cause
    assert run(local, Task("job", lambda: shared.data))["job"].end == Succeeded(5)


def test_a_repeated_load_is_an_event_before_the_outcomes_of_the_tasks_that_use_it(
    local: LocalExecutor, run: Any, tmp_path: Path
) -> None:
    shared = Holder()

    def fail_again() -> None:
        (tmp_path / "tries").open("a").write("x")
        if len((tmp_path / "tries").read_text()) > 1:
            raise OSError("not again")

    run(local, load("sound", lambda: setattr(shared, "data", 5)), load("broken", fail_again))
    node = run(local, Task("parent", os.getppid))["parent"].end.value
    os.kill(node, signal.SIGKILL)
    local.submit(Task("job", lambda: shared.data))
    events: list[Any] = []
    while not any(isinstance(event, Outcome) for event in events):
        events += local.poll(10)
    repeated = [event for event in events if isinstance(event, LoadRepeated)]
    assert [event.key for event in repeated] == ["sound", "broken"]
    assert repeated[0].end == Succeeded(None)
    assert isinstance(repeated[1].end, Raised)
    # The dead node may have had the job.
    assert [type(event) for event in events if not isinstance(event, (Started, Notice))] == [
        LoadRepeated,
        LoadRepeated,
        Outcome,
    ]


def test_each_load_is_repeated_once_also_if_the_new_node_dies_before_all_of_them_are(
    local: LocalExecutor, run: Any, tmp_path: Path
) -> None:
    shared = Holder()
    shared.data = []

    def kill_the_second_node() -> None:
        (tmp_path / "nodes").open("a").write("x")
        if len((tmp_path / "nodes").read_text()) == 2:
            os.kill(os.getpid(), signal.SIGKILL)

    run(local, load("first", kill_the_second_node))
    run(local, load("second", lambda: shared.data.append(1)))
    node = run(local, Task("parent", os.getppid))["parent"].end.value
    os.kill(node, signal.SIGKILL)
    assert run(local, Task("job", lambda: list(shared.data)))["job"].end == Succeeded([1])
    assert (tmp_path / "nodes").read_text() == "xxx"


def test_a_repeated_load_finds_the_data_that_it_was_made_from_and_that_goes_again(
    local: LocalExecutor, run: Any
) -> None:
    shared = Holder()
    run(local, load("raw", lambda: setattr(shared, "raw", 5)))
    run(local, load("sums", lambda: setattr(shared, "sums", shared.raw + 1)))
    local.unload("raw", lambda: delattr(shared, "raw"))
    node = run(local, Task("parent", os.getppid))["parent"].end.value
    os.kill(node, signal.SIGKILL)
    seen = run(local, Task("job", lambda: (shared.sums, hasattr(shared, "raw"))))["job"].end
    assert seen == Succeeded((6, False))


def test_a_load_that_kills_the_node_is_blamed_and_not_repeated(local: LocalExecutor, run: Any) -> None:
    end = run(local, load("load", lambda: os._exit(3)))["load"].end
    assert isinstance(end, Died)
    assert end.exit_code == 3
    assert "compute node died while it ran it" in end.likely_cause
    assert run(local, Task("job", int))["job"].end == Succeeded(0)


def test_a_load_is_timed_out_by_an_exception_and_the_node_survives(local: LocalExecutor, run: Any) -> None:
    def forever() -> None:
        while True:
            time.sleep(0.01)

    run(local, load("kept", lambda: None))
    pid = run(local, Task("job", os.getppid))["job"].end.value
    assert run(local, load("load", forever, timeout=0.2))["load"].end == TimedOut(0.2)
    assert run(local, Task("again", os.getppid))["again"].end.value == pid


def test_a_load_that_ignores_its_timeout_costs_the_node(local: LocalExecutor, run: Any) -> None:
    def stubborn() -> None:
        while True:
            try:
                time.sleep(0.01)
            except BaseException:
                continue

    assert run(local, load("load", stubborn, timeout=0.2))["load"].end == TimedOut(0.2)
    assert run(local, Task("job", int))["job"].end == Succeeded(0)


def test_a_running_load_can_be_cancelled(local: LocalExecutor) -> None:
    local.submit(load("load", lambda: time.sleep(1000)))
    assert isinstance(local.poll(10)[0], Started)
    local.cancel("load")
    (outcome,) = local.poll(10)
    assert outcome.end == Cancelled()


def test_a_load_that_leaves_threads_is_named_in_a_warning_with_the_remedy(
    local: LocalExecutor, run: Any
) -> None:
    def leave() -> None:
        threading.Thread(target=time.sleep, args=(1000,), daemon=True).start()

    (warning,) = run(local, load("load", leave))["load"].warnings
    assert "thread" in warning
    assert "fresh" in warning
    assert not run(local, load("next", lambda: None))["next"].warnings


def test_a_server_that_a_load_has_started_outlives_the_jobs_but_not_the_executor(
    run: Any, nothing_left: Any
) -> None:
    with LocalExecutor(cores=2) as executor:
        shared = Holder()
        run(executor, load("load", lambda: setattr(shared, "pid", subprocess.Popen(["sleep", "1000"]).pid)))
        pid = run(executor, Task("job", lambda: shared.pid))["job"].end.value
        run(executor, *(Task(str(number), int) for number in range(5)))
        os.kill(pid, 0)
    nothing_left(executor.marker)


def test_what_a_job_leaves_behind_that_ends_during_a_load_is_killed_as_always(
    local: LocalExecutor, tmp_path: Path
) -> None:
    gate = tmp_path / "gate"
    os.mkfifo(gate)

    def leave() -> int:
        left = subprocess.Popen(["sleep", "1000"]).pid
        gate.read_text()
        return left

    local.submit(Task("job", leave))
    (started,) = (event for event in local.poll(30) if isinstance(event, Started))

    def let_it_end() -> None:
        gate.write_text("")
        os.waitid(os.P_PID, started.pid, os.WEXITED | os.WNOWAIT)

    local.submit(load("load", let_it_end))
    outcomes: dict[str, Outcome] = {}
    while len(outcomes) < 2:
        outcomes |= {event.key: event for event in local.poll(30) if isinstance(event, Outcome)}
    assert outcomes["load"].end == Succeeded(None)
    left = outcomes["job"].end.value  # type: ignore[union-attr]
    with pytest.raises(ProcessLookupError):
        os.kill(left, 0)


def state_of(pid: int) -> str:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


@pytest.mark.parametrize("is_stubborn", [False, True])
@pytest.mark.parametrize("how", ["timeout", "cancel", "memory"])
def test_a_job_is_ended_in_time_while_its_node_loads(how: str, is_stubborn: bool, tmp_path: Path) -> None:
    gate, ready = tmp_path / "gate", tmp_path / "ready"
    os.mkfifo(gate)

    def work() -> None:
        if is_stubborn:
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
        data = bytearray(200 << 20)
        data[::4096] = b"x" * len(data[::4096])
        ready.touch()
        time.sleep(1000)

    options: dict[str, Any] = {
        "timeout": {"timeout": 2},
        "cancel": {},
        "memory": {"memory": 50 << 20, "enforce_memory": True},
    }[how]
    with LocalExecutor(cores=2, grace=0.3) as executor:
        executor.submit(Task("job", work, **options))
        (started,) = executor.poll(10)
        assert isinstance(started, Started)
        executor.submit(load("load", lambda: gate.read_text()))
        while not (ready.exists() and any(isinstance(event, Started) for event in executor.poll(0.05))):
            continue
        if how == "cancel":
            executor.cancel("job")
        deadline = time.monotonic() + 30
        # Its busy node cannot wait for it, so it stays a zombie.
        while state_of(started.pid) != "Z":
            assert time.monotonic() < deadline
            assert executor.poll(0.05) == []
        gate.write_text("go on")
        ends = {}
        while len(ends) < 2:
            ends |= {event.key: event.end for event in executor.poll(10) if isinstance(event, Outcome)}
    assert ends["load"] == Succeeded("go on")
    match how:
        case "timeout":
            assert ends["job"] == TimedOut(2.0)
        case "cancel":
            assert ends["job"] == Cancelled()
        case _:
            assert isinstance(ends["job"], Died)
            assert ends["job"].of_memory


def test_the_descriptor_alone_wakes_its_reader_for_a_load_that_has_timed_out(local: LocalExecutor) -> None:
    local.submit(load("load", lambda: time.sleep(1000), timeout=0.2))
    seen: list[Any] = []
    while not any(isinstance(event, Outcome) for event in seen):
        assert select.select([local], [], [], 30)[0] == [local]
        seen += local.poll(0)
    assert seen[-1].end == TimedOut(0.2)
