"""Job: the base of all jobs, with identity, dependencies, resources, and access to their results after a run.

A job object is a thin handle: the pipegraph's `Dag` has the structure, and the result of the run has the outcome. So a
hundred thousand jobs are cheap to declare.
"""

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Never, Self, TypeVar, overload

from ppg.exceptions import JobContractError
from ppg.jobs.results_of_job import JobResults
from ppg.kinds.kind import JobKind
from ppg.kinds.resources import Cores, cores_of, memory_of
from ppg.kinds.signature import is_function
from ppg.kinds.typed import Member
from ppg.paths import FileName
from ppg.porting.guards import RefusesOldAttributes, is_gone, refuses_old_keywords
from ppg.porting.lookup import keyword_error
from ppg.session.current import SESSION, pipegraph_for
from ppg.session.namespaces import NameInNamespace, WholeName, no_namespace_error
from ppg.source_location import Place, Point, place_of, point_in_script
from ppg_graph import JobId, NodeId, NodeKind, is_read

if TYPE_CHECKING:
    from ppg.kinds.graph_protocol import GraphProtocol
    from ppg.kinds.signature import Callback
    from ppg.paths import PathLike

__all__ = ["Dependency", "Job", "JobFile", "JobList", "JobPart", "listed", "require_id", "unadmitted"]

AnyJob = TypeVar("AnyJob", bound="Job")
Other = TypeVar("Other")

_FORMERLY_PUBLIC = ("is_chosen", "node")
"""Attributes that are private now, as pickles of jobs of an older ppg have them."""


class JobMeta(type):
    """JobMeta: makes jobs singletons by id; a second declaration returns the same object, or raises if it differs."""

    if not TYPE_CHECKING:  # type checkers must see the signature of each class's __init__

        def __call__(cls, *args: object, **options: object) -> object:
            try:
                candidate = type.__call__(cls, *args, **options)
            except TypeError:
                error = keyword_error(cls, options) if options else None
                if error is None:
                    raise
                raise error from None
            candidate._declared_at = point_in_script()
            graph = candidate._pipegraph
            return (candidate.pipegraph if graph is None else graph)._admit(candidate)

        def __dir__(cls) -> list[str]:
            return [name for name in type.__dir__(cls) if not is_gone(cls, name)]


def unadmitted(cls: type[AnyJob], *arguments: Any, **options: Any) -> AnyJob:
    """Return a job that no pipegraph has admitted yet; takes the parameters of the class.

    For example:

        job = ppg.unadmitted(ppg.FileGeneratingJob, "a.txt", lambda path: path.write_text("a"))
        assert "a.txt" not in ppg.current_pipegraph()
    """
    job: AnyJob = type.__call__(cls, *arguments, **options)
    job._declared_at = point_in_script()
    return job


