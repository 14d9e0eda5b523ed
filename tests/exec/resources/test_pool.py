"""Several programs on one machine share its cores."""

import os
import select
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from ppg_exec import (
    LocalExecutor,
    MachinePool,
    Outcome,
    Started,
    Succeeded,
    Task,
    given_pool,
    machine_pool,
)
from ppg_exec.resources.jobserver import GivenPool, TaskTokens, make_supports_fifos


def test_tokens_are_one_less_than_cores_and_come_back(tmp_path: Path) -> None:
    pool, other = MachinePool(tmp_path, 4), MachinePool(tmp_path, 99)
    assert pool.acquire(2) == 2
    assert other.acquire(5) == 1
    assert other.acquire(1) == 0
    assert select.select([other], [], [], 0)[0] == []
    pool.release(1)
    assert select.select([other], [], [], 0)[0] == [other]
    pool.close()
    assert other.acquire(5) == 2
    other.close()
    assert not list(tmp_path.glob("holder-*"))


def test_two_allocations_of_a_batch_system_on_one_machine_share_no_cores(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setenv("SLURM_CPUS_ON_NODE", "3")
    pools = []
    for job in ("7", "8", "7"):
        monkeypatch.setenv("SLURM_JOB_ID", job)
        pools.append(machine_pool(3))
    assert [pool.acquire(9) for pool in pools] == [2, 2, 0]
    for pool in pools:
        pool.close()


def test_processes_that_may_use_other_cores_of_the_machine_share_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    all_of_them = os.sched_getaffinity(0)
    if len(all_of_them) < 2:
        pytest.skip("needs two cores")
    first, *_, last = sorted(all_of_them)
    pools = []
    try:
        for cores in ({first}, {last}, {first}, all_of_them):
            os.sched_setaffinity(0, cores)
            pools.append(machine_pool(3))
    finally:
        os.sched_setaffinity(0, all_of_them)
    assert [pool.acquire(9) for pool in pools] == [2, 2, 0, 2]
    for pool in pools:
        pool.close()


def test_tokens_that_cannot_be_put_back_stay_in_the_pool_and_end_nothing() -> None:
    read, write = os.pipe()
    os.write(write, b"abc")
    full, other_end = os.pipe2(os.O_NONBLOCK)
    while True:
        try:
            os.write(other_end, bytes(4096))
        except BlockingIOError:
            break
    pool = GivenPool(read, other_end)
    assert pool.acquire(3) == 3
    pool.release(2)
    # Once there is room, the end of the program puts all of them back.
    os.read(full, 1 << 20)
    pool.close()
    os.set_blocking(full, True)
    assert sorted(os.read(full, 1 << 20)) == sorted(b"abc")
    for descriptor in (full, write):
        os.close(descriptor)


def test_a_pool_that_cannot_be_read_gives_no_token_and_ends_nothing(run: Any) -> None:
    counter = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)  # reading less than 8 bytes of it is an error
    pool = GivenPool(counter, counter)
    assert pool.acquire(2) == 0
    with LocalExecutor(cores=2, pool=pool) as executor:
        outcomes = run(executor, *(Task(str(number), os.getpid) for number in range(5)))
    assert all(isinstance(outcome.end, Succeeded) for outcome in outcomes.values())


def test_tokens_of_a_killed_program_are_returned_by_the_next(tmp_path: Path) -> None:
    program = (
        "import sys, time, pathlib, ppg_exec\n"
        "pool = ppg_exec.MachinePool(pathlib.Path(sys.argv[1]), 4)\n"
        "print(pool.acquire(3), flush=True)\ntime.sleep(1000)"
    )
    pool = MachinePool(tmp_path, 4)
    process = subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "3\n"
    assert pool.acquire(3) == 0
    process.kill()
    process.wait()
    process.stdout.close()
    # It looks for the dead only now and then.
    returned, give_up = 0, time.monotonic() + 60
    while returned < 3 and time.monotonic() < give_up:
        returned += pool.acquire(3 - returned)
    assert returned == 3
    pool.close()


