"""Plan: foretells a run with all its options, with the jobs that generators made last time; `ppg run --dry-run` shows it."""

from collections.abc import Mapping
from dataclasses import dataclass

from ppg.graph.catalogue import Request
from ppg.graph.declared import DeclaredGraph
from ppg.inspect.forecast import planned_forecast, read_only_history
from ppg.inspect.remembered_graph import RememberedGraph
from ppg.status.reason_details import ReasonWords
from ppg_graph import Dag, JobId, NodeId, NodeKind, NodeState, Unobservable

__all__ = ["Plan", "plan_of"]


@dataclass(frozen=True, slots=True)
class Plan:
    """Plan: the jobs that a run would start if no job failed. Jobs are given by id, in the order of declaration.

        ppg.file("a.txt")(lambda out: out.write_text("a"))
        plan = ppg.current_pipegraph().plan()
        assert list(plan.will_run) == ["a.txt"]

    Attributes:
        will_run: the jobs that are certain to run, with the reasons in words.
        may_run: the jobs that run if the results of other jobs change, with the ids of those jobs.
        generators: the working jobs that each generator made last time, which count as made again; None for a
            generator that never ran.
        uncertain: generators with changed inputs, or that never ran: they may make other jobs than last time.
        blocked: the jobs that cannot run.
        problems: the jobs that cannot be observed, and generators with jobs that do not fit any more, in words.
        seconds: how long each job in `will_run` and `may_run` took when it ran last; jobs that never ran are missing.
        up_to_date: the number of jobs that neither run nor may run.
        left_out: the number of jobs that take no part.
    """

    will_run: Mapping[str, tuple[str, ...]]
    may_run: Mapping[str, tuple[str, ...]]
    generators: Mapping[str, tuple[str, ...] | None]
    uncertain: tuple[str, ...]
    blocked: tuple[str, ...]
    problems: Mapping[str, str]
    seconds: Mapping[str, float]
    up_to_date: int
    left_out: int


def plan_of(
    pipegraph: DeclaredGraph,
    request: Request,
) -> Plan:
    """Foretell the run of a complete graph.

    Raises:
        PyPipelineGraphError: the status store cannot be read.
    """
    with read_only_history(pipegraph.status_path) as memory:
        graph = RememberedGraph(pipegraph, memory, request.targets, run_generators=True)
        seen = planned_forecast(pipegraph, memory, graph, request)
        dag, dry = seen.dag, seen.dry
        words = ReasonWords(memory, dag)
        will_run: dict[str, tuple[str, ...]] = {
            dag.job_id(node): words.sentences(dag.job_id(node), reasons)
            for node, reasons in dry.will_run.items()
        }
        may_run: dict[str, tuple[str, ...]] = {
            dag.job_id(node): tuple(may.depending_on) for node, may in dry.may_run.items()
        }
        durations = memory.durations
        seconds: dict[str, float] = {
            job_id: durations[job_id]
            for job_id in map(dag.job_id, (*dry.will_run, *dry.may_run))
            if job_id in durations
        }
    works = [node for node in map(NodeId, range(len(dag))) if dag.kind(node) is not NodeKind.INVARIANT]
    left_out = sum(dry.states[node] is NodeState.EXCLUDED for node in works)
    problems: dict[str, str] = {
        dag.job_id(node): observation.reason
        for node, observation in sorted(seen.observations.items())
        if isinstance(observation, Unobservable)
    }
    problems.update(graph.misfits.items())
    blocked: tuple[str, ...] = tuple(
        dag.job_id(node) for node in dry.blocked if dag.kind(node) is not NodeKind.INVARIANT
    )
    return Plan(
        will_run,
        may_run,
        {dag.job_id(node): _working(graph.made.get(dag.job_id(node)), dag) for node in dry.generators},
        tuple(map(dag.job_id, dry.unsteady)),
        blocked,
        problems,
        seconds,
        len(works) - left_out - len(blocked) - len(will_run) - len(may_run),
        left_out,
    )


def _working(made: tuple[JobId, ...] | None, dag: Dag) -> tuple[str, ...] | None:
    """Leave out the invariants among the jobs that a generator made."""
    if made is None:
        return None
    return tuple(name for name in made if name in dag and dag.kind(dag.node(name)) is not NodeKind.INVARIANT)
