"""What a run notes about jobs for those who ask later: why each ran or was accepted last, and what generators made.

The decisions need none of it; it is kept as JSON beside the records, one note of each kind for each job.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, assert_never

from ppg.jobs.job import Job
from ppg.jobs.kind import kind_name
from ppg.result import JobOutcome, JobState
from ppg_graph import (
    AlwaysRuns,
    Demanded,
    FileChanged,
    FileEmpty,
    FileMissing,
    Fingerprint,
    Generated,
    JobId,
    NewEdge,
    NewJob,
    NodeKind,
    NoRecord,
    Reason,
    Targeted,
    UpstreamAdded,
    UpstreamChanged,
    UpstreamRemoved,
)
from ppg_invariants import StatusStore

__all__ = [
    "LastAccepted",
    "LastMade",
    "LastRun",
    "last_accepted",
    "last_made",
    "last_run",
    "note_accepted",
    "note_generated",
    "note_run",
]

ACCEPTED = "accepted"
RAN = "ran"
MADE = "made"

MOST_REASONS = 50
"""A job with a thousand inputs can have a thousand reasons; nobody reads them all."""
LONGEST_ERROR = 500
"""Characters of an error's message; the logs have all of it."""


@dataclass(frozen=True, slots=True)
class LastRun:
    """How and why a job ran last.

    Attributes:
        run_id: the number of the run.
        when: seconds since the epoch at which it ended.
        state: RAN or FAILED.
        reasons: why it ran; at most 50.
        more_reasons: how many others there were.
        error: what it failed with.
        runtime: wall time in seconds.
        attempts: how often it was started.
        earlier: how the earlier tries ended; see `JobOutcome`.
        taken_from_cache: its files were taken from the shared cache.
    """

    run_id: int
    when: float
    state: JobState
    reasons: tuple[Reason, ...]
    more_reasons: int
    error: str | None
    runtime: float | None
    attempts: int
    taken_from_cache: bool
    earlier: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class LastAccepted:
    """When and why a job's existing files were taken over.

    Attributes:
        run_id: the number that this has among the runs.
        when: seconds since the epoch.
        reasons: why it would have run; at most 50.
        more_reasons: how many others there were.
    """

    run_id: int
    when: float
    reasons: tuple[Reason, ...]
    more_reasons: int


@dataclass(frozen=True, slots=True)
class LastMade:
    """What a generator added to the graph when it last succeeded.

    Attributes:
        jobs: the new jobs.
        classes: the name of each one's class.
        edges: the new dependencies, also those of jobs that the script declares.
        notes: what new jobs noted for their stand-ins, by job id; see `Job.stand_in_notes`.
    """

    jobs: tuple[NewJob, ...]
    classes: tuple[str, ...]
    edges: tuple[NewEdge, ...]
    notes: Mapping[JobId, Any]


def note_run(store: StatusStore, run_id: int, outcome: JobOutcome, reasons: Sequence[Reason]) -> None:
    """Note that a job ended, and why it ran."""
    details: dict[str, object] = {
        "state": outcome.state.name,
        "seconds": outcome.runtime,
        **_details_of(reasons),
    }
    if outcome.attempts > 1:
        details["attempts"] = outcome.attempts
        details["earlier"] = [_cut(told) for told in outcome.earlier]
    if outcome.taken_from_cache:
        details["taken"] = True
    if outcome.exception is not None:
        details["error"] = _cut(f"{type(outcome.exception).__name__}: {outcome.exception}")
    store.note(run_id, RAN, JobId(outcome.job_id), details)


def _cut(told: str) -> str:
    return told if len(told) <= LONGEST_ERROR else told[:LONGEST_ERROR] + "…"


def last_run(store: StatusStore, job_id: str) -> LastRun | None:
    """How and why a job ran last; None if nothing is known of that."""
    noted = store.noted(RAN, JobId(job_id))
    if noted is None:
        return None
    details: Mapping[str, Any] = noted.details
    return LastRun(
        noted.run_id,
        noted.when,
        JobState[details["state"]],
        tuple(_unpacked(*packed) for packed in details["reasons"]),
        details.get("more", 0),
        details.get("error"),
        details["seconds"],
        details.get("attempts", 1),
        details.get("taken", False),
        tuple(details.get("earlier", ())),
    )


