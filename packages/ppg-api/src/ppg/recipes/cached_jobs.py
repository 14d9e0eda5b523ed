"""Cached jobs: calculate a value once, keep it in a cache file, and load it for the jobs that use it.

Each is two jobs. The *calculation* (`CacheJob`) pickles the return value of the user's function into the cache file.
The job that the user declares *uses* the value; other jobs depend on it. In terms of the decision model
(`docs/decisions.md`):

- The calculation is a LAZY job, and its file stays. It runs only when a stale job needs the value. A new user of an old
  cache finds the file, and the calculation does not run. If its bytes stay the same, nothing downstream runs.
- A load is a LOAD job, a plot an OUTPUT. It consumes the cache file, not the upstreams of the calculation. So
  dependencies go to the calculation (`CachedJob.depends_on`). Data that only the calculation needs is not loaded
  while the cache is clean.
- A cache file can be intact and yet unreadable: a class has moved, or a library has another version. Only reading it
  shows that. The job that uses the value reads it, because a check of all files would read every cache in every run.
  That job cannot calculate in place: the upstreams of the calculation (loaded data, temporary files) are not there.
  So it raises `CacheUnreadableError`, and the evaluator gets the event `ppg_graph.LeftoverRejected`. The calculation
  runs with all its upstreams, and the job starts again. If the calculation ran in the same run, the job fails.
"""

import functools
from collections.abc import Callable, Iterable, MutableMapping
from typing import TYPE_CHECKING, Any, ClassVar, Never, Self, TypeVar, Unpack

from ppg.jobs.callback_job import CallbackJob
from ppg.jobs.file_jobs import FileJob
from ppg.jobs.job import Dependency, Job, unadmitted
from ppg.jobs.loading_jobs import AttributeLoadingJob, DictEntryLoadingJob, LoadingJob
from ppg.kinds.execution import ExecutionOptions, LoadOptions, execution_of
from ppg.kinds.resources import Cores
from ppg.kinds.signature import Callback, wants_argument
from ppg.kinds.typed import Loaded
from ppg.paths import NamedAfterFile, PathLike, absolute, require_path
from ppg.porting.guards import refuses_old_keywords
from ppg.session.namespaces import WholeName, full_path
from ppg.source_location import place_of, point_in_script
from ppg.worker.cache_files import pass_value, read_value, write_value
from ppg_graph import JobId, NodeKind

if TYPE_CHECKING:
    from ppg.kinds.graph_protocol import GraphProtocol

__all__ = [
    "CacheJob",
    "CachedAttributeLoadingJob",
    "CachedDataLoadingJob",
    "CachedDictEntryLoadingJob",
    "CachedJob",
    "declared_with",
]

AnyJob = TypeVar("AnyJob", bound=Job)


class CacheJob(NamedAfterFile, FileJob):
    """CacheJob: pickles a function's return value into a file, as the calculation of a cached job or a plot.

    It comes with the declared job, as its `cache_job`. Jobs may also depend on it directly, and read the file.

        found: dict[str, int] = {}
        load = ppg.CachedDictEntryLoadingJob("square", found, "square", lambda: 9)
        assert isinstance(load.cache_job, ppg.CacheJob)
        ppg.FileGeneratingJob("out.txt", lambda out: out.write_text(str(found["square"]))).depends_on(load)
        ppg.run()
        assert load.cache_job.path.exists()

    Parameters:
        cache_filename: the file; relative to the pipegraph's root, or absolute. It is the job's id.
        calc_function: called without arguments; returns the value.
        what: the kind of the declared job, for messages.
        share: see `shares` of `FileJob`.
        timeout, retries, cores, memory, enforce_memory, isolation, confine: see `Execution`.
    """

    __slots__ = ()
    kind: ClassVar[NodeKind] = NodeKind.LAZY
    keeps_files: ClassVar[bool] = True

    def __init__(
        self,
        cache_filename: PathLike,
        calc_function: Callback,
        what: str,
        *,
        share: bool = False,
        pipegraph: "GraphProtocol | None" = None,
        **options: Unpack[ExecutionOptions],
    ) -> None:
        path = full_path(require_path(cache_filename, f"{what}: cache_filename"))
        if wants_argument(calc_function, f"{what} '{path}'"):
            raise TypeError(
                f"{what} '{path}': the calculation is called without arguments, but needs one; it returns the value, "
                "and does not write the file"
            )
        super().__init__(
            path,
            calc_function,
            pipegraph,
            rename_broken=False,
            empty_ok=False,
            cutoff=True,
            share=share,
            execution=execution_of(options, ExecutionOptions, f"{what} '{path}'"),
        )
        self.job_id: JobId = self.pipegraph._file_id(str(path))

    @property
    def files(self) -> tuple[str, ...]:
        """The cache file."""
        return (self.job_id,)

    @property
    def _absolute(self) -> str:
        """The absolute name of the cache file."""
        return absolute(self.job_id, self.pipegraph.root)

    @property
    def call(self) -> Callback:
        """A function that calculates the value and writes it to the cache file."""
        return functools.partial(write_value, super().call, self._absolute, self.job_id, self.pipegraph.root)

    @property
    def _reading(self) -> Callable[[], object]:
        """A function that returns the value, in the process of a job that uses it."""
        return functools.partial(read_value, self._absolute, self.job_id, self.callback)


