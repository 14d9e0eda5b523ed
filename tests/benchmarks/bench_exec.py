"""Throughput of the executor beside the limits of the machine, in one run.

    python tests/benchmarks/bench_exec.py [tasks]

Prints, per way of running the same trivial task, milliseconds a task: a bare loop that forks a bare
interpreter, with as many in flight as there are cores, and LocalExecutor. Only the ratios mean anything.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time

from ppg_exec import LocalExecutor, Outcome, Succeeded, Task, available_cores

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


def executor(count: int) -> float:
    """Seconds for `count` tasks that do nothing, from the first submit to the last outcome."""

    def make(number: int):
        return lambda: number

    with LocalExecutor() as local:
        local.submit(Task("warm", make(-1)))
        while not any(isinstance(event, Outcome) for event in local.poll()):
            pass
        began = time.perf_counter()
        for number in range(count):
            local.submit(Task(str(number), make(number)))
        done = 0
        while done < count:
            for event in local.poll():
                if isinstance(event, Outcome):
                    assert isinstance(event.end, Succeeded), event
                    done += 1
        used = os.times()
        print(f"    mcp so far: {used.user:.2f} s user, {used.system:.2f} s system")
        return time.perf_counter() - began


def main() -> None:
    """Print the table."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 3000
    times: dict[str, list[float]] = {"bare fork loop": [], "LocalExecutor": []}
    for _ in range(3):
        times["bare fork loop"].append(bare_forks(count))
        times["LocalExecutor"].append(executor(count))
    floor = statistics.median(times["bare fork loop"])
    for name, seconds in times.items():
        middle = statistics.median(seconds)
        low, high = min(seconds), max(seconds)
        print(
            f"{name:16} {middle / count * 1000:6.3f} ms a task"
            f" ({low / count * 1000:.3f} to {high / count * 1000:.3f}), {middle / floor:.1f} × the floor"
        )


if __name__ == "__main__":
    main()
