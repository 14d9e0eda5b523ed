"""Memory: what jobs use is measured, stated limits are watched, and forks of a full node stay cheap."""

import os
import time
from pathlib import Path
from typing import Any

from ppg_exec import Died, LocalExecutor, RunsIn, Succeeded, Task
from ppg_exec.controller.outcomes import OomCounter, died
from ppg_exec.node.loads import collapsible
from tests.exec.holder import Holder

MB = 1 << 20


def grow(size: int, seconds: float) -> None:
    data = bytearray(size)
    data[::4096] = b"x" * len(data[::4096])
    time.sleep(seconds)


def test_memory_of_all_processes_of_a_job_counts_together(local: LocalExecutor, run: Any) -> None:
    import multiprocessing

    def family() -> None:
        context = multiprocessing.get_context("fork")
        children = [context.Process(target=grow_here, args=(100 * MB, 1.5)) for _ in range(3)]
        for child in children:
            child.start()
        for child in children:
            child.join()

    grow_here = grow
    usage = run(local, Task("t", family))["t"].usage
    assert 290 * MB < usage.peak_memory < 600 * MB


def test_what_the_node_has_loaded_is_not_the_jobs_memory(local: LocalExecutor, run: Any) -> None:
    shared = Holder()
    run(local, Task("load", lambda: setattr(shared, "data", bytearray(b"x") * (300 * MB)), place=RunsIn.NODE))
    outcome = run(local, Task("job", lambda: len(shared.data)))["job"]
    assert outcome.end == Succeeded(300 * MB)
    assert outcome.usage.peak_memory < 100 * MB


def test_a_task_far_above_its_stated_memory_is_named_in_a_warning(local: LocalExecutor, run: Any) -> None:
    body = grow
    outcomes = run(
        local,
        Task("liar", lambda: body(200 * MB, 0), memory=50 * MB),
        Task("honest", lambda: body(50 * MB, 0), memory=100 * MB),
    )
    (warning,) = outcomes["liar"].warnings
    assert "memory" in warning
    assert not outcomes["honest"].warnings


def test_with_enforced_memory_it_is_ended_and_tried_again_with_more(run: Any, tmp_path: Path) -> None:
    body = grow
    with LocalExecutor(cores=2, memory=1 << 40, enforce_memory=True) as executor:
        end = run(executor, Task("t", lambda: body(200 * MB, 1000), memory=50 * MB))["t"].end
        assert isinstance(end, Died)
        assert end.of_memory
        assert "more memory than it states" in end.likely_cause
        outcome = run(executor, Task("again", lambda: body(150 * MB, 1.2), memory=100 * MB, retries=1))[
            "again"
        ]
        assert outcome.end == Succeeded(None)
        assert outcome.attempts == 2


def test_a_kill_by_the_kernel_for_lack_of_memory_is_recognised(tmp_path: Path) -> None:
    counter = tmp_path / "proc/vmstat"
    counter.parent.mkdir()
    counter.write_text("pgfault 1\noom_kill 3\n")
    oom = OomCounter(tmp_path)
    assert not died(9, None, oom).of_memory
    counter.write_text("pgfault 1\noom_kill 4\n")
    end = died(9, None, oom)
    assert end.of_memory
    assert "memory" in end.likely_cause
    assert not died(9, None, oom).of_memory, "one kill explains one death"


def test_the_areas_to_collapse_are_the_private_anonymous_ones() -> None:
    maps = b"""00400000-00a00000 r-xp 00000000 fe:00 123 /usr/bin/python3
01000000-01700000 rw-p 00000000 00:00 0 [heap]
7f0000000000-7f0000a00000 rw-p 00000000 00:00 0
7f0001000000-7f0001200000 rw-s 00000000 00:01 44 /dev/shm/x
7f0002000000-7f0002100000 rw-p 00000000 00:00 0
7ffc00000000-7ffc00400000 rw-p 00000000 00:00 0 [stack]
"""
    assert collapsible(maps) == [(0x1000000, 0x1600000), (0x7F0000000000, 0x7F0000A00000)]


def test_a_large_load_lies_on_huge_pages_unless_that_is_turned_off(run: Any) -> None:
    def huge() -> int:
        with open(f"/proc/{os.getppid()}/smaps_rollup") as file:
            return sum(int(line.split()[1]) for line in file if line.startswith("AnonHugePages"))

    counts = {}
    for wanted in (True, False):
        shared = Holder()
        with LocalExecutor(cores=2, huge_pages=wanted) as executor:
            load = Task(
                "load",
                lambda shared=shared: setattr(shared, "data", [[n] for n in range(1_000_000)]),
                place=RunsIn.NODE,
            )
            run(executor, load)
            counts[wanted] = run(executor, Task("look", huge))["look"].end.value
    if Path("/sys/kernel/mm/transparent_hugepage/enabled").read_text().endswith("[never]\n"):
        return
    assert counts[True] > counts[False] + 50_000
