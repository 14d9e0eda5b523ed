"""Needs: finds a job for `ppg debug`, the loads that it needs, and what of its inputs is stale or missing.

The graph is that of a run with all jobs that generators made last time. If the job itself, or one of its loads, is among
these, its generator is called: only that gives the job its function.
"""

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from ppg.exceptions import JobContractError, UnknownJobError
from ppg.graph.catalogue import Request
from ppg.graph.declared import DeclaredGraph
from ppg.graph.find import find_job, spellings, unknown_job
from ppg.graph.generated import GeneratedJobs
from ppg.inspect.forecast import Forecast, ReadOnlyHistory, planned_forecast, read_only_history
from ppg.inspect.remembered_graph import RememberedGraph
from ppg.jobs.job import Job
from ppg.kinds.kind import ProcessCall
from ppg.launch.inline import as_in_a_process_of_its_own
from ppg.outcomes.tasks import call_of
from ppg.paths import absolute
from ppg.status.reason_details import ReasonWords
from ppg_graph import Dag, JobId, NodeId, NodeKind, Unobservable, is_read

__all__ = ["Needs", "needs_of"]

CAUSES_NAMED = 3


@dataclass(frozen=True, slots=True)
class Needs:
    """Needs: says what a job needs to be called alone.

    Attributes:
        job: the job.
        loads: the loads to call before, in their order; without those that a generator needed, and that are called.
        stale: the jobs that made its inputs, and would run again, with the reason; their files are there.
        missing: the jobs and inputs without files, with the reason.
        makers: the jobs among the stale and missing ones, which a run can make.
        outputs: the absolute names of all files and folders that jobs of the graph make.
    """

    job: Job
    loads: tuple[Job, ...]
    stale: Mapping[str, str]
    missing: Mapping[str, str]
    makers: frozenset[str]
    outputs: frozenset[str]


def needs_of(pipegraph: DeclaredGraph, name: str) -> Needs:
    """Find a job of a complete graph, and what it needs.

    Parameters:
        pipegraph: complete, and free of cycles.
        name: the id of the job, or a file that it makes, in whatever spelling.

    Raises:
        UnknownJobError: there is no such job; the message suggests the nearest names.
        JobContractError: the job is an invariant, or its generator does not declare it any more.
        PyPipelineGraphError: the status store cannot be read.
    """
    with read_only_history(pipegraph.status_path) as memory:
        graph = RememberedGraph(pipegraph, memory, run_generators=True)
        job_id = _found(pipegraph, graph, memory, name)
        node = graph.dag.node(job_id)
        if graph.dag.kind(node) is NodeKind.INVARIANT:
            raise JobContractError(
                f"'{job_id}' is observed, and runs nothing that could be debugged; name a job"
            )
        loads = _loads_of(graph.dag, node)
        graph.targets = {node}
        seen = planned_forecast(pipegraph, memory, graph, Request(forced=(node,)))
        outputs = frozenset(_outputs(pipegraph, graph, memory))
        files = _Files(pipegraph, memory)
        stale, missing = _inputs(graph.dag, [node, *loads], seen, files, ReasonWords(memory, seen.dag))
    generated = _Generated(pipegraph, graph)
    job = generated.job(job_id)
    needed = [generated.job(graph.dag.job_id(load)) for load in loads]
    loads_left = tuple(load for load in needed if load.job_id not in generated.loaded)
    makers = frozenset(
        name
        for name in (*stale, *missing)
        if graph.dag.kind(graph.dag.node(JobId(name))) is not NodeKind.INVARIANT
    )
    return Needs(job, loads_left, stale, missing, makers, outputs)


def _found(pipegraph: DeclaredGraph, graph: RememberedGraph, memory: ReadOnlyHistory, name: str) -> JobId:
    job = find_job(pipegraph, name)
    if job is not None:
        return job.job_id
    names = set(spellings(name, pipegraph))
    made = {job_id for jobs in graph.made.values() for job_id in jobs or ()}
    files = _Files(pipegraph, memory)
    for job_id in (job_id for job_id in graph.dag.job_ids if job_id in made):
        if job_id in names or not names.isdisjoint(files.of(job_id)):
            return job_id
    known = [
        job_id
        for job_id, kind in zip(graph.dag.job_ids, graph.dag.kinds, strict=True)
        if kind is not NodeKind.INVARIANT
    ]
    never = [generator for generator, jobs in graph.made.items() if jobs is None]
    hint = f"; the generator '{never[0]}' never ran, so its jobs are not known" if never else ""
    raise UnknownJobError(unknown_job(name, known) + hint)


