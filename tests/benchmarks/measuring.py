"""Run a process under the stopwatch."""

import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

__all__ = ["BenchmarkFailure", "Crash", "Sample", "measure"]

STOPWATCH = Path(__file__).with_name("stopwatch.py")
SHOWN_OF_LOG = 8
"""How many of the lines that a process printed last are shown of a crash."""


class BenchmarkFailure(Exception):
    """What was measured does not count."""


class Crash(BenchmarkFailure):
    """The process ended with another exit code than 0, or not in time."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One process.

    Attributes:
        wall: seconds from exec to exit.
        cpu: seconds, user and system, of the process and the descendants that it waited for.
        peak_memory: bytes, of the largest of these; never less than a bare Python, which starts them.
    """

    wall: float
    cpu: float
    peak_memory: int


def measure(
    command: Sequence[str],
    *,
    directory: Path,
    variables: Mapping[str, str],
    limit: int,
    log: Path | None = None,
) -> Sample:
    """Run a command to its end.

    Parameters:
        command: program and arguments.
        directory: its working directory.
        variables: its whole environment.
        limit: seconds after which it is killed.
        log: where what it prints goes; nowhere to be found by default.

    Raises:
        Crash: it failed or took too long.
    """
    with tempfile.TemporaryDirectory(prefix="ppg-stopwatch-") as folder:
        result = Path(folder, "result")
        log = log or Path(folder, "log")
        stopwatch = [sys.executable, "-I", "-S", str(STOPWATCH), str(result), str(log), str(limit)]
        # The stopwatch's own failure, say a program that does not exist, is a crash of the measured command too.
        watched = subprocess.run(
            [*stopwatch, *command],
            cwd=directory,
            env=dict(variables),
            capture_output=True,
            text=True,
            check=False,
        )
        if watched.returncode:
            raise Crash(f"{command[0]} cannot be started: {_last_lines(watched.stderr)}")
        wall, cpu, peak, code, timed_out = result.read_text().split()
        if timed_out == "1":
            raise Crash(f"killed after {limit} s")
        if code != "0":
            raise Crash(f"exit code {code}\n{_last_lines(log.read_text(errors='replace'))}")
    return Sample(float(wall), float(cpu), int(peak))


def _last_lines(text: str) -> str:
    return "\n".join(text.strip().splitlines()[-SHOWN_OF_LOG:])
