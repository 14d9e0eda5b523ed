"""Which times of short processes can be believed: the kernel's accounts of many, beside those of one long process.

    python -m tests.benchmarks.bench_clocks [processes]

The same work is done by one process, and in parts of about a millisecond by many. Work is a loop of Python, or reading
zeros, which is the kernel's. Printed are milliseconds for each part: user and system time, their sum, and what
the process saw on its own clock of processor time just before its end. Then: the kernel's share, and of how many
processes the kernel booked all time as user time, or all as system time. Both are impossible: each process computes,
and each is forked and ends in the kernel.

Linux counts user and system time by sampling at ticks, mostly 250 times a second. A process that lives a millisecond
seldom sees one. Then all that it used is booked as user time. The sum of both comes from the scheduler, which measures
it. So benchmarks here add up user and system time, and never tell them apart for jobs.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from tests.benchmarks.environments import restart_measurable

__all__ = ["Account", "account"]

ZEROS = 1 << 16


@dataclass(frozen=True, slots=True)
class Account:
    """Seconds, and how many processes were booked as if they had never, or only, been in the kernel."""

    user: float
    system: float
    clock: float
    all_user: int
    all_system: int

    @property
    def total(self) -> float:
        """What the kernel has booked."""
        return self.user + self.system


def compute() -> None:
    """About a millisecond in Python."""
    for _ in range(20_000):
        pass


def read_zeros() -> None:
    """About a millisecond, nearly all of it in the kernel."""
    buffer = bytearray(ZEROS)
    descriptor = os.open("/dev/zero", os.O_RDONLY)
    for _ in range(250):
        os.readv(descriptor, [buffer])
    os.close(descriptor)


WORK: Mapping[str, Callable[[], None]] = {"a loop": compute, "reading zeros": read_zeros}


def account(work: Callable[[], None], processes: int, parts: int) -> Account:
    """What is booked of this many processes, each of which does the work so many times."""
    user = system = clock = 0.0
    all_user = all_system = 0
    reading, writing = os.pipe()
    for _ in range(processes):
        pid = os.fork()
        if pid == 0:
            for _ in range(parts):
                work()
            os.write(writing, str(time.clock_gettime(time.CLOCK_PROCESS_CPUTIME_ID)).encode())
            os._exit(0)
        _, status, usage = os.wait4(pid, 0)
        assert status == 0, status
        user += usage.ru_utime
        system += usage.ru_stime
        all_user += usage.ru_stime == 0
        all_system += usage.ru_utime == 0
        clock += float(os.read(reading, 64))
    os.close(reading)
    os.close(writing)
    return Account(user, system, clock, all_user, all_system)


def main() -> None:
    """Print the table."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 2000
    restart_measurable()
    print(f"Python {sys.version.split()[0]}, load {os.getloadavg()[0]:.1f}; ms for each of {count} parts")
    print(f"{'':36}    user  system     sum   own clock   kernel  all user  all system")
    for name, work in WORK.items():
        for processes in (1, count):
            booked = account(work, processes, count // processes)
            times = (booked.user, booked.system, booked.total)
            numbers = "".join(f"{1000 * seconds / count:8.3f}" for seconds in times)
            title = f"{name}, {processes} {'process' if processes == 1 else 'processes'}"
            extremes = f"{booked.all_user / processes:10.0%}{booked.all_system / processes:12.0%}"
            share = f"{booked.system / booked.total:9.0%}"
            print(f"{title:36}{numbers}{1000 * booked.clock / count:12.3f}{share}{extremes}", flush=True)


if __name__ == "__main__":
    main()
