"""Decorators: declare jobs as decorated functions.

    @ppg.file("total.txt")
    def total(out: Path, numbers: Path = ppg.upstream(numbers)) -> None:
        out.write_text(str(sum(map(int, numbers.read_text().split()))))

A decorator replaces the function by the job that calls it. `total` is a `FileGeneratingJob`: it has the methods of
such a job (`total.depends_on(...)`, `total.use_cores(4)`), and other jobs can depend on it.

A parameter with a job as its default is a dependency on that job. The call of the function then passes the job's
product: the path of a file, the paths of several, a stored or loaded value. Lists and dictionaries of jobs may be nested, and get
passed in the same shape. `upstream(job)` gives the parameter the right
type for type checkers, and does nothing else; without type checks `numbers=numbers` is enough.

The classes do all the work. The job process gets a copy of the function, with defaults that name the jobs instead of
holding them. The names count as part of the function, and the jobs themselves stay in the main process.
"""

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from types import FunctionType
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar, Unpack, overload

from ppg.jobs.callback_job import CallbackJob
from ppg.jobs.file_jobs import FileGeneratingJob, TempFileGeneratingJob
from ppg.jobs.folder_jobs import (
    CachedDirectoryGeneratingJob,
    DirectoryGeneratingJob,
    FolderJob,
    JobFiles,
    TempDirectoryGeneratingJob,
)
from ppg.jobs.generating_jobs import JobGeneratingJob
from ppg.jobs.invariants import FileChecksumInvariant, FileTimeInvariant
from ppg.jobs.job import JobFile
from ppg.jobs.loading_jobs import AttributeLoadingJob, DictEntryLoadingJob
from ppg.jobs.multi_file_jobs import MultiFileGeneratingJob, MultiTempFileGeneratingJob
from ppg.kinds.execution import ExecutionOptions, LoadOptions
from ppg.kinds.typed import Made
from ppg.kinds.upstream import Upstream
from ppg.paths import PathLike
from ppg.recipes.declarations import declaration_of
from ppg.recipes.stored_job import FormatName, StoredValueJob, ValueFormat
from ppg.recipes.value_loading import Value, ValueLoadingJob

if TYPE_CHECKING:
    from ppg.kinds.graph_protocol import GraphProtocol
    from ppg.recipes.typed import (
        DeclaresCached,
        DeclaresFile,
        DeclaresFiles,
        DeclaresFolder,
        DeclaresGenerator,
        DeclaresNamedFiles,
        DeclaresTempFile,
        DeclaresTempFiles,
        DeclaresTempNamedFiles,
        DeclaresValue,
        StoredFunction,
    )