class CachedJob(CallbackJob):
    """CachedJob: the common part of jobs that use a cached value; `isinstance(job, ppg.CachedJob)` detects them.

    The job's dependencies are those of its calculation, and so are `use_cores` and the keywords `cores` and `memory`.
    `cache_job` has its other options: `job.cache_job.memory_needed = "8 GB"`.

        data: dict[str, int] = {}
        load = ppg.CachedDictEntryLoadingJob("square", data, "square", lambda: 9, timeout="1h")
        assert isinstance(load, ppg.CachedJob)
        load.depends_on_params({"base": 3})
        ppg.run()
    """

    __slots__ = ()
    cache_job: CacheJob

    if not TYPE_CHECKING:

        def __getitem__(self, index: object) -> object:
            # Python also calls this for `load, calculation = job`, as for the tuples of pypipegraph2.
            raise TypeError(
                f"{self!r} is one job, not a tuple: others depend on the job itself, and its calculation is `cache_job`"
            )

    def depends_on(self, *dependencies: Dependency, **options: Never) -> Self:
        """Make the calculation depend on other jobs; see `Job.depends_on`.

        These jobs are not loaded or made while the cache is up to date. Other dependencies of the job itself go to
        `use_depends_on`.
        """
        self.cache_job.depends_on(*dependencies, **options)
        return self

    def depends_on_file(self, filename: PathLike) -> Self:
        """Make the calculation depend on a file; see `Job.depends_on_file`."""
        self.cache_job.depends_on_file(filename)
        return self

    def use_depends_on(self, *dependencies: Dependency) -> Self:
        """Make the half that uses the value (the load or the plot) depend on other jobs, but not the calculation."""
        super().depends_on(*dependencies)
        return self

    @refuses_old_keywords("Job.use_cores")
    def use_cores(self, cores: Cores) -> Self:
        """Set `cores_needed` of the calculation; return the job.

        The half that uses the value has its own `cores_needed` and `memory_needed`.
        """
        self.cache_job.use_cores(cores)
        return self

    def ignore_code_changes(self) -> Self:
        """Do not rerun either half when its function's code changes; return the job.

        For the calculation alone: `job.cache_job.ignore_code_changes()`.
        """
        self.cache_job.ignore_code_changes()
        return super().ignore_code_changes()

    def implicit_invariants(self) -> Iterable[Job]:
        """The invariants of the half's own function, and the calculation."""
        return (*super().implicit_invariants(), self.cache_job)


class CachedAttributeLoadingJob(CachedJob, AttributeLoadingJob[Loaded]):
    """CachedAttributeLoadingJob: sets an attribute to a value that is calculated once and kept in a file.

        class Data:
            numbers: list[int]

        data = Data()
        load = ppg.CachedAttributeLoadingJob("numbers", data, "numbers", lambda: [1, 2])
        total = ppg.FileGeneratingJob("total.txt", lambda out: out.write_text(str(sum(data.numbers))))
        total.depends_on(load)
        ppg.run()
        assert total.path.read_text() == "3"

    Parameters:
        cache_filename: the file with the pickled value; relative to the pipegraph's root, or absolute. The job's id is
            this name with `_load` appended.
        object: gets the attribute, in the compute node; the callbacks of the jobs downstream refer to it.
        attribute_name: the attribute, which is removed again when those jobs are done.
        function: called without arguments, if a job downstream must run and the cache is not up to date; returns
            the value.
        share: of the calculation; see `shares` of `FileJob`.
        timeout, retries: of the calculation and of the load, each; see `Execution`.
        cores, memory, enforce_memory, isolation, confine: of the calculation.

    Raises:
        TypeError, ValueError: an argument has the wrong type or value.
        JobContractError: another job makes this file, or an earlier declaration of the job differs.
    """

    __slots__ = ("cache_job",)

    def __init__(
        self,
        cache_filename: PathLike,
        object: Any,  # noqa: A002 (the name is part of pypipegraph's interface)
        attribute_name: str,
        function: Callable[[], Loaded],
        *,
        share: bool = False,
        pipegraph: "GraphProtocol | None" = None,
        **options: Unpack[ExecutionOptions],
    ) -> None:
        cache_job = _calculation(type(self), cache_filename, function, share, pipegraph, options)
        super().__init__(
            WholeName(f"{cache_job.job_id}_load"),
            object,
            attribute_name,
            function,
            pipegraph=pipegraph,
            **_of_loads(options),
        )
        self.cache_job: CacheJob = declared_with(self, cache_job)

    @property
    def call(self) -> Callback:
        """A function that reads the value."""
        return self.cache_job._reading

    def implicit_invariants(self) -> Iterable[Job]:
        """The calculation; no function of the user reads the value back."""
        return (self.cache_job,)