def test_tokens_that_a_fifo_has_forgotten_are_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ppg_exec.resources.jobserver._LOOK_SECONDS", 0)
    first = MachinePool(tmp_path, 3)
    second = MachinePool(tmp_path, 3)
    assert first.acquire(1) == 1
    assert os.read(second.fileno(), 100) == b"+"  # no participant has this token any more
    assert second.acquire(1) == 0, "it may be on its way"
    assert second.acquire(1) == 1
    assert [second.acquire(1) for _ in range(5)] == [0] * 5, "no more than there were"
    first.release(1)
    assert second.acquire(2) == 1
    first.close()
    second.close()


def test_a_holder_that_asks_for_more_than_there_is_does_not_take_its_own_tokens_for_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ppg_exec.resources.jobserver._LOOK_SECONDS", 0)
    first = MachinePool(tmp_path, 3)
    second = MachinePool(tmp_path, 3)
    assert first.acquire(1) == 1
    for _ in range(5):
        assert second.acquire(2) == 1
        second.release(1)
    first.close()
    second.close()


def test_a_holder_that_comes_while_the_last_one_leaves_finds_all_tokens(tmp_path: Path) -> None:
    def come_and_go() -> None:
        for _ in range(200):
            pool = MachinePool(tmp_path, 4)
            pool.acquire(1)
            pool.close()

    others = [threading.Thread(target=come_and_go) for _ in range(3)]
    for other in others:
        other.start()
    for other in others:
        other.join()
    pool = MachinePool(tmp_path, 4)
    assert pool.acquire(5) == 3
    pool.close()


def test_two_executors_share_the_cores_and_both_make_progress(tmp_path: Path) -> None:
    first = LocalExecutor(cores=3, pool=MachinePool(tmp_path, 3))
    second = LocalExecutor(cores=3, pool=MachinePool(tmp_path, 3))
    with first, second:
        for number in range(3):
            first.submit(Task(str(number), lambda: time.sleep(1000)))
            second.submit(Task(str(number), lambda: time.sleep(1000)))
        started = {first: 0, second: 0}
        deadline = time.monotonic() + 20
        while sum(started.values()) < 4 and time.monotonic() < deadline:
            for executor in started:
                started[executor] += sum(isinstance(event, Started) for event in executor.poll(0.05))
        for executor in started:
            started[executor] += sum(isinstance(event, Started) for event in executor.poll(0.2))
        # Three cores, of which each may use one without a token: two tokens.
        assert started == {first: 3, second: 1}
        for number in range(3):
            first.cancel(str(number))
        while len(first.poll(10)):
            pass
        while started[second] < 3:
            events = second.poll(10)
            assert events
            started[second] += sum(isinstance(event, Started) for event in events)


@pytest.mark.parametrize("beside", [False, True], ids=["alone", "beside a run that wants all cores"])
def test_a_task_of_more_cores_than_the_pool_has_runs_alone_with_the_whole_pool(
    tmp_path: Path, beside: bool
) -> None:
    # The pool was made for fewer cores: by a run that was given fewer of this machine, for example.
    first = LocalExecutor(cores=3, pool=MachinePool(tmp_path, 3))
    second = LocalExecutor(cores=6, pool=MachinePool(tmp_path, 6))
    spans: dict[str, tuple[float, float]] = {}

    def span() -> tuple[float, float]:
        begin = time.monotonic()
        time.sleep(0.05)
        return begin, time.monotonic()

    with first, second:
        asked = 0
        for number in range(12):
            second.submit(Task(str(number), span))
        for number in range(3):
            second.submit(Task(f"wide {number}", span, cores=5, priority=1))
        deadline = time.monotonic() + 60
        while len(spans) < 15 and time.monotonic() < deadline:
            while beside and asked < 12 + len(spans):
                first.submit(Task(str(asked), time.sleep, (0.02,)))
                asked += 1
            first.poll(0)
            for event in second.poll(0.02):
                if isinstance(event, Outcome) and isinstance(event.end, Succeeded):
                    spans[event.key] = event.end.value
    assert len(spans) == 15, spans
    for key, (begin, end) in spans.items():
        beside_it = [each for each, (b, e) in spans.items() if each != key and b < end and begin < e]
        assert not (key.startswith("wide") and beside_it), (key, beside_it)


