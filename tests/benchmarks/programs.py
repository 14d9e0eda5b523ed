"""The benchmarks that are programs of their own: of parts of ppg, in one process, beside the machine's limits."""

import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.benchmarks.cases import Size
from tests.benchmarks.environments import measurable_variables
from tests.benchmarks.report import ProgramRun

__all__ = ["PROGRAMS", "run_program"]

FOLDER = Path(__file__).parent
PROGRAMS: Mapping[str, tuple[str, Mapping[Size, Sequence[str]]]] = {
    "P7": ("bench_fingerprints.py", {Size.QUICK: [], Size.FULL: ["--full"], Size.LARGE: []}),
    "P8": ("bench_exec.py", {Size.QUICK: ["200", "200000"], Size.FULL: [], Size.LARGE: []}),
}
"""By goal: the script, and its arguments for each size."""


def run_program(name: str, size: Size, limit: int) -> ProgramRun:
    """Run the program of a goal; a failure is in its exit code.

    Parameters:
        name: of the goal.
        size: how much of it.
        limit: seconds after which it is killed.
    """
    script, arguments = PROGRAMS[name]
    variables = measurable_variables()
    began = time.perf_counter()
    try:
        done = subprocess.run(
            [sys.executable, str(FOLDER / script), *arguments[size]],
            env=variables,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            text=True,
            timeout=limit,
            check=False,
        )
        code, output = done.returncode, done.stdout
    except subprocess.TimeoutExpired:
        code, output = 1, f"killed after {limit} s"
    return ProgramRun(f"{name} {script}", code, time.perf_counter() - began, output)
