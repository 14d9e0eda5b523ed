"""Lost loads: finds the jobs that used data which was loaded again, and was not the same or not there.

If a compute node dies, the next one repeats its loads. A repeated load may fail, or read a file that was edited since the
first time. Jobs that use its data, directly or by other loads, are then no results of the recorded inputs.
"""

from ppg.engine.consumed_files import ConsumedFiles
from ppg.engine.outcomes import described_end
from ppg.exceptions import InputChangedError, PyPipelineGraphError
from ppg.graph.declared import DeclaredGraph
from ppg.jobs.job import Job
from ppg_exec import Cancelled, LoadRepeated, Succeeded
from ppg_graph import NodeId, NodeKind
from ppg_invariants import ObservationInterrupted

__all__ = ["LostLoads"]


class LostLoads:
    """Lost loads: holds the loads with data that is not there as it was, in one run.

    Parameters:
        pipegraph: the jobs.
        consumed: compares the inputs of loads.
    """

    def __init__(self, pipegraph: DeclaredGraph, consumed: ConsumedFiles) -> None:
        self._pipegraph = pipegraph
        self._consumed = consumed
        self._lost: dict[NodeId, str] = {}
        """What is wrong with the data of a load."""

    def repeated(self, event: LoadRepeated) -> str | None:
        """Take in that a load ran again; return a warning if its data is not there as it was."""
        load = self._pipegraph.job(event.key)
        problem = self._problem_of(load, event)
        if problem is None:
            self._lost.pop(load.node, None)
            return None
        self._lost[load.node] = problem
        return f"{problem}; the jobs that use its data fail"

    def error_for(self, job: Job) -> PyPipelineGraphError | None:
        """Return the error of a job that ended well, and used data that is not there as it was; None if it is."""
        if not self._lost:
            return None
        pending = list(self._pipegraph.dag.upstreams(job.node))
        seen = set(pending)
        while pending:
            node = pending.pop()
            if self._pipegraph.dag.kind(node) is not NodeKind.LOAD:
                continue
            if node in self._lost:
                return InputChangedError(f"{self._lost[node]}, and '{job.job_id}' uses its data; run again")
            new = [upstream for upstream in self._pipegraph.dag.upstreams(node) if upstream not in seen]
            seen.update(new)
            pending += new
        return None

    def _problem_of(self, load: Job, event: LoadRepeated) -> str | None:
        again = f"'{load.job_id}' was loaded again, because the compute node with its data had died"
        if isinstance(event.end, Cancelled):
            return f"{again}, and was cancelled"
        if not isinstance(event.end, Succeeded):
            return f"{again}, and that failed ({described_end(event.end)})"
        try:
            changed = self._consumed.ended([load.node]).get(load.node)
        except ObservationInterrupted:
            return f"{again}, and the run was stopped before its files were compared"
        return None if changed is None else f"{again}, but '{changed}' had changed since"
