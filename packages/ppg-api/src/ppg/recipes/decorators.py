"""Decorators: declare jobs as decorated functions.

    @ppg.file("total.txt")
    def total(out: Path, numbers: Path = ppg.upstream(numbers)) -> None:
        out.write_text(str(sum(map(int, numbers.read_text().split()))))

A decorator replaces the function by the job that calls it. `total` is a `FileGeneratingJob`: it has the methods of
such a job (`total.depends_on(...)`, `total.use_cores(4)`), and other jobs can depend on it.

A parameter with a job as its default is a dependency on that job. The call of the function then passes the job's
product: the path of a file, the paths of several, the value of a load. `upstream(job)` gives the parameter the right
type for type checkers, and does nothing else; without type checks `numbers=numbers` is enough.

The classes do all the work. The job process gets a copy of the function, with defaults that name the jobs instead of
holding them. The names count as part of the function, and the jobs themselves stay in the main process.
"""

import functools
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from types import FunctionType
from typing import TYPE_CHECKING, Any, Generic, TypeVar, Unpack, overload

from ppg.jobs.callback_job import CallbackJob
from ppg.jobs.file_jobs import (
    FileGeneratingJob,
    FileJob,
    MultiFileGeneratingJob,
    MultiTempFileGeneratingJob,
    TempFileGeneratingJob,
)
from ppg.jobs.folder_jobs import (
    CachedDirectoryGeneratingJob,
    DirectoryGeneratingJob,
    FolderJob,
    JobFiles,
    TempDirectoryGeneratingJob,
)
from ppg.jobs.generating_jobs import JobGeneratingJob
from ppg.jobs.invariants import FileChecksumInvariant, FileTimeInvariant
from ppg.jobs.job import Job, JobFile, JobPart, unadmitted
from ppg.jobs.loading_jobs import AttributeLoadingJob, DictEntryLoadingJob
from ppg.kinds.execution import ExecutionOptions, LoadOptions
from ppg.paths import PathLike, require_path
from ppg.worker.calls import Holder
from ppg.worker.folders import paths_in

if TYPE_CHECKING:
    from ppg.kinds.graph_protocol import GraphProtocol

__all__ = [
    "ValueLoadingJob",
    "cached_directory",
    "data",
    "directory",
    "file",
    "files",
    "generator",
    "temp_directory",
    "temp_file",
    "temp_files",
    "upstream",
]

Value = TypeVar("Value")
SomeJob = TypeVar("SomeJob", bound=CallbackJob)

MakesFile = Callable[[Path], object] | Callable[[], object]
"""A function that gets the path of the file that it makes, or contains it."""
MakesFiles = Callable[[list[Path]], object] | Callable[[], object]
MakesNamedFiles = Callable[[dict[str, Path]], object] | Callable[[], object]


class FileOptions(ExecutionOptions, total=False):
    """FileOptions: the keyword options of jobs that make files; see `FileJob` and `Execution`."""

    rename_broken: bool
    empty_ok: bool
    cutoff: bool
    share: bool
    pipegraph: "GraphProtocol | None"


class ValueLoadingJob(AttributeLoadingJob, Generic[Value]):
    """ValueLoadingJob: loads a value into the compute node, for functions of jobs that take it as a parameter.

    Parameters:
        job_id: its name.
        callback: called without arguments; returns the value.
        timeout, retries: see `Execution`.

    Raises:
        TypeError, ValueError: an argument has the wrong type or value.
    """

    __slots__ = ()

    def __init__(
        self,
        job_id: str,
        callback: Callable[[], Value],
        *,
        pipegraph: "GraphProtocol | None" = None,
        **options: Unpack[LoadOptions],
    ) -> None:
        super().__init__(job_id, Holder(), "value", callback, pipegraph=pipegraph, **options)

    def definition(self) -> dict[str, object]:
        """The function and options, without the internal object that keeps the value."""
        kept_in = {"object", "attribute_name"}
        return {name: value for name, value in super().definition().items() if name not in kept_in}


class _Upstream:
    """_Upstream: the return value of `upstream`, a default that `_declared` replaces by a job's product."""

    __slots__ = ("needed",)

    def __init__(self, needed: object) -> None:
        # An iterator can be read only once, so its items are kept.
        self.needed = list(needed) if isinstance(needed, Iterator) else needed


