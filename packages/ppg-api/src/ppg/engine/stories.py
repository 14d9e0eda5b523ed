"""From the executor's report to what is told of a job."""

from dataclasses import replace
from typing import assert_never

from ppg.declarations import shown
from ppg.engine.outputs import OutputArchive
from ppg.exceptions import how_it_died
from ppg.job import Job
from ppg.result import JobOutcome, JobState
from ppg_exec import Cancelled, Died, End, Outcome, Raised, Refused, Succeeded, TimedOut, Unpicklable

__all__ = ["failed", "story_of"]


def story_of(
    outcome: Outcome, reasons: tuple[str, ...], archive: OutputArchive, *, has_begun: bool
) -> JobOutcome:
    """What there is to tell of a job that has ended, if it kept its contract.

    Parameters:
        outcome: the executor's report.
        reasons: why it ran, in words.
        archive: where its output is kept.
        has_begun: whether its process ever ran.
    """
    return JobOutcome(
        outcome.key,
        JobState.RAN,
        reasons=reasons,
        runtime=outcome.usage.wall,
        user_time=outcome.usage.user,
        system_time=outcome.usage.system,
        peak_memory=outcome.usage.peak_memory,
        attempts=outcome.attempts if has_begun else 0,
        stdout_capture=archive.keep(outcome.stdout),
        stderr_capture=archive.keep(outcome.stderr),
        earlier=tuple(map(_told, outcome.earlier)),
    )


def failed(job: Job, story: JobOutcome, exception: BaseException, traceback: str | None = None) -> JobOutcome:
    """The story of a job that has failed after all that `story` tells."""
    return replace(
        story,
        state=JobState.FAILED,
        exception=exception,
        traceback=traceback,
        declared_at=shown(job.declared_at),
    )


def _told(end: End) -> str:
    """How a try ended, in one line."""
    match end:
        case Raised(_, type_name, message, _):
            first = next(iter(message.splitlines()), "")
            return f"{type_name}: {first}" if first else type_name
        case Died(exit_code, signal_number, likely_cause):
            first = next(iter(likely_cause.splitlines()), "")
            return f"its process {how_it_died(exit_code, signal_number, first)}"
        case TimedOut(seconds):
            return f"it took longer than its timeout of {seconds:g} s"
        case Succeeded() | Unpicklable() | Refused() | Cancelled():
            raise AssertionError(f"nothing is tried again after {end}")
        case _:
            assert_never(end)