def test_short_tasks_under_a_pool_all_run(tmp_path: Path, run: Any) -> None:
    with LocalExecutor(cores=4, pool=MachinePool(tmp_path, 4)) as executor:
        outcomes = run(executor, *(Task(str(n), lambda n=n: n) for n in range(300)))
        assert all(outcome.end == Succeeded(int(key)) for key, outcome in outcomes.items())
    pool = MachinePool(tmp_path, 4)
    assert pool.acquire(9) == 3
    pool.close()


def test_a_task_of_several_cores_gets_a_jobserver_with_its_own_tokens(local: LocalExecutor, run: Any) -> None:
    def look() -> tuple[str, str, int]:
        from ppg_exec import given_pool

        pool = given_pool()
        assert pool is not None
        count = pool.acquire(99)
        pool.close()
        return os.environ["MAKEFLAGS"], os.environ["PPG_JOBSERVER"], count

    flags, fifo, count = run(local, Task("t", look, cores=2))["t"].end.value
    assert flags == " -j2" + (f" --jobserver-auth=fifo:{fifo}" if make_supports_fifos() else "")
    assert count == 1
    assert not Path(fifo).exists(), "it is removed with its task"
    assert run(local, Task("one", lambda: os.environ["MAKEFLAGS"]))["one"].end == Succeeded(" -j1")


def test_an_executor_inside_a_task_uses_the_cores_of_that_task(local: LocalExecutor, run: Any) -> None:
    def nested() -> int:
        from ppg_exec import LocalExecutor, Started, Task, given_pool

        with LocalExecutor(cores=8, pool=given_pool(), grace=0.1) as executor:
            for number in range(8):
                executor.submit(Task(str(number), time.sleep, (1000,)))
            count = 0
            while events := executor.poll(0.5):
                count += sum(isinstance(event, Started) for event in events)
        return count

    assert run(local, Task("t", nested, cores=2))["t"].end == Succeeded(2)


def test_a_task_of_more_cores_than_a_given_pool_has_runs_with_the_whole_pool(
    local: LocalExecutor, run: Any
) -> None:
    def nested() -> bool:
        from ppg_exec import LocalExecutor, Outcome, Task, given_pool

        with LocalExecutor(cores=8, pool=given_pool()) as executor:
            executor.submit(Task("wide", time.sleep, (0,), cores=4))
            deadline = time.monotonic() + 30
            events = []
            while not events and time.monotonic() < deadline:
                events = [event for event in executor.poll(1) if isinstance(event, Outcome)]
        return bool(events)

    assert run(local, Task("t", nested, cores=2))["t"].end == Succeeded(True)


@pytest.mark.parametrize(
    "flags", ["", "-j4", "--jobserver-auth=fifo:/does/not/exist", "--jobserver-auth=98,99"]
)
def test_no_usable_jobserver_is_none(flags: str) -> None:
    assert given_pool(flags) is None


def test_the_older_style_of_two_descriptors_is_understood() -> None:
    read, write = os.pipe()
    os.write(write, b"ab")
    pool = given_pool(f" -j3 --jobserver-auth={read},{write}")
    assert pool is not None
    assert pool.cores == 3
    assert pool.acquire(5) == 2
    pool.close()
    assert sorted(os.read(read, 5)) == [ord("a"), ord("b")]
    os.close(read)
    os.close(write)


@pytest.mark.skipif(shutil.which("make") is None, reason="needs make")
def test_make_in_a_task_uses_its_tokens(local: LocalExecutor, run: Any, tmp_path: Path) -> None:
    (tmp_path / "Makefile").write_text("all: a b\na b:\n\t@echo $@\n")
    outcome = run(local, Task("t", lambda: os.system(f"make -C {tmp_path} all"), cores=2))["t"]
    assert outcome.end == Succeeded(0)
    assert {"a", "b"} <= set(outcome.stdout.text().split())
    assert "jobserver" not in outcome.stderr.text()


def test_tokens_of_a_task_are_gone_when_closed() -> None:
    tokens = TaskTokens(3)
    assert Path(tokens.path).is_fifo()
    tokens.close()
    assert not Path(tokens.path).exists()
