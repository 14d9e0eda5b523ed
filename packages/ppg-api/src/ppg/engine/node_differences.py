"""Node differences: finds the jobs that ran with other data, or other names, than what was fingerprinted.

If a compute node dies, the next one repeats its loads, as does another machine that needs their data. A repeated load may
fail, or read a file that was edited since the first time. Jobs that use its data, directly or by other loads, are then no
results of the recorded inputs. Nor are jobs that read names which differ in their processes (`SameNames`).
"""

from ppg.engine.consumed_files import ConsumedFiles
from ppg.exceptions import InputChangedError, JobDiedException, PyPipelineGraphError
from ppg.graph.declared import DeclaredGraph
from ppg.graph.generated import GeneratedJobs
from ppg.jobs.job import Job
from ppg.outcomes.outcomes import described_end
from ppg.outcomes.verdicts import Failure, Made
from ppg.status.same_names import SameNames
from ppg_exec import Cancelled, LoadRepeated, NameDiffers, Succeeded
from ppg_graph import NodeId, NodeKind
from ppg_invariants import ObservationInterrupted

__all__ = ["NodeDifferences"]


class NodeDifferences:
    """Node differences: holds the loads with data that is not there as it was, and the names that differ, in one run.

    Parameters:
        pipegraph: the jobs.
        consumed: compares the inputs of loads.
        names: has the names that differ.
    """

    def __init__(self, pipegraph: DeclaredGraph, consumed: ConsumedFiles, names: SameNames) -> None:
        self._pipegraph = pipegraph
        self._consumed = consumed
        self.names: SameNames = names
        self._lost: dict[NodeId, str] = {}
        """What is wrong with the data of a load."""

    def take(self, event: LoadRepeated | NameDiffers) -> str | None:
        """Take in that a load ran again, or that a name differs; return a warning if data is not there as it was."""
        if isinstance(event, NameDiffers):
            self.names.take(event)
            return None
        load = self._pipegraph.job(event.key)
        problem = self._problem_of(load, event)
        if problem is None:
            if not event.machine:
                # The node was replaced. Other machines may still have what was wrong.
                self._lost.pop(load._node, None)
            return None
        if event.machine and not isinstance(event.end, Succeeded):
            return f"{problem}; no job that uses its data runs there"
        self._lost[load._node] = problem
        return f"{problem}; the jobs that use its data fail"

    def explained(self, job: Job, verdict: Made | GeneratedJobs | Failure) -> Made | GeneratedJobs | Failure:
        """Return the verdict of a job that has ended; if it failed and lacked data or names as they were, that is the cause."""
        if not isinstance(verdict, Failure):
            return verdict
        # A process that died may be why the node did, and the data with it.
        has_died = isinstance(verdict.exception, JobDiedException)
        error = self.names.error_for(job) if has_died else self.error_for(job)
        return verdict if error is None else Failure(error, verdict.traceback)

    def error_for(self, job: Job) -> PyPipelineGraphError | None:
        """Return the error of a job that has ended, and used data or names that are not as they were; or None."""
        if (error := self.names.error_for(job)) is not None or not self._lost:
            return error
        pending = list(self._pipegraph.dag.upstreams(job._node))
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
        why = f"on {event.machine}" if event.machine else "because the compute node with its data had died"
        again = f"'{load.job_id}' was loaded again, {why}"
        if isinstance(event.end, Cancelled):
            return f"{again}, and was cancelled"
        if not isinstance(event.end, Succeeded):
            return f"{again}, and that failed ({described_end(event.end)})"
        try:
            changed = self._consumed.ended([load._node]).get(load._node)
        except ObservationInterrupted:
            return f"{again}, and the run was stopped before its files were compared"
        return None if changed is None else f"{again}, but '{changed}' had changed since"
