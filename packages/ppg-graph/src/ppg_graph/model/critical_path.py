"""Critical path: computes how long the longest remaining path of a job is, so that this job can start first.

The values are computed on demand. A run in which one job of a hundred thousand starts visits only the jobs
downstream of that job.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import overload

from ppg_graph.model.dag import Dag
from ppg_graph.model.ids import JobId, NodeId, NodeKind
from ppg_graph.model.walks import topological_order

__all__ = ["longest_remaining"]

_INVARIANT = NodeKind.INVARIANT
_UNKNOWN_DURATION = 1.0


def longest_remaining(dag: Dag, durations: Mapping[JobId, float]) -> Sequence[float]:
    """Length in seconds, by node, of the longest path that starts with the node, its own duration included.

    To keep the critical path busy, start jobs in descending order of this length. Break ties by node, that
    is, by order of declaration. `durations` are in seconds, by job id. A job without a duration counts as the
    median of all known durations of this graph, or as one second if there are none. An invariant without a
    duration takes no time.

    The graph must not change while the result is used. The look-up of a node raises CycleFoundError if a
    cycle is downstream of it.
    """
    return _LongestRemaining(dag, durations)


class _LongestRemaining(Sequence[float]):
    def __init__(self, dag: Dag, durations: Mapping[JobId, float]) -> None:
        self._dag = dag
        self._durations = durations
        self._known: dict[int, float] = {}

    def __len__(self) -> int:
        return len(self._dag)

    @overload
    def __getitem__(self, node: int) -> float: ...
    @overload
    def __getitem__(self, node: slice) -> list[float]: ...
    def __getitem__(self, node: int | slice) -> float | list[float]:
        if isinstance(node, slice):
            return [self[one] for one in range(len(self))[node]]
        if node not in self._known:
            if not 0 <= node < len(self):
                raise IndexError(f"there is no node {node} in a graph of {len(self)} jobs")
            self._work_out(NodeId(node))
        return self._known[node]

    def _work_out(self, node: NodeId) -> None:
        """Compute the lengths depth first, without recursion: a node after all nodes downstream of it."""
        known, downstreams_of = self._known, self._dag.downstreams
        path: set[NodeId] = set()
        stack = [node]
        while stack:
            node = stack[-1]
            if node in known:
                stack.pop()
                continue
            downstreams = downstreams_of(node)
            unknown = [downstream for downstream in downstreams if downstream not in known]
            if not unknown:
                after = max([known[downstream] for downstream in downstreams], default=0.0)
                known[node] = after + self._own(node)
                path.discard(node)
                stack.pop()
                continue
            path.add(node)
            if not path.isdisjoint(unknown):
                topological_order(self._dag)  # raises CycleFoundError, which has the cycle
            stack += unknown

    def _own(self, node: NodeId) -> float:
        if self._dag.kinds[node] is _INVARIANT:
            return self._durations.get(self._dag.job_ids[node], 0.0)
        duration = self._durations.get(self._dag.job_ids[node])
        return self._typical if duration is None else duration

    @cached_property
    def _typical(self) -> float:
        known = (self._durations.get(job_id) for job_id in self._dag.job_ids)
        given = [duration for duration in known if duration is not None]
        if not given:
            return _UNKNOWN_DURATION
        from statistics import median  # noqa: PLC0415 (its import is slow, and a first run needs no median)

        return median(given)
