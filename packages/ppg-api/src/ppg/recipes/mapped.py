"""Map: declares one job per item, or per file of a folder that a job makes.

The files of such a folder are known only after its job has run. So a generator declares their jobs, in the same run.
"""

import functools
import inspect
import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import PurePosixPath
from types import FunctionType
from typing import Any, ClassVar, Unpack, overload

from ppg.jobs.file_jobs import FileGeneratingJob
from ppg.jobs.folder_jobs import FolderJob, JobFiles
from ppg.jobs.generating_jobs import DependencyInjectionJob
from ppg.jobs.job import Job, JobFile, JobList
from ppg.recipes.declarations import declare_job
from ppg.recipes.decorators import FileOptions, upstream
from ppg.recipes.inherited import graph_for
from ppg.worker.folders import files_in

__all__ = ["MapJob", "map"]


class MapJob(DependencyInjectionJob):
    """MapJob: declares the jobs of a folder's files, while the graph runs; `ppg.map` returns it.

    A job that depends on it depends on all of these jobs. The parameters are those of `JobGeneratingJob`.

        parts = ppg.directory("parts")(lambda folder: (folder / "a.txt").write_text("a"))

        def upper(out: Path, item: Path) -> None:
            out.write_text(item.read_text().upper())

        job = ppg.map(parts, "*.txt", upper, to="upper/{stem}.txt")
        assert isinstance(job, ppg.MapJob)
        ppg.run()
        assert Path("upper/a.txt").read_text() == "A"
    """

    __slots__ = ()
    _needs_users: ClassVar[bool] = False


Target = str | Callable[[Any], str | os.PathLike[str]]
"""The file of an item: a text with fields, or a function of the item that returns the file."""


@overload
def map(  # noqa: A001 (the name is that of Python's)
    function: Callable[..., object], items: Iterable[Any], /, *, to: Target, **options: Unpack[FileOptions]
) -> JobList[FileGeneratingJob]: ...
@overload
def map(  # noqa: A001
    folder: FolderJob,
    pattern: str,
    function: Callable[..., object],
    /,
    *,
    to: Target,
    **options: Unpack[FileOptions],
) -> MapJob: ...
def map(*arguments: Any, to: Target, **options: Any) -> Any:  # noqa: A001
    """Declare a `FileGeneratingJob` for each item, or for each file of a job's folder.

        def count(out: Path, fasta: Path) -> None:
            out.write_text(str(fasta.read_text().count(">")))

        counts = ppg.map(genomes, "*.fa", count, to="counts/{stem}.txt")      # genomes makes a folder
        ppg.map(simulate, [1, 2, 3], to="simulated/{item}.csv")
        ppg.FileGeneratingJob("total.txt", add_up).depends_on(counts)         # on all of them

    The job of a file runs again only if this file has changed, and the job of an item only if the item has.

    Parameters:
        folder, pattern, function: a job that makes a folder, the files in it (`"*.fa"`, `"**/*.fa"`), and the function.
        function, items: the function, and the items: values, paths (which the job then depends on), or jobs.
        function: called with the `Path` of the file that it makes, and with the item, or the `Path` of the folder's file.
        to: the file that the function makes. The fields in it are `{item}`; of paths also `{name}`, `{stem}`, `{suffix}`,
            and of a folder's files `{path}`, the name in the folder. Or a function of the item that returns the file.
        options: those of `FileGeneratingJob`, for each of the jobs.

    Returns:
        The jobs as a `JobList`. For a folder the generator of the jobs: a job that depends on it depends on all of them.

    Raises:
        TypeError, ValueError: an argument has the wrong type or value, or two items have one file.
    """
    match arguments:
        case (FolderJob() as folder, str() as pattern, function):
            return _map_folder(folder, pattern, function, to, options)
        case (function, items) if callable(function) and not isinstance(function, Job):
            return _map_items(function, items, to, options)
    raise TypeError(
        "ppg.map takes a function and its items, or a job that makes a folder, a pattern such as '*.txt', and a function, "
        f"not {arguments!r}"
    )