class Job(JobResults, JobKind, RefusesOldAttributes, metaclass=JobMeta):
    """Job: a named node of a pipegraph. Users create its subclasses.

        job: ppg.Job = ppg.file("a.txt")(lambda out: out.write_text("a"))
        assert job.job_id == "a.txt"
        assert job.depends_on_params({"x": 1}) is job
        ppg.run()

    Attributes:
        job_id: unique within the pipegraph; for file jobs the file's path relative to its root.
    """

    __slots__ = (
        "__weakref__",
        "_cores_needed",
        "_declared_at",
        "_memory_needed",
        "_node",
        "_pipegraph",
        "job_id",
    )

    _if_declared_twice: ClassVar[str] = "give one of them another name"
    """What to do about two declarations that differ, for messages."""

    job_id: JobId
    _node: NodeId
    _pipegraph: "GraphProtocol | None"
    _declared_at: Point

    def __init__(self, job_id: str, pipegraph: "GraphProtocol | None") -> None:
        if type(job_id) is WholeName:
            job_id = str(job_id)
        elif SESSION.namespace and self.kind is not NodeKind.INVARIANT:
            raise no_namespace_error(type(self).__name__, job_id)
        if pipegraph is None:
            pipegraph = pipegraph_for("declare the job", job_id)
        elif not hasattr(pipegraph, "_admit"):
            raise TypeError(
                f"{type(self).__name__} '{job_id}': pipegraph must be a Pipegraph, not {pipegraph!r}"
            )
        self._pipegraph = pipegraph
        self.job_id = job_id  # type: ignore[assignment]
        self._cores_needed = 1
        self._memory_needed = -1

    @property
    def pipegraph(self) -> "GraphProtocol":
        """The graph that the job belongs to.

        In a job process, a job belongs to the graph that a generator declares there.
        """
        if self._pipegraph is None:
            return pipegraph_for("use the job", self.job_id)
        return self._pipegraph

    def _join(self, pipegraph: "GraphProtocol | None") -> None:
        """Make a job from a generator's process belong to `pipegraph`; None stands for the current pipegraph."""
        self._pipegraph = pipegraph

    @property
    def declared_at(self) -> Place:
        """File name and line of the declaration."""
        return place_of(self._declared_at)

    @declared_at.setter
    def declared_at(self, place: Place) -> None:
        self._declared_at = place

    # -- identity ----------------------------------------------------------------------------------

    def __repr__(self) -> str:
        return f"<{type(self).__name__} '{self.job_id}'>"

    def __getstate__(self) -> tuple[None, dict[str, object]]:
        # Callbacks may refer to jobs; a pickle contains the job's definition, but not its pipegraph or script.
        return None, self._state() | {"_pipegraph": None, "_declared_at": self.declared_at}

    def __setstate__(self, state: tuple[None, dict[str, object]]) -> None:
        for name, value in state[1].items():
            # A cache of an older ppg may have a job in it.
            renamed = name in _FORMERLY_PUBLIC and not hasattr(type(self), name)
            setattr(self, f"_{name}" if renamed else name, value)

    def _state(self) -> dict[str, object]:
        names = [
            name
            for cls in type(self).__mro__
            for name in getattr(cls, "__slots__", ())
            if name != "__weakref__" and hasattr(self, name)
        ]
        return {name: getattr(self, name) for name in names}

    def _take_over(self, redefined: Self) -> None:
        """Replace the job's definition by that of another declaration of the same job."""
        for name, value in redefined._state().items():
            if name != "_node":
                setattr(self, name, value)

    def __str__(self) -> str:
        return self.job_id

    def definition(self) -> dict[str, object]:
        """Return the values that a second declaration must repeat, by name; the callback is under 'function'."""
        return {}

    @property
    def callback(self) -> "Callback | None":
        """The user's function that the job runs, or None."""
        return None

    @property
    def files(self) -> tuple[str, ...]:
        """The files that the job makes, relative to the pipegraph's root."""
        return ()

    def implicit_invariants(self) -> "Iterable[Job]":
        """Return the invariants and jobs that the job depends on implicitly; not admitted to the pipegraph yet."""
        return ()

    @property
    def input_files(self) -> tuple[str, ...]:
        """Files that the job's definition reads, relative to the root; the job depends on them, too."""
        return ()

    @property
    def _named_inputs(self) -> "Sequence[NameInNamespace]":
        """The files among them that the definition names in a namespace."""
        return ()

    # -- dependencies ------------------------------------------------------------------------------

    def depends_on(self, *dependencies: "Dependency", **options: Never) -> Self:
        """Make the job depend on others.

        Parameters:
            dependencies: jobs, single files of multi-file jobs, names of files (texts or paths; see
                `depends_on_file`), iterables of all of these (nested to any depth; of a dictionary the values count),
                or None, which is ignored.
            options: none; the keywords of predecessors are errors.

        Returns:
            The job itself.

        Raises:
            JobContractError: the job is an invariant.
            CycleError: the job would depend on itself, or the dependency depends directly on this job. The run finds
                longer circles.
            PyPipelineGraphError: a dependency belongs to another pipegraph.
            TypeError: an argument has another type.
        """
        if options:
            raise keyword_error("Job.depends_on", options) or TypeError(
                f"'{self.job_id}'.depends_on: it has no parameter '{next(iter(options))}'; pass jobs by position"
            )
        self._require_takes_dependencies()
        for needed in _flattened(self, dependencies):
            # A job of one file is also a path, but this very job is meant.
            if isinstance(needed, Job):
                self.pipegraph._add_dependency(needed, self, None)
            elif isinstance(needed, JobPart):
                self.pipegraph._add_dependency(needed.job, self, needed._part)
            else:
                self.pipegraph._add_file_dependency(needed, self)
        return self

    @refuses_old_keywords("Job.depends_on_params")
    def depends_on_params(self, parameters: object) -> Self:
        """Rerun the job when these parameters change (a ParameterInvariant named after the job).

        All of them are given in one call, in a dictionary, say.

        Raises:
            TypeError: a parameter cannot be fingerprinted; the message has the path to the value.
            JobContractError: the job already has other parameters.
        """
        self._require_takes_dependencies()
        self.pipegraph._add_parameter_dependency(parameters, self)
        return self

    def depends_on_file(self, filename: "PathLike") -> Self:
        """Depend on a file: on the job that makes it, or else on its content (a FileChecksumInvariant).

        A job that makes the file may be declared later: that is decided when the graph is complete.
        """
        if isinstance(filename, Job):
            return self.depends_on(filename)
        self._require_takes_dependencies()
        self.pipegraph._add_file_dependency(filename, self)
        return self

    @refuses_old_keywords("Job.depends_on_func")
    def depends_on_func(self, function: "Callback | str", name: "str | Callback | None" = None) -> Self:
        """Rerun the job when this function's code changes (a FunctionInvariant).

        For helper functions that the job's callback calls by name. All jobs share one invariant of a module-level
        function without a name.

        Parameters:
            function: the function.
            name: ends the name of the invariant, after the job's id. As in pypipegraph, it may come first.

        Raises:
            TypeError: the function is not callable, or the name is not a text.
            JobContractError: the job depends on another function under that name.
        """
        self._require_takes_dependencies()
        called: Any = name if isinstance(function, str) else function
        named: Any = function if isinstance(function, str) else name
        if not is_function(called):
            raise TypeError(
                f"'{self.job_id}'.depends_on_func: the function must be callable, but is {called!r}"
            )
        if named is not None and not isinstance(named, str):
            raise TypeError(f"'{self.job_id}'.depends_on_func: the name must be a str, not {named!r}")
        self.pipegraph._add_function_dependency(called, self, named)
        return self

    def _require_takes_dependencies(self) -> None:
        self.pipegraph._require_declaring(f"add a dependency to '{self.job_id}'")
        if self.kind is NodeKind.INVARIANT:
            raise JobContractError(
                f"The invariant '{self.job_id}' cannot depend on anything: it only observes. Let the jobs that "
                "depend on it depend on both"
            )

    @property
    def upstreams(self) -> "JobList[Any]":
        """The jobs that this job depends on directly.

        Named files that no job makes by now are inputs, and have invariants, from then on.
        """
        self.pipegraph._observe_awaited()
        return JobList(self.pipegraph._job_at(node) for node in self.pipegraph.dag.upstreams(self._node))

    @property
    def downstreams(self) -> "JobList[Any]":
        """The jobs that depend directly on this job; see `upstreams`."""
        self.pipegraph._observe_awaited()
        return JobList(self.pipegraph._job_at(node) for node in self.pipegraph.dag.downstreams(self._node))

    def __add__(self, other: "Dependency") -> "JobList[Any]":
        return JobList([self]) + other

    def __radd__(self, other: "Dependency") -> "JobList[Any]":
        return JobList(listed(other)) + self

    # -- resources ---------------------------------------------------------------------------------

    @property
    def cores_needed(self) -> int:
        """The number of cores that the job occupies: 1 or more, or -1 for all of the machine.

        The keyword `cores=` states it as well. "all" may be assigned for -1.
        """
        return self._cores_needed

    @cores_needed.setter
    def cores_needed(self, cores: Cores) -> None:
        self._cores_needed = cores_of(cores, f"cores_needed of '{self.job_id}'")

    @property
    def memory_needed(self) -> int:
        """The number of bytes of memory that the job needs, or -1 if it is not stated.

        The keyword `memory=` states it as well. A text with a unit may be assigned: "2 GB", "512MiB".
        """
        return self._memory_needed

    @memory_needed.setter
    def memory_needed(self, size: int | str) -> None:
        self._memory_needed = memory_of(size, f"memory_needed of '{self.job_id}'")

    @refuses_old_keywords("Job.use_cores")
    def use_cores(self, cores: Cores) -> Self:
        """Set `cores_needed`; return the job."""
        self.cores_needed = cores
        return self

    def prune(self) -> Self:
        """Leave the job, and all jobs downstream of it, out of the run; return the job.

        Their files and records stay as they are.
        """
        self.pipegraph._require_declaring(f"prune '{self.job_id}'")
        self.pipegraph._pruned.add(self._node)
        return self

    def unprune(self) -> Self:
        """Undo `prune`; return the job."""
        self.pipegraph._require_declaring(f"unprune '{self.job_id}'")
        self.pipegraph._pruned.discard(self._node)
        return self


