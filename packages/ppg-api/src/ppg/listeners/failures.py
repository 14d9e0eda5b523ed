"""How a failed job is told: what, where, its output, and what to do."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from ppg.exceptions import JobContractError, JobDiedException

if TYPE_CHECKING:
    from ppg.result import JobOutcome

__all__ = ["failure_lines"]

SHOWN_OUTPUT_LINES = 20


def failure_lines(outcome: "JobOutcome", *, output_lines: int | None = SHOWN_OUTPUT_LINES) -> Iterator[str]:
    """The lines that tell a user about a failed job.

    Parameters
    ----------
        outcome: of the failed job.
        output_lines: how many of the last lines of stdout and stderr to show; None for all.

    """
    exception = outcome.exception
    yield f"FAILED '{outcome.job_id}'"
    if exception is not None:
        if isinstance(exception, (JobContractError, JobDiedException)) or not outcome.traceback:
            yield from _indented(f"{type(exception).__name__}: {exception}")
        else:
            yield from _indented(outcome.traceback)
    for name, text in (("stdout", outcome.stdout), ("stderr", outcome.stderr)):
        lines = text.splitlines()
        if not lines:
            continue
        hidden = 0 if output_lines is None else max(0, len(lines) - output_lines)
        note = f" (the last {output_lines} of {len(lines)} lines)" if hidden else ""
        yield f"  {name}{note}:"
        for line in lines[hidden:]:
            yield f"    {line}"


def _indented(text: str) -> Iterator[str]:
    for line in text.rstrip().splitlines():
        yield f"  {line}"
