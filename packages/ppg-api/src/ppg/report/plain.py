"""Plain progress: writes lines for logs, pipes, and scripts that run without `ppg run`."""

import time
from typing import TYPE_CHECKING, TextIO

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
    RunFinished,
    RunResumed,
    RunStarted,
    RunStopping,
    RunSuspended,
    RunWindingDown,
    StatusRequested,
    Warned,
)
from ppg.report.failures import failed_line, failure_lines
from ppg.report.progress import Tally, winding_down_line
from ppg.text import earlier_attempts, one_line

if TYPE_CHECKING:
    from ppg.result import JobOutcome

__all__ = ["PlainProgress", "PlainWarnings"]

SECONDS_BETWEEN_LINES = 1.0


class PlainProgress:
    """Plain progress: writes at most one line a second while jobs finish, and one for every unusual event.

    Parameters:
        stream: the output; None if the process has none (`2>&-`).
        every_job: also write a line for each job that starts, with the reasons, and for each that ends.
    """

    def __init__(self, stream: TextIO | None, *, every_job: bool = False) -> None:
        self._stream = stream
        self._every_job = every_job
        self._tally = Tally()
        self._last_line = 0.0

    def __call__(self, event: Event) -> None:
        """Write the lines for an event."""
        if isinstance(event, JobStarted) and self._every_job:
            reasons = self._tally.queued.get(event.job_id, ("again",))
            self._line(one_line(f"start   {event.job_id}: {'; '.join(reasons)}"))
        self._tally(event)
        match event:
            case RunStarted():
                self._last_line = time.monotonic()
            case JobFinished(job_id, outcome):
                if self._every_job:
                    earlier = earlier_attempts(outcome.earlier, outcome.attempts)
                    self._line(one_line("; ".join([f"done    {job_id} ({_how_done(outcome)})", *earlier])))
                elif time.monotonic() - self._last_line >= SECONDS_BETWEEN_LINES:
                    self._line(self._tally.line())
            case JobFailed(_, outcome):
                self._line("\n".join(failure_lines(outcome)))
            case JobsBlocked(job_ids, cause) if self._every_job and job_ids:
                lines = (one_line(f"blocked {job_id} (because of {cause})") for job_id in job_ids)
                self._line("\nppg: ".join(lines))
            case Warned(message):
                self._line(one_line(f"warning: {message}"))
            case StatusRequested(when):
                self._line("\n".join(self._tally.running_lines(when)))
            case Answered(text):
                self._line(text)
            case RunWindingDown(running):
                self._line(winding_down_line(running))
            case RunStopping():
                self._line("ending the running jobs ...")
            case RunFinished(result):
                if self._every_job and result.failed:
                    # The failures may have scrolled away, and no other line lists them.
                    self._line(failed_line(result))
                self._line(f"{result.summary()} ({result.duration:.1f} s)")
            case (
                JobsUpToDate()
                | JobsNotNeeded()
                | JobQueued()
                | JobStarted()
                | JobsBlocked()
                | GraphExtended()
                | RunSuspended()
                | RunResumed()
            ):
                pass

    def _line(self, text: str) -> None:
        self._last_line = time.monotonic()
        if self._stream is None:
            return
        try:
            self._stream.write(f"ppg: {text}\n")
            self._stream.flush()
        except OSError:
            # The stream is closed or full (`ppg run ... | head`, a closed terminal); the run continues.
            self._stream = None


class PlainWarnings:
    """Plain warnings: writes the warnings of a run that shows no progress.

    Parameters:
        stream: the output; None if the process has none.
    """

    def __init__(self, stream: TextIO | None) -> None:
        self._progress = PlainProgress(stream)

    def __call__(self, event: Event) -> None:
        """Write the line for a warning."""
        if isinstance(event, Warned):
            self._progress(event)


def _how_done(outcome: "JobOutcome") -> str:
    how = f"{outcome.runtime or 0:.2f} s"
    if outcome.taken_from_cache:
        how += ", taken from the shared cache"
    return f"{how}, attempt {outcome.attempts}" if outcome.attempts > 1 else how
