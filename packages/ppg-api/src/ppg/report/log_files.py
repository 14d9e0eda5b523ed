"""Log files: store the events of a run, only if the pipegraph's root has a folder `logs`.

A log that cannot be written (no permission, no room) raises OSError; the run continues without that log. Logs are
as private as the store (`ppg_invariants.open_private`).
"""

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, TextIO, assert_never

import ppg_graph
from ppg.account.failure_report import write_failure
from ppg.report.events import (
    Answered,
    Event,
    GraphExtended,
    JobFailed,
    JobFinished,
    JobQueued,
    JobsBlocked,
    JobsNotNeeded,
    JobStarted,
    JobsUpToDate,
    Listener,
    RunFinished,
    RunResumed,
    RunStarted,
    RunStopping,
    RunSuspended,
    RunWindingDown,
    StatusRequested,
    Warned,
)
from ppg.text import counted, earlier_attempts, one_line
from ppg_invariants import open_private

if TYPE_CHECKING:
    from ppg.graph.declared import DeclaredGraph
    from ppg.result import JobOutcome

__all__ = ["ErrorLog", "GraphLog", "RunLog", "log_listeners"]


def log_listeners(pipegraph: "DeclaredGraph") -> list[Listener]:
    """Return the listeners that write to the folder `logs`; an empty list if there is no such folder."""
    folder = Path(pipegraph.root) / "logs"
    if not folder.is_dir():
        return []
    return [
        GraphLog(folder / "ppg_graph.txt"),
        RunLog(folder / "ppg_run.txt"),
        ErrorLog(folder / "ppg_errors.txt"),
    ]


class GraphLog:
    """Graph log: writes which job depends on which."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __call__(self, event: Event) -> None:
        """Write the graph when the run starts."""
        if isinstance(event, RunStarted):
            text = ppg_graph.draw(event.pipegraph.dag, "text", labels=event.pipegraph._labels())
            with os.fdopen(open_private(str(self._path)), "wb") as file:
                file.write(text.encode(errors="backslashreplace"))


class RunLog:
    """Run log: writes every decision and event of a run, one line each, with the time."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: TextIO | None = None

    def __call__(self, event: Event) -> None:
        """Write an event."""
        if self._file is None:
            self._file = os.fdopen(
                open_private(str(self._path)), "w", encoding="utf-8", errors="backslashreplace"
            )
        now = time.strftime("%Y-%m-%d %H:%M:%S")
        lines = [f"{now} {one_line(line)}\n" for line in _log_lines(event)]
        if lines:
            self._file.write("".join(lines))
            self._file.flush()
        if isinstance(event, RunFinished):
            self._file.close()


class ErrorLog:
    """Error log: writes every failed job of a run with its traceback and its complete output."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: BinaryIO | None = None

    def __call__(self, event: Event) -> None:
        """Write a failure."""
        if self._file is None:
            self._file = os.fdopen(open_private(str(self._path)), "wb")
        if isinstance(event, JobFailed):
            write_failure(event.outcome, self._file)
            self._file.flush()
        elif isinstance(event, RunFinished):
            self._file.close()


def _log_lines(event: Event) -> list[str]:
    match event:
        case RunStarted(pipegraph, _, jobs):
            return [f"run started: {counted(jobs, 'job')} in {pipegraph.root}"]
        case JobsUpToDate(job_ids):
            return [f"up to date: {job_id}" for job_id in job_ids]
        case JobsNotNeeded(job_ids):
            return [f"not needed: {job_id}" for job_id in job_ids]
        case JobQueued(job_id, reasons):
            return [f"has to run: {job_id} ({'; '.join(reasons)})"]
        case JobStarted(job_id, pid, _, machine):
            return [f"started: {job_id} (pid {pid}{_on(machine)})"]
        case JobFinished(job_id, outcome):
            how = "taken from the shared cache" if outcome.taken_from_cache else "done"
            return [
                f"{how}: {job_id} ({outcome.runtime or 0:.3f} s{_attempts(outcome)}{_on(outcome.machine)}){_earlier(outcome)}"
            ]
        case JobFailed(job_id, outcome):
            return [
                f"failed: {job_id} ({outcome.error_class}{_attempts(outcome)}{_on(outcome.machine)}){_earlier(outcome)}"
            ]
        case JobsBlocked(job_ids, cause):
            return [f"blocked: {job_id} (because of {cause})" for job_id in job_ids]
        case GraphExtended(generator, job_ids):
            return [f"declared by {generator}: {job_id}" for job_id in job_ids]
        case Warned(message):
            return [f"warning: {message}"]
        case RunWindingDown(running):
            return [f"stopping: nothing more starts, {counted(running, 'running job')} may end"]
        case RunStopping(number):
            return [f"stopping: signal {number}"]
        case RunSuspended():
            return ["suspended"]
        case RunResumed():
            return ["resumed"]
        case RunFinished(result):
            return [f"run finished: {result.summary()} ({result.duration:.1f} s)"]
        case StatusRequested() | Answered():
            return []
        case _:
            assert_never(event)


def _on(machine: str) -> str:
    return f", on {machine}" if machine else ""


def _attempts(outcome: "JobOutcome") -> str:
    return f", attempt {outcome.attempts}" if outcome.attempts > 1 else ""


def _earlier(outcome: "JobOutcome") -> str:
    return "".join(f"; {line}" for line in earlier_attempts(outcome.earlier, outcome.attempts))
