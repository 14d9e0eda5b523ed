"""Outcomes: makes the outcomes of jobs from the executor's reports, and the result of the run."""

from collections.abc import Sequence
from dataclasses import replace
from typing import assert_never, cast

from ppg.exceptions import JobError, how_it_died
from ppg.graph.catalogue import Catalogue
from ppg.graph.conflicts import shown
from ppg.jobs.job import Job
from ppg.outcomes.output_archive import OutputArchive
from ppg.result import JobOutcome, JobState, RunResult
from ppg_exec import (
    Cancelled,
    Died,
    End,
    Outcome,
    Raised,
    Refused,
    SentException,
    Succeeded,
    TimedOut,
    Unpicklable,
)
from ppg_graph import NodeKind, NodeState

__all__ = ["described_end", "failed", "job_outcome_of", "result_of", "unobservable"]

UNSETTLED = frozenset({NodeState.WAITING, NodeState.DUE, NodeState.STARTED, NodeState.ABORTED})

# Looked up once, as there may be a million jobs.
INVARIANT = NodeKind.INVARIANT
CLEAN, OBSERVED = NodeState.CLEAN, NodeState.OBSERVED


def job_outcome_of(
    outcome: Outcome, reasons: tuple[str, ...], archive: OutputArchive, *, has_begun: bool
) -> JobOutcome:
    """Return the outcome of a job that has ended and kept its contract.

    Parameters:
        outcome: the executor's report.
        reasons: why the job ran, in words.
        archive: keeps the job's output.
        has_begun: whether the job's process ever ran.
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
        earlier=tuple(map(described_end, outcome.earlier)),
        machine=outcome.machine,
        machines_lost=outcome.lost,
    )


def failed(
    job: Job, job_outcome: JobOutcome, exception: BaseException | SentException, traceback: str | None = None
) -> JobOutcome:
    """Return the outcome of a failed job, with the times and outputs of `job_outcome`."""
    return replace(
        job_outcome,
        state=JobState.FAILED,
        exception=cast("BaseException", exception),  # opened when it is read
        traceback=traceback,
        declared_at=shown(job.declared_at),
    )


def unobservable(job: Job, reason: str) -> JobOutcome:
    """Return the outcome of a job that cannot be observed."""
    error = JobError(f"'{job.job_id}' cannot be observed: {reason}", "Unobservable")
    return failed(job, JobOutcome(job.job_id, JobState.FAILED), error)


def described_end(end: End) -> str:
    """Return how an attempt ended, in one line."""
    match end:
        case Raised(type_name=type_name, message=message):
            first = next(iter(message.splitlines()), "")
            return f"{type_name}: {first}" if first else type_name
        case Died(exit_code, signal_number, likely_cause):
            first = next(iter(likely_cause.splitlines()), "")
            return f"its process {how_it_died(exit_code, signal_number, first)}"
        case TimedOut(seconds):
            return f"it took longer than its timeout of {seconds:g} s"
        case Succeeded() | Unpicklable() | Refused() | Cancelled():
            raise AssertionError(f"no attempt follows {end}")
        case _:
            assert_never(end)


def result_of(
    pipegraph: Catalogue,
    states: Sequence[NodeState],
    outcomes: dict[str, JobOutcome],
    duration: float,
    interrupted_by: int | None,
) -> RunResult:
    """Return the result of a run that is over, or was ended.

    Parameters:
        pipegraph: has the jobs.
        states: the state of each job.
        outcomes: of the jobs that ran, failed, are blocked or not needed; pruned and unfinished jobs are
            added.
        duration: seconds.
        interrupted_by: the number of the signal that ended the run, or None.
    """
    dag = pipegraph.dag
    for job_id, state in zip(dag.job_ids, states, strict=True):
        if state is CLEAN or state is OBSERVED:
            continue
        if state in UNSETTLED:
            outcomes[job_id] = JobOutcome(job_id, JobState.NOT_DONE)
        elif state is NodeState.EXCLUDED:
            outcomes[job_id] = JobOutcome(job_id, JobState.LEFT_OUT)
    works: dict[str, bool] = dict(
        zip(dag.job_ids, [kind is not INVARIANT for kind in dag.kinds], strict=True)
    )
    return RunResult(works, outcomes, duration, interrupted_by, names=pipegraph)
