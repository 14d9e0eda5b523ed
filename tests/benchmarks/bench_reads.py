"""What it costs that tasks note which files they use, in pairs of tasks without and with `tracking` in one run.

    python -m tests.benchmarks.bench_reads [files] [tasks] [rounds] [jobs]

Prints, of the pairs, the medians without and with tracking, and the median of the ratios:
- for one task that reads so many small files, which have not changed for a second: milliseconds of wall clock and of processor time in the job; of wall
  clock until its outcome has arrived; and what the caller then needs to read all uses;
- the same for one task that opens and closes them by system calls, which is the least that one can do with a file;
- for so many tasks that write one file each: milliseconds of wall clock, and of processor time of all processes, for
  each task;
- for a run of so many jobs without upstreams that write a file each (P1 of the benchmarks), with `undeclared="ignore"`
  and `undeclared="warn"`, as processes of their own: milliseconds of wall clock, and of processor time of all processes,
  for each job.
Processor time hardly depends on what else the machine does; wall clock does.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from ppg_exec import LocalExecutor, Outcome, Succeeded, Task, Tracking, system_folders
from tests.benchmarks.environments import restart_measurable
from tests.benchmarks.scripts.shapes import FOLDER, INPUT

Measured = tuple[float, ...]
SCRIPT = Path(__file__).with_name("scripts") / "run_undeclared.py"


def timed(work: Callable[[list[str]], None], paths: list[str]) -> Measured:
    """In the job: milliseconds of wall clock and of processor time."""
    wall, used = time.perf_counter(), time.process_time()
    work(paths)
    return 1000 * (time.perf_counter() - wall), 1000 * (time.process_time() - used)


def read_all(paths: list[str]) -> None:
    """Read each file as text."""
    for path in paths:
        with open(path) as file:
            file.read()


def open_all(paths: list[str]) -> None:
    """Open and close each file."""
    for path in paths:
        os.close(os.open(path, os.O_RDONLY))


def write_one(path: str) -> None:
    """Write a file."""
    with open(path, "w") as file:
        file.write("x\n")


def outcomes_of(executor: LocalExecutor, tasks: list[Task]) -> list[Outcome]:
    """Submit the tasks, and wait for all of them."""
    for task in tasks:
        executor.submit(task)
    found: list[Outcome] = []
    while len(found) < len(tasks):
        found += (event for event in executor.poll() if isinstance(event, Outcome))
    return found


def one_task(
    work: Callable[[list[str]], None], paths: list[str], executor: LocalExecutor, tracking: Tracking | None
) -> Measured:
    """Of one task with all files: in the job, until its outcome, and for its uses."""
    began = time.perf_counter()
    (outcome,) = outcomes_of(executor, [Task("all", timed, (work, paths), tracking=tracking)])
    arrived = time.perf_counter()
    assert isinstance(outcome.end, Succeeded), outcome
    count = sum(1 for _ in outcome.uses)
    read = time.perf_counter()
    assert count == (0 if tracking is None else len(paths)), outcome.uses_incomplete
    value = outcome.end.value
    assert isinstance(value, tuple)
    wall, used = value
    return wall, used, 1000 * (arrived - began), 1000 * (read - arrived)


def many_tasks(folder: str, count: int, tracking: Tracking | None) -> Measured:
    """Of many tasks with one file: wall clock, and processor time of all processes."""
    before = os.times()
    with LocalExecutor() as executor:
        outcomes_of(executor, [Task("first", write_one, (f"{folder}/first",), tracking=tracking)])
        began = time.perf_counter()
        found = outcomes_of(
            executor,
            [
                Task(str(number), write_one, (f"{folder}/{number}",), tracking=tracking)
                for number in range(count)
            ],
        )
        wall = time.perf_counter() - began
    assert all(isinstance(outcome.end, Succeeded) for outcome in found)
    assert sum(len(outcome.uses) for outcome in found) == (0 if tracking is None else count)
    used = sum(after - earlier for after, earlier in zip(os.times()[:4], before[:4], strict=True))
    return 1000 * wall / count, 1000 * used / count


def whole_run(count: int, undeclared: str) -> Measured:
    """Of a process that runs so many jobs from nothing: wall clock, and processor time of all processes."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, INPUT).write_text("input 1\n")
        command = [sys.executable, str(SCRIPT), f"wide {count}", undeclared]
        before = os.times()
        began = time.perf_counter()
        subprocess.run(command, check=True, cwd=folder, capture_output=True)
        wall = time.perf_counter() - began
        assert len(os.listdir(f"{folder}/{FOLDER}")) == count
    used = sum(after - earlier for after, earlier in zip(os.times()[2:4], before[2:4], strict=True))
    return 1000 * wall / count, 1000 * used / count


def show(title: str, names: tuple[str, ...], measure: Callable[[bool], Measured], rounds: int) -> None:
    """Measure pairs, and print their medians."""
    measure(False)
    pairs = []
    for number in range(rounds):
        # Each side goes first in half of the pairs.
        first = measure(bool(number % 2))
        second = measure(not number % 2)
        pairs.append((second, first) if number % 2 else (first, second))
    print(f"\n{title}: without, with tracking, ratio")
    for place, name in enumerate(names):
        plain = statistics.median(pair[0][place] for pair in pairs)
        noted = statistics.median(pair[1][place] for pair in pairs)
        ratios = [pair[1][place] / pair[0][place] for pair in pairs if pair[0][place] > 0.01]
        ratio = f"{statistics.median(ratios):6.2f}" if ratios else "     –"
        print(f"  {name:34}{plain:10.3f}{noted:10.3f}{ratio}")


def main(files: int = 10_000, tasks: int = 3_000, rounds: int = 9, jobs: int = 1_500) -> None:
    """Print the comparisons; those of 0 files, tasks or jobs are left out."""
    restart_measurable()
    print(f"Python {sys.version.split()[0]}, {time.strftime('%Y-%m-%d')}, load {os.getloadavg()[0]:.1f}")
    with tempfile.TemporaryDirectory() as folder:
        folder = os.path.realpath(folder)
        os.mkdir(f"{folder}/in")
        paths = [f"{folder}/in/file{number:06d}.txt" for number in range(files)]
        for path in paths:
            with open(path, "w") as file:
                file.write("some text\n" * 20)
        tracking = Tracking(folder, (f"{folder}/.ppg",), system_folders())
        names = ("ms in the job", "ms in the job, processor", "ms until the outcome", "ms to read the uses")
        if files:
            # Files that have just been written are looked at when they are opened. Those of a project are older.
            time.sleep(1.5)
            for title, work in ((f"reading {files} files", read_all), (f"opening {files} files", open_all)):
                with LocalExecutor(cores=1) as executor:
                    show(
                        title,
                        names,
                        lambda noted, work=work, executor=executor: one_task(  # type: ignore[misc]
                            work, paths, executor, tracking if noted else None
                        ),
                        rounds,
                    )
        if tasks:
            show(
                f"each of {tasks} tasks that write a file",
                ("ms", "ms, processor of all processes"),
                lambda noted: many_tasks(folder, tasks, tracking if noted else None),
                rounds,
            )
    if jobs:
        show(
            f"each of {jobs} jobs of a run",
            ("ms", "ms, processor of all processes"),
            lambda noted: whole_run(jobs, "warn" if noted else "ignore"),
            rounds,
        )


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
