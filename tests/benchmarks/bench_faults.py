"""What a task costs in page faults and processor time, in the node and in its own process, by what it does.

    python tests/benchmarks/bench_faults.py [tasks]

Page faults are what much of the time of a short task goes into (see docs/performance.md), and unlike times their number
hardly depends on how busy the machine is. Linux counts them for each process in /proc/…/stat, for those that it has
waited for as well.
"""

from __future__ import annotations

import functools
import os
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from ppg_exec import LocalExecutor, Outcome, Succeeded, Task
from ppg_invariants import describe_files_plainly

Work = Callable[[str], Callable[[], object]]
TICK = 1000 / os.sysconf("SC_CLK_TCK")


def nothing(path: str) -> Callable[[], object]:
    """A task that does nothing."""
    return lambda: path


def system_calls(path: str) -> Callable[[], object]:
    """A file is written by system calls."""

    def write() -> None:
        descriptor = os.open(path, os.O_CREAT | os.O_WRONLY)
        os.write(descriptor, b"x\n")
        os.close(descriptor)

    return write


def text_file(path: str) -> Callable[[], object]:
    """A file is written by `open`."""

    def write() -> None:
        with open(path, "w") as file:
            file.write("x\n")

    return write


def with_pathlib(path: str) -> Callable[[], object]:
    """A file is written by `Path.write_text`."""
    there = Path(path)
    return lambda: there.write_text("x\n")


WORK: Mapping[str, Work] = {
    "nothing": nothing,
    "a file by system calls": system_calls,
    "a file by open": text_file,
    "a file by pathlib": with_pathlib,
}


def run_all(executor: LocalExecutor, tasks: list[Task]) -> None:
    """Submit the tasks, and wait for all of them."""
    for task in tasks:
        executor.submit(task)
    done = 0
    while done < len(tasks):
        for event in executor.poll():
            if isinstance(event, Outcome):
                assert isinstance(event.end, Succeeded), event
                done += 1


def only_child(pid: int) -> int:
    """The child of a process that has one."""
    (child,) = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return int(child)


def counters(pid: int) -> list[int]:
    """Of /proc/…/stat: faults and ticks of the process (minflt, utime, stime) and of those it has waited for."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return [int(fields[place]) for place in (7, 11, 12, 8, 13, 14)]


def measure(work: Work, count: int, folder: str, *, described: bool) -> list[float]:
    """Of the node and of the job, for each task: page faults and milliseconds of processor time."""
    with LocalExecutor(cores=2) as executor:
        tasks = []
        for number in range(count + 50):
            path = f"{folder}/{number}"
            after = functools.partial(describe_files_plainly, (path,)) if described else None
            tasks.append(Task(path, work(path), after=after))
        run_all(executor, tasks[:50])
        node = only_child(only_child(only_child(os.getpid())))
        before = counters(node)
        run_all(executor, tasks[50:])
        used = [(after - earlier) / count for after, earlier in zip(counters(node), before, strict=True)]
    return [used[0], (used[1] + used[2]) * TICK, used[3], (used[4] + used[5]) * TICK]


def main() -> None:
    """Print the table."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    print(f"Python {sys.version.split()[0]}, {time.strftime('%Y-%m-%d')}, load {os.getloadavg()[0]:.1f}")
    print(f"{'':35} node: faults    ms   job: faults    ms")
    for name, work in WORK.items():
        for described in (False, True) if name != "nothing" else (False,):
            with tempfile.TemporaryDirectory() as folder:
                faults, own, job_faults, job = measure(work, count, folder, described=described)
            title = f"{name}, looked at" if described else name
            print(f"{title:35} {faults:12.0f} {own:5.2f} {job_faults:13.0f} {job:5.2f}", flush=True)


if __name__ == "__main__":
    main()
