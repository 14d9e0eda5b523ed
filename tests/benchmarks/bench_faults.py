"""What a task costs in page faults and processor time, in the node and in its own process, by what it does.

    python -m tests.benchmarks.bench_faults [tasks]

Page faults are what much of the time of a short task goes into (see docs/performance.md). Unlike times, the number of a
job's hardly depends on how busy the machine is; the node has more if others compute. Linux counts them for each
process in /proc/…/stat, for those that it has waited for as well. Times are sums of user and system time over
all tasks; see `bench_clocks` for why only sums.

Then, what the node needs to fork a process that ends at once, and to fork one that first writes to pages which the node
has written to: these get copied. Both are wall clock, from the fork to the end of the wait.
"""

from __future__ import annotations

import functools
import os
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from ppg_exec import LocalExecutor, Outcome, RunsIn, Succeeded, Task
from ppg_invariants import describe_files_plainly
from tests.benchmarks.environments import restart_measurable

Work = Callable[[str], Callable[[], object]]
COPIED = 400
"""Pages that a fork writes to, so that their cost can be told."""
ROUNDS = 300
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


def run_all(executor: LocalExecutor, tasks: list[Task]) -> list[object]:
    """Submit the tasks, wait for all of them, and give what they returned."""
    for task in tasks:
        executor.submit(task)
    values: list[object] = []
    while len(values) < len(tasks):
        for event in executor.poll():
            if isinstance(event, Outcome):
                assert isinstance(event.end, Succeeded), event
                values.append(event.end.value)
    return values


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


def forks_of_the_node(rounds: int, copied: int) -> tuple[float, float, float, float]:
    """In the node: of a fork that ends at once, faults of the node and of the child, and milliseconds; then
    milliseconds of a fork that writes to so many pages before it ends.
    """
    import mmap
    import resource

    size = mmap.PAGESIZE
    area = mmap.mmap(-1, copied * size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    area.madvise(mmap.MADV_NOHUGEPAGE)
    area[::size] = b"x" * copied
    written = b"y" * copied
    times: tuple[list[float], list[float]] = [], []
    faults = [0, 0]
    for number in range(2 * rounds):
        writes = number % 2
        before = [
            resource.getrusage(who).ru_minflt for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
        ]
        began = time.perf_counter()
        pid = os.fork()
        if pid == 0:
            if writes:
                area[::size] = written
            os._exit(0)
        os.waitpid(pid, 0)
        times[writes].append(time.perf_counter() - began)
        if not writes:
            after = [
                resource.getrusage(who).ru_minflt for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
            ]
            faults = [total + late - early for total, late, early in zip(faults, after, before, strict=True)]
    empty, writing = (1000 * sorted(each)[rounds // 2] for each in times)
    return faults[0] / rounds, faults[1] / rounds, empty, writing


def print_forks() -> None:
    """What a fork of the node costs by itself, and what each page adds."""
    with LocalExecutor(cores=2) as executor:
        run_all(executor, [Task(str(number), nothing("")) for number in range(50)])
        task = Task("forks", forks_of_the_node, (ROUNDS, COPIED), place=RunsIn.NODE)
        [value] = run_all(executor, [task])
    assert isinstance(value, tuple)
    own, child, empty, writing = value
    page = (writing - empty) / COPIED
    print(
        f"a fork of the node that ends at once: {empty:.2f} ms, with {own:.0f} faults of the node and {child:.0f} of "
        f"the child; a page that is copied: {1000 * page:.1f} µs; so a fork without faults: "
        f"{empty - (own + child) * page:.2f} ms"
    )


def main() -> None:
    """Print the table."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    restart_measurable()
    print(f"Python {sys.version.split()[0]}, {time.strftime('%Y-%m-%d')}, load {os.getloadavg()[0]:.1f}")
    print(f"{'':35} node: faults    ms   job: faults    ms")
    for name, work in WORK.items():
        for described in (False, True) if name != "nothing" else (False,):
            with tempfile.TemporaryDirectory() as folder:
                faults, own, job_faults, job = measure(work, count, folder, described=described)
            title = f"{name}, looked at" if described else name
            print(f"{title:35} {faults:12.0f} {own:5.2f} {job_faults:13.0f} {job:5.2f}", flush=True)
    print_forks()


if __name__ == "__main__":
    main()
