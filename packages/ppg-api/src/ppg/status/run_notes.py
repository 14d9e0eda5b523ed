"""Run notes: stores why each job ran or was accepted last, and the jobs that generators made.

The evaluator does not use the notes. They are JSON texts beside the records, one note of each kind for each
job.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, assert_never

from ppg.exceptions import PyPipelineGraphError
from ppg.jobs.job import Job
from ppg.kinds.kind import calling_hook, kind_name
from ppg.result import JobOutcome, JobState
from ppg_graph import (
    AlwaysRuns,
    Demanded,
    FileChanged,
    FileEmpty,
    FileMissing,
    Fingerprint,
    Forced,
    Generated,
    JobId,
    NewEdge,
    NewJob,
    NodeKind,
    NoRecord,
    ReadChanged,
    Reason,
    Record,
    Targeted,
    UpstreamAdded,
    UpstreamChanged,
    UpstreamRemoved,
    is_read,
    read_id,
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
    "note_reads",
    "note_run",
    "packed_reason",
    "unpacked_reason",
]

ACCEPTED = "accepted"
RAN = "ran"
MADE = "made"
UNREAD = "unread"
READ = "read"

SOME_READ = read_id("")
"""The name of no file, by which a store has names of reads if a job that failed has such a note."""

MOST_REASONS = 50
"""Number of reasons that are stored; a job with a thousand inputs can have a thousand reasons."""
LONGEST_ERROR = 500
"""Number of characters of an error's message that are stored; the logs have the complete message."""
LONGEST_REPORT = 8000
"""Number of characters of the report of a failure that are stored: its beginning and its end."""


@dataclass(frozen=True, slots=True)
class LastRun:
    """Last run: says how and why a job ran last.

    Attributes:
        run_id: the number of the run.
        when: when the job ended, in seconds since the epoch.
        state: RAN or FAILED.
        reasons: why the job ran; at most 50.
        more_reasons: the number of other reasons.
        error: class and message of the exception if the job failed; at most 500 characters.
        runtime: wall time in seconds.
        attempts: how often the job was started.
        earlier: how the earlier attempts ended; see `JobOutcome`.
        taken_from_cache: whether the job's files were taken from the shared cache.
        machine: the name of the machine on which it ran; empty if that was the script's.
        report: of a failed job: its traceback and the end of its output; empty if it was not stored.
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
    report: str = ""
    machine: str = ""


@dataclass(frozen=True, slots=True)
class LastAccepted:
    """Last accepted: says when and why a job's existing files were accepted.

    Attributes:
        run_id: the number of the acceptance, which counts as a run.
        when: seconds since the epoch.
        reasons: why the job would have run; at most 50.
        more_reasons: the number of other reasons.
    """

    run_id: int
    when: float
    reasons: tuple[Reason, ...]
    more_reasons: int


@dataclass(frozen=True, slots=True)
class LastMade:
    """Last made: jobs and edges that a generator added to the graph at its last success.

    Attributes:
        jobs: the new jobs.
        classes: the name of each new job's class.
        edges: the new dependencies, also those of jobs that the script declares.
        notes: the notes of new jobs for their stand-ins, by job id; see `Job.stand_in_notes`.
    """

    jobs: tuple[NewJob, ...]
    classes: tuple[str, ...]
    edges: tuple[NewEdge, ...]
    notes: Mapping[JobId, Any]


def note_run(
    store: StatusStore, run_id: int, outcome: JobOutcome, reasons: Sequence[Reason], report: str = ""
) -> None:
    """Note that a job ended, and why it ran; and the report of its failure, if it failed."""
    details: dict[str, object] = {
        "state": outcome.state.name,
        "seconds": outcome.runtime,
        **_details_of(reasons),
    }
    if outcome.attempts > 1:
        details["attempts"] = outcome.attempts
        details["earlier"] = [_cut(text) for text in outcome.earlier]
    if outcome.taken_from_cache:
        details["taken"] = True
    if outcome.machine:
        details["machine"] = outcome.machine
    if outcome.failed:
        details["error"] = _cut(outcome.error or "")
    if report:
        half = LONGEST_REPORT // 2
        details["report"] = (
            report if len(report) <= LONGEST_REPORT else f"{report[:half]}\n…\n{report[-half:]}"
        )
    store.note(run_id, RAN, JobId(outcome.job_id), details)


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST_ERROR else text[:LONGEST_ERROR] + "…"


def last_run(store: StatusStore, job_id: str) -> LastRun | None:
    """Return how and why a job ran last; None if there is no note."""
    noted = store.noted(RAN, JobId(job_id))
    if noted is None:
        return None
    details: Mapping[str, Any] = noted.details
    return LastRun(
        noted.run_id,
        noted.when,
        JobState[details["state"]],
        tuple(unpacked_reason(*packed) for packed in details["reasons"]),
        details.get("more", 0),
        details.get("error"),
        details["seconds"],
        details.get("attempts", 1),
        details.get("taken", False),
        tuple(details.get("earlier", ())),
        details.get("report", ""),
        details.get("machine", ""),
    )


def note_unread(store: StatusStore, run_id: int, job_id: JobId, paths: Sequence[str]) -> None:
    """Note the files that a job depends on, and that its Python code did not open in a run."""
    store.note(run_id, UNREAD, job_id, {"paths": list(paths)})


def last_unread(store: StatusStore, job_id: JobId) -> tuple[int, tuple[str, ...]] | None:
    """Return the number of the run in which a job last left such files, and the files; None if it never did."""
    noted = store.noted(UNREAD, job_id)
    if noted is None:
        return None
    details: Mapping[str, Any] = noted.details
    return noted.run_id, tuple(details["paths"])


def note_reads(
    store: StatusStore, run_id: int, job_id: JobId, record: Record | None, reads: Iterable[JobId]
) -> None:
    """Note what a job that failed has read, so that it waits for these files in the next run.

    Parameters:
        store: open for writing.
        run_id: the number of this run.
        job_id: the job.
        record: that of its last success, which gets lost; None if it has failed since.
        reads: what it read now.
    """
    noted = last_reads(store, job_id)
    before = noted if record is None else record.upstreams
    kept = list(dict.fromkeys(read for read in (*before, *reads) if is_read(read)))
    if kept or noted:
        store.note(run_id, READ, job_id, {"reads": kept})
        store.note(run_id, READ, SOME_READ, {"reads": []})


def last_reads(store: StatusStore, job_id: JobId) -> tuple[JobId, ...]:
    """Return what a job had read before it failed last."""
    noted = store.noted(READ, job_id)
    if noted is None:
        return ()
    details: Mapping[str, Any] = noted.details
    return tuple(JobId(read) for read in details["reads"])


def note_accepted(store: StatusStore, run_id: int, job_id: JobId, reasons: Sequence[Reason]) -> None:
    """Note that a job's existing files were accepted, and why the job would have run."""
    store.note(run_id, ACCEPTED, job_id, _details_of(reasons))


