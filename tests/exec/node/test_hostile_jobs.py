"""A job cannot hurt the node, the controller or another job, and only its own process reports for it."""

import os
import re
import resource
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ppg_exec import (
    Cancelled,
    Died,
    End,
    InlineExecutor,
    LocalExecutor,
    Notice,
    Outcome,
    Raised,
    RunsIn,
    Started,
    Succeeded,
    Task,
)
from ppg_exec.controller import node_watch
from ppg_exec.job_output.own_descriptors import OwnDescriptors
from ppg_exec.job_output.report_socket import ReportSocket, new_token
from tests.exec import attacks
from tests.exec.attacks import inherited, the_job_itself


def dies(words: str) -> Callable[[End], bool]:
    return lambda end: isinstance(end, Died) and words in end.likely_cause


def succeeds(end: End) -> bool:
    return end == Succeeded(None)


NO_REPORT = dies("wrote into a descriptor that is not its own")
CLOSED = dies("had closed, replaced or filled the descriptor")
ATTACKS: dict[Callable[[], Any], Callable[[End], bool]] = {
    attacks.random_bytes: NO_REPORT,
    attacks.marshalled_values: NO_REPORT,
    attacks.reports_that_promise_memory: NO_REPORT,
    attacks.shut_down: CLOSED,
    attacks.read_everything: succeeds,
    attacks.make_all_blocking: succeeds,
    attacks.unregister_all: succeeds,
    attacks.close_all: CLOSED,
    attacks.flood_with_descriptors: NO_REPORT,
    attacks.send_an_endless_file: NO_REPORT,
    attacks.write_the_logbook: succeeds,
    attacks.replace_exit: succeeds,
    attacks.a_copy_returns: succeeds,
    attacks.copies_return: succeeds,
    attacks.a_copy_raises: succeeds,
    attacks.a_long_name: lambda end: isinstance(end, Raised) and len(end.type_name) < 1000,
    attacks.kill_the_group: dies("killed"),
    attacks.move_in_the_output: succeeds,
    attacks.write_the_output_past_the_cache: succeeds,
    attacks.lengthen_the_output: succeeds,
    attacks.use_up_all_descriptors: lambda end: isinstance(end, Raised) and "the real problem" in end.message,
    attacks.use_up_the_file_size: lambda end: isinstance(end, Raised) and "the real problem" in end.message,
}


class Holder:
    value: Any = None


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.__name__)
def test_a_job_that_misuses_what_it_inherits_hurts_no_other(
    local: LocalExecutor, attack: Callable[[], Any], run: Any
) -> None:
    holder = Holder()

    def load() -> None:
        holder.value = 42

    def good() -> int:
        time.sleep(0.01)  # so that it runs beside the attack
        print("good", flush=True)
        print("good", file=sys.stderr, flush=True)
        return int(holder.value)

    run(local, Task("load", load, place=RunsIn.NODE))
    tasks = [Task(f"good {number}", good) for number in range(6)]
    outcomes = run(local, *tasks[:2], Task("evil", attack), *tasks[2:])
    assert ATTACKS[attack](outcomes["evil"].end), outcomes["evil"]
    after = [run(local, Task(f"after {number}", good))[f"after {number}"] for number in range(5)]
    for outcome in (*(outcomes[task.key] for task in tasks), *after):
        assert outcome.end == Succeeded(42)
        assert (outcome.stdout.text(), outcome.stderr.text()) == ("good\n", "good\n")


def test_an_output_that_is_long_without_being_written_ends_at_its_first_hole(
    local: LocalExecutor, run: Any
) -> None:
    outcome = run(local, Task("evil", attacks.lengthen_the_output))["evil"]
    text = outcome.stdout.text(most=1 << 20)
    assert text.startswith("x" * 5000)
    assert re.search(r"the job has moved the end of its output; \d+ bytes from here on are left out", text)
    assert outcome.stderr.size < 1000


