"""Catalogue: finds the jobs of a pipegraph by node, id, and file, and keeps their dependencies."""

import os
from collections.abc import Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ppg.exceptions import PyPipelineGraphError, UnknownJobError
from ppg.graph.conflicts import load_place
from ppg.graph.cycles import Edges, circle_of
from ppg.graph.find import is_no_file, unknown_job
from ppg.graph.folders import FoldersOfJobs
from ppg.jobs.job import Job, JobFile, JobPart
from ppg.paths import PathLike, normalised, require_path
from ppg.porting.guards import RefusesOldAttributes
from ppg.text import nearest
from ppg_graph import Dag, JobId, NodeId, NodeKind

__all__ = ["Catalogue", "Request", "target_list"]

_INVARIANT = NodeKind.INVARIANT
"""A constant, because looking up an Enum member takes as long as the rest of a small check."""


@dataclass(frozen=True, slots=True)
class Request:
    """Request: what the user asks of one run.

    Attributes:
        targets: the only jobs to bring up to date, with the jobs they need; None for all.
        until: jobs with which the run ends: the jobs downstream of them take no part.
        forced: jobs with a record that does not hold in this run.
        fail_fast: whether no more jobs start after the first failure.
    """

    targets: tuple[NodeId, ...] | None = None
    until: tuple[NodeId, ...] = ()
    forced: tuple[NodeId, ...] = ()
    fail_fast: bool = False