def last_accepted(store: StatusStore, job_id: JobId) -> LastAccepted | None:
    """Return when and why a job's files were accepted; None if they never were."""
    noted = store.noted(ACCEPTED, job_id)
    if noted is None:
        return None
    details: Mapping[str, Any] = noted.details
    return LastAccepted(
        noted.run_id,
        noted.when,
        tuple(unpacked_reason(*packed) for packed in details["reasons"]),
        details.get("more", 0),
    )


def note_generated(
    store: StatusStore, run_id: int, generator: str, made: Generated, jobs: Iterable[Job]
) -> None:
    """Note the jobs and edges that a generator made, unless they are the same as in the last note.

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
        # The key "tools" is named after the first kind of job that had notes.
        "tools": {job.job_id: notes for job in objects if (notes := _stand_in_notes(job)) is not None},
        "edges": [[edge.upstream, edge.downstream, edge.part] for edge in made.edges],
    }
    noted = store.noted(MADE, JobId(generator))
    if noted is None or noted.details != details:
        store.note(run_id, MADE, JobId(generator), details)


def _stand_in_notes(job: Job) -> object:
    with calling_hook(job, "stand_in_notes"):
        notes = job.stand_in_notes()
        # Notes come back as JSON has them, which tuples and integer keys do not survive.
        return None if notes is None else json.loads(json.dumps(notes))


def last_made(store: StatusStore, generator: str) -> LastMade | None:
    """Return the jobs and edges that a generator made at its last success; None if there is no note."""
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
    details: dict[str, object] = {"reasons": [packed_reason(reason) for reason in reasons[:MOST_REASONS]]}
    if len(reasons) > MOST_REASONS:
        details["more"] = len(reasons) - MOST_REASONS
    return details


def packed_reason(reason: Reason) -> list[object]:
    """Return a reason as JSON can hold it."""
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
        case ReadChanged(upstream, old, new):
            return ["read changed", upstream, old.hex(), new.hex()]
        case UpstreamAdded(upstream):
            return ["upstream added", upstream]
        case UpstreamRemoved(upstream):
            return ["upstream removed", upstream]
        case Demanded(by):
            return ["demanded", by]
        case Targeted():
            return ["targeted"]
        case Forced():
            return ["forced"]
        case AlwaysRuns():
            return ["always runs"]
        case _:
            assert_never(reason)


def unpacked_reason(kind: str, *values: str) -> Reason:
    """Return the reason that `packed_reason` has packed.

    Raises:
        PyPipelineGraphError: only a newer ppg knows such a reason.
    """
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
        case "read changed", (upstream, old, new):
            return ReadChanged(
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
        case "forced", ():
            return Forced()
        case "always runs", ():
            return AlwaysRuns()
        case _:
            raise PyPipelineGraphError(
                f"the status store has a reason of an unknown kind: {kind!r} {values!r}; use the ppg that wrote it"
            )
