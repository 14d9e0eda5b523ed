"""What a run leaves: the outcome of every job, also of those about which nothing is settled."""

from collections.abc import Sequence

from ppg.result import JobOutcome, JobState, RunResult
from ppg_graph import Dag, NodeKind, NodeState

__all__ = ["result_of"]

UNSETTLED = frozenset({NodeState.WAITING, NodeState.DUE, NodeState.STARTED, NodeState.ABORTED})

# Looked up once, as there may be a million jobs.
INVARIANT = NodeKind.INVARIANT
CLEAN, OBSERVED = NodeState.CLEAN, NodeState.OBSERVED


def result_of(
    dag: Dag,
    states: Sequence[NodeState],
    outcomes: dict[str, JobOutcome],
    duration: float,
    interrupted_by: int | None,
) -> RunResult:
    """The result of a run that is over, or was ended.

    Parameters:
        dag: the graph.
        states: of all its jobs.
        outcomes: of the jobs that ran, failed, are blocked or not needed; the others are added.
        duration: seconds.
        interrupted_by: the number of the signal that ended the run, or None.
    """
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
    return RunResult(works, outcomes, duration, interrupted_by)
