"""Two executors with enough work share the cores of a machine equally, also if one was there before, or has wide tasks."""

import subprocess
import sys
from pathlib import Path

import pytest

RUN = """
import sys, time
from pathlib import Path
from ppg_exec import LocalExecutor, MachinePool, Outcome, Task

folder, cores, seconds, wide = Path(sys.argv[1]), 4, float(sys.argv[2]), sys.argv[3] == "wide"

def tasks(first, count):
    for number in range(first, first + count):
        if wide and number % 8 == 0:
            yield Task(str(number), time.sleep, (0.2,), cores=cores)
        else:
            yield Task(str(number), time.sleep, (0.02 + number % 7 * 0.02,))

with LocalExecutor(cores=cores, pool=MachinePool(folder, cores)) as executor:
    submitted = ended = 0
    used = 0.0
    print("ready", flush=True)
    begin = float(sys.stdin.readline())
    while (now := time.monotonic()) < begin + seconds:
        while submitted < ended + 40:
            for task in tasks(submitted, 8):
                executor.submit(task)
            submitted += 8
        for event in executor.poll(0.05):
            if isinstance(event, Outcome):
                ended += 1
                if time.monotonic() > begin:
                    used += event.usage.wall * (cores if wide and int(event.key) % 8 == 0 else 1)
    print(used, flush=True)
    # The other one has somebody beside it to the end.
    sys.stdin.readline()
"""


def shares(folder: Path, seconds: float, second: str, head_start: float) -> list[float]:
    """The core seconds of two executors, of which the first one begins earlier."""
    import time

    runs = [
        subprocess.Popen(
            [sys.executable, "-c", RUN, str(folder), str(seconds), kind],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )
        for kind in ("narrow", second)
    ]  # fmt: skip
    try:
        for run in runs:
            assert run.stdout is not None
            assert run.stdout.readline() == "ready\n"
        begin = time.monotonic() + head_start
        for run in runs:
            assert run.stdin is not None
            run.stdin.write(f"{begin}\n")
            run.stdin.flush()
            if run is runs[0]:
                time.sleep(head_start)  # the first one takes what there is
        found = []
        for run in runs:
            assert run.stdout is not None
            found.append(float(run.stdout.readline()))
        return found
    finally:
        for run in runs:
            run.communicate("\n", timeout=60)


@pytest.mark.parametrize("seconds", [8.0, pytest.param(60.0, marks=pytest.mark.nightly)])
@pytest.mark.parametrize("second", ["narrow", "wide"])
def test_shares_are_within_a_fifth_of_equal(tmp_path: Path, second: str, seconds: float) -> None:
    first = other = 0.0
    for attempt in range(3):
        # On a busy machine a few seconds may be too short a time.
        found = shares(tmp_path / str(attempt), seconds, second, head_start=1.0)
        first, other = first + found[0], other + found[1]
        print(f"core seconds of narrow beside {second}: {first:.1f}, {other:.1f}")
        if abs(first - other) <= 0.2 * (first + other):
            return
    raise AssertionError((first, other))