def note_accepted(store: StatusStore, run_id: int, job_id: JobId, reasons: Sequence[Reason]) -> None:
    """Note that a job's existing files were taken over, and why it would have run."""
    store.note(run_id, ACCEPTED, job_id, _details_of(reasons))


def last_accepted(store: StatusStore, job_id: JobId) -> LastAccepted | None:
    """When and why a job's files were taken over; None if they never were."""
    noted = store.noted(ACCEPTED, job_id)
    if noted is None:
        return None
    details: Mapping[str, Any] = noted.details
    return LastAccepted(
        noted.run_id,
        noted.when,
        tuple(_unpacked(*packed) for packed in details["reasons"]),
        details.get("more", 0),
    )


def note_generated(
    store: StatusStore, run_id: int, generator: str, made: Generated, jobs: Iterable[Job]
) -> None:
    """Note what a generator made, unless it made the same before.

    Parameters:
        store: open for writing.
        run_id: the number of this run.
        generator: its job id.
        made: the new jobs and edges.
        jobs: the objects of the new jobs, in the same order.
    """
    objects = list(jobs)
    details = {
        "jobs": [
            [job.job_id, job.kind.name, kind_name(type(made_job))]
            for job, made_job in zip(made.jobs, objects, strict=True)
        ],
        # The key is named after the first kind that noted anything.
        "tools": {job.job_id: notes for job in objects if (notes := job.stand_in_notes()) is not None},
        "edges": [[edge.upstream, edge.downstream, edge.part] for edge in made.edges],
    }
    noted = store.noted(MADE, JobId(generator))
    if noted is None or noted.details != details:
        store.note(run_id, MADE, JobId(generator), details)


def last_made(store: StatusStore, generator: str) -> LastMade | None:
    """What a generator made when it last succeeded; None if nothing is known of that."""
    noted = store.noted(MADE, JobId(generator))
    if noted is None:
        return None
    details: Mapping[str, Any] = noted.details
    return LastMade(
        tuple(NewJob(JobId(job_id), NodeKind[kind]) for job_id, kind, _ in details["jobs"]),
        tuple(name for _, _, name in details["jobs"]),
        tuple(NewEdge(JobId(up), JobId(down), part) for up, down, part in details["edges"]),
        {JobId(job_id): notes for job_id, notes in details.get("tools", {}).items()},
    )


def _details_of(reasons: Sequence[Reason]) -> dict[str, object]:
    details: dict[str, object] = {"reasons": [_packed(reason) for reason in reasons[:MOST_REASONS]]}
    if len(reasons) > MOST_REASONS:
        details["more"] = len(reasons) - MOST_REASONS
    return details


def _packed(reason: Reason) -> list[object]:
    match reason:
        case NoRecord():
            return ["no record"]
        case FileMissing(names):
            return ["file missing", *names]
        case FileEmpty(names):
            return ["file empty", *names]
        case FileChanged(names):
            return ["file changed", *names]
        case UpstreamChanged(upstream, old, new):
            return ["upstream changed", upstream, old.hex(), new.hex()]
        case UpstreamAdded(upstream):
            return ["upstream added", upstream]
        case UpstreamRemoved(upstream):
            return ["upstream removed", upstream]
        case Demanded(by):
            return ["demanded", by]
        case Targeted():
            return ["targeted"]
        case AlwaysRuns():
            return ["always runs"]
        case _:
            assert_never(reason)


def _unpacked(kind: str, *values: str) -> Reason:
    match kind, values:
        case "no record", ():
            return NoRecord()
        case "file missing", names:
            return FileMissing(names)
        case "file empty", names:
            return FileEmpty(names)
        case "file changed", names:
            return FileChanged(names)
        case "upstream changed", (upstream, old, new):
            return UpstreamChanged(
                JobId(upstream), Fingerprint(bytes.fromhex(old)), Fingerprint(bytes.fromhex(new))
            )
        case "upstream added", (upstream,):
            return UpstreamAdded(JobId(upstream))
        case "upstream removed", (upstream,):
            return UpstreamRemoved(JobId(upstream))
        case "demanded", (by,):
            return Demanded(JobId(by))
        case "targeted", ():
            return Targeted()
        case "always runs", ():
            return AlwaysRuns()
        case _:
            raise ValueError(
                f"the status store has a reason of a kind that is not known: {kind!r} {values!r}"
            )