class Catalogue(RefusesOldAttributes):
    """Catalogue: has the jobs of a pipegraph, in the order of declaration.

    Parameters:
        root: the folder that job ids are relative to, absolute.
    """

    def __init__(self, root: str) -> None:
        self.root: str = root
        self.dag: Dag = Dag()
        self._jobs: list[Job] = []
        self._multi_file_makers: dict[str, Job] = {}
        # By name, as a job that is not in the graph any more must not keep its object alive.
        self._load_places: dict[Hashable, JobId] = {}
        self._edges: Edges | None = None
        self._folders: FoldersOfJobs = FoldersOfJobs()

    def __len__(self) -> int:
        return len(self._jobs)

    def __iter__(self) -> Iterator[Job]:
        return iter(self._jobs)

    def __contains__(self, name: object) -> bool:
        """Whether the graph has this very job, or a job of this id, or one that makes or observes this file."""
        if isinstance(name, (Job, JobPart)):
            return self._own(name) is not None
        if not isinstance(name, (str, os.PathLike)):
            return False
        return name in self.dag or self._found(name) is not None

    def __getitem__(self, name: "Job | JobPart | PathLike") -> Any:
        """Return the job with this id, or the job that makes or observes this file, in any spelling.

            import ppg

            with ppg.Pipegraph(quiet=True) as graph:
                ppg.file("a.txt")(lambda out: out.write_text("a"))
                ppg.files(["x.txt", "y.txt"])(lambda outs: [out.write_text("b") for out in outs])
            assert graph["./a.txt"].job_id == "a.txt"
            assert graph["x.txt"].job is graph["x.txt:y.txt"]
            assert "z.txt" not in graph
            graph.run()

        Of a job with several files, or of a folder, the name of one of them gives that `JobFile`. All names are whole
        names, also in a `ppg.namespace`. A job of this graph, or a part of one, gives itself.

        Raises:
            UnknownJobError: there is no such job; the message has names like it. It is a KeyError.
        """
        found = self._own(name) if isinstance(name, (Job, JobPart)) else self._found(name)
        if found is None:
            raise self._unknown(name, self._names())
        return found

    def _id_of(self, name: object) -> JobId | None:
        """Return the id of a job of this graph, or of the job that makes or observes a file; None if there is none.

        A job may have left the graph since, because a notebook has redefined or removed it.
        """
        if isinstance(name, JobPart):
            name = name.job
        if isinstance(name, Job):
            owner: object = name._pipegraph
            return name.job_id if owner is self else None
        found = self._found(name) if isinstance(name, (str, os.PathLike)) else None
        return found.job.job_id if isinstance(found, JobFile) else None if found is None else found.job_id

    def _own(self, job: "Job | JobPart") -> "Job | JobPart | None":
        """Return this very job, or part of a job, if it is in the graph."""
        if isinstance(job, JobPart):
            path = str(job.path)
            return job if self._has(job.job) and (path in job.job.files or job.job.covers(path)) else None
        return job if self._has(job) else None

    def _found(self, name: PathLike) -> "Job | JobFile | None":
        text: object = os.fspath(name)
        if not isinstance(text, str):
            return None
        if text in self.dag:
            return self._jobs[self.dag.node(JobId(text))]
        if is_no_file(text):
            return None
        path = self._file_id(text)
        if path in self._multi_file_makers:
            return JobFile(self._multi_file_makers[path], path)
        if path in self.dag:
            return self._jobs[self.dag.node(path)]
        maker = self._folders.maker_of(path)
        return None if maker is None else JobFile(maker, path)

    def _unknown(self, name: object, known: Iterable[str]) -> UnknownJobError:
        """Return the error for a name that stands for no job among the known ones."""
        if isinstance(name, (Job, JobPart)):
            return UnknownJobError(
                f"'{name}' is not in this pipegraph: {name!r} belongs to another one, or was removed; declare it in this "
                "one, or look its name up"
            )
        return UnknownJobError(
            f"{unknown_job(str(name), known)}. Correct the name; `list(graph)` has all jobs"
        )

    def _names(self) -> list[str]:
        """The names by which jobs can be found."""
        return [*self.dag.job_ids, *(path for path in self._multi_file_makers if path not in self.dag)]

    @property
    def jobs(self) -> Mapping[str, Job]:
        """All jobs by id, in the order of declaration."""
        return {job.job_id: job for job in self._jobs}

    def job(self, name: PathLike) -> Job:
        """Return the job with this id, or the job that makes this file.

        Raises:
            PyPipelineGraphError: there is no such job.
        """
        if isinstance(name, str) and name in self.dag:
            return self._jobs[self.dag.node(JobId(name))]
        maker = self._maker_of(name)
        if maker is None:
            near = nearest(str(name), self._names())
            meant = f"; there is {', '.join(map(repr, near))}" if near else ""
            raise PyPipelineGraphError(
                f"There is no job '{name}' in this pipegraph, and no job makes that file{meant}; declare it first, or correct "
                "the name"
            )
        return maker.job if isinstance(maker, JobFile) else maker

    def _loader_of(self, place: Hashable, other_than: JobId) -> Job | None:
        """Return the job that loads into a place (`JobKind.loads_into`), if it has another id than the given one."""
        job_id = self._load_places.get(place)
        if job_id is None or job_id == other_than or job_id not in self.dag:
            return None
        job = self.job(job_id)
        # A job that was redefined loads into another place now, and another object may have its identity.
        return job if load_place(job) == place else None

    def _job_at(self, node: NodeId) -> Job:
        """Return the job of a node of the `Dag`."""
        return self._jobs[node]

    def _has(self, job: Job) -> bool:
        """Whether this very job is in the graph, and no other one with its id."""
        owner: object = job._pipegraph
        return owner is self and job.job_id in self.dag and self._jobs[self.dag.node(job.job_id)] is job

    def _maker_of(self, filename: PathLike) -> "Job | JobFile | None":
        """Return the job that makes a file, or the one file of a multi-file job; None if no job makes it."""
        path = self._file_id(require_path(filename, "filename"))
        if path in self._multi_file_makers:
            return JobFile(self._multi_file_makers[path], path)
        if path in self.dag:
            job = self._jobs[self.dag.node(path)]
            return job if path in job.files else None
        maker = self._folders.maker_of(path)
        return None if maker is None else JobFile(maker, path)

    def _makes(self, path: str) -> bool:
        """Whether a job makes the file of this normalised name."""
        if path in self._multi_file_makers or self._folders.maker_of(path) is not None:
            return True
        return path in self.dag and path in self._jobs[self.dag.node(JobId(path))].files

    def _refuse_rivals_of_folders(self, job: Job) -> None:
        """Refuse a job for a place in the folder of another job; see `FoldersOfJobs`."""
        self._folders.refuse_rivals(job, self._jobs)

    def _add_dependency(self, upstream: Job, downstream: Job, part: str | None) -> None:
        """Make a job depend on another one, or on one file of it.

        Raises:
            PyPipelineGraphError: the jobs belong to different pipegraphs.
            CycleError: they are one job, or the upstream job depends directly on the other.
        """
        owner: object = upstream._pipegraph
        if upstream is downstream or owner is not self:
            self._require_own(upstream, downstream)
        above, below = upstream._node, downstream._node
        if self._edges is None and above > below and upstream.kind is not _INVARIANT:
            self._edges = Edges(self.dag)
        if self._edges is not None:
            self._edges.add(upstream, downstream)
        if part is None:
            self.dag.add_edge(above, below)
        else:
            self.dag.add_edge(above, below, part=part)

    def _require_own(self, upstream: Job, downstream: Job) -> None:
        """Refuse a dependency on a job of another graph, and of a job on itself.

        Raises:
            PyPipelineGraphError: the upstream job belongs to another graph.
            CycleError: both are the same job.
        """
        if upstream is downstream:
            raise circle_of((downstream,))
        owner: object = upstream.pipegraph
        if owner is not self:
            raise PyPipelineGraphError(
                f"'{downstream.job_id}' cannot depend on '{upstream.job_id}', which belongs to another "
                "pipegraph; declare it again in this one"
            )

    def _nodes_of(self, targets: Iterable["Job | PathLike"]) -> list[NodeId]:
        """Return the nodes of targets: jobs, ids, or files that a job makes.

        Raises:
            PyPipelineGraphError: there is no such job, or it belongs to another pipegraph.
            TypeError: one target was given instead of several.
        """
        return [self._wanted(target)._node for target in target_list(targets)]

    def _wanted(self, target: "Job | PathLike") -> Job:
        if not isinstance(target, Job):
            return self.job(target)
        self._require_member(target)
        return self.job(target.job_id)

    def _require_member(self, job: Job) -> None:
        """Refuse a job of another pipegraph, which may have the id of a job of this one.

        Raises:
            PyPipelineGraphError: the job belongs to another pipegraph.
        """
        owner: object = job.pipegraph
        if owner is not self:
            raise PyPipelineGraphError(
                f"'{job.job_id}' belongs to another pipegraph; declare it again in this one, or name it by its id"
            )

    def _file_id(self, path: str) -> JobId:
        """Return the job id of a file: its only spelling relative to the root."""
        return normalised(path, self.root)  # type: ignore[return-value]


def target_list(targets: Iterable[Job | PathLike]) -> list[Job | PathLike]:
    """Return targets as a list; of a dictionary the values.

    Raises:
        TypeError: one target was given instead of several.
    """
    if isinstance(targets, (str, os.PathLike, Job)) or not isinstance(targets, Iterable):
        raise TypeError(f"targets must be a list of jobs and files, not {targets!r}")
    return list(targets.values() if isinstance(targets, Mapping) else targets)