class JobPart:
    """JobPart: a part of the files of a job, so that a job can depend on this part alone.

    Attributes:
        job: the job that makes it.
        path: its name, relative to the pipegraph's root.
    """

    # A callback may capture the slot of a JobFile, which counts by its class; so each subclass has its own slots.
    __slots__ = ()
    job: Job
    path: Any

    @property
    def _part(self) -> str | None:
        """The name of the part in the graph, or None if the job makes nothing else."""
        path = str(self.path)
        return None if self.job.files == (path,) else path

    def __str__(self) -> str:
        return str(self.path)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, JobPart):
            return NotImplemented
        return type(self) is type(other) and self.job is other.job and self.path == other.path

    def __hash__(self) -> int:
        return hash(str(self.path))

    def __add__(self, other: "Dependency") -> "JobList[Any]":
        return JobList([self]) + other

    def __radd__(self, other: "Dependency") -> "JobList[Any]":
        return JobList(listed(other)) + self


class JobFile(JobPart, FileName):
    """JobFile: one file of a job that makes several files, or a folder.

    It can be used as the `Path` of the file, relative to the pipegraph's root: `job["a"].read_text()`.

        both = ppg.MultiFileGeneratingJob(
            {"a": "a.txt", "b": "b.txt"}, lambda files: [path.write_text(name) for name, path in files.items()]
        )
        ppg.file("copy.txt")(lambda out: out.write_text("a")).depends_on(both["a"])
        ppg.run()
        assert both["b"].read_text() == "b"
    """

    __slots__ = ("job", "path")

    def __init__(self, job: Job, path: str) -> None:
        self.job: Job = job
        self.path: Path = Path(path)

    # A captured file of a job counts by its state, which has the path as a text.
    def __getstate__(self) -> tuple[None, dict[str, object]]:
        return None, {"job": self.job, "path": str(self.path)}

    def __setstate__(self, state: tuple[None, dict[str, Any]]) -> None:
        self.job, self.path = state[1]["job"], Path(state[1]["path"])

    def __repr__(self) -> str:
        return f"<file '{self.path}' of {self.job!r}>"

    def __fspath__(self) -> str:
        return str(self.path)


