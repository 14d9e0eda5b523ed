"""Throughput and fork cost of the executor beside the limits of the machine, in one run.

    python tests/benchmarks/bench_exec.py [tasks] [objects]

Prints
- for a task that does nothing: milliseconds a task of a bare loop that forks a bare interpreter, with as many in
  flight as there are cores, and of LocalExecutor;
- with many Python objects loaded: milliseconds of a plain fork of the node and of a task, with and without huge
  pages under them (a single huge list, whose buffer moves as it grows, leaves holes that huge pages do not bridge);
- four tasks of one second: seconds over the ideal.
Only the ratios mean anything.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable

from ppg_exec import LocalExecutor, Outcome, RunsIn, Succeeded, Task, available_cores

BARE = """
import os, sys, time
count, in_flight = int(sys.argv[1]), int(sys.argv[2])
began = time.perf_counter()
running = 0
for _ in range(count):
    if running == in_flight:
        os.wait()
        running -= 1
    if os.fork() == 0:
        os._exit(0)
    running += 1
while running:
    os.wait()
    running -= 1
print(time.perf_counter() - began)
"""


def bare_forks(count: int) -> float:
    """Seconds for `count` forks of a bare interpreter."""
    command = [sys.executable, "-c", BARE, str(count), str(available_cores())]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def run_all(executor: LocalExecutor, tasks: list[Task]) -> float:
    """Seconds from the first submit to the last outcome."""
    began = time.perf_counter()
    for task in tasks:
        executor.submit(task)
    done = 0
    while done < len(tasks):
        for event in executor.poll():
            if isinstance(event, Outcome):
                assert isinstance(event.end, Succeeded), event
                done += 1
    return time.perf_counter() - began


def nothing(number: int) -> Callable[[], int]:
    """A callback of its own for each task, as a script makes them."""
    return lambda: number


def local_executor(count: int) -> float:
    """Seconds for `count` tasks that do nothing, in an executor that has started."""
    with LocalExecutor() as executor:
        run_all(executor, [Task("warm", nothing(-1))])
        return run_all(executor, [Task(str(number), nothing(number)) for number in range(count)])


class Data:
    """Has what is loaded."""

    rows: object


def row(number: int) -> dict[str, object]:
    """A few small objects, about 370 bytes."""
    return {"number": number, "pair": [number, str(number)]}


def plain_forks(count: int = 20) -> float:
    """In the node: seconds for a fork of this process that does nothing but end."""
    began = time.perf_counter()
    for _ in range(count):
        pid = os.fork()
        if pid == 0:
            os._exit(0)
        os.waitpid(pid, 0)
    return (time.perf_counter() - began) / count


def with_objects(objects: int, in_a_list: int, *, huge_pages: bool) -> tuple[float, float, float]:
    """Seconds to load that many rows, for a plain fork of the node, and for a task, each with them loaded."""
    data = Data()

    def load() -> None:
        data.rows = [
            [row(number) for number in range(first, first + in_a_list)]
            for first in range(0, objects, in_a_list)
        ]

    with LocalExecutor(huge_pages=huge_pages) as executor:
        loading = run_all(executor, [Task("load", load, place=RunsIn.NODE)])
        executor.submit(Task("plain", plain_forks, place=RunsIn.NODE))
        while not (found := [event for event in executor.poll() if isinstance(event, Outcome)]):
            continue
        assert isinstance(found[0].end, Succeeded)
        plain = found[0].end.value
        tasks = [Task(str(number), lambda: data.rows is None) for number in range(60)]
        run_all(executor, tasks[:20])
        return loading, plain, run_all(executor, tasks[20:]) / 40


def print_loaded(objects: int, in_a_list: int) -> None:
    """What tasks cost with objects loaded, and what plain forks do."""
    _, plain, task = with_objects(objects, in_a_list, huge_pages=False)
    loading, bound, huge = with_objects(objects, in_a_list, huge_pages=True)
    print(
        f"{objects:,} rows in lists of {in_a_list:,} loaded: a plain fork {plain * 1000:.1f} ms, a task "
        f"{task * 1000:.1f} ms; on huge pages {bound * 1000:.1f} and {huge * 1000:.1f} ms, so a task starts "
        f"{plain / huge:.1f} x cheaper than a plain fork; loading took {loading:.1f} s"
    )


def sleepers() -> float:
    """Seconds over the ideal for four tasks that sleep a second each on two cores, start included."""
    began = time.perf_counter()
    with LocalExecutor(cores=2) as executor:
        run_all(executor, [Task(str(number), time.sleep, (1,)) for number in range(4)])
    return time.perf_counter() - began - 2


def main() -> None:
    """Print the tables."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 3000
    objects = int(sys.argv[2]) if len(sys.argv) > 2 else 4_000_000
    print(f"{available_cores()} cores, load {os.getloadavg()[0]:.1f}, Python {sys.version.split()[0]}")
    times: dict[str, list[float]] = {"bare fork loop": [], "LocalExecutor": []}
    for _ in range(3):
        times["bare fork loop"].append(bare_forks(count))
        times["LocalExecutor"].append(local_executor(count))
    floor = statistics.median(times["bare fork loop"])
    for name, seconds in times.items():
        middle = statistics.median(seconds)
        print(
            f"{name:16} {middle / count * 1000:7.3f} ms a task"
            f" ({min(seconds) / count * 1000:.3f} to {max(seconds) / count * 1000:.3f}),"
            f" {middle / floor:.1f} x the floor"
        )
    print_loaded(objects, 1_000)
    print_loaded(objects, objects)
    print(f"4 x sleep 1 on 2 cores: {statistics.median(sleepers() for _ in range(3)):.2f} s over the ideal")


if __name__ == "__main__":
    main()
