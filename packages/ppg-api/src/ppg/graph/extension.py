"""Extension: turns the declarations of a generator into an extension of the running graph.

Nothing is added here. The evaluator checks the extension against its decisions, and adds all of it or nothing. Then
`DeclaredGraph.take_generated` gives the new nodes their jobs.
"""

from collections.abc import Hashable
from dataclasses import dataclass

from ppg.exceptions import JobContractError
from ppg.graph.conflicts import load_place, missing_maker_error, same_job, second_load_error
from ppg.graph.declared import DeclaredGraph
from ppg.graph.generated import GeneratedDependency, GeneratedJobs
from ppg.jobs.generating_jobs import DependencyInjectionJob, JobGeneratingJob
from ppg.jobs.invariants import FileChecksumInvariant
from ppg.jobs.job import Job, JobFile, unadmitted
from ppg_graph import Fingerprint, Generated, JobId, NewEdge, NewJob, combine

__all__ = ["Extension", "extension_of"]


@dataclass(frozen=True, slots=True)
class Extension:
    """Extension: the jobs and dependencies that a generator adds to the graph.

    Attributes:
        event: for the evaluator.
        jobs: the new jobs by id.
    """

    event: Generated
    jobs: dict[str, Job]


def extension_of(generator: JobGeneratingJob, made: GeneratedJobs) -> Extension:
    """Return the extension of the graph by a generator's declarations.

    Raises:
        PyPipelineGraphError: a declaration contradicts the script's declarations, or names a missing job or file.
    """
    pipegraph = generator.pipegraph
    assert isinstance(pipegraph, DeclaredGraph), "a generator of the graph that runs"
    builder = _Builder(pipegraph)
    for job in made.jobs:
        builder.add(job)
    for dependency in made.dependencies:
        builder.connect(dependency)
    if isinstance(generator, DependencyInjectionJob):
        waiting = [downstream.job_id for downstream in generator.downstreams]
        for job_id, part in made.returned:
            for downstream in waiting:
                if job_id not in waiting:
                    builder.connect(GeneratedDependency(job_id, downstream, part))
    for job in made.jobs:
        for path in job.input_files:
            builder.connect(GeneratedDependency(path, job.job_id, by_file=True, or_observe=True))
    return builder.extension(generator)


class _Builder:
    def __init__(self, pipegraph: DeclaredGraph) -> None:
        self._pipegraph = pipegraph
        self._new: dict[str, Job] = {}
        self._makers: dict[str, Job] = {}
        self._loads: dict[Hashable, Job] = {}
        self._edges: dict[NewEdge, None] = {}
        # All declarations, new or not: if two generators declare the same job, the other one may have been first.
        self._declared: dict[JobId, Job] = {}
        self._declared_edges: dict[NewEdge, None] = {}

    def add(self, job: Job) -> None:
        """Add a job, unless the graph has it already."""
        job.join(self._pipegraph)
        self._declared[job.job_id] = job
        if job.job_id in self._pipegraph.dag:
            same_job(self._pipegraph.job(job.job_id), job)
            for observed in job.implicit_invariants():
                self._declared[observed.job_id] = observed
                self._declared_edges[NewEdge(observed.job_id, job.job_id)] = None
            return
        for path in job.files:
            rival = self._pipegraph.maker_of(path)
            if rival is not None:
                raise JobContractError(
                    f"Two jobs declare the file '{path}': {rival!r} and the generated {job!r}; give one of "
                    "them another file"
                )
        if (place := load_place(job)) is not None:
            loader = self._loads.setdefault(place, job)
            if loader is job:
                loader = self._pipegraph.loader_of(place, job.job_id) or job
            if loader is not job:
                raise second_load_error(loader, job)
        self._new[job.job_id] = job
        self._makers.update(dict.fromkeys(job.files, job))
        for observed in job.implicit_invariants():
            self.add(observed)
            self._connect(NewEdge(observed.job_id, job.job_id))

    def _connect(self, edge: NewEdge) -> None:
        self._edges[edge] = None
        self._declared_edges[edge] = None

    def connect(self, dependency: GeneratedDependency) -> None:
        """Add a dependency."""
        downstream = JobId(dependency.downstream)
        if dependency.by_file:
            upstream, part = self._maker(dependency)
            self._connect(NewEdge(upstream, downstream, part))
        else:
            self._connect(NewEdge(JobId(dependency.upstream), downstream, dependency.part))

    def extension(self, generator: JobGeneratingJob) -> Extension:
        """Return the extension, with the fingerprint of all its declarations."""
        names = [
            (f"job {job_id}", Fingerprint(job.kind.name.encode())) for job_id, job in self._declared.items()
        ]
        names += [
            (f"edge {edge.upstream!r} {edge.downstream!r} {edge.part!r}", Fingerprint(b""))
            for edge in self._declared_edges
        ]
        event = Generated(
            generator.node,
            combine(names),
            tuple(NewJob(JobId(job_id), job.kind, job.keeps_files) for job_id, job in self._new.items()),
            tuple(self._edges),
        )
        return Extension(event, self._new)

    def _maker(self, dependency: GeneratedDependency) -> tuple[JobId, str | None]:
        path = dependency.upstream
        maker = self._makers.get(path) or self._pipegraph.maker_of(path)
        if isinstance(maker, JobFile):
            return maker.job.job_id, maker.path
        if maker is not None:
            return maker.job_id, path if maker.files != (path,) else None
        if not dependency.or_observe:
            raise missing_maker_error(dependency.downstream, path)
        known = self._new.get(path) or (self._pipegraph.job(path) if path in self._pipegraph.dag else None)
        if known is not None and known.observes_file:
            self._declared[known.job_id] = known
            return known.job_id, None
        observed = unadmitted(FileChecksumInvariant, path, pipegraph=self._pipegraph)
        if observed.job_id not in self._new:
            self.add(observed)
        return observed.job_id, None