@overload
def upstream(needed: ValueLoadingJob[Value]) -> Value: ...
@overload
def upstream(needed: MultiFileGeneratingJob | AttributeLoadingJob | DictEntryLoadingJob) -> Any: ...
@overload
def upstream(needed: JobFiles) -> list[Path]: ...
@overload
def upstream(
    needed: FileGeneratingJob | FolderJob | JobFile | FileChecksumInvariant | FileTimeInvariant | PathLike,
) -> Path: ...
@overload
def upstream(needed: Mapping[str, FileGeneratingJob | JobFile | os.PathLike[str]]) -> dict[str, Path]: ...
@overload
def upstream(needed: Iterable[FileGeneratingJob | JobFile | os.PathLike[str]]) -> list[Path]: ...
def upstream(needed: object) -> object:
    """Mark a job as the value of a decorated function's parameter; use it only as the parameter's default.

        def total(out: Path, numbers: Path = ppg.upstream(numbers)) -> None: ...

    Parameters:
        needed: a job that makes files or a folder, or loads a value; one file of a job; the files of a pattern in a
            job's folder, which become a sorted list; the name of a file (which a job makes, or which is observed); a
            list or dictionary of any of these that are one file each.

    Returns:
        For type checkers, the type of the passed value: a `Path`, a list or dictionary of them, or a load's value.
    """
    return _Upstream(needed)


def file(
    output_filename: PathLike, **options: Unpack[FileOptions]
) -> Callable[[MakesFile], FileGeneratingJob]:
    """Declare a `FileGeneratingJob` from the function that makes its file; takes the parameters of the class."""
    return functools.partial(_declared, FileGeneratingJob, output_filename, **options)


def temp_file(
    output_filename: PathLike, **options: Unpack[FileOptions]
) -> Callable[[MakesFile], TempFileGeneratingJob]:
    """Declare a `TempFileGeneratingJob`; takes the parameters of the class."""
    return functools.partial(_declared, TempFileGeneratingJob, output_filename, **options)


@overload
def files(
    filenames: Mapping[str, PathLike], **options: Unpack[FileOptions]
) -> Callable[[MakesNamedFiles], MultiFileGeneratingJob]: ...
@overload
def files(
    filenames: Sequence[PathLike], **options: Unpack[FileOptions]
) -> Callable[[MakesFiles], MultiFileGeneratingJob]: ...
def files(
    filenames: Sequence[PathLike] | Mapping[str, PathLike], **options: Unpack[FileOptions]
) -> Callable[[Any], MultiFileGeneratingJob]:
    """Declare a `MultiFileGeneratingJob` from the function that makes its files; takes the parameters of the class.

    The function gets a list of paths, or a dictionary if `filenames` is one.
    """
    return functools.partial(_declared, MultiFileGeneratingJob, filenames, **options)


@overload
def temp_files(
    filenames: Mapping[str, PathLike], **options: Unpack[FileOptions]
) -> Callable[[MakesNamedFiles], MultiTempFileGeneratingJob]: ...
@overload
def temp_files(
    filenames: Sequence[PathLike], **options: Unpack[FileOptions]
) -> Callable[[MakesFiles], MultiTempFileGeneratingJob]: ...
def temp_files(
    filenames: Sequence[PathLike] | Mapping[str, PathLike], **options: Unpack[FileOptions]
) -> Callable[[Any], MultiTempFileGeneratingJob]:
    """Declare a `MultiTempFileGeneratingJob`; see `files`."""
    return functools.partial(_declared, MultiTempFileGeneratingJob, filenames, **options)


def directory(
    folder: PathLike, **options: Unpack[FileOptions]
) -> Callable[[MakesFile], DirectoryGeneratingJob]:
    """Declare a `DirectoryGeneratingJob` from the function that fills its folder; takes the parameters of the class.

    @ppg.directory("genomes")
    def genomes(folder: Path, archive: Path = ppg.upstream("genomes.tar")) -> None:
        tarfile.open(archive).extractall(folder)
    """
    return functools.partial(_declared, DirectoryGeneratingJob, folder, **options)