Dependency = Job | JobPart | str | os.PathLike[str] | Iterable[Any] | None
"""The arguments of `depends_on`."""


def _flattened(
    owner: Job, dependencies: Iterable["Dependency"]
) -> Iterator[Job | JobPart | str | os.PathLike[str]]:
    """Yield every job, file of a job, or file name among the dependencies, in the given order."""
    pending: list[Iterator[Any]] = [iter(dependencies)]
    while pending:
        for item in pending[-1]:
            if isinstance(item, (Job, JobPart, str, os.PathLike)):
                yield item
            elif item is None:
                continue
            elif isinstance(item, (set, frozenset)):
                # The order of a set differs from run to run, but the order of declaration does not.
                pending.append(iter(sorted(item, key=_declaration_order)))
                break
            elif isinstance(item, Iterable) and not isinstance(item, (bytes, bytearray)):
                pending.append(iter(item.values() if isinstance(item, Mapping) else item))
                break
            else:
                raise TypeError(
                    f"'{owner.job_id}'.depends_on takes jobs, names of files that jobs make, iterables of these, "
                    f"or None, not {type(item).__name__}: {item!r}"
                )
        else:
            pending.pop()


def require_id(job_id: object, what: str) -> None:
    """Require that a job can have this id.

    Raises:
        TypeError, ValueError: no job can have it; the message begins with `what`.
    """
    if not isinstance(job_id, str):
        raise TypeError(f"{what}: job_id must be a str, not {type(job_id).__name__}: {job_id!r}")
    if not job_id:
        raise ValueError(f"{what}: job_id must not be empty")
    if is_read(job_id):
        raise ValueError(
            f"{what}: job_id must not be '{job_id}': ppg calls a read of a file so; choose another name"
        )
    try:
        job_id.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError as error:
        raise ValueError(f"{what}: job_id must be text, not {job_id!a} ({error.reason})") from None


