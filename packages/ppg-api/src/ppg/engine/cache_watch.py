"""Cache watch: finds cache files of earlier runs that are damaged or cannot be read, and warns the user."""

from collections.abc import Callable, Mapping

from ppg.exceptions import UNREADABLE_REMEDY, CacheUnreadableError, class_and_message
from ppg.graph.declared import DeclaredGraph
from ppg.jobs.job import Job
from ppg.recipes.cached_jobs import CachedJob, CacheJob
from ppg_exec import SentException
from ppg_graph import Evaluator, Files, FileStatus, NodeId, NodeState, Observation

__all__ = ["CacheWatch"]

DAMAGED = frozenset({FileStatus.CHANGED, FileStatus.EMPTY})


class CacheWatch:
    """Cache watch: watches the cache files of one run.

    Parameters:
        pipegraph: the jobs.
        evaluator: gives the state of the jobs that make cache files.
        warn: called with messages for the user.
    """

    def __init__(self, pipegraph: DeclaredGraph, evaluator: Evaluator, warn: Callable[[str], None]) -> None:
        self._pipegraph = pipegraph
        self._evaluator = evaluator
        self._warn = warn
        self._damaged: set[NodeId] = set()
        self._with_leftover: set[NodeId] = set()

    def observed(self, observations: Mapping[NodeId, Observation]) -> None:
        """Note the cache files that changed or are empty."""
        for node, files in observations.items():
            if isinstance(files, Files) and files.status in DAMAGED:
                self._damaged.add(node)

    def starting(self, job: Job) -> None:
        """Warn if a starting job replaces a damaged cache; note a starting job that reads a leftover one."""
        if isinstance(job, CacheJob) and job._node in self._damaged:
            self._damaged.discard(job._node)
            self._warn(f"the cache file '{job.job_id}' is not as it was left; it is calculated again")
        elif isinstance(job, CachedJob) and self._evaluator.state(self._cache_of(job)) is NodeState.CLEAN:
            # A clean calculation did not run in this run (else it is DONE), so the job reads a leftover file.
            self._with_leftover.add(job._node)

    def unusable(self, job: Job, exception: BaseException | SentException) -> NodeId | None:
        """Return the node of the leftover cache that a failed job could not read; None for other failures."""
        name, message = class_and_message(exception)
        if name != CacheUnreadableError.__name__ or not isinstance(job, CachedJob):
            return None
        if job._node not in self._with_leftover:
            return None
        self._with_leftover.discard(job._node)
        what = message.removesuffix(UNREADABLE_REMEDY).removeprefix("The ")
        self._warn(f"the {what}; it is calculated again")
        return self._cache_of(job)

    def _cache_of(self, job: CachedJob) -> NodeId:
        # The job may be generated and name a calculation that the script declared, so look it up by id.
        return self._pipegraph.job(job.cache_job.job_id)._node
