"""Where the processor time of a run goes: the caller's process, the compute node, the jobs.

    python -m tests.benchmarks.bench_processes [jobs] [runs]

Runs that many jobs side by side, each of which writes a small file, on two cores that nobody else shares. Prints, for
each run, milliseconds a job: of wall clock; of processor time of the caller, of the jobs, and of what lies between
(guard, forkserver and node); how much of all that the kernel has spent (on forks, page faults, files); and how much of
the two cores' time was nobody's. Times of the others are those of the kernel's accounts, which hold for processes that
have been waited for.
"""

from __future__ import annotations

import os
import resource
import sys
import tempfile
import time
from dataclasses import astuple, dataclass
from pathlib import Path

import ppg

__all__ = ["Cost", "measure"]

CORES = 2


@dataclass(frozen=True, slots=True)
class Cost:
    """Milliseconds a job, but for the last two, which are shares."""

    wall: float
    caller: float
    jobs: float
    between: float
    kernel: float
    idle: float


def times(who: int) -> tuple[float, float]:
    """Seconds of processor time, in programs and in the kernel, of this process or of those that were waited for."""
    usage = resource.getrusage(who)
    return usage.ru_utime, usage.ru_stime


def write(path: Path) -> None:
    """The callback of all jobs."""
    path.write_text("x\n")


def measure(count: int) -> Cost:
    """Declare the jobs, and run them in the current directory, which has to be empty."""
    graph = ppg.new_pipegraph(ppg.LocalSystem(max_cores_to_use=CORES, share_cores=False), quiet=True)
    for number in range(count):
        ppg.FileGeneratingJob(f"{number}", write)
    began = time.perf_counter()
    before = times(resource.RUSAGE_SELF) + times(resource.RUSAGE_CHILDREN)
    result = graph.run()
    after = times(resource.RUSAGE_SELF) + times(resource.RUSAGE_CHILDREN)
    wall = time.perf_counter() - began
    own_user, own_kernel, user, kernel = (late - early for late, early in zip(after, before, strict=True))
    ran = [outcome for outcome in result.values() if outcome.was_run]
    assert len(ran) == count
    jobs = sum((outcome.user_time or 0) + (outcome.system_time or 0) for outcome in ran)
    everything = own_user + own_kernel + user + kernel
    milliseconds = (
        1000 * seconds / count for seconds in (wall, own_user + own_kernel, jobs, user + kernel - jobs)
    )
    return Cost(*milliseconds, (own_kernel + kernel) / everything, 1 - everything / (CORES * wall))


def main() -> None:
    """Print a line for each run."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 2000
    runs = int(sys.argv[2]) if len(sys.argv) > 2 else 3
    print(f"Python {sys.version.split()[0]}, {time.strftime('%Y-%m-%d')}, load {os.getloadavg()[0]:.1f}")
    print(f"{count} jobs; ms a job:   wall   caller     jobs  between kernel   idle")
    for _ in range(runs):
        with tempfile.TemporaryDirectory() as folder:
            os.chdir(folder)
            cost = measure(count)
            os.chdir("/")
        *milliseconds, kernel, idle = astuple(cost)
        numbers = "".join(f"{value:9.2f}" for value in milliseconds)
        print(f"{'':20}{numbers}{kernel:7.0%}{idle:7.0%}", flush=True)


if __name__ == "__main__":
    main()
