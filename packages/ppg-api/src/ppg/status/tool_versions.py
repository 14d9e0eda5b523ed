"""Asks tools for their versions, all of them at once."""

import os
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from ppg.jobs.tool_version import ToolVersionInvariant
from ppg.worker.command import find_program
from ppg_graph import Unobservable
from ppg_invariants import LookStopped

__all__ = ["ask"]

PATIENCE = 120.0
"""Seconds after which a tool that does not answer is given up."""
BETWEEN_LOOKS = 0.1
"""Seconds between two looks whether the user wants to stop."""


def ask(
    jobs: Sequence[ToolVersionInvariant], root: str, should_stop: Callable[[], bool] | None
) -> list[str | Unobservable]:
    """What each command prints; in order.

    Raises:
        LookStopped: `should_stop` said so.
    """
    started: list[subprocess.Popen[bytes] | Unobservable] = []
    deadline = time.monotonic() + PATIENCE
    try:
        for job in jobs:
            started.append(_start(job, root))  # noqa: PERF401 (those that run are ended if the next one fails)
        return [
            process if isinstance(process, Unobservable) else _answer(job, process, deadline, should_stop)
            for job, process in zip(jobs, started, strict=True)
        ]
    finally:
        for process in started:
            if not isinstance(process, Unobservable):
                _end(process)


def _start(job: ToolVersionInvariant, root: str) -> "subprocess.Popen[bytes] | Unobservable":
    variables = {**os.environ, **job.environment}
    tool = job.command[0]
    program = find_program(tool if "/" not in tool else str(Path(root, tool)), variables)
    if program is None:
        where = f"in '{root}'" if "/" in tool else f"in PATH ({':'.join(os.get_exec_path(variables))})"
        return Unobservable(
            f"the tool '{tool}' was not found {where}; {_needed_by(job)}; install it, or give its path"
        )
    try:
        return subprocess.Popen(
            job.command,
            executable=program,
            cwd=root,
            env=variables,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            # Ctrl-C is for us: we end it.
            start_new_session=True,
        )
    except OSError as error:
        return Unobservable(f"the tool '{tool}' cannot be started: {error.strerror}; {_needed_by(job)}")


def _answer(
    job: ToolVersionInvariant,
    process: "subprocess.Popen[bytes]",
    deadline: float,
    should_stop: Callable[[], bool] | None,
) -> str | Unobservable:
    while True:
        try:
            output, _ = process.communicate(timeout=BETWEEN_LOOKS)
        except subprocess.TimeoutExpired:
            if should_stop is not None and should_stop():
                raise LookStopped from None
            if time.monotonic() > deadline:
                return Unobservable(f"the tool did not answer within {PATIENCE:g} seconds; {_needed_by(job)}")
            continue
        break
    text = output.decode(errors="backslashreplace")
    if process.returncode not in job.success:
        end = (
            f"ended with exit code {process.returncode}"
            if process.returncode >= 0
            else f"was ended by signal {-process.returncode}"
        )
        return Unobservable(
            f"the tool {end}; {_needed_by(job)}. If that is how it answers, say "
            f"success=[{process.returncode}]. It said: {text.strip()[:1000] or 'nothing'}"
        )
    if not text.strip():
        return Unobservable(f"the tool said nothing; {_needed_by(job)}")
    return text


def _end(process: "subprocess.Popen[bytes]") -> None:
    if process.poll() is None:
        os.killpg(process.pid, 9)
        process.wait()
    if process.stdout is not None:
        process.stdout.close()


def _needed_by(job: ToolVersionInvariant) -> str:
    if job.job_id not in job.pipegraph:
        return "needed by what a generator makes"
    names = [f"'{downstream.job_id}'" for downstream in job.downstreams]
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return f"needed by {', '.join(names[:3])}{more}"
