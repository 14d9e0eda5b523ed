"""Running command-line tools, and knowing which of them are installed."""

import os
import shlex
import shutil
import signal
import subprocess
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import IO

__all__ = ["ALL_CORES", "TOOLS", "Command", "ToolError", "missing_tools", "run_pipe"]

Command = Sequence[str | Path]
"""A program and its arguments."""

ALL_CORES = "{all cores}"
"""An argument that `run_pipe` replaces by the number of cores of the machine that it then runs on.

So the number is no part of a command line as ppg sees it, and another machine is no reason to do things again.
"""

TOOLS: dict[str, str] = {
    "bowtie2": "bowtie2",
    "bowtie2-build": "bowtie2",
    "samtools": "samtools",
    "bcftools": "bcftools",
}
"""The programs that the pipeline calls → the Debian packages that they are in."""


class ToolError(Exception):
    """A program ended with an error; what it wrote is in the job's stderr."""


def missing_tools() -> list[str]:
    """The programs that are not on the PATH."""
    return [tool for tool in TOOLS if shutil.which(tool) is None]


def run_pipe(commands: Sequence[Command], stdout: Path | None = None) -> None:
    """Run programs side by side, each reading what the one before it writes.

    commands: at least one
    stdout: the file that the last one's standard output goes to; by default it is not redirected

    Raises ToolError, naming the program that went wrong first, if one of them fails.
    """
    cores = str(len(os.sched_getaffinity(0)))
    with ExitStack() as stack:
        target = None if stdout is None else stack.enter_context(stdout.open("wb"))
        running: list[subprocess.Popen[bytes]] = []
        source: IO[bytes] | int = subprocess.DEVNULL
        for number, command in enumerate(commands, start=1):
            arguments = [cores if argument == ALL_CORES else argument for argument in command]
            sink = target if number == len(commands) else subprocess.PIPE
            process = stack.enter_context(subprocess.Popen(arguments, stdin=source, stdout=sink))
            if not isinstance(source, int):
                source.close()  # only the new process holds it now: if it ends, the one before it is told
            source = process.stdout or subprocess.DEVNULL
            running.append(process)
    codes = [process.returncode for process in running]
    failed = [(command, code) for command, code in zip(commands, codes, strict=True) if code]
    # A program whose reader is gone dies of SIGPIPE: the reader's error is the one to tell.
    failed.sort(key=lambda failure: failure[1] in (-signal.SIGPIPE, 128 + signal.SIGPIPE))
    if failed:
        command, code = failed[0]
        line = shlex.join(os.fspath(argument) for argument in command)
        raise ToolError(f"{line} ended with exit code {code}")
