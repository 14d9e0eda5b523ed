"""Where the processor time of a run goes: the caller's process, the jobs, what lies between, the kernel.

    python -m tests.benchmarks.bench_processes [jobs] [runs]

Runs that many jobs side by side, each of which writes a small file, on two cores that nobody else shares. Prints, for
each run, milliseconds a job: of wall clock; of processor time of the caller, and of all processes below it; how much of
the latter was the jobs'; and how much of the two cores' time was nobody's.

All these are sums of user and system time over processes that have been waited for. The scheduler measures the sum. The
kernel tells user from system time by ticks, though, of which a job sees none or one (`bench_clocks` shows it). So the
kernel's share is sampled: by `perf record -e cpu-clock` over all processes of one run more, if there is a perf that
may do that. The sampled share is a lower bound: perf stops counting before the kernel takes down a process's memory.
"""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import astuple, dataclass
from pathlib import Path

import ppg
from tests.benchmarks.environments import restart_measurable

__all__ = ["Cost", "kernel_share", "measure"]

CORES = 2
SAMPLES = 10_000
"""A second, for each process."""
ONLY_RUN = "--only-run"
ROOT = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True)
class Cost:
    """Milliseconds a job, but for the last, which is a share.

    Attributes:
        wall: from the start of the run to its end.
        caller: of processor time of this process.
        others: of guard, forkserver, node and jobs.
        jobs: the part of `others` that is the jobs'.
        idle: how much of the cores' time nobody of these used.
    """

    wall: float
    caller: float
    others: float
    jobs: float
    idle: float


def used(who: int) -> float:
    """Seconds of processor time of this process, or of all that were waited for."""
    usage = resource.getrusage(who)
    return usage.ru_utime + usage.ru_stime


def writer() -> Callable[[Path], None]:
    """The callback of all jobs.

    It is made in a function, so that it travels by value wherever this module is imported from. Otherwise the node would
    import this module, and with it `tempfile`, whose `random` runs something after each fork.
    """

    def write(path: Path) -> None:
        path.write_text("x\n")

    return write


def measure(count: int) -> Cost:
    """Declare the jobs, and run them in the current directory, which has to be empty."""
    graph = ppg.new_pipegraph(ppg.LocalSystem(max_cores_to_use=CORES, share_cores=False), quiet=True)
    for number in range(count):
        ppg.FileGeneratingJob(f"{number}", writer())
    began = time.perf_counter()
    before = used(resource.RUSAGE_SELF), used(resource.RUSAGE_CHILDREN)
    result = graph.run()
    caller = used(resource.RUSAGE_SELF) - before[0]
    others = used(resource.RUSAGE_CHILDREN) - before[1]
    wall = time.perf_counter() - began
    ran = [outcome for outcome in result.values() if outcome.was_run]
    assert len(ran) == count
    jobs = sum((outcome.user_time or 0) + (outcome.system_time or 0) for outcome in ran)
    milliseconds = (1000 * seconds / count for seconds in (wall, caller, others, jobs))
    return Cost(*milliseconds, 1 - (caller + others) / (CORES * wall))


def measure_elsewhere(count: int) -> Cost:
    """The same in a directory of its own."""
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        cost = measure(count)
        os.chdir(ROOT)
    return cost


def kernel_share(count: int) -> float | None:
    """How much of the samples of a whole script with that many jobs are in the kernel; None if perf cannot tell."""
    perf = shutil.which("perf")
    if perf is None:
        return None
    with tempfile.TemporaryDirectory() as folder:
        data = str(Path(folder, "perf.data"))
        script = [sys.executable, "-m", "tests.benchmarks.bench_processes", ONLY_RUN, str(count)]
        sampling = [perf, "record", "-q", "-e", "cpu-clock", "-F", str(SAMPLES), "-o", data, "--", *script]
        fields = ["--fields", "overhead_sys,overhead_us", "--sort", "comm", "-t", ","]
        reporting = [perf, "report", "-i", data, "--stdio", "-q", *fields]
        for command in (sampling, reporting):
            done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)
            if done.returncode:
                return None
    rows = [line.split(",") for line in done.stdout.splitlines() if line.strip()]
    kernel, programs = (sum(float(row[place].strip(" %")) for row in rows) for place in (0, 1))
    # Who may not look into the kernel gets no samples from there.
    return kernel / (kernel + programs) if kernel else None


def main() -> None:
    """Print a line for each run, and the kernel's share."""
    if sys.argv[1:2] == [ONLY_RUN]:
        measure_elsewhere(int(sys.argv[2]))
        return
    restart_measurable()
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 2000
    runs = int(sys.argv[2]) if len(sys.argv) > 2 else 3
    print(f"Python {sys.version.split()[0]}, {time.strftime('%Y-%m-%d')}, load {os.getloadavg()[0]:.1f}")
    print(f"{count} jobs; ms a job:   wall   caller   others  of these jobs    idle")
    for _ in range(runs):
        wall, caller, others, jobs, idle = astuple(measure_elsewhere(count))
        print(f"{'':20}{wall:9.2f}{caller:9.2f}{others:9.2f}{jobs:15.2f}{idle:8.0%}", flush=True)
    share = kernel_share(count)
    print(
        "perf cannot tell the kernel's share here" if share is None else f"in the kernel: {share:.0%} or more"
    )


if __name__ == "__main__":
    main()
