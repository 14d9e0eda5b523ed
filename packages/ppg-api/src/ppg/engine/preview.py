"""Dry runs: what a run would do, in words."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from ppg.engine.forecast import forecast, looking
from ppg.pipegraph import Pipegraph
from ppg_graph import NodeId, Unobservable, describe

__all__ = ["Preview", "preview_of"]


@dataclass(frozen=True, slots=True)
class Preview:
    """What a run would do if no job failed.

    Attributes:
        will_run: the jobs that are certain to run, with the reasons in words.
        may_run: the jobs that run if others come out changed, with the ids of those others.
        generators: those among `will_run` that may add jobs nobody knows yet.
        blocked: the jobs that cannot run.
        problems: what cannot be observed, by job id, in words.
    """

    will_run: Mapping[str, tuple[str, ...]]
    may_run: Mapping[str, tuple[str, ...]]
    generators: tuple[str, ...]
    blocked: tuple[str, ...]
    problems: Mapping[str, str]

    @property
    def is_up_to_date(self) -> bool:
        """Whether a run would start nothing but generators, and nothing is in the way of deciding that."""
        return not (self.will_run.keys() - set(self.generators)) and not self.blocked and not self.problems


def preview_of(pipegraph: Pipegraph, targets: Collection[NodeId] | None) -> Preview:
    """Preview the run of a complete graph.

    Raises:
        PyPipelineGraphError: the status store cannot be read.
    """
    with looking(pipegraph.status_path) as memory:
        seen = forecast(pipegraph, memory, targets)
    dag, dry = seen.dag, seen.dry
    return Preview(
        will_run={
            dag.job_id(node): tuple(describe(reason) for reason in reasons)
            for node, reasons in dry.will_run.items()
        },
        may_run={dag.job_id(node): tuple(may.depending_on) for node, may in dry.may_run.items()},
        generators=tuple(dag.job_id(node) for node in dry.generators),
        blocked=tuple(dag.job_id(node) for node in dry.blocked),
        problems={
            dag.job_id(node): observation.reason
            for node, observation in seen.observations.items()
            if isinstance(observation, Unobservable)
        },
    )