def _map_items(
    function: Callable[..., object], items: Iterable[Any], to: Target, options: Mapping[str, Any]
) -> JobList[FileGeneratingJob]:
    if isinstance(items, (str, bytes)) or not isinstance(items, Iterable):
        raise TypeError(f"ppg.map: items must be several values, such as a list, not {items!r}")
    targets = _Targets(to)
    jobs: JobList[FileGeneratingJob] = JobList()
    for item in items:
        path = targets.of(item, item)
        value = (
            upstream(item) if isinstance(item, os.PathLike) and not isinstance(item, (Job, JobFile)) else item
        )
        jobs.append(declare_job(FileGeneratingJob, path, _with_item(function, value), **options))
    return jobs


def _map_folder(
    folder: FolderJob, pattern: str, function: Callable[..., object], to: Target, options: Mapping[str, Any]
) -> MapJob:
    _with_item(function, None)  # an unfit function is refused at once
    files = folder[pattern]
    if not isinstance(files, JobFiles):
        raise ValueError(  # noqa: TRY004 (it is a text)
            f"ppg.map: '{pattern}' is no pattern; use one such as '*.txt', or depend on {files!r}"
        )
    _Targets(to)
    shown = to if isinstance(to, str) else getattr(to, "__qualname__", "files")
    job_id = f"map {files.path} to {shown}"
    generator = MapJob(
        job_id,
        functools.partial(_declare, folder, pattern, function, to, dict(options)),
        pipegraph=graph_for(options.get("pipegraph"), [folder], f"ppg.map over {files!r}"),
    )
    return generator.depends_on(files)


def _declare(
    folder: FolderJob, pattern: str, function: Callable[..., object], to: Target, options: Mapping[str, Any]
) -> list[FileGeneratingJob]:
    """In the generator's process: declare a job for each file that is in the folder."""
    begin = len(folder.job_id) + 1
    targets = _Targets(to)
    jobs = []
    own = {name: value for name, value in options.items() if name != "pipegraph"}
    for path in files_in(folder.job_id, pattern):
        source = folder.file(path[begin:])
        jobs.append(
            declare_job(
                FileGeneratingJob, targets.of(source, path, path[begin:]), _with_item(function, source), **own
            )
        )
    return jobs


class _Targets:
    """_Targets: gives each item its file, and refuses one file for two items."""

    def __init__(self, to: Target) -> None:
        if not isinstance(to, str) and not callable(to):
            raise TypeError(
                f"ppg.map: to must be a text with fields, such as 'out/{{item}}.txt', or a function, not {to!r}"
            )
        self._to = to
        self._items: dict[str, object] = {}

    def of(self, item: object, source: object, in_folder: str | None = None) -> str:
        """Return the file of an item; `source` is shown in its fields."""
        text = os.fspath(source) if isinstance(source, os.PathLike) else str(source)
        if isinstance(self._to, str):
            path = PurePosixPath(text)
            fields = {"item": text, "name": path.name, "stem": path.stem, "suffix": path.suffix}
            if in_folder is not None:
                fields["path"] = in_folder
            try:
                target = self._to.format_map(fields)
            except (KeyError, ValueError, IndexError) as error:
                raise ValueError(
                    f"ppg.map: to={self._to!r} has another field than {', '.join(f'{{{name}}}' for name in fields)} ({error})"
                ) from None
        else:
            target = os.fspath(self._to(item))
        other = self._items.setdefault(target, text)
        if other is not text:
            raise ValueError(
                f"ppg.map: '{target}' would be the file of both '{other}' and '{text}'; let `to` tell them apart"
            )
        return target


def _with_item(function: Callable[..., object], item: object) -> FunctionType:
    """Return a copy of a function that has the item as the default of its second parameter.

    Raises:
        TypeError: it takes no two parameters, or is no function.
    """
    if type(function) is not FunctionType:
        raise TypeError(f"ppg.map: only functions can be mapped, not {function!r}; write one around it")
    code, defaults = function.__code__, function.__defaults__ or ()
    without = code.co_argcount - len(defaults)
    if code.co_argcount < 2 or without > 2:
        raise TypeError(
            f"ppg.map: {function.__qualname__}{inspect.signature(function)} must take two arguments: the file that it makes, "
            "and the item"
        )
    copy = FunctionType(
        code, function.__globals__, function.__name__, (item, *defaults[2 - without :]), function.__closure__
    )
    copy.__kwdefaults__ = function.__kwdefaults__
    copy.__qualname__, copy.__module__, copy.__doc__ = (
        function.__qualname__,
        function.__module__,
        function.__doc__,
    )
    copy.__dict__.update(function.__dict__)
    return copy
