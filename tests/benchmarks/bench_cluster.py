"""Processor time of a small job on a Dask cluster of two machines of one core, beside that of the local executor, in one run.

    python -m tests.benchmarks.bench_cluster [tasks]

Prints for both the processor time of a task: that of this process, of the agents and nodes, of the jobs, and of the workers and the
scheduler. Only the ratio means anything; it should be at most 2.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path

from ppg_exec import Executor, LocalExecutor, Outcome, RemoteExecutor, Succeeded, Task
from ppg_exec.linux import stat_fields
from tests.exec.dask.clusters import fleet_of, running_cluster

__all__ = ["processor_seconds", "seconds_of_tasks"]

_PARENT, _TIMES = 1, slice(11, 15)


def processor_seconds(roots: Iterable[int]) -> float:
    """The processor time of processes, of all beneath them, and of those beneath that have ended and were waited for."""
    children: dict[int, list[int]] = {}
    ticks: dict[int, int] = {}
    for name in os.listdir("/proc"):
        if name.isdigit() and (fields := stat_fields(int(name))):
            children.setdefault(int(fields[_PARENT]), []).append(int(name))
            ticks[int(name)] = sum(map(int, fields[_TIMES]))
    found: set[int] = set()
    left = [root for root in roots if root in ticks]
    while left:
        pid = left.pop()
        if pid not in found:
            found.add(pid)
            left += children.get(pid, [])
    return sum(ticks[pid] for pid in found) / os.sysconf("SC_CLK_TCK")


def run_all(executor: Executor, tasks: list[Task]) -> None:
    """Run tasks to their ends."""
    for task in tasks:
        executor.submit(task)
    done = 0
    while done < len(tasks):
        for event in executor.poll():
            if isinstance(event, Outcome):
                assert isinstance(event.end, Succeeded), event
                done += 1


def nothing(number: int) -> Callable[[], int]:
    """A callback of its own for each task, as a script makes them."""
    return lambda: number


def seconds_of_tasks(executor: Executor, count: int, roots: Iterable[int], cores: int) -> float:
    """Processor seconds for tasks that do nothing, in an executor that has started and has so many cores."""
    roots = [os.getpid(), *roots]
    number = 0
    while number < 20 or executor.cores < cores:
        run_all(executor, [Task(f"warm {number}", nothing(number))])
        number += 1
    began = processor_seconds(roots)
    run_all(executor, [Task(str(number), nothing(number)) for number in range(count)])
    return processor_seconds(roots) - began


def main(count: int) -> None:
    """Measure both, and print the ratio."""
    with LocalExecutor(cores=2) as executor:
        began = time.perf_counter()
        local = seconds_of_tasks(executor, count, (), 2)
        wall = time.perf_counter() - began
    print(f"local executor:  {local / count * 1000:.3f} ms of processor time a task, {wall:.1f} s in all")
    with tempfile.TemporaryDirectory() as folder, running_cluster(Path(folder), 0, 1, ("a", "b")) as cluster:
        cluster.wait_for_workers(2)
        roots = [cluster.scheduler.pid, *(worker.pid for worker in cluster.workers)]
        with RemoteExecutor(fleet_of(cluster)) as executor:
            began = time.perf_counter()
            there = seconds_of_tasks(executor, count, roots, 2)
            wall = time.perf_counter() - began
    print(f"on two machines: {there / count * 1000:.3f} ms of processor time a task, {wall:.1f} s in all")
    print(f"ratio: {there / local:.2f}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000)