def temp_directory(
    folder: PathLike, **options: Unpack[FileOptions]
) -> Callable[[MakesFile], TempDirectoryGeneratingJob]:
    """Declare a `TempDirectoryGeneratingJob`; takes the parameters of the class."""
    return functools.partial(_declared, TempDirectoryGeneratingJob, folder, **options)


def cached_directory(
    folder: PathLike, **options: Unpack[FileOptions]
) -> Callable[[MakesFile], CachedDirectoryGeneratingJob]:
    """Declare a `CachedDirectoryGeneratingJob`; takes the parameters of the class."""
    return functools.partial(_declared, CachedDirectoryGeneratingJob, folder, **options)


def data(
    job_id: str, *, pipegraph: "GraphProtocol | None" = None, **options: Unpack[LoadOptions]
) -> Callable[[Callable[[], Value]], ValueLoadingJob[Value]]:
    """Declare a `ValueLoadingJob` from the function that returns the value; takes the parameters of the class.

        @ppg.data("genome")
        def genome(fasta: Path = ppg.upstream(fasta)) -> str:
            return fasta.read_text()

    Functions with the parameter `genome: str = ppg.upstream(genome)` share one copy of the value.
    """

    def declare(function: Callable[[], Value]) -> ValueLoadingJob[Value]:
        loading: type[ValueLoadingJob[Value]] = ValueLoadingJob
        return _declared(loading, job_id, function, pipegraph=pipegraph, **options)

    return declare


def generator(
    job_id: str, *, pipegraph: "GraphProtocol | None" = None, **options: Unpack[ExecutionOptions]
) -> Callable[[Callable[[], object]], JobGeneratingJob]:
    """Declare a `JobGeneratingJob` from the function that declares jobs; takes the parameters of the class."""
    return functools.partial(_declared, JobGeneratingJob, job_id, pipegraph=pipegraph, **options)


def _declared(kind: type[SomeJob], name: object, function: Callable[..., object], **options: Any) -> SomeJob:
    what = f"{kind.__name__} '{name}'"
    if type(function) is not FunctionType:
        raise TypeError(f"{what}: only functions can be decorated, not {function!r}; use the class")
    plain, dependencies = _taken_apart(function, what)
    job = unadmitted(kind, name, plain, **options)
    job.declared_at = (function.__code__.co_filename, function.__code__.co_firstlineno)
    values: dict[str, object] = {}
    loaded: dict[str, Callable[[], object]] = {}
    listed: dict[str, Callable[[], object]] = {}
    for parameter, needed in dependencies.items():
        where = needed.loaded_value() if isinstance(needed, Job) else None
        if isinstance(needed, JobFiles):
            listed[parameter] = functools.partial(paths_in, needed.job.job_id, needed.pattern)
        elif where is not None:
            loaded[parameter] = where
        else:
            values[parameter] = _paths(needed, job.pipegraph, f"{what}: the parameter '{parameter}'")
    job.pass_to_callback(values, loaded, listed)
    admitted = job.pipegraph.admit(job)
    assert isinstance(admitted, kind)
    for needed in dependencies.values():
        for one in _each(needed):
            if isinstance(one, (Job, JobPart)):
                admitted.depends_on(one)
            else:
                admitted.depends_on_file(one)
    return admitted


def _taken_apart(function: FunctionType, what: str) -> tuple[FunctionType, dict[str, object]]:
    """Return a copy of the function with defaults that name jobs, and the jobs by parameter.

    Raises:
        TypeError: a parameter with a job cannot be passed by name, or is hidden by another decorator.
    """
    code = function.__code__
    positional = code.co_varnames[: code.co_argcount]
    defaults = function.__defaults__ or ()
    by_name = _defaults_of(function)
    within = getattr(function, "__wrapped__", None)
    while isinstance(within, FunctionType):
        for name, value in _defaults_of(within).items():
            if _is_dependency(value) and name not in by_name:
                raise TypeError(
                    f"{what}: the parameter '{name}' belongs to a function within another decorator, which would "
                    "not get the job's product; write a function around the decorated one, and decorate it with ppg's "
                    "decorator only"
                )
        within = getattr(within, "__wrapped__", None)
    dependencies = {name: _needed(value) for name, value in by_name.items() if _is_dependency(value)}
    for name in dependencies:
        if name in positional[: code.co_posonlyargcount]:
            raise TypeError(f"{what}: the parameter '{name}' gets its value by name; put it behind the '/'")
    stand_ins = {name: _names(needed) for name, needed in dependencies.items()}
    plain = FunctionType(
        code,
        function.__globals__,
        function.__name__,
        tuple(stand_ins.get(name, by_name[name]) for name in positional[len(positional) - len(defaults) :])
        or None,
        function.__closure__,
    )
    if function.__kwdefaults__:
        plain.__kwdefaults__ = {name: stand_ins.get(name, by_name[name]) for name in function.__kwdefaults__}
    plain.__qualname__ = function.__qualname__
    plain.__module__ = function.__module__
    plain.__doc__ = function.__doc__
    # The copy keeps the attributes that other decorators set on the function.
    plain.__dict__.update(function.__dict__)
    return plain, dependencies


