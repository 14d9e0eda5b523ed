"""Remembered graph: adds the jobs that generators made last time to the graph, without running a generator.

The jobs of a generator are available only after it has run. To verify without a run, a generator with
unchanged inputs counts as if it made the same jobs as last time. Its new jobs and edges are put into a copy
of the graph. In the copy the generator is an ordinary job with one intact output, which stands for these
jobs. So the evaluator decides as usual whether the generator's inputs changed, and whether its jobs would
run. For a dry run generators stay what they are: they run every time, and demand their loads.

For a generated job only the record is available. Its files can be observed, and so can the input files of a
generator's jobs and the versions of tools. Functions and parameters that exist only in a generator's callback
count as unchanged.
"""

from collections.abc import Collection, Iterator, Mapping

from ppg.exceptions import InternalError, JobContractError
from ppg.graph.declared import DeclaredGraph
from ppg.jobs.invariants import FileChecksumInvariant, FileTimeInvariant
from ppg.jobs.job import Job, unadmitted
from ppg.jobs.multi_file_jobs import MultiFileGeneratingJob
from ppg.jobs.tool_version import ToolVersionInvariant
from ppg.kinds.kind import KINDS, JobKind, hook_name, is_own_hook
from ppg.reads.in_copy import add_reads, copy_with_reads
from ppg.recipes.cached_jobs import CacheJob
from ppg.status.history import History
from ppg.status.run_notes import LastMade
from ppg_graph import (
    Dag,
    Files,
    FileStatus,
    JobId,
    NewEdge,
    NewJob,
    NodeId,
    NodeKind,
    Observation,
    Record,
    Unobservable,
)

__all__ = ["RememberedGraph"]

INTACT = Files(FileStatus.INTACT)

STANDING_IN = (CacheJob, FileChecksumInvariant, FileTimeInvariant, ToolVersionInvariant)
"""Kinds that generated jobs can have although the script does not import them; imported to be in `KINDS`."""