def test_what_a_job_leaves_behind_sends_nothing_more_once_its_report_is_read(tmp_path: Path) -> None:
    sockets = ReportSocket(new_token(), OwnDescriptors(), str(tmp_path))
    sockets._sender.send(b"x")
    report, problem = sockets.read(os.getpid())
    assert report is None
    assert problem is not None
    with pytest.raises(BrokenPipeError):
        sockets._sender.send(b"x")
    sockets.forked()
    sockets.close()


RAISED: dict[str, Callable[[], BaseException]] = {
    "HidesItself": lambda: attacks.HidesItself("the real problem"),
    "LeavesWhenPrinted": lambda: attacks.LeavesWhenPrinted("the real problem"),
    "LeavesWhenPickled": lambda: attacks.LeavesWhenPickled("the real problem"),
    "InterruptsWhenPickled": lambda: attacks.InterruptsWhenPickled("the real problem"),
    "Nameless": attacks.nameless,
}


@pytest.mark.parametrize("place", list(RunsIn), ids=lambda place: place.value)
@pytest.mark.parametrize("name", RAISED)
def test_no_exception_hides_its_class_and_its_place_or_hurts_the_node(
    local: LocalExecutor, name: str, place: RunsIn, run: Any
) -> None:
    def fail() -> None:
        raise RAISED[name]()

    nodes = [run(local, Task(f"before {place.value}", os.getppid))[f"before {place.value}"].end]
    end = run(local, Task("evil", fail, place=place))["evil"].end
    assert isinstance(end, Raised), end
    assert end.type_name.endswith(name)
    assert end.message == "the real problem" or name == "LeavesWhenPrinted"
    assert name in end.traceback
    assert "in fail\n" in end.traceback
    nodes.append(run(local, Task("after", os.getppid))["after"].end)
    assert nodes[0] == nodes[1]


HOW: dict[str, Callable[[End], bool]] = {
    "raises": lambda end: isinstance(end, Raised) and end.message == "the job itself failed",
    "is killed": lambda end: isinstance(end, Died) and end.signal == signal.SIGKILL,
    "exits": lambda end: isinstance(end, Died) and end.exit_code == 3,
    "crashes": lambda end: isinstance(end, Died) and end.signal == signal.SIGSEGV,
    "leaves": lambda end: isinstance(end, Died) and end.exit_code == 4,
    "returns": lambda end: end == Succeeded("of the job"),
}


@pytest.mark.parametrize("place", [RunsIn.FORK, RunsIn.FRESH], ids=lambda place: place.value)
@pytest.mark.parametrize("how", HOW)
def test_only_the_process_of_the_job_reports_for_it(
    local: LocalExecutor, how: str, place: RunsIn, run: Any
) -> None:
    outcome = run(local, Task("job", the_job_itself(how), place=place))["job"]
    assert HOW[how](outcome.end), outcome
    assert "os._exit()" in outcome.stderr.text()


@pytest.mark.parametrize("place", list(RunsIn), ids=lambda place: place.value)
def test_an_exception_is_unpickled_only_when_it_is_read(
    local: LocalExecutor, place: RunsIn, run: Any, tmp_path: Path
) -> None:
    mark = tmp_path / "mark"

    def fail() -> None:
        raise attacks.SideEffect(str(mark))

    end = run(local, Task("job", fail, place=place))["job"].end
    assert isinstance(end, Raised)
    assert end.type_name == "tests.exec.attacks.SideEffect"
    assert end.message == "it has a side effect"
    assert not mark.exists()
    exception = end.exception
    assert isinstance(exception, attacks.SideEffect)
    assert mark.exists()
    assert end.exception is exception


