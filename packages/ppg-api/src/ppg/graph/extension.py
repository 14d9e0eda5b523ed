"""Extension: turns the declarations of a generator into an extension of the running graph.

Nothing is added here. The evaluator checks the extension against its decisions, and adds all of it or nothing. Then
`DeclaredGraph._take_generated` gives the new nodes their jobs.
"""

from collections.abc import Hashable
from dataclasses import dataclass

from ppg.exceptions import JobContractError
from ppg.graph.conflicts import load_place, refuse_two_meanings, same_job, second_load_error
from ppg.graph.declared import DeclaredGraph
from ppg.graph.folders import FoldersOfJobs
from ppg.graph.generated import GeneratedDependency, GeneratedJobs
from ppg.jobs.generating_jobs import DependencyInjectionJob, JobGeneratingJob
from ppg.jobs.invariants import FileChecksumInvariant
from ppg.jobs.job import Job, JobFile, unadmitted
from ppg.session.namespaces import NameInNamespace
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
            builder.connect(GeneratedDependency(path, job.job_id, by_file=True))
        for name in job._named_inputs:
            builder.refuse_two_meanings(name, job.job_id)
    return builder.extension(generator)


class _Builder:
    def __init__(self, pipegraph: DeclaredGraph) -> None:
        self._pipegraph = pipegraph
        self._new: dict[str, Job] = {}
        self._makers: dict[str, Job] = {}
        self._loads: dict[Hashable, Job] = {}
        self._folders = FoldersOfJobs()
        self._edges: dict[NewEdge, None] = {}
        # All declarations, new or not: if two generators declare the same job, the other one may have been first.
        self._declared: dict[JobId, Job] = {}
        self._declared_edges: dict[NewEdge, None] = {}

    def add(self, job: Job) -> None:
        """Add a job, unless the graph has it already."""
        job._join(self._pipegraph)
        self._declared[job.job_id] = job
        if job.job_id in self._pipegraph.dag:
            same_job(self._pipegraph.job(job.job_id), job)
            for observed in job.implicit_invariants():
                self._declared[observed.job_id] = observed
                self._declared_edges[NewEdge(observed.job_id, job.job_id)] = None
            return
        for path in job.files:
            rival = self._pipegraph._maker_of(path)
            if rival is not None:
                raise JobContractError(
                    f"Two jobs declare the file '{path}': {rival!r} and the generated {job!r}; give one of "
                    "them another file"
                )
        self._pipegraph._refuse_rivals_of_folders(job)
        self._folders.refuse_rivals(job, self._new.values())
        if (place := load_place(job)) is not None:
            loader = self._loads.setdefault(place, job)
            if loader is job:
                loader = self._pipegraph._loader_of(place, job.job_id) or job
            if loader is not job:
                raise second_load_error(loader, job)
        self._new[job.job_id] = job
        self._makers.update(dict.fromkeys(job.files, job))
        self._folders.add(job)
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
            if dependency.name is not None:
                self.refuse_two_meanings(dependency.name, downstream)
            self._connect(NewEdge(upstream, downstream, part))
        else:
            self._connect(NewEdge(JobId(dependency.upstream), downstream, dependency.part))

    def extension(self, generator: JobGeneratingJob) -> Extension:
        """Return the extension, with the fingerprint of all its declarations."""
        self._pipegraph._places.refuse_rivals(self._pipegraph, self._new.values())
        names = [
            (f"job {job_id}", Fingerprint(job.kind.name.encode())) for job_id, job in self._declared.items()
        ]
        names += [
            (f"edge {edge.upstream!r} {edge.downstream!r} {edge.part!r}", Fingerprint(b""))
            for edge in self._declared_edges
        ]
        event = Generated(
            generator._node,
            combine(names),
            tuple(NewJob(JobId(job_id), job.kind, job.keeps_files) for job_id, job in self._new.items()),
            tuple(self._edges),
        )
        return Extension(event, self._new)

    def refuse_two_meanings(self, name: NameInNamespace, job_id: JobId) -> None:
        """Refuse a file that a job needs by its name in a namespace, if another job makes that file there."""
        user = self._new.get(job_id) or self._pipegraph.job(job_id)
        refuse_two_meanings(
            name,
            user,
            self._pipegraph._file_id(name.name),
            lambda path: self._made(self._pipegraph._file_id(path)),
        )

    def _made(self, path: str) -> Job | JobFile | None:
        """Return the job that makes a file, or one file of a folder."""
        maker = self._makers.get(path) or self._pipegraph._maker_of(path)
        if maker is None and (in_folder := self._folders.maker_of(path)) is not None:
            maker = JobFile(in_folder, path)
        return maker

    def _maker(self, dependency: GeneratedDependency) -> tuple[JobId, str | None]:
        path = dependency.upstream
        maker = self._made(path)
        if isinstance(maker, JobFile):
            return maker.job.job_id, str(maker.path)
        if maker is not None:
            return maker.job_id, path if maker.files != (path,) else None
        known = self._new.get(path) or (self._pipegraph.job(path) if path in self._pipegraph.dag else None)
        if known is not None and known.observes_file:
            self._declared[known.job_id] = known
            return known.job_id, None
        observed = unadmitted(FileChecksumInvariant, path, pipegraph=self._pipegraph)
        if observed.job_id not in self._new:
            self.add(observed)
        return observed.job_id, None
