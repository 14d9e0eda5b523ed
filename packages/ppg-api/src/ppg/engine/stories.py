"""From the executor's report to what is told of a job."""

from typing import assert_never

from ppg.engine.outputs import OutputArchive
from ppg.exceptions import how_it_died
from ppg.result import JobOutcome, JobState
from ppg_exec import Cancelled, Died, End, Outcome, Raised, Refused, Succeeded, TimedOut, Unpicklable

__all__ = ["story_of"]


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


def _told(end: End) -> str:
    """How a try ended, in one line."""
    match end:
        case Raised(_, type_name, message, _):
            first = next(iter(message.splitlines()), "")
            return f"{type_name}: {first}" if first else type_name
        case Died(exit_code, signal_number, likely_cause):
            return f"its process {how_it_died(exit_code, signal_number, ' '.join(likely_cause.splitlines()))}"
        case TimedOut(seconds):
            return f"it took longer than its timeout of {seconds:g} s"
        case Succeeded() | Unpicklable() | Refused() | Cancelled():
            raise AssertionError(f"nothing is tried again after {end}")
        case _:
            assert_never(end)