class RememberedGraph:
    """Remembered graph: holds the pipegraph's jobs and the jobs that its generators made last time.

    Parameters:
        pipegraph: complete and free of cycles; it is not changed.
        memory: the history of earlier runs.
        targets: the only jobs to check, with the jobs they need; None for all.
        run_generators: whether generators stay generators, which run every time, or count as ordinary jobs.

    Attributes:
        dag: the graph; the pipegraph's own nodes keep their numbers, remembered nodes come after them. It has
            no generators, unless `run_generators` says so.
        history: the records; the record of a generator that counts as an ordinary job counts as that of an output.
        targets: the given targets, and the jobs that generators among them made.
        made: the ids of the jobs that each generator made last time; None where they are not recorded.
        misfits: generators with remembered jobs that do not fit this graph, with the reason.
    """

    def __init__(
        self,
        pipegraph: DeclaredGraph,
        memory: History,
        targets: Collection[NodeId] | None = None,
        *,
        run_generators: bool = False,
    ) -> None:
        self._pipegraph = pipegraph
        self._run_generators = run_generators
        self._memory = memory
        self._observed: dict[NodeId, Job] = {}
        self.made: dict[JobId, tuple[JobId, ...] | None] = {}
        self.misfits: dict[JobId, str] = {}
        self.targets: Collection[NodeId] | None = targets
        self.history: Mapping[JobId, Record] = memory.history
        self.dag: Dag = pipegraph.dag
        if NodeKind.GENERATOR in pipegraph.dag.kinds:
            self._take_generators_in(pipegraph.dag)
            if not run_generators:
                self.history = _WithGenerators(memory.history)
            self._observed.update(add_reads(self.dag, self._known_job, pipegraph, memory))
        else:
            self.dag, self._observed = copy_with_reads(pipegraph, memory)

    def _known_job(self, node: NodeId) -> Job | None:
        return self._pipegraph._job_at(node) if node < len(self._pipegraph) else self._observed.get(node)

    def observation(self, node: NodeId) -> Observation | Job:
        """Return the observation of a node if it needs no look at the disk, or else the job to observe."""
        if node in self._observed:
            return self._observed[node]
        if node < len(self._pipegraph):
            job = self._pipegraph._job_at(node)
            return INTACT if job.kind is NodeKind.GENERATOR else job
        if self.dag.kind(node) is not NodeKind.INVARIANT:
            # The node is a generator that a generator made.
            return INTACT
        fingerprint = self._memory.last_fingerprint(self.dag.job_id(node))
        if fingerprint is None:
            return Unobservable(
                "its fingerprint from the last run is not stored any more; run the pipegraph once"
            )
        return fingerprint

    # -- the copy ------------------------------------------------------------------------------------

    def _take_generators_in(self, declared: Dag) -> None:
        """Make the copy; leave out the jobs of a generator if one of their edges closes a cycle."""
        given_targets = self.targets
        while True:
            self.dag, self._observed, self.targets = Dag(), {}, given_targets
            makers = self._copied(declared)
            cycle = self.dag.find_cycle()
            if cycle is None:
                return
            # The declared graph has no cycle, so some generator closed this one.
            for upstream, downstream in zip(cycle, (*cycle[1:], cycle[0]), strict=True):
                generator = makers.get((upstream, downstream))
                if generator is not None:
                    self.misfits[generator] = (
                        f"it let '{self.dag.job_id(downstream)}' depend on '{self.dag.job_id(upstream)}' last "
                        "time, which would close a circle now"
                    )

    def _copied(self, declared: Dag) -> dict[tuple[NodeId, NodeId], JobId]:
        """Fill the copy; return the generator of each edge that a generator made."""
        waiting: list[NodeId] = []
        for node, job_id in enumerate(declared.job_ids):
            self._add(NewJob(job_id, declared.kind(NodeId(node)), keep=declared.keeps(NodeId(node))), waiting)
        for upstream, downstream in declared.edges():
            parts = declared.parts(upstream, downstream)
            for part in (None,) if parts is None else sorted(parts):
                self.dag.add_edge(upstream, downstream, part=part)
        pruned = self._pipegraph._pruned
        left_out = pruned | declared.descendants(pruned)
        extensions: list[tuple[JobId, LastMade]] = []
        while waiting:
            generator = waiting.pop(0)
            name = self.dag.job_id(generator)
            made = self._memory.last_made(name)
            self.made[name] = None if made is None else tuple(job.job_id for job in made.jobs)
            if made is not None and generator not in left_out and name not in self.misfits:
                self._add_made(generator, made, waiting)
                extensions.append((name, made))
        # Edges are added last, because a generator may use jobs of another generator that is copied later.
        makers: dict[tuple[NodeId, NodeId], JobId] = {}
        for name, made in extensions:
            for edge in made.edges:
                self._connect(name, edge, makers)
        return makers

    def _add_made(self, generator: NodeId, made: LastMade, waiting: list[NodeId]) -> None:
        old_size = len(self.dag)
        for job, class_name in zip(made.jobs, made.classes, strict=True):
            if job.job_id not in self.dag:
                # The note does not contain `keep`; the kind of job gives it.
                new = NewJob(job.job_id, job.kind, keep=KINDS.get(class_name, JobKind).keeps_files)
                self._stand_in(self._add(new, waiting), class_name, made.notes.get(job.job_id))
        if self.targets is not None and generator in self.targets:
            self.targets = {*self.targets, *map(NodeId, range(old_size, len(self.dag)))}

    def _connect(self, generator: JobId, edge: NewEdge, makers: dict[tuple[NodeId, NodeId], JobId]) -> None:
        for job_id in (edge.upstream, edge.downstream):
            if job_id not in self.dag:
                self.misfits[generator] = f"it used '{job_id}' last time, which does not exist any more"
                return
        ends = self.dag.node(edge.upstream), self.dag.node(edge.downstream)
        if not self.dag.has_edge(*ends):
            makers[ends] = generator
        try:
            self.dag.add_edge(*ends, part=edge.part)
        except ValueError as error:
            self.misfits[generator] = f"the jobs that it made last time are not possible any more: {error}"

    def _add(self, job: NewJob, waiting: list[NodeId]) -> NodeId:
        if job.kind is not NodeKind.GENERATOR:
            return self.dag.add_node(job.job_id, job.kind, keep=job.keep)
        kind = NodeKind.GENERATOR if self._run_generators else NodeKind.OUTPUT
        node = self.dag.add_node(job.job_id, kind)
        waiting.append(node)
        return node

    def _stand_in(self, node: NodeId, class_name: str, notes: object) -> None:
        """Give a remembered node a job that can be observed, if the node has anything to observe."""
        job_id = self.dag.job_id(node)
        kind = KINDS.get(class_name, JobKind)
        try:
            job = kind.stand_in(job_id, notes, self._memory, self._pipegraph)
        except Exception as error:
            if is_own_hook(kind, "stand_in"):
                raise
            raise JobContractError(
                f"'{job_id}': the hook {hook_name(kind, 'stand_in')} raised {type(error).__name__}: {error}"
            ) from error
        if job is not None and not isinstance(job, Job):
            raise JobContractError(
                f"'{job_id}': the hook {hook_name(kind, 'stand_in')} must give a job made by ppg.unadmitted, or None, "
                f"not {job!r}"
            )
        if job is None:
            if job_id not in self._memory.history or not (files := self._memory.files(job_id)):
                return
            job = unadmitted(MultiFileGeneratingJob, list(files), _never_run, pipegraph=self._pipegraph)
            job.job_id = job_id
        job._node = node
        self._observed[node] = job


class _WithGenerators(Mapping[JobId, Record]):
    """Records in which a generator counts as an output."""

    def __init__(self, records: Mapping[JobId, Record]) -> None:
        self._records = records

    def __getitem__(self, job_id: JobId) -> Record:
        record = self._records[job_id]
        return record._replace(kind=NodeKind.OUTPUT) if record.kind is NodeKind.GENERATOR else record

    def __iter__(self) -> Iterator[JobId]:
        return iter(self._records)

    def __len__(self) -> int:
        return len(self._records)


def _never_run() -> None:
    raise InternalError("a job that stands for a remembered one was run")
