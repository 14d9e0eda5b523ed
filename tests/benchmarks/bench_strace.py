"""What `track="strace"` costs: a job that does nothing, and jobs that open many small files.

    python -m tests.benchmarks.bench_strace [runs]

Each run executes one task at a time: one that does nothing, one in which Python reads 2,000 small files, and one in which
`cat` reads them. Prints, for each, the median of the milliseconds from the submission to the outcome: without notes, with
`track="python"`, and with `track="strace"`.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from ppg_exec import LocalExecutor, Outcome, Succeeded, Task, Tracking, system_folders

FILES = 2_000


def tasks(folder: Path) -> dict[str, Callable[[], object]]:
    """The callbacks, by what they do."""
    names = [str(folder / str(number)) for number in range(FILES)]
    for name in names:
        Path(name).write_text(name)

    def nothing() -> None:
        pass

    def read() -> None:
        for name in names:
            with open(name) as file:
                file.read()

    def cat() -> None:
        subprocess.run(["cat", *names], check=True, stdout=subprocess.DEVNULL)

    return {"nothing": nothing, f"Python reads {FILES:,} files": read, f"cat reads {FILES:,} files": cat}


def milliseconds(executor: LocalExecutor, task: Task) -> float:
    """How long a task took."""
    began = time.perf_counter()
    executor.submit(task)
    while True:
        for event in executor.poll(60):
            if isinstance(event, Outcome):
                took = time.perf_counter() - began
                assert isinstance(event.end, Succeeded), event
                assert not event.uses_incomplete, event
                return took * 1000


def main() -> None:
    """Measure and print."""
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 20
    with tempfile.TemporaryDirectory() as name, LocalExecutor(cores=1) as executor:
        folder = Path(name).resolve()
        system = system_folders()
        ways = {
            "no notes": None,
            "python": Tracking(str(folder), (), system),
            "strace": Tracking(str(folder), (), system, strace=True),
        }
        print(f"{'median of ' + str(runs) + ' runs, in ms':<30}" + "".join(f"{way:>10}" for way in ways))
        for what, callback in tasks(folder).items():
            taken: dict[str, list[float]] = {way: [] for way in ways}
            for _ in range(runs + 1):
                for way, tracking in ways.items():
                    taken[way].append(milliseconds(executor, Task("a", callback, tracking=tracking)))
            medians = [statistics.median(each[1:]) for each in taken.values()]
            print(f"{what:<30}" + "".join(f"{median:>10.1f}" for median in medians))


if __name__ == "__main__":
    main()