def _declaration_order(item: object) -> tuple[int, str]:
    if isinstance(item, Job):
        return item._node, ""
    if isinstance(item, JobPart):
        return item.job._node, str(item.path)
    return -1, str(item)


class JobList(RefusesOldAttributes, list[Member]):
    """JobList: several jobs; `+` adds more, and `depends_on` works on it and accepts it.

        parts = ppg.JobList([ppg.file(f"{name}.txt")(lambda out: out.write_text("x")) for name in "ab"])
        parts.depends_on(ppg.ParameterInvariant("version", 1))
        ppg.file("all.txt")(lambda out: out.write_text("x")).depends_on(parts)
        assert len(ppg.run().ran) == 3

    Parameters:
        jobs: an iterable of jobs, or one job.
    """

    @overload
    def __init__(self, jobs: Iterable[Member] = ()) -> None: ...
    @overload
    def __init__(self: "JobList[AnyJob]", jobs: AnyJob) -> None: ...
    def __init__(self, jobs: "Iterable[Any] | Job" = ()) -> None:
        several: Iterable[Any] = [jobs] if isinstance(jobs, Job) else jobs
        super().__init__(several)

    @overload  # type: ignore[override]  # it takes more than a list does
    def __add__(self, other: Mapping[Any, Other]) -> "JobList[Member | Other]": ...
    @overload
    def __add__(self, other: AnyJob) -> "JobList[Member | AnyJob]": ...
    @overload
    def __add__(self, other: Iterable[Other]) -> "JobList[Member | Other]": ...
    @overload
    def __add__(self, other: object) -> "JobList[Any]": ...
    def __add__(self, other: object) -> "JobList[Any]":
        return JobList([*self, *listed(other)])

    def __radd__(self, other: object) -> "JobList[Any]":
        return JobList([*listed(other), *self])

    def depends_on(self, *dependencies: "Dependency") -> Self:
        """Make every job of the list depend on these; return the list."""
        once = [list(item) if isinstance(item, Iterator) else item for item in dependencies]
        member: Any
        for member in self:
            member.depends_on(*once)
        return self


def listed(other: object) -> list[Any]:
    """Return an operand of `+` as a list; of a dictionary the values count."""
    if isinstance(other, Mapping):
        return list(other.values())
    return list(other) if isinstance(other, Iterable) and not isinstance(other, str) else [other]
