"""Standing: says of each job whether it is up to date, stale, failed or never built."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from ppg.graph.catalogue import Request
from ppg.graph.declared import DeclaredGraph
from ppg.inspect.forecast import ReadOnlyHistory, planned_forecast, read_only_history
from ppg.inspect.remembered_graph import RememberedGraph
from ppg.result import JobState
from ppg.status.reason_details import ReasonWords
from ppg_graph import Dag, JobId, NodeId, NodeKind, NodeState, Unobservable

__all__ = ["Standing", "standing_of"]


@dataclass(frozen=True, slots=True)
class Standing:
    """Standing: how things are with the jobs that make files. Jobs are given by id, in the order of declaration.

        ppg.file("a.txt")(lambda out: out.write_text("a"))
        assert list(ppg.current_pipegraph().standing().never_built) == ["a.txt"]

    Attributes:
        up_to_date: the jobs with results that hold.
        stale: the jobs that would run again, with the reasons in words.
        maybe_stale: the jobs that run again if the results of other jobs change, with the ids of those jobs.
        failed: the jobs that failed when they ran last, with the error.
        never_built: the jobs that never ran, or have results that are not valid any more.
        blocked: the jobs that cannot run, because an input cannot be observed.
        problems: the inputs that cannot be observed, in words.
    """

    up_to_date: tuple[str, ...]
    stale: Mapping[str, tuple[str, ...]]
    maybe_stale: Mapping[str, tuple[str, ...]]
    failed: Mapping[str, str]
    never_built: tuple[str, ...]
    blocked: tuple[str, ...]
    problems: Mapping[str, str]


def standing_of(pipegraph: DeclaredGraph, request: Request) -> Standing:
    """Say how things are with the jobs of a complete graph, and with those that its generators made last time.

    Raises:
        PyPipelineGraphError: the status store cannot be read.
    """
    with read_only_history(pipegraph.status_path) as memory:
        graph = RememberedGraph(pipegraph, memory, request.targets, run_generators=True)
        seen = planned_forecast(pipegraph, memory, graph, request)
        dag, dry = seen.dag, seen.dry
        words = ReasonWords(memory, dag)
        up_to_date: list[str] = []
        stale: dict[str, tuple[str, ...]] = {}
        maybe_stale: dict[str, tuple[str, ...]] = {}
        failed: dict[str, str] = {}
        never_built: list[str] = []
        blocked: list[str] = []
        for node in _making_files(dag, dry.states):
            job_id = dag.job_id(node)
            if (error := _failure(job_id, memory)) is not None:
                failed[job_id] = error
            elif dry.states[node] is NodeState.BLOCKED:
                blocked.append(job_id)
            elif job_id not in memory.history:
                if dry.states[node] is not NodeState.NOT_NEEDED:
                    never_built.append(job_id)
            elif node in dry.will_run and dag.kind(node) is NodeKind.OUTPUT:
                stale[job_id] = words.sentences(job_id, dry.will_run[node])
            elif node in dry.may_run and dag.kind(node) is NodeKind.OUTPUT:
                maybe_stale[job_id] = tuple(dry.may_run[node].depending_on)
            else:
                up_to_date.append(job_id)
    problems: dict[str, str] = {
        dag.job_id(node): observation.reason
        for node, observation in sorted(seen.observations.items())
        if isinstance(observation, Unobservable)
    }
    return Standing(
        tuple(up_to_date), stale, maybe_stale, failed, tuple(never_built), tuple(blocked), problems
    )


def _making_files(dag: Dag, states: tuple[NodeState, ...]) -> Iterator[NodeId]:
    for number, state in enumerate(states):
        node = NodeId(number)
        is_kept = dag.kind(node) is NodeKind.OUTPUT or dag.keeps(node)
        if is_kept and state is not NodeState.EXCLUDED:
            yield node


def _failure(job_id: JobId, memory: ReadOnlyHistory) -> str | None:
    """Return the error of a job that failed when it ran last; None if it did not."""
    if job_id in memory.history:
        return None
    last = memory.last_run(job_id)
    return last.error or "it failed" if last is not None and last.state is JobState.FAILED else None
