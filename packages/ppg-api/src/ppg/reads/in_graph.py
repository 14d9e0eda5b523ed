"""Reads in the graph: adds recorded reads to the graph that runs, and to the jobs that a generator made."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from ppg.graph.declared import DeclaredGraph
from ppg.graph.extension import Extension
from ppg.graph.folders import FoldersOfJobs
from ppg.jobs.job import Job, JobFile, unadmitted
from ppg.kinds.graph_protocol import GraphProtocol
from ppg.kinds.undeclared import policy_of
from ppg.reads.kinds import CircularRead, Listing, ReadFile, TargetOfLink
from ppg.reads.links import WithoutLinks
from ppg.reads.names_of_outputs import NamesOfOutputs
from ppg.reads.recorded import GraphOfReads, RecordedRead, recorded_reads
from ppg.status.history import History
from ppg_graph import (
    JobId,
    NewEdge,
    NewJob,
    NodeId,
    NodeKind,
    circle_id,
    cycle_through,
    is_pattern,
    is_read,
    link_id,
    listing_id,
    parts_matching,
)

__all__ = ["FormerGenerators", "ReadsInGraph", "files_of", "has_file", "has_reads", "ignores_reads", "job_of"]


def has_reads(history: History) -> bool:
    """Return whether any job may have recorded a read; nearly no time if none has."""
    return any(map(is_read, history.job_ids()))


def ignores_reads(job: Job, pipegraph: DeclaredGraph) -> bool:
    """Return whether the reads of a job do not count."""
    return policy_of(job.execution.undeclared, pipegraph.undeclared) == "ignore"


def job_of(read: RecordedRead, names_of_outputs: NamesOfOutputs, pipegraph: GraphProtocol) -> Job:
    """Return the invariant of a read, not admitted to a pipegraph."""
    if read.job_id == circle_id(read.path):
        return unadmitted(CircularRead, read.path, pipegraph=pipegraph)
    if read.job_id == listing_id(read.path):
        return unadmitted(Listing, read.path, names_of_outputs, pipegraph=pipegraph)
    if read.job_id == link_id(read.path):
        return unadmitted(TargetOfLink, read.path, pipegraph=pipegraph)
    return unadmitted(ReadFile, read.path, pipegraph=pipegraph)


class FormerGenerators:
    """Former generators: knows which generators of a graph made the maker of a file last time.

    Parameters:
        generators: their ids.
        history: has the notes of what they made.
        without_links: has the names of files.
    """

    def __init__(self, generators: Iterable[JobId], history: History, without_links: WithoutLinks) -> None:
        self._without_links = without_links
        self._generators = list(generators)
        self._history = history
        self._of_file: dict[str, list[JobId]] | None = None

    def of_read(self, path: str) -> Sequence[JobId]:
        """Return the generators of jobs that made a file, which may have been read by a link."""
        found = self._made(path)
        if not found and self._of_file:
            found = self._made(self._without_links.name(path))
        return found

    def _made(self, path: str) -> Sequence[JobId]:
        if self._of_file is None:
            self._of_file = {}
            for generator in self._generators:
                for name in dict.fromkeys(self._files_made(generator)):
                    self._of_file.setdefault(name, []).append(generator)
        return self._of_file.get(path, ())

    def _files_made(self, generator: JobId) -> Iterator[str]:
        made = self._history.last_made(generator)
        for job in () if made is None else made.jobs:
            if job.kind is NodeKind.OUTPUT:
                yield from job.job_id.split(":")
                if job.job_id in self._history.history:
                    yield from self._history.files(job.job_id)


class ReadsInGraph:
    """Reads in the graph: adds the recorded reads to one graph that runs.

    Parameters:
        pipegraph: complete and free of cycles.
        history: the records of earlier runs.
    """

    def __init__(self, pipegraph: DeclaredGraph, history: History) -> None:
        self._pipegraph = pipegraph
        self._history = history
        self.names_of_outputs: NamesOfOutputs = NamesOfOutputs(pipegraph, history)
        self._without_links = WithoutLinks(pipegraph.root)
        self._has_reads = has_reads(history)
        generators = (job.job_id for job in pipegraph if job.kind is NodeKind.GENERATOR)
        self._former = FormerGenerators(generators if self._has_reads else (), history, self._without_links)

    def add(self) -> None:
        """Add the reads of all jobs of the graph, before anything is evaluated."""
        if not self._has_reads:
            return
        pipegraph = self._pipegraph
        job_ids = [job.job_id for job in pipegraph if job.kind is not NodeKind.INVARIANT]
        for read in recorded_reads(job_ids, self._history.history, self._view({}, {}, ())):
            job = job_of(read, self.names_of_outputs, pipegraph)
            pipegraph._add_read(job, pipegraph.job(read.reader), [pipegraph.job(one) for one in read.makers])

    def extended(self, extension: Extension) -> Extension:
        """Return an extension with the recorded reads of its jobs, and with the makers of reads in the graph."""
        if not self._has_reads:
            return extension
        new_jobs, event = extension.jobs, extension.event
        upstreams: dict[JobId, list[tuple[JobId, Collection[str] | None]]] = {}
        for edge in event.edges:
            names = None if edge.part is None else (edge.part,)
            upstreams.setdefault(edge.downstream, []).append((edge.upstream, names))
        nodes: dict[JobId, NodeId] = {
            job.job_id: NodeId(number) for number, job in enumerate(event.jobs, len(self._pipegraph))
        }
        waiting = self._waiting_edges(extension, nodes)
        view = self._view(new_jobs, nodes, (*event.edges, *waiting), upstreams)
        wanted = [job.job_id for job in event.jobs if job.kind is not NodeKind.INVARIANT]
        jobs: dict[str, Job] = {}
        edges: dict[NewEdge, None] = {}
        for read in recorded_reads(wanted, self._history.history, view):
            if read.job_id not in self._pipegraph.dag and read.job_id not in jobs:
                jobs[read.job_id] = job_of(read, self.names_of_outputs, self._pipegraph)
                for maker in read.makers:
                    edges[NewEdge(maker, read.job_id)] = None
            edges[NewEdge(read.job_id, read.reader)] = None
        edges.update(dict.fromkeys(waiting))
        if not edges:
            return extension
        added = tuple(NewJob(JobId(job_id), job.kind) for job_id, job in jobs.items())
        event = replace(event, jobs=(*event.jobs, *added), edges=(*event.edges, *edges))
        return Extension(event, {**new_jobs, **jobs})

    def _waiting_edges(self, extension: Extension, nodes: Mapping[JobId, NodeId]) -> list[NewEdge]:
        """Edges from new jobs to reads that wait for their generator, because it made such jobs last time.

        An edge is left out if it would close a circle of what is declared.
        """
        dag = self._pipegraph.dag
        found: list[NewEdge] = []
        for read in dag.downstreams(extension.event.generator):
            job = self._pipegraph._job_at(read)
            if isinstance(job, ReadFile):
                found.extend(
                    NewEdge(maker.job_id, job.job_id)
                    for maker in extension.jobs.values()
                    if maker.kind is NodeKind.OUTPUT
                    and any(
                        path in maker.files or maker.covers(path)
                        for path in (job.path, self._without_links.name(job.path))
                    )
                )

        def step(edge: NewEdge) -> tuple[NodeId, NodeId]:
            upstream, downstream = (
                nodes[one] if one in nodes else dag.node(one) for one in (edge.upstream, edge.downstream)
            )
            return upstream, downstream

        steps = {step(edge): edge for edge in found}
        while steps:
            cycle = cycle_through([*map(step, extension.event.edges), *steps], dag)
            if cycle is None:
                break
            closing = next(
                (pair for pair in zip(cycle, (*cycle[1:], cycle[0]), strict=True) if pair in steps), None
            )
            if closing is None:
                break
            del steps[closing]
        return list(steps.values())

    def _view(
        self,
        new: Mapping[str, Job],
        nodes: Mapping[JobId, NodeId],
        edges: Iterable[NewEdge],
        upstreams: Mapping[JobId, list[tuple[JobId, Collection[str] | None]]] | None = None,
    ) -> GraphOfReads:
        pipegraph = self._pipegraph

        def job(job_id: JobId) -> Job:
            return new[job_id] if job_id in new else pipegraph.job(job_id)

        def node(job_id: JobId) -> NodeId:
            return nodes[job_id] if job_id in nodes else pipegraph.dag.node(job_id)

        def upstreams_of(job_id: JobId) -> Iterator[tuple[JobId, Collection[str] | None]]:
            yield from (upstreams or {}).get(job_id, ())
            if job_id not in nodes:
                dag, reader = pipegraph.dag, pipegraph.dag.node(job_id)
                for upstream in dag.upstreams(reader):
                    yield dag.job_id(upstream), dag.parts(upstream, reader)

        made = {path: JobId(job_id) for job_id, one in new.items() for path in one.files}

        folders = FoldersOfJobs()
        for one in new.values():
            folders.add(one)

        def maker(path: str) -> JobId | None:
            if path in made:
                return made[path]
            if (in_folder := folders.maker_of(path)) is not None:
                return in_folder.job_id
            found = pipegraph._maker_of(path)
            if found is None and (name := self._without_links.name(path)) != path:
                return maker(name)
            return found.job.job_id if isinstance(found, JobFile) else None if found is None else found.job_id

        return GraphOfReads(
            dag=pipegraph.dag,
            node=node,
            kind=lambda job_id: job(job_id).kind,
            upstreams=upstreams_of,
            has_file=lambda job_id, names, path: has_file(job(job_id), names, path),
            maker=maker,
            generators=self._former.of_read,
            ignores=lambda job_id: ignores_reads(job(job_id), pipegraph),
            before_failure=self._history.reads_before_failure,
            edges=[(node(edge.upstream), node(edge.downstream)) for edge in edges],
        )


def has_file(job: Job, names: Collection[str] | None, path: str) -> bool:
    """Return whether a file is one of those that a job makes or observes.

    Parameters:
        job: the job.
        names: the parts of it that count; None for all.
        path: the file, relative to the root.
    """
    if names is None:
        return path in files_of(job) or job.covers(path)
    return path in names or any(path in parts_matching((path,), name) for name in names if is_pattern(name))


def files_of(job: Job) -> Collection[str]:
    """Return the files that a job makes, or the input file that it observes."""
    return (job.job_id,) if job.observes_file else job.files
