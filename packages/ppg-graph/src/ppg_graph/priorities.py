"""Which of several ready jobs to start first."""

from __future__ import annotations

from array import array
from collections.abc import Mapping, Sequence
from statistics import median

from ppg_graph.dag import Dag
from ppg_graph.ids import JobId, NodeKind

__all__ = ["longest_remaining"]

_UNKNOWN_DURATION = 1.0


def longest_remaining(dag: Dag, durations: Mapping[JobId, float]) -> Sequence[float]:
    """For each node the length in seconds of the longest path that starts with it, its own duration included.

    Starting jobs in descending order of this keeps the critical path busy; break ties by node, that is, by order
    of declaration. `durations` are in seconds, by job id, of whichever jobs are known; a job without one counts as
    the median of those of this graph that have one (one second if there are none). Invariants take no time.

    Raises CycleFoundError if the graph has a cycle.
    """
    job_ids, kinds = dag.job_ids, dag.kinds
    known = [durations.get(job_id) for job_id in job_ids]
    given = [duration for duration in known if duration is not None]
    typical = median(given) if given else _UNKNOWN_DURATION
    remaining = array("d", bytes(8 * len(dag)))
    for node in reversed(dag.topological_order()):
        after = max([remaining[downstream] for downstream in dag.downstreams(node)], default=0.0)
        own = known[node]
        if own is None:
            own = 0.0 if kinds[node] is NodeKind.INVARIANT else typical
        remaining[node] = after + own
    return remaining