class CachedDictEntryLoadingJob(CachedJob, DictEntryLoadingJob[Loaded]):
    """CachedDictEntryLoadingJob: sets an entry of a dictionary to a value that is calculated once and kept in a file.

        data: dict[str, list[int]] = {}
        load = ppg.CachedDictEntryLoadingJob("numbers", data, "numbers", lambda: [1, 2])
        total = ppg.FileGeneratingJob("total.txt", lambda out: out.write_text(str(sum(data["numbers"]))))
        total.depends_on(load)
        ppg.run()
        assert total.path.read_text() == "3"

    Parameters:
        cache_filename, function, share, timeout, retries, cores, memory, enforce_memory, isolation, confine: see
            `CachedAttributeLoadingJob`.
        dictionary: gets the entry, in the compute node; the callbacks of the jobs downstream refer to it.
        key: the entry, which is removed again when those jobs are done.

    Raises:
        TypeError, ValueError: an argument has the wrong type or value.
        JobContractError: another job makes this file, or an earlier declaration of the job differs.
    """

    __slots__ = ("cache_job",)

    def __init__(
        self,
        cache_filename: PathLike,
        dictionary: MutableMapping[Any, Any],
        key: object,
        function: Callable[[], Loaded],
        *,
        share: bool = False,
        pipegraph: "GraphProtocol | None" = None,
        **options: Unpack[ExecutionOptions],
    ) -> None:
        cache_job = _calculation(type(self), cache_filename, function, share, pipegraph, options)
        super().__init__(
            WholeName(f"{cache_job.job_id}_load"),
            dictionary,
            key,
            function,
            pipegraph=pipegraph,
            **_of_loads(options),
        )
        self.cache_job: CacheJob = declared_with(self, cache_job)

    @property
    def call(self) -> Callback:
        """A function that reads the value."""
        return self.cache_job._reading

    def implicit_invariants(self) -> Iterable[Job]:
        """The calculation; no function of the user reads the value back."""
        return (self.cache_job,)


class CachedDataLoadingJob(CachedJob, LoadingJob):
    """CachedDataLoadingJob: calls a function, in the compute node, with a value that is calculated once and kept.

        data: dict[str, list[int]] = {}

        def keep(numbers: list[int]) -> None:
            data["numbers"] = numbers

        load = ppg.CachedDataLoadingJob("numbers", lambda: [1, 2], keep)
        total = ppg.FileGeneratingJob("total.txt", lambda out: out.write_text(str(sum(data["numbers"]))))
        total.depends_on(load)
        ppg.run()
        assert total.path.read_text() == "3"

    Parameters:
        cache_filename, share, timeout, retries, cores, memory, enforce_memory, isolation, confine: see
            `CachedAttributeLoadingJob`.
        calc_function: called without arguments, if a job downstream must run and the cache is not up to date;
            returns the value.
        load_function: called with the value; puts it where the callbacks of the jobs downstream find it. A change of
            its code does not start the calculation.

    Raises:
        TypeError, ValueError: an argument has the wrong type or value.
        JobContractError: another job makes this file, or an earlier declaration of the job differs.
    """

    __slots__ = ("cache_job",)
    _takes_argument: ClassVar[bool] = True

    def __init__(
        self,
        cache_filename: PathLike,
        calc_function: Callback,
        load_function: Callback,
        *,
        share: bool = False,
        pipegraph: "GraphProtocol | None" = None,
        **options: Unpack[ExecutionOptions],
    ) -> None:
        cache_job = _calculation(type(self), cache_filename, calc_function, share, pipegraph, options)
        job_id = WholeName(f"{cache_job.job_id}_load")
        execution = execution_of(_of_loads(options), LoadOptions, f"CachedDataLoadingJob '{job_id}'")
        super().__init__(job_id, load_function, pipegraph, execution)
        self.cache_job: CacheJob = declared_with(self, cache_job)

    @property
    def call(self) -> Callback:
        """A function that reads the value, and passes it to the user's function."""
        return functools.partial(pass_value, super().call, self.cache_job._reading)


def declared_with(job: Job, part: AnyJob) -> AnyJob:
    """Declare a part of a job that the user declares; return the part that the pipegraph admitted.

    Raises:
        JobContractError: the id or one of the files belongs to another job, or the declarations differ.
    """
    part.declared_at = place_of(point_in_script())
    admitted = job.pipegraph._admit(part)
    assert isinstance(admitted, type(part))
    return admitted


def _calculation(
    kind: type[Job],
    cache_filename: PathLike,
    function: Callback,
    share: bool,
    pipegraph: "GraphProtocol | None",
    options: ExecutionOptions,
) -> CacheJob:
    return unadmitted(
        CacheJob, cache_filename, function, kind.__name__, share=share, pipegraph=pipegraph, **options
    )


def _of_loads(options: ExecutionOptions) -> LoadOptions:
    """Return the options that a load has."""
    loads: LoadOptions = {}
    if "timeout" in options:
        loads["timeout"] = options["timeout"]
    if "retries" in options:
        loads["retries"] = options["retries"]
    return loads
