"""Results: keeps the result of each job in each run, by its fingerprint, so that runs can be compared."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ppg.result import JobOutcome, JobState
from ppg.status.run_notes import packed_reason, unpacked_reason
from ppg_graph import JobId, Reason, Record
from ppg_invariants import StatusStore

__all__ = ["Result", "note_result", "results_of"]

RESULT = "result"
MOST_REASONS = 5
"""Number of reasons that are kept for each job and run."""


@dataclass(frozen=True, slots=True)
class Result:
    """Result: says what one run made of one job.

    Attributes:
        run_id: the number of the run.
        job_id: the job.
        state: RAN or FAILED.
        fingerprint: of what the job made, as a text; None if it failed.
        reasons: why it ran; at most 5.
    """

    run_id: int
    job_id: JobId
    state: JobState
    fingerprint: str | None
    reasons: tuple[Reason, ...]


def note_result(
    store: StatusStore, run_id: int, outcome: JobOutcome, record: Record | None, reasons: Sequence[Reason]
) -> None:
    """Note what a run made of a job."""
    details: dict[str, object] = {
        "state": outcome.state.name,
        "reasons": [packed_reason(reason) for reason in reasons[:MOST_REASONS]],
    }
    if record is not None and not outcome.failed:
        details["print"] = record.fingerprint.hex()
    store.add_event(run_id, RESULT, JobId(outcome.job_id), details)


def results_of(store: StatusStore, run_id: int) -> Iterator[Result]:
    """Yield the results of one run, in the order in which its jobs ended."""
    for event in store.events(run_id):
        if event.kind == RESULT and event.job_id is not None:
            details: Mapping[str, Any] = event.details
            yield Result(
                run_id,
                event.job_id,
                JobState[details["state"]],
                details.get("print"),
                tuple(unpacked_reason(*packed) for packed in details["reasons"]),
            )
