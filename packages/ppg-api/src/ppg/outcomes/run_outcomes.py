"""Run outcomes: keeps the outcome of each job of a run, and publishes those of jobs that did not run."""

from collections.abc import Callable, Iterable, Sequence

from ppg.graph.declared import DeclaredGraph
from ppg.jobs.job import Job
from ppg.outcomes.outcomes import failed, result_of, unobservable
from ppg.report import events
from ppg.result import JobOutcome, JobState, RunResult
from ppg_exec import SentException
from ppg_graph import NodeId, NodeKind, NodeState, SkipReason

__all__ = ["RunOutcomes"]


class RunOutcomes:
    """Run outcomes: holds the outcomes of one run, by job.

    Parameters:
        pipegraph: the jobs.
        publish: publishes an event to the listeners.

    Attributes:
        any_failed: whether a job has failed, or could not be observed.
    """

    def __init__(self, pipegraph: DeclaredGraph, publish: Callable[[events.Event], None]) -> None:
        self._pipegraph = pipegraph
        self._publish = publish
        self._outcomes: dict[str, JobOutcome] = {}
        self.any_failed: bool = False

    def so_far(self) -> Iterable[JobOutcome]:
        """Return the outcomes of the jobs that have one."""
        return self._outcomes.values()

    def keep(self, job_outcome: JobOutcome) -> None:
        """Keep the outcome of a job, in place of an earlier one."""
        self._outcomes[job_outcome.job_id] = job_outcome

    def failed(
        self,
        job: Job,
        job_outcome: JobOutcome,
        exception: BaseException | SentException,
        traceback: str | None = None,
    ) -> JobOutcome:
        """Keep and return the outcome of a failed job, with the times and outputs of `job_outcome`."""
        found = failed(job, job_outcome, exception, traceback)
        self.any_failed = True
        self.keep(found)
        return found

    def not_done(self, job: Job) -> None:
        """Keep that the run ended before the job did."""
        self.keep(JobOutcome(job.job_id, JobState.NOT_DONE))

    def unobservable(self, job: Job, reason: str) -> None:
        """Keep and publish that a job cannot be observed."""
        job_outcome = unobservable(job, reason)
        self.any_failed = True
        self.keep(job_outcome)
        self._publish(events.JobFailed(job.job_id, job_outcome))

    def skipped(self, nodes: Iterable[NodeId], why: SkipReason) -> None:
        """Keep and publish that jobs do not run."""
        job_ids = self.working_ids(nodes)
        if why is SkipReason.CLEAN:
            if job_ids:
                self._publish(events.JobsUpToDate(job_ids))
        else:
            for job_id in job_ids:
                self.keep(JobOutcome(job_id, JobState.NOT_NEEDED))
            if job_ids:
                self._publish(events.JobsNotNeeded(job_ids))

    def blocked(self, nodes: Iterable[NodeId], cause: NodeId) -> None:
        """Keep and publish that jobs cannot run, because the job `cause` has failed."""
        failed_id = self._pipegraph._job_at(cause).job_id
        job_ids = self.working_ids(nodes)
        for job_id in job_ids:
            self.keep(JobOutcome(job_id, JobState.BLOCKED, cause=failed_id))
        self._publish(events.JobsBlocked(job_ids, failed_id))

    def working_ids(self, nodes: Iterable[NodeId]) -> tuple[str, ...]:
        """Return the ids of the jobs that are not invariants."""
        job_ids, kinds = self._pipegraph.dag.job_ids, self._pipegraph.dag.kinds
        return tuple(job_ids[node] for node in nodes if kinds[node] is not NodeKind.INVARIANT)

    def result(self, states: Sequence[NodeState], duration: float, interrupted_by: int | None) -> RunResult:
        """Return the result so far; see `result_of`."""
        return result_of(self._pipegraph, states, self._outcomes, duration, interrupted_by)