def _loads_of(dag: Dag, node: NodeId) -> list[NodeId]:
    """Return the loads that the process of a job has, each after those that it needs itself."""
    found: dict[NodeId, None] = {}
    pending: list[tuple[NodeId, bool]] = [(node, False)]
    while pending:
        now, is_left = pending.pop()
        if is_left:
            found.setdefault(now)
        elif now not in found:
            if now != node:
                pending.append((now, True))
            pending += [(up, False) for up in reversed(dag.upstreams(now)) if dag.kind(up) is NodeKind.LOAD]
    return list(found)


# -- what is stale, or missing -----------------------------------------------------------------------------


class _Files:
    """_Files: knows the files of each job of a graph, also of those that generators made last time."""

    def __init__(self, pipegraph: DeclaredGraph, memory: ReadOnlyHistory) -> None:
        self._pipegraph = pipegraph
        self._memory = memory

    def of(self, job_id: JobId) -> tuple[str, ...]:
        if job_id in self._pipegraph.dag:
            return self._pipegraph.job(job_id).files
        return tuple(self._memory.files(job_id)) if job_id in self._memory.history else ()

    def missing(self, job_id: JobId) -> list[str]:
        root = self._pipegraph.root
        return [path for path in self.of(job_id) if not os.path.lexists(absolute(path, root))]


def _inputs(
    dag: Dag, users: Iterable[NodeId], seen: Forecast, files: _Files, words: ReasonWords
) -> tuple[dict[str, str], dict[str, str]]:
    """Return what is stale, and what is missing, of the direct inputs of some jobs."""
    dry = seen.dry
    stale: dict[str, str] = {}
    missing: dict[str, str] = {}
    for node in dict.fromkeys(up for user in users for up in dag.upstreams(user)):
        job_id = dag.job_id(node)
        if dag.kind(node) is NodeKind.INVARIANT:
            observation = seen.observations.get(node)
            if isinstance(observation, Unobservable) and not is_read(job_id):
                missing[job_id] = observation.reason
        elif dag.kind(node) in (NodeKind.OUTPUT, NodeKind.LAZY):
            because = ""
            if node in dry.will_run:
                because = "; ".join(words.sentences(job_id, dry.will_run[node]))
            elif node in dry.may_run:
                causes = dry.may_run[node].depending_on[:CAUSES_NAMED]
                because = f"it may come out differently, as {' and '.join(causes)} would run again"
            if lost := files.missing(job_id):
                missing[job_id] = f"there is no file '{lost[0]}'"
            elif because:
                stale[job_id] = because
    return stale, missing


def _outputs(pipegraph: DeclaredGraph, graph: RememberedGraph, memory: ReadOnlyHistory) -> Iterator[str]:
    files = _Files(pipegraph, memory)
    for job_id, kind in zip(graph.dag.job_ids, graph.dag.kinds, strict=True):
        if kind in (NodeKind.OUTPUT, NodeKind.LAZY):
            for path in files.of(job_id):
                yield absolute(path, pipegraph.root)


# -- jobs of generators ------------------------------------------------------------------------------------


class _Generated:
    """_Generated: finds the objects of jobs; calls generators for those that only they declare."""

    def __init__(self, pipegraph: DeclaredGraph, graph: RememberedGraph) -> None:
        self._pipegraph = pipegraph
        self._graph = graph
        self._jobs: dict[str, Job] = {}
        self.loaded: set[str] = set()
        self._makers = {
            job_id: generator for generator, jobs in graph.made.items() for job_id in reversed(jobs or ())
        }

    def job(self, job_id: JobId) -> Job:
        if job_id in self._pipegraph.dag:
            found: Job = self._pipegraph.job(job_id)
            return found
        if job_id not in self._jobs:
            generator = self._makers[job_id]
            self._take(self.job(generator))
            if job_id not in self._jobs:
                raise JobContractError(
                    f"the generator '{generator}' made '{job_id}' last time, and does not declare it now; run the script"
                )
        return self._jobs[job_id]

    def _take(self, generator: Job) -> None:
        os.chdir(self._pipegraph.root)
        dag = self._graph.dag
        for load in _loads_of(dag, dag.node(generator.job_id)):
            job = self.job(dag.job_id(load))
            if job.job_id not in self.loaded:
                self.loaded.add(job.job_id)
                with as_in_a_process_of_its_own(self._pipegraph, generates=False):
                    _called(call_of(job))
        call = call_of(generator)
        with as_in_a_process_of_its_own(self._pipegraph, generates=True):
            declared = _called(call)
        assert isinstance(declared, GeneratedJobs)
        for job in declared.jobs:
            job._join(self._pipegraph)
            self._jobs.setdefault(job.job_id, job)


def _called(call: ProcessCall) -> object:
    return call.function(*call.arguments)
