"""Which cache files of earlier runs turn out to be no good, and who finds out."""

from collections.abc import Callable, Mapping

from ppg.exceptions import CacheUnreadableError
from ppg.graph.declared import DeclaredGraph
from ppg.jobs.job import Job
from ppg.recipes.cached_jobs import CachedJob, CacheJob
from ppg_graph import Evaluator, Files, FileStatus, NodeId, NodeState, Observation

__all__ = ["CacheWatch"]

DAMAGED = frozenset({FileStatus.CHANGED, FileStatus.EMPTY})


class CacheWatch:
    """Watches one run.

    Parameters:
        pipegraph: the jobs.
        evaluator: asked for the state of cache files.
        warn: takes messages for the user.
    """

    def __init__(self, pipegraph: DeclaredGraph, evaluator: Evaluator, warn: Callable[[str], None]) -> None:
        self._pipegraph = pipegraph
        self._evaluator = evaluator
        self._warn = warn
        self._damaged: set[NodeId] = set()
        self._with_leftover: set[NodeId] = set()

    def observed(self, observations: Mapping[NodeId, Observation]) -> None:
        """Take notice of what jobs' files look like."""
        for node, files in observations.items():
            if isinstance(files, Files) and files.status in DAMAGED:
                self._damaged.add(node)

    def starting(self, job: Job) -> None:
        """Take notice of a job that starts."""
        if isinstance(job, CacheJob) and job.node in self._damaged:
            self._damaged.discard(job.node)
            self._warn(f"the cache file '{job.job_id}' is not as it was left; it is calculated again")
        elif isinstance(job, CachedJob) and self._evaluator.state(self._cache_of(job)) is NodeState.CLEAN:
            # It was not calculated in this run, or it would be DONE.
            self._with_leftover.add(job.node)

    def unusable(self, job: Job, exception: BaseException) -> NodeId | None:
        """The cache file that has to be calculated again before the job is; None if the job has failed."""
        if not isinstance(exception, CacheUnreadableError) or not isinstance(job, CachedJob):
            return None
        if job.node not in self._with_leftover:
            return None
        self._with_leftover.discard(job.node)
        self._warn(
            f"the cache file '{exception.cache}' cannot be read ({exception.reason}); it is calculated again"
        )
        return self._cache_of(job)

    def _cache_of(self, job: CachedJob) -> NodeId:
        # A generated job may name a calculation that the script had declared before.
        return self._pipegraph.job(job.cache_job.job_id).node
