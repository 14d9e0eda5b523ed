"""When tasks start, and how they are ended before their time."""

import os
import select
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from ppg_exec import (
    Cancelled,
    Died,
    ExecutorError,
    InlineExecutor,
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


def overlap(folder: str, seconds: float) -> int:
    """How many tasks were running at the same time as this one began, itself included."""
    mark = Path(folder) / str(os.getpid())
    mark.touch()
    running = len(os.listdir(folder))
    time.sleep(seconds)
    mark.unlink()
    return running


@pytest.mark.parametrize("seconds", [0.0, 0.02])
def test_no_more_tasks_run_at_a_time_than_there_are_cores(
    local: LocalExecutor, run: Any, tmp_path: Path, seconds: float
) -> None:
    count = overlap
    tasks = [Task(str(n), lambda: count(str(tmp_path), seconds)) for n in range(60)]
    values = [outcome.end.value for outcome in run(local, *tasks).values()]
    assert max(values) <= 2


def test_a_task_of_all_cores_runs_alone_among_many_short_ones(
    local: LocalExecutor, run: Any, tmp_path: Path
) -> None:
    count = overlap
    tasks = [Task(str(n), lambda: count(str(tmp_path), 0)) for n in range(200)]
    tasks.insert(100, Task("wide", lambda: count(str(tmp_path), 0.05), cores=-1))
    assert run(local, *tasks)["wide"].end == Succeeded(1)


def test_larger_priorities_start_first(run: Any) -> None:
    with LocalExecutor(cores=1) as executor:
        for n in range(20):
            executor.submit(Task(str(n), int, priority=n))
        started: list[str] = []
        while events := executor.poll(10):
            started += [event.key for event in events if isinstance(event, Started)]
    assert started == [str(n) for n in reversed(range(20))]


def test_every_task_gets_one_outcome_even_when_submitted_in_trickles(local: LocalExecutor) -> None:
    keys = iter(range(3000))
    seen: list[str] = []
    expected = 0
    for burst in (1, 40, 3, 200, 7, 1, 500):
        for _ in range(burst):
            local.submit(Task(str(next(keys)), lambda: None))
            expected += 1
        seen += [event.key for event in local.poll(10) if isinstance(event, Outcome)]
    while events := local.poll(10):
        seen += [event.key for event in events if isinstance(event, Outcome)]
    assert sorted(seen, key=int) == [str(n) for n in range(expected)]


def test_the_descriptor_is_readable_when_poll_has_something_to_do(local: LocalExecutor) -> None:
    assert select.select([local], [], [], 0)[0] == []
    local.submit(Task("t", int))
    seen: list[Any] = []
    while not any(isinstance(event, Outcome) for event in seen):
        assert select.select([local], [], [], 10)[0] == [local]
        seen += local.poll(0)


def test_poll_returns_nothing_when_nothing_is_left_or_the_time_is_up(local: LocalExecutor) -> None:
    assert local.poll() == []
    local.submit(Task("t", lambda: time.sleep(1000)))
    assert isinstance(local.poll(10)[0], Started)
    assert local.poll(0.01) == []


def test_a_waiting_a_running_and_an_unknown_task_can_be_cancelled(local: LocalExecutor) -> None:
    local.submit(Task("running", lambda: time.sleep(1000), cores=2))
    local.submit(Task("waiting", int))
    assert isinstance(local.poll(10)[0], Started)
    for key in ("waiting", "running", "unknown"):
        local.cancel(key)
    outcomes = {}
    while events := local.poll(10):
        outcomes |= {event.key: event.end for event in events if isinstance(event, Outcome)}
    assert outcomes == {"running": Cancelled(), "waiting": Cancelled()}


def test_a_task_that_ignores_sigterm_is_killed_after_the_grace_period(
    local: LocalExecutor, tmp_path: Path
) -> None:
    ready = tmp_path / "ready"

    def stubborn() -> None:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        ready.touch()
        time.sleep(1000)

    local.submit(Task("t", stubborn))
    while not ready.exists():
        local.poll(0.02)
    local.cancel("t")
    events = local.poll(10)
    assert events[-1].end == Cancelled()


def test_a_task_is_ended_when_its_time_is_up(local: LocalExecutor, run: Any) -> None:
    outcomes = run(
        local,
        Task("slow", lambda: (print("so far"), time.sleep(1000)), timeout=0.3),
        Task("fast", int, timeout=1000),
    )
    assert outcomes["slow"].end == TimedOut(0.3)
    assert outcomes["slow"].stdout.text() == "so far\n"
    assert outcomes["fast"].end == Succeeded(0)


def test_a_failing_task_is_retried_as_often_as_it_says(
    local: LocalExecutor, run: Any, tmp_path: Path
) -> None:
    def third_time() -> int:
        with open(tmp_path / "tries", "a+") as file:
            file.write("x")
            file.seek(0)
            tries = len(file.read())
        if tries < 3:
            raise ValueError(tries)
        return tries

    outcome = run(local, Task("t", third_time, retries=4))["t"]
    assert outcome.end == Succeeded(3)
    assert outcome.attempts == 3
    assert outcome.earlier == (Raised(None, "ValueError", "1", ""), Raised(None, "ValueError", "2", ""))
    outcome = run(local, Task("never", lambda: 1 / 0, retries=2))["never"]
    assert isinstance(outcome.end, Raised)
    assert outcome.attempts == 3
    outcome = run(local, Task("dies", lambda: os._exit(1), retries=1))["dies"]
    assert isinstance(outcome.end, Died)
    assert outcome.attempts == 2
    assert outcome.earlier == (outcome.end,)


def test_of_earlier_attempts_the_last_ten_are_kept_and_of_what_they_raised_little(
    local: LocalExecutor, run: Any, tmp_path: Path
) -> None:
    def fails(count: Path) -> None:
        with count.open("a") as file:
            file.write("x")
            tries = file.tell()
        if tries == 3:
            sys.exit(3)
        raise ValueError(f"{tries} " + "x" * 100_000)

    outcome = run(local, Task("t", fails, (tmp_path / "one",), retries=11))["t"]
    with InlineExecutor() as inline:
        same = run(inline, Task("t", fails, (tmp_path / "other",), retries=11))["t"]
    for ended in (outcome, same):
        assert (ended.attempts, len(ended.earlier)) == (12, 10)
        assert len(ended.end.message) > 100_000
        died, *raised = ended.earlier[1:]
        assert isinstance(died, Died)
        assert died.exit_code == 3
        assert [end.message.split()[0] for end in raised] == [str(number) for number in range(4, 12)]
        assert all(end.exception is None and len(end.message) < 2000 for end in raised)


def test_an_attempt_that_timed_out_is_reported_and_a_cancelled_one_reports_those_before(
    local: LocalExecutor, run: Any, tmp_path: Path
) -> None:
    assert run(local, Task("slow", lambda: time.sleep(1000), timeout=0.01, retries=1))["slow"].earlier == (
        TimedOut(0.01),
    )
    local.submit(Task("t", lambda: time.sleep(1000), timeout=0.2, retries=99))
    events: list[Any] = []
    while sum(isinstance(event, Started) for event in events) < 2:
        events += local.poll(60)
    local.cancel("t")
    while not isinstance(events[-1], Outcome):
        events += local.poll(60)
    assert events[-1].end == Cancelled()
    assert set(events[-1].earlier) == {TimedOut(0.2)}


def test_a_key_is_used_once_at_a_time_and_a_closed_executor_takes_nothing(
    local: LocalExecutor, run: Any
) -> None:
    local.submit(Task("t", int))
    with pytest.raises(ExecutorError, match="twice"):
        local.submit(Task("t", int))
    while local.poll(10):
        pass
    run(local, Task("t", int))
    local.close()
    with pytest.raises(ExecutorError, match="closed"):
        local.submit(Task("u", int))


@pytest.mark.parametrize(
    "wrong", [{"cores": 0}, {"cores": -2}, {"memory": -1}, {"timeout": 0}, {"retries": -1}]
)
def test_an_impossible_task_is_a_value_error_at_once(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="task 't'"):
        Task("t", int, **wrong)


def test_usage_has_time_and_memory(local: LocalExecutor, run: Any) -> None:
    def work() -> None:
        data = bytearray(200 << 20)
        data[::4096] = b"x" * len(data[::4096])
        end = time.process_time() + 0.2
        while time.process_time() < end:
            pass

    usage = run(local, Task("t", work))["t"].usage
    assert usage.wall >= 0.2
    assert usage.user + usage.system >= 0.2
    # Not to the page: the kernel sums its counters lazily, and may have taken pages back already.
    assert 150 << 20 <= usage.peak_memory <= 400 << 20


def test_the_number_of_threads_of_libraries_follows_the_cores(local: LocalExecutor, run: Any) -> None:
    outcomes = run(
        local,
        Task("one", lambda: os.environ["OMP_NUM_THREADS"]),
        Task("two", lambda: os.environ["OMP_NUM_THREADS"], cores=2),
    )
    assert outcomes["one"].end == Succeeded("1")
    assert outcomes["two"].end == Succeeded("2")


def test_a_task_runs_where_it_says(local: LocalExecutor, run: Any, tmp_path: Path) -> None:
    outcomes = run(local, Task("there", os.getcwd, working_directory=str(tmp_path)), Task("here", os.getcwd))
    assert outcomes["there"].end == Succeeded(str(tmp_path))
    assert outcomes["here"].end == Succeeded(os.getcwd())


def test_forked_tasks_draw_different_random_numbers(local: LocalExecutor, run: Any) -> None:
    def draw() -> float:
        import random

        return random.random()

    run(local, Task("import", __import__, ("random",), place=RunsIn.NODE))
    assert (
        len({outcome.end.value for outcome in run(local, *(Task(str(n), draw) for n in range(8))).values()})
        == 8
    )


def test_a_job_forked_from_a_node_with_threads_has_a_working_threading_module(
    local: LocalExecutor, run: Any
) -> None:
    def leave() -> None:
        threading.Thread(target=time.sleep, args=(1000,), daemon=True).start()

    def look() -> tuple[int, bool]:
        thread = threading.Thread(target=int)
        thread.start()
        thread.join()
        return threading.active_count(), threading.current_thread() is threading.main_thread()

    assert run(local, Task("before", look))["before"].end == Succeeded((1, True))
    run(local, Task("load", leave, place=RunsIn.NODE))
    assert run(local, Task("after", look))["after"].end == Succeeded((1, True))


def test_inline_runs_in_the_callers_process_so_that_a_debugger_works(run: Any) -> None:
    with InlineExecutor() as executor:
        outcomes = run(executor, Task("a", os.getpid), Task("b", int, after=lambda: "after"))
    assert outcomes["a"].end == Succeeded(os.getpid())
    assert outcomes["b"].end == Succeeded("after")


def test_an_inline_executor_refuses_a_task_twice_and_after_its_end() -> None:
    with InlineExecutor() as executor:
        executor.submit(Task("a", int))
        with pytest.raises(
            ExecutorError, match="task 'a' was submitted twice; give each task a key of its own"
        ):
            executor.submit(Task("a", int))
    with pytest.raises(
        ExecutorError, match="task 'b' was submitted to an executor that is closed; submit it to a new"
    ):
        executor.submit(Task("b", int))


def test_an_unload_that_fails_inline_is_told_with_its_task() -> None:
    def fail() -> None:
        raise LookupError("nothing to undo")

    with InlineExecutor() as executor:
        executor.unload("load", fail)
        assert executor.poll() == [Notice("unload load failed: LookupError: nothing to undo")]


@pytest.mark.parametrize(
    ("code", "remedy"), [(0, "return from the callback"), (3, "let the callback raise an exc")]
)
def test_leaving_inline_is_told_with_the_remedy(code: int, remedy: str) -> None:
    with InlineExecutor() as executor:
        executor.submit(Task("a", sys.exit, (code,)))
        (end,) = [event.end for event in executor.poll() if isinstance(event, Outcome)]
    assert isinstance(end, Died)
    assert end.exit_code == code
    assert remedy in end.likely_cause