@pytest.mark.parametrize("place", list(RunsIn), ids=lambda place: place.value)
def test_a_result_that_must_be_plain_is_never_unpickled(
    local: LocalExecutor, place: RunsIn, run: Any, tmp_path: Path
) -> None:
    mark = tmp_path / "mark"
    tasks = [
        Task("pickle", lambda: attacks.WritesWhenRead(str(mark)), place=place, returns_plain=True),
        Task("plain", lambda: [("a", 1, {"b": 2.0})], place=place, returns_plain=True),
    ]
    outcomes = run(local, *tasks)
    assert dies("it has a pickle in the place of plain values")(outcomes["pickle"].end)
    assert outcomes["plain"].end == Succeeded([("a", 1, {"b": 2.0})])
    assert not mark.exists()


def test_a_copy_that_a_load_forks_and_forgets_is_ended_and_the_load_counts(
    local: LocalExecutor, run: Any
) -> None:
    assert run(local, Task("load", the_job_itself("returns"), place=RunsIn.NODE))["load"].end == Succeeded(
        "of the job"
    )
    assert run(local, Task("after", os.getppid))["after"].end != Succeeded(os.getpid())


def test_a_copy_that_an_inline_task_forks_and_forgets_is_ended(run: Any) -> None:
    with InlineExecutor() as executor:
        own = os.getpid()
        assert run(executor, Task("job", the_job_itself("returns")))["job"].end == Succeeded("of the job")
        assert os.getpid() == own


def test_a_job_inherits_only_its_report_socket_and_what_loads_have_opened(
    local: LocalExecutor, run: Any, tmp_path: Path
) -> None:
    path = tmp_path / "data"
    path.write_text("opened by the load")
    holder = Holder()

    def load() -> None:
        holder.value = path.open()

    def look() -> tuple[str, int, int]:
        text = os.pread(holder.value.fileno(), 100, 0).decode()
        return text, len(inherited()), len(inherited("socket"))

    assert run(local, Task("before", lambda: len(inherited("socket"))))["before"].end == Succeeded(1)
    assert run(local, Task("before", lambda: len(inherited())))["before"].end == Succeeded(1)
    run(local, Task("load", load, place=RunsIn.NODE))
    # Some have run before it, some run beside it.
    outcomes = run(local, *(Task(str(number), look) for number in range(5)))
    assert {outcome.end for outcome in outcomes.values()} == {Succeeded(("opened by the load", 2, 1))}


def test_a_load_that_opens_more_files_than_the_block_leaves_below_it_keeps_them_open_for_jobs(
    run: Any, tmp_path: Path
) -> None:
    (tmp_path / "data").write_text("still open")
    script = """
import os, resource, sys
from ppg_exec import *
resource.setrlimit(resource.RLIMIT_NOFILE, (200, 200))
class Holder: pass
holder = Holder()
def load():
    holder.files = [open("data") for _ in range(150)]
def look():
    return [os.pread(file.fileno(), 100, 0).decode() for file in holder.files]
with LocalExecutor(cores=1) as executor:
    ends = []
    for task in (Task("load", load, place=RunsIn.NODE), Task("look", look)):
        executor.submit(task)
        while not ends or ends[-1].key != task.key:
            ends += [event for event in executor.poll(30) if isinstance(event, Outcome)]
    print(set(ends[-1].end.value), len(ends[-1].end.value))
"""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=False, cwd=tmp_path
    )
    assert done.stdout == "{'still open'} 150\n", done.stderr


def test_the_limit_of_descriptors_is_the_same_in_a_job_as_in_the_main_process(
    local: LocalExecutor, run: Any
) -> None:
    end = run(local, Task("limit", lambda: resource.getrlimit(resource.RLIMIT_NOFILE)))["limit"].end
    assert end == Succeeded(resource.getrlimit(resource.RLIMIT_NOFILE))


def test_a_server_that_a_load_forks_keeps_no_descriptor_of_the_node(local: LocalExecutor, run: Any) -> None:
    def load() -> list[int]:
        reading, writing = os.pipe()
        if os.fork() == 0:
            found = [descriptor for descriptor in inherited() if descriptor not in {reading, writing}]
            os.write(writing, repr([number for number in found if number >= 100]).encode())
            os._exit(0)
        os.wait()
        return eval(os.read(reading, 1000))  # type: ignore[no-any-return]

    assert run(local, Task("load", load, place=RunsIn.NODE))["load"].end == Succeeded([])