__all__ = [
    "cached",
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

SomeJob = TypeVar("SomeJob", bound=CallbackJob)
P = ParamSpec("P")
R = TypeVar("R")

OneFile = (
    FileGeneratingJob | FolderJob | JobFile | FileChecksumInvariant | FileTimeInvariant | os.PathLike[str]
)
"""What a function gets as one path."""
Key = TypeVar("Key", bound=str | int | float | tuple[Any, ...])


class FileOptions(ExecutionOptions, total=False):
    """FileOptions: the keyword options of jobs that make files; see `FileJob` and `Execution`."""

    rename_broken: bool
    empty_ok: bool
    cutoff: bool
    share: bool
    pipegraph: "GraphProtocol | None"


class StoredOptions(ExecutionOptions, total=False):
    """StoredOptions: the keyword options of jobs that store a value; see `StoredValueJob`."""

    format: FormatName | ValueFormat | None
    share: bool
    pipegraph: "GraphProtocol | None"


@overload
def upstream(needed: ValueLoadingJob[Value]) -> Value: ...
@overload
def upstream(needed: StoredValueJob[Value]) -> Value: ...
@overload
def upstream(needed: MultiFileGeneratingJob[Made]) -> Made: ...
@overload
def upstream(needed: AttributeLoadingJob[Value] | DictEntryLoadingJob[Value]) -> Value: ...
@overload
def upstream(needed: JobFiles) -> list[Path]: ...
@overload
def upstream(
    needed: FileGeneratingJob | FolderJob | JobFile | FileChecksumInvariant | FileTimeInvariant | PathLike,
) -> Path: ...
@overload
def upstream(needed: Mapping[Key, OneFile | str]) -> dict[Key, Path]: ...
@overload
def upstream(needed: Mapping[Key, ValueLoadingJob[Value] | StoredValueJob[Value]]) -> dict[Key, Value]: ...
@overload
def upstream(needed: Mapping[Key, Sequence[OneFile]]) -> dict[Key, list[Path]]: ...
@overload
def upstream(needed: Iterable[OneFile]) -> list[Path]: ...
@overload
def upstream(needed: list[str] | tuple[str, ...] | set[str] | frozenset[str]) -> list[Path]: ...
@overload
def upstream(needed: Iterable[ValueLoadingJob[Value] | StoredValueJob[Value]]) -> list[Value]: ...
@overload
def upstream(needed: Mapping[str, Any] | Iterable[Any]) -> Any: ...
def upstream(needed: object) -> object:
    """Mark a job as the value of a decorated function's parameter; use it only as the parameter's default.

        numbers = ppg.file("numbers.txt")(lambda out: out.write_text("1 2"))

        @ppg.file("total.txt")
        def total(out: Path, numbers: Path = ppg.upstream(numbers)) -> None:
            out.write_text(str(sum(map(int, numbers.read_text().split()))))

        ppg.run()
        assert Path("total.txt").read_text() == "3"

    Parameters:
        needed: a job that makes files or a folder, or stores or loads a value; one file of a job; the files of a pattern in
            a job's folder, which become a sorted list; the name of a file (which a job makes, or which is observed); a
            list or dictionary of any of these, to any depth, in which a job makes one file.

    Returns:
        For type checkers, the type of the passed value: a `Path`, a list or dictionary of them, or a value. The
        function gets nested lists and dictionaries as lists and dictionaries, with paths and values in their places.

    Raises:
        TypeError: at the decorator, a part is none of these. At a class, which passes no such values.
    """
    return Upstream(needed)


def file(output_filename: PathLike, **options: Unpack[FileOptions]) -> "DeclaresFile":
    """Declare a `FileGeneratingJob` from the function that makes its file; takes the parameters of the class.

    The keywords say how the job runs; see `Execution` and `FileJob`.

        @ppg.file("numbers.txt", timeout="10m", cores=2, memory="500 MB", share=True, retries=2)
        def numbers(out: Path) -> None:
            out.write_text("1 2 3")
    """
    declaration: DeclaresFile = declaration_of("file", FileGeneratingJob, output_filename, **options)
    return declaration


def temp_file(output_filename: PathLike, **options: Unpack[FileOptions]) -> "DeclaresTempFile":
    """Declare a `TempFileGeneratingJob`; takes the parameters of the class.

    The file is there for as long as other jobs need it.

        @ppg.temp_file("sorted.tmp", cores=2)
        def ordered(out: Path) -> None:
            out.write_text("1 2 3")

        @ppg.file("first.txt")
        def first(out: Path, ordered: Path = ppg.upstream(ordered)) -> None:
            out.write_text(ordered.read_text().split()[0])
    """
    declaration: DeclaresTempFile = declaration_of(
        "temp_file", TempFileGeneratingJob, output_filename, **options
    )
    return declaration


@overload
def files(filenames: Mapping[str, PathLike], **options: Unpack[FileOptions]) -> "DeclaresNamedFiles": ...
@overload
def files(filenames: Sequence[PathLike], **options: Unpack[FileOptions]) -> "DeclaresFiles": ...
def files(
    filenames: Sequence[PathLike] | Mapping[str, PathLike], **options: Unpack[FileOptions]
) -> "DeclaresFiles | DeclaresNamedFiles":
    """Declare a `MultiFileGeneratingJob` from the function that makes its files; takes the parameters of the class.

        @ppg.files({"even": "even.txt", "odd": "odd.txt"}, timeout="90s")
        def halves(out: dict[str, Path]) -> None:
            out["even"].write_text("2 4")
            out["odd"].write_text("1 3")

    The function gets a list of paths, or a dictionary if `filenames` is one.
    """
    declaration: DeclaresFiles | DeclaresNamedFiles = declaration_of(
        "files", MultiFileGeneratingJob, filenames, **options
    )
    return declaration


@overload
def temp_files(
    filenames: Mapping[str, PathLike], **options: Unpack[FileOptions]
) -> "DeclaresTempNamedFiles": ...
@overload
def temp_files(filenames: Sequence[PathLike], **options: Unpack[FileOptions]) -> "DeclaresTempFiles": ...
def temp_files(
    filenames: Sequence[PathLike] | Mapping[str, PathLike], **options: Unpack[FileOptions]
) -> "DeclaresTempFiles | DeclaresTempNamedFiles":
    """Declare a `MultiTempFileGeneratingJob`; see `files`.

    The files are there for as long as other jobs need them.

        @ppg.temp_files(["left.tmp", "right.tmp"], memory="100 MB")
        def halves(out: list[Path]) -> None:
            for path in out:
                path.write_text(path.stem)

        @ppg.file("both.txt")
        def both(out: Path, halves: list[Path] = ppg.upstream(halves)) -> None:
            out.write_text(" ".join(path.read_text() for path in halves))
    """
    declaration: DeclaresTempFiles | DeclaresTempNamedFiles = declaration_of(
        "temp_files", MultiTempFileGeneratingJob, filenames, **options
    )
    return declaration


def directory(folder: PathLike, **options: Unpack[FileOptions]) -> "DeclaresFolder":
    """Declare a `DirectoryGeneratingJob` from the function that fills its folder; takes the parameters of the class.

    For example:

        @ppg.directory("genomes")
        def genomes(folder: Path) -> None:
            (folder / "a.fa").write_text("ACGT")

        ppg.run()
        assert Path("genomes/a.fa").read_text() == "ACGT"
    """
    declaration: DeclaresFolder = declaration_of("directory", DirectoryGeneratingJob, folder, **options)
    return declaration


def temp_directory(folder: PathLike, **options: Unpack[FileOptions]) -> "DeclaresFolder":
    """Declare a `TempDirectoryGeneratingJob`; takes the parameters of the class.

    For example:

        @ppg.temp_directory("parts")
        def parts(folder: Path) -> None:
            (folder / "a.txt").write_text("a")

        ppg.file("copy.txt")(lambda out: out.write_text(Path("parts/a.txt").read_text())).depends_on(parts)
        ppg.run()
        assert not Path("parts").exists()
    """
    declaration: DeclaresFolder = declaration_of(
        "temp_directory", TempDirectoryGeneratingJob, folder, **options
    )
    return declaration


def cached_directory(folder: PathLike, **options: Unpack[FileOptions]) -> "DeclaresFolder":
    """Declare a `CachedDirectoryGeneratingJob`; takes the parameters of the class.

    For example:

        @ppg.cached_directory("parts")
        def parts(folder: Path) -> None:
            (folder / "a.txt").write_text("a")

        ppg.file("copy.txt")(lambda out: out.write_text(Path("parts/a.txt").read_text())).depends_on(parts)
        ppg.run()
        assert Path("parts/a.txt").exists()
    """
    declaration: DeclaresFolder = declaration_of(
        "cached_directory", CachedDirectoryGeneratingJob, folder, **options
    )
    return declaration


def data(
    job_id: str, *, pipegraph: "GraphProtocol | None" = None, **options: Unpack[LoadOptions]
) -> "DeclaresValue":
    """Declare a `ValueLoadingJob` from the function that returns the value; takes the parameters of the class.

        @ppg.data("genome", timeout="1h", memory="1 GB")
        def genome() -> str:
            return "ACGT"

        @ppg.file("length.txt")
        def length(out: Path, genome: str = ppg.upstream(genome)) -> None:
            out.write_text(str(len(genome)))

    Functions with the parameter `genome: str = ppg.upstream(genome)` share one copy of the value.
    """
    declaration: DeclaresValue = declaration_of(
        "data", ValueLoadingJob, job_id, pipegraph=pipegraph, **options
    )
    return declaration


@overload
def cached(name: Callable[P, R], /) -> "StoredFunction[P, R]": ...
@overload
def cached(name: str | None = None, /, **options: Unpack[StoredOptions]) -> "DeclaresCached": ...
def cached(name: Any = None, /, **options: Unpack[StoredOptions]) -> Any:
    """Declare a `StoredValueJob` from the function that returns the value; takes the parameters of the class.

        @ppg.cached
        def lengths() -> dict[str, int]:
            return {"chr1": 1000, "chr2": 500}

        @ppg.file("longest.txt")
        def longest(out: Path, lengths: dict[str, int] = ppg.upstream(lengths)) -> None:
            out.write_text(max(lengths, key=lengths.get))

        ppg.run()
        assert lengths.read()["chr1"] == 1000

    Parameters:
        name: of the value; by default that of the function's module and of the function: "analysis.lengths".
        options: those of the class; `format` says how the value is stored.

    Raises:
        TypeError: the function needs a name of its own, because it is a lambda or defined in another function.
    """
    if isinstance(name, FunctionType):
        return declaration_of("cached", StoredValueJob, None)(name)
    declaration: DeclaresCached = declaration_of("cached", StoredValueJob, name, **options)
    return declaration


def generator(
    job_id: str, *, pipegraph: "GraphProtocol | None" = None, **options: Unpack[ExecutionOptions]
) -> "DeclaresGenerator":
    """Declare a `JobGeneratingJob` from the function that declares jobs; takes the parameters of the class.

    The new jobs run in the same run.

        @ppg.generator("per sample", timeout="10m")
        def per_sample() -> None:
            for name in ("one", "two"):
                ppg.FileGeneratingJob(f"{name}.txt", lambda path, name=name: path.write_text(name))
    """
    declaration: DeclaresGenerator = declaration_of(
        "generator", JobGeneratingJob, job_id, pipegraph=pipegraph, **options
    )
    return declaration
