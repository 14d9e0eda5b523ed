"""Plain progress: writes lines for logs, pipes, and scripts that run without `ppg run`."""

import time
from collections import Counter
from typing import TYPE_CHECKING, TextIO

from ppg.account.failure_report import failure_lines
from ppg.account.reasons import reasons_in_words
from ppg.account.run_account import RunAccount
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
from ppg.report.progress import Tally, winding_down_line
from ppg.text import counted, earlier_attempts, one_line

if TYPE_CHECKING:
    from ppg.result import JobOutcome

__all__ = ["PlainProgress", "PlainWarnings"]

SECONDS_BETWEEN_LINES = 1.0
"""Seconds between lines about progress, at first; the pause grows with the run, so that logs stay short."""
LONGEST_PAUSE = 60.0
GROWTH = 1.25
MOST_REASONS = 20
"""How many different reasons get a line when the first job with them starts."""
MOST_FAILURES = 10
"""How many different failures are shown when they happen; the account at the end counts all."""
MOST_REPEATS = 5
"""How many jobs are named that succeeded after several attempts."""


class PlainProgress:
    """Plain progress: writes few lines while jobs run, one for every unusual event, and an account at the end.

    Of jobs with the same reasons, only the first has a line when it starts. Of jobs that failed in the same way, only the
    first has one when it fails. The account counts them all.

    Parameters:
        stream: the output; None if the process has none (`2>&-`).
        every_job: also write a line when a job starts with reasons that no other job had, and name the jobs that end.
    """

    def __init__(self, stream: TextIO | None, *, every_job: bool = False) -> None:
        self._stream = stream
        self._every_job = every_job
        self._tally = Tally()
        self._account = RunAccount()
        self._queued: Counter[str] = Counter()
        self._reasons: dict[str, str] = {}
        self._told: set[str] = set()
        self._repeats = 0
        self._last_line = 0.0
        self._pause = SECONDS_BETWEEN_LINES

    def __call__(self, event: Event) -> None:
        """Write the lines for an event."""
        self._tally(event)
        match event:
            case RunStarted():
                self._last_line = time.monotonic()
            case JobQueued(job_id, _, causes):
                self._account.queued(job_id, causes)
                if self._every_job:
                    reasons = self._reasons[job_id] = reasons_in_words(causes)
                    self._queued[reasons] += 1
            case JobStarted(job_id) if self._every_job:
                self._started(job_id, self._tally.place_of(job_id))
            case JobFinished(job_id, outcome):
                self._finished(job_id, outcome)
            case JobFailed(_, outcome):
                is_new = self._account.failed(outcome)
                if is_new and len(self._account.failures.groups) <= MOST_FAILURES:
                    self._line("\n".join(failure_lines(outcome, shortly=True)))
                elif self._is_due:
                    self._progress(self._tally.line())
            case JobsBlocked(job_ids, cause):
                self._account.blocked(job_ids, cause)
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
                for line in self._account.lines(result):
                    self._line(line)
                self._line(f"{result.summary()} ({result.duration:.1f} s)")
            case (
                JobsUpToDate()
                | JobsNotNeeded()
                | JobStarted()
                | GraphExtended()
                | RunSuspended()
                | RunResumed()
            ):
                pass

    def _started(self, job_id: str, place: str) -> None:
        """Tell the start of a job with new reasons, or of any job after a while without a line."""
        reasons = self._reasons.pop(job_id, "again")
        is_new = reasons not in self._told and len(self._told) < MOST_REASONS
        if is_new or self._is_due:
            more = self._queued[reasons] - 1 if is_new else 0
            others = f", and {counted(more, 'more job')}" if more > 0 else ""
            show = self._line if is_new else self._progress
            show(one_line(f"start   {job_id}{place}{others}: {reasons}"))
        if is_new:
            self._told.add(reasons)
        self._queued[reasons] -= 1

    def _finished(self, job_id: str, outcome: "JobOutcome") -> None:
        """Tell the end of a job that took several attempts, or of any job after a while without a line."""
        is_repeat = outcome.attempts > 1 and self._repeats < MOST_REPEATS
        self._repeats += is_repeat
        if self._every_job and (is_repeat or self._is_due):
            earlier = earlier_attempts(outcome.earlier, outcome.attempts)
            done = one_line("; ".join([f"done    {job_id} ({_how_done(outcome)})", *earlier]))
            self._progress(done if is_repeat else f"{done}; {self._tally.line()}")
        elif self._is_due:
            self._progress(self._tally.line())

    @property
    def _is_due(self) -> bool:
        return time.monotonic() - self._last_line >= self._pause

    def _progress(self, text: str) -> None:
        self._pause = min(self._pause * GROWTH, LONGEST_PAUSE)
        self._line(text)

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
    if outcome.machine:
        how += f", on {outcome.machine}"
    return f"{how}, attempt {outcome.attempts}" if outcome.attempts > 1 else how
