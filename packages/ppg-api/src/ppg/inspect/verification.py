"""Verification: checks that every output is as the last run left it, for CI and for publications."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ppg.graph.declared import DeclaredGraph
from ppg.inspect.forecast import read_only_history, remembered_forecast
from ppg.inspect.remembered_graph import RememberedGraph
from ppg.status.causes import Cause
from ppg.status.reason_details import ReasonWords
from ppg_graph import Files, FileStatus, NodeId, NodeKind, NodeState, Unobservable

__all__ = ["Verification", "verification_of"]

_LEFT_OUT = NodeState.EXCLUDED
ALTERED = {
    FileStatus.MISSING: "is missing",
    FileStatus.EMPTY: "is empty",
    FileStatus.CHANGED: "is not as it was left",
}


@dataclass(frozen=True, slots=True)
class Verification:
    """Verification: the jobs that a run would start now, and the extent of the check.

    Jobs are given by id, in the order of declaration.

    Attributes:
        will_run: the jobs that a run would start, with the reasons in words.
        may_run: the jobs that a run would start if the results of other jobs changed, with the ids of those
            jobs.
        blocked: the jobs that cannot be decided because of `problems`.
        problems: in words, the jobs that cannot be observed, and generators with jobs that are not recorded.
        checked: the number of working jobs that were checked, including jobs that generators made last time.
        left_out: jobs that are pruned, or that no target needs; they are not checked.
        generators: the working jobs that each generator made in its last run; they were checked without
            running it.
        accepted: jobs with accepted outputs that have not run since, with the time of acceptance in seconds
            since the epoch.
        altered: caches that no job needs now and that differ from their record, with the difference in words.
            They are calculated again when a job needs them. Caches of generated jobs are included.
        undeclared: jobs with a record that neither the script declares nor a generator made.
        is_first: whether there is no status file, because nothing has run here yet.
        causes: the same reasons as front ends group them, with values: also the sizes of changed files.
    """

    will_run: Mapping[str, tuple[str, ...]]
    may_run: Mapping[str, tuple[str, ...]]
    blocked: tuple[str, ...]
    problems: Mapping[str, str]
    checked: int
    left_out: tuple[str, ...]
    generators: Mapping[str, tuple[str, ...]]
    accepted: Mapping[str, float]
    altered: Mapping[str, str]
    undeclared: tuple[str, ...]
    is_first: bool
    causes: Mapping[str, tuple[Cause, ...]] = field(default_factory=dict)

    @property
    def holds(self) -> bool:
        """Whether no job would run, and every output matches its record."""
        return not (self.will_run or self.may_run or self.blocked or self.problems)


def verification_of(
    pipegraph: DeclaredGraph, targets: Collection[NodeId] | None, *, rehash: bool = False
) -> Verification:
    """Verify a complete graph.

    Parameters:
        pipegraph: complete and free of cycles.
        targets: the only jobs to verify, with what they need; None for all.
        rehash: read every file, even if its size and times are unchanged.

    Raises:
        PyPipelineGraphError: the status store cannot be read.
    """
    with read_only_history(pipegraph.status_path, rehash=rehash) as memory:
        graph = RememberedGraph(pipegraph, memory, targets)
        seen = remembered_forecast(pipegraph, memory, graph)
        known = {*graph.dag.job_ids, *(job for jobs in graph.made.values() for job in jobs or ())}
        accepted: dict[str, float] = {
            job_id: when
            for job_id in graph.dag.job_ids
            if (when := memory.was_accepted(job_id)) is not None
            and seen.dry.states[graph.dag.node(job_id)] is NodeState.CLEAN
        }
        undeclared = tuple(sorted(job_id for job_id in memory.history if job_id not in known))
        words = ReasonWords(memory, seen.dag)
        will_run: dict[str, tuple[str, ...]] = {
            seen.dag.job_id(node): words.sentences(seen.dag.job_id(node), reasons)
            for node, reasons in seen.dry.will_run.items()
        }
        words = ReasonWords(memory, seen.dag, root=Path(pipegraph.root))
        causes: dict[str, tuple[Cause, ...]] = {
            seen.dag.job_id(node): words.causes(seen.dag.job_id(node), reasons)
            for node, reasons in seen.dry.will_run.items()
        }
    dag, dry = seen.dag, seen.dry
    works = [node for node in map(NodeId, range(len(dag))) if dag.kind(node) is not NodeKind.INVARIANT]
    working = set(works)
    problems: dict[str, str] = {
        dag.job_id(node): observation.reason
        for node, observation in sorted(seen.observations.items())
        if isinstance(observation, Unobservable)
    }
    for generator, made in graph.made.items():
        if dry.states[dag.node(generator)] is NodeState.CLEAN and made is None:
            problems[generator] = (
                "the jobs that it made last time were not noted, so it cannot be verified; run it once"
            )
    problems.update(graph.misfits.items())
    return Verification(
        will_run=will_run,
        may_run={dag.job_id(node): tuple(may.depending_on) for node, may in dry.may_run.items()},
        blocked=tuple(dag.job_id(node) for node in dry.blocked),
        problems=problems,
        checked=sum(dry.states[node] is not _LEFT_OUT for node in works),
        left_out=tuple(dag.job_id(node) for node in works if dry.states[node] is _LEFT_OUT),
        generators={
            name: tuple(job_id for job_id in made if job_id in dag and dag.node(job_id) in working)
            for name, made in graph.made.items()
            if made is not None
        },
        accepted=accepted,
        altered={
            dag.job_id(node): ALTERED[files.status]
            for node, files in sorted(seen.observations.items())
            if isinstance(files, Files)
            and files.status is not FileStatus.INTACT
            and node not in dry.will_run
            and node not in dry.may_run
            and dag.keeps(node)
        },
        undeclared=undeclared,
        is_first=not pipegraph.status_path.exists(),
        causes=causes,
    )
