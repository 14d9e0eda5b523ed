"""Oversights: warns of declarations that have no effect in a run, or that lack a dependency.

These are pruned targets, generated jobs without a user, `confine`, and functions that refer to jobs on which theirs do not
depend.
"""

from collections.abc import Callable, Collection, Iterator, Sequence

from ppg.graph.declared import DeclaredGraph
from ppg.graph.referred import messages_on_referred_jobs
from ppg.jobs.generating_jobs import DependencyInjectionJob
from ppg.report.events import Event, GraphExtended, RunFinished, RunStarted, Warned
from ppg.result import JobState, RunResult
from ppg_graph import JobId, NodeId, NodeKind

__all__ = ["Oversights"]

_SHOWN = 5
_ON_DEMAND = (NodeKind.LAZY, NodeKind.LOAD)


class Oversights:
    """Oversights: is a listener that publishes these warnings: of targets at the start, of jobs at the end.

    Parameters:
        pipegraph: the graph that runs.
        targets: the only jobs to bring up to date; None for all.
        publish: publishes an event to all listeners.
    """

    def __init__(
        self,
        pipegraph: DeclaredGraph,
        targets: Collection[NodeId] | None,
        publish: Callable[[Event], None],
    ) -> None:
        self._pipegraph = pipegraph
        self._targets = targets
        self._publish = publish
        self._made: list[tuple[str, Sequence[str]]] = []

    def __call__(self, event: Event) -> None:
        """Publish the warnings that follow from an event."""
        match event:
            case RunStarted():
                self._warn(self._pruned_targets())
                self._warn(self._unconfined())
                self._warn(messages_on_referred_jobs(self._pipegraph, list(self._pipegraph), ("warn",)))
            case GraphExtended(generator, job_ids):
                self._made.append((generator, job_ids))
                new = [self._pipegraph.job(job_id) for job_id in job_ids]
                self._warn(messages_on_referred_jobs(self._pipegraph, new, ("warn", "fail")))
            case RunFinished(result) if result.interrupted_by is None:
                self._warn(self._without_user(result))
            case _:
                pass

    def _warn(self, messages: Iterator[str]) -> None:
        for message in messages:
            self._publish(Warned(message))

    def _pruned_targets(self) -> Iterator[str]:
        dag, pruned = self._pipegraph.dag, self._pipegraph._pruned
        for target in dict.fromkeys(self._targets or ()) if pruned else ():
            name = dag.job_id(target)
            if target in pruned:
                yield f"the target '{name}' is pruned, so it does not run; call its unprune()"
            elif causes := sorted(dag.ancestors([target]) & pruned):
                yield (
                    f"the target '{name}' does not run: it depends on '{dag.job_id(causes[0])}', which is pruned; "
                    "call unprune() of that job"
                )

    def _unconfined(self) -> Iterator[str]:
        if self._pipegraph.resource_coordinator.inline:
            confined = [job.job_id for job in self._pipegraph if job.is_confined]
            if confined:
                yield (
                    f"'{confined[0]}' is not confined in this run, nor is any other job: with inline=True jobs run in the "
                    "script's own process; leave inline out to confine them"
                )

    def _without_user(self, result: RunResult) -> Iterator[str]:
        dag, pipegraph = self._pipegraph.dag, self._pipegraph
        for job in pipegraph:
            is_injection = isinstance(job, DependencyInjectionJob) and job._needs_users
            ran = is_injection and result[job.job_id].state is JobState.RAN
            if ran and not dag.downstreams(job._node):
                yield (
                    f"the DependencyInjectionJob '{job.job_id}' injects nothing: no job depends on it; "
                    "let the jobs that use its jobs depend on it"
                )
        targets = set(self._targets or ())
        for generator, made in self._made:
            nodes = [dag.node(JobId(job_id)) for job_id in made]
            idle = [
                dag.job_id(node)
                for node in nodes
                if dag.kind(node) in _ON_DEMAND and not dag.downstreams(node) and node not in targets
            ]
            if idle:
                shown = ", ".join(f"'{job_id}'" for job_id in idle[:_SHOWN])
                more = f" and {len(idle) - _SHOWN} more" if len(idle) > _SHOWN else ""
                yield (
                    f"the generator '{generator}' made {shown}{more}, on which no job depends, so it does not run; "
                    "let a job depend on it, or do not make it"
                )