# ---- nodes that are stopped, or spin


def started(executor: LocalExecutor, *tasks: Task) -> dict[str, int]:
    """Submit tasks; returns their pids once all run."""
    pids: dict[str, int] = {}
    for task in tasks:
        executor.submit(task)
    while len(pids) < len(tasks):
        events = executor.poll(60)
        assert events
        pids |= {event.key: event.pid for event in events if isinstance(event, Started)}
    return pids


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Silent nodes are looked at sooner."""
    monkeypatch.setattr(node_watch, "_SILENCE", 0.05)
    monkeypatch.setattr(node_watch, "_INTERVAL", 0.05)
    monkeypatch.setattr(node_watch, "_UNREAD", 0.2)


def next_notice(executor: LocalExecutor) -> str:
    while True:
        events = executor.poll(60)
        assert events, "nothing happened for a minute"
        for event in events:
            if isinstance(event, Notice):
                return event.message


@pytest.fixture
def gate(tmp_path: Path) -> Path:
    """A fifo: a job that opens it waits until the test opens it, too."""
    path = tmp_path / "gate"
    os.mkfifo(path)
    return path


def stop_the_node(gate: Path) -> None:
    # Not before the node has reported that the task runs.
    gate.read_text()
    os.kill(os.getppid(), signal.SIGSTOP)
    time.sleep(1000)


@pytest.mark.usefixtures("impatient")
def test_a_node_that_is_stopped_is_reported_with_what_lets_it_go_on(
    local: LocalExecutor, run: Any, gate: Path
) -> None:
    started(local, Task("stops its node", stop_the_node, (gate,)))
    gate.write_text("")
    message = next_notice(local)
    assert "is stopped" in message
    node = int(message.partition("kill -CONT ")[2].split()[0])
    os.kill(node, signal.SIGCONT)
    assert run(local, Task("after", lambda: 42))["after"].end == Succeeded(42)


@pytest.mark.usefixtures("impatient")
def test_a_job_that_is_stopped_is_reported_by_its_name(local: LocalExecutor) -> None:
    pids = started(local, Task("stops itself", lambda: os.kill(os.getpid(), signal.SIGSTOP)))
    pid = pids["stops itself"]
    assert next_notice(local) == (
        f"task 'stops itself' (pid {pid}) is stopped: kill -CONT {pid} lets it go on"
    )


@pytest.mark.usefixtures("impatient")
def test_a_node_that_spins_is_reported(local: LocalExecutor, run: Any) -> None:
    holder = Holder()

    def load() -> None:
        # A thread that once it runs never lets go of the interpreter's lock, as native code may do.
        reading, holder.value = os.pipe()

        def spin() -> None:
            os.read(reading, 1)
            sys.setswitchinterval(1000)
            while True:
                pass

        threading.Thread(target=spin, daemon=True).start()

    run(local, Task("load", load, place=RunsIn.NODE))
    started(local, Task("waits", time.sleep, (1000,)))
    local.submit(Task("lets it spin", lambda: os.write(holder.value, b"x")))
    assert "reads no messages" in next_notice(local)


def test_cancelling_ends_the_tasks_of_a_stopped_node_within_the_grace_period(
    nothing_left: Any, gate: Path
) -> None:
    with LocalExecutor(cores=2, grace=1000.0) as executor:
        started(executor, Task("b", time.sleep, (1000,)))
        started(executor, Task("a", stop_the_node, (gate,)))
        gate.write_text("")
        for key in ("a", "b"):
            executor.cancel(key)
        ends: dict[str, End] = {}
        while len(ends) < 2:
            events = executor.poll(60)
            assert events
            ends |= {event.key: event.end for event in events if isinstance(event, Outcome)}
        assert ends == {"a": Cancelled(), "b": Cancelled()}
        marker = executor.marker
    nothing_left(marker)