def _defaults_of(function: FunctionType) -> dict[str, object]:
    """Return the defaults, by parameter."""
    positional = function.__code__.co_varnames[: function.__code__.co_argcount]
    defaults = function.__defaults__ or ()
    by_name = dict(zip(positional[len(positional) - len(defaults) :], defaults, strict=True))
    return by_name | (function.__kwdefaults__ or {})


def _is_dependency(default: object) -> bool:
    if isinstance(default, (Job, JobPart, _Upstream)):
        return True
    values: Iterable[object]
    if isinstance(default, Mapping):
        values = default.values()
    elif isinstance(default, (list, tuple)):
        values = default
    else:
        return False
    items = list(values)
    return bool(items) and all(isinstance(item, (Job, JobPart)) for item in items)


def _needed(default: object) -> object:
    return default.needed if isinstance(default, _Upstream) else default


def _each(needed: object) -> Iterator[Job | JobPart | PathLike]:
    """Yield the jobs and file names in `needed`."""
    if isinstance(needed, (Job, JobPart, str, os.PathLike)):
        yield needed
    elif isinstance(needed, Mapping):
        for one in needed.values():
            yield from _each(one)
    elif isinstance(needed, Iterable):
        for one in needed:
            yield from _each(one)


def _names(needed: object) -> object:
    """Return the names that replace jobs in the function's defaults, and count as part of the function."""
    if isinstance(needed, (Job, JobPart)):
        return needed.job_id if isinstance(needed, Job) else needed.path
    if isinstance(needed, (str, os.PathLike)):
        return os.fspath(needed)
    if isinstance(needed, Mapping):
        return tuple((name, _names(one)) for name, one in needed.items())
    return tuple(map(_names, needed)) if isinstance(needed, Iterable) else needed


def _paths(needed: object, pipegraph: "GraphProtocol", what: str) -> object:
    """Return the value to pass for files: a path, or a list or dictionary of paths."""
    if isinstance(needed, Mapping):
        return {name: _path(one, pipegraph, f"{what}[{name!r}]") for name, one in needed.items()}
    if isinstance(needed, Iterable) and not isinstance(needed, (str, bytes)):
        return [_path(one, pipegraph, f"{what}[{index}]") for index, one in enumerate(needed)]
    return needed.made if isinstance(needed, FileJob) else _path(needed, pipegraph, what)


def _path(needed: object, pipegraph: "GraphProtocol", what: str) -> Path:
    """Return the one path that a job or a file name stands for."""
    if isinstance(needed, FileJob):
        if isinstance(needed.made, Path):
            return needed.made
        raise TypeError(f'{what} gets one file, but {needed!r} makes several; name one: job["name"]')
    if isinstance(needed, JobFiles):
        raise TypeError(
            f"{what} gets one file, but {needed!r} may be several; pass it alone: ppg.upstream(job['*.txt'])"
        )
    if isinstance(needed, JobFile):
        return Path(needed.path)
    if isinstance(needed, Job) and needed.whole_folder is not None:
        return Path(needed.whole_folder)
    if isinstance(needed, Job) and needed.observes_file:
        return Path(needed.job_id)
    if isinstance(needed, Job):
        raise TypeError(f"{what}: {needed!r} makes nothing that could be passed; use depends_on for it")
    return Path(pipegraph.file_id(require_path(needed, what)))
