"""Types of decorators: what type checkers know about decorated functions, and about the jobs that they become.

At run time a decorated function is a job of the plain class. A type checker sees a subclass, which can be called as the
function was.
"""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, Protocol, TypeVar, overload

if TYPE_CHECKING:
    from typing import Generic

    from ppg.jobs.file_jobs import FileGeneratingJob, TempFileGeneratingJob
    from ppg.jobs.folder_jobs import DirectoryGeneratingJob
    from ppg.jobs.generating_jobs import JobGeneratingJob
    from ppg.jobs.multi_file_jobs import MultiFileGeneratingJob, MultiTempFileGeneratingJob
    from ppg.recipes.stored_job import StoredValueJob
    from ppg.recipes.value_loading import ValueLoadingJob

    _P = ParamSpec("_P")
    _R = TypeVar("_R")
    _M = TypeVar("_M")

    class FileFunction(FileGeneratingJob, Generic[_P, _R]):
        """FileFunction: is a function decorated by `ppg.file`."""

        def __call__(self, *arguments: _P.args, **named: _P.kwargs) -> _R:
            """Call the function."""

    class TempFileFunction(TempFileGeneratingJob, Generic[_P, _R]):
        """TempFileFunction: is a function decorated by `ppg.temp_file`."""

        def __call__(self, *arguments: _P.args, **named: _P.kwargs) -> _R:
            """Call the function."""

    class FolderFunction(DirectoryGeneratingJob, Generic[_P, _R]):
        """FolderFunction: is a function decorated by `ppg.directory`, or by its temporary or cached form."""

        def __call__(self, *arguments: _P.args, **named: _P.kwargs) -> _R:
            """Call the function."""

    class FilesFunction(MultiFileGeneratingJob[_M], Generic[_M, _P, _R]):
        """FilesFunction: is a function decorated by `ppg.files`."""

        def __call__(self, *arguments: _P.args, **named: _P.kwargs) -> _R:
            """Call the function."""

    class TempFilesFunction(MultiTempFileGeneratingJob[_M], Generic[_M, _P, _R]):
        """TempFilesFunction: is a function decorated by `ppg.temp_files`."""

        def __call__(self, *arguments: _P.args, **named: _P.kwargs) -> _R:
            """Call the function."""

    class ValueFunction(ValueLoadingJob[_R], Generic[_P, _R]):
        """ValueFunction: is a function decorated by `ppg.data`."""

        def __call__(self, *arguments: _P.args, **named: _P.kwargs) -> _R:
            """Call the function."""

    class StoredFunction(StoredValueJob[_R], Generic[_P, _R]):
        """StoredFunction: is a function decorated by `ppg.cached`."""

        def __call__(self, *arguments: _P.args, **named: _P.kwargs) -> _R:
            """Call the function."""

    class GeneratorFunction(JobGeneratingJob, Generic[_P, _R]):
        """GeneratorFunction: is a function decorated by `ppg.generator`."""

        def __call__(self, *arguments: _P.args, **named: _P.kwargs) -> _R:
            """Call the function."""


__all__ = [
    "DeclaresCached",
    "DeclaresFile",
    "DeclaresFiles",
    "DeclaresFolder",
    "DeclaresGenerator",
    "DeclaresNamedFiles",
    "DeclaresTempFile",
    "DeclaresTempFiles",
    "DeclaresTempNamedFiles",
    "DeclaresValue",
]

P = ParamSpec("P")
R = TypeVar("R")


class DeclaresFile(Protocol):
    """DeclaresFile: makes a job of a function that gets a path, and of values for its other parameters."""

    @overload
    def __call__(
        self, function: Callable[Concatenate[Path, P], R], /, **bound: Any
    ) -> "FileFunction[Concatenate[Path, P], R]": ...
    @overload
    def __call__(self, function: Callable[[], R], /, **bound: Any) -> "FileFunction[[], R]": ...


class DeclaresFolder(Protocol):
    """DeclaresFolder: makes a job of a function that gets the path of a folder, and of values for its other parameters."""

    @overload
    def __call__(
        self, function: Callable[Concatenate[Path, P], R], /, **bound: Any
    ) -> "FolderFunction[Concatenate[Path, P], R]": ...
    @overload
    def __call__(self, function: Callable[[], R], /, **bound: Any) -> "FolderFunction[[], R]": ...


class DeclaresTempFile(Protocol):
    """DeclaresTempFile: the same for a temporary file."""

    @overload
    def __call__(
        self, function: Callable[Concatenate[Path, P], R], /, **bound: Any
    ) -> "TempFileFunction[Concatenate[Path, P], R]": ...
    @overload
    def __call__(self, function: Callable[[], R], /, **bound: Any) -> "TempFileFunction[[], R]": ...


class DeclaresFiles(Protocol):
    """DeclaresFiles: the same for a list of files."""

    @overload
    def __call__(
        self, function: Callable[Concatenate[list[Path], P], R], /, **bound: Any
    ) -> "FilesFunction[list[Path], Concatenate[list[Path], P], R]": ...
    @overload
    def __call__(self, function: Callable[[], R], /, **bound: Any) -> "FilesFunction[list[Path], [], R]": ...


class DeclaresNamedFiles(Protocol):
    """DeclaresNamedFiles: the same for files with names."""

    @overload
    def __call__(
        self, function: Callable[Concatenate[dict[str, Path], P], R], /, **bound: Any
    ) -> "FilesFunction[dict[str, Path], Concatenate[dict[str, Path], P], R]": ...
    @overload
    def __call__(
        self, function: Callable[[], R], /, **bound: Any
    ) -> "FilesFunction[dict[str, Path], [], R]": ...


class DeclaresTempFiles(Protocol):
    """DeclaresTempFiles: the same for a list of temporary files."""

    @overload
    def __call__(
        self, function: Callable[Concatenate[list[Path], P], R], /, **bound: Any
    ) -> "TempFilesFunction[list[Path], Concatenate[list[Path], P], R]": ...
    @overload
    def __call__(
        self, function: Callable[[], R], /, **bound: Any
    ) -> "TempFilesFunction[list[Path], [], R]": ...


class DeclaresTempNamedFiles(Protocol):
    """DeclaresTempNamedFiles: the same for temporary files with names."""

    @overload
    def __call__(
        self, function: Callable[Concatenate[dict[str, Path], P], R], /, **bound: Any
    ) -> "TempFilesFunction[dict[str, Path], Concatenate[dict[str, Path], P], R]": ...
    @overload
    def __call__(
        self, function: Callable[[], R], /, **bound: Any
    ) -> "TempFilesFunction[dict[str, Path], [], R]": ...


class DeclaresValue(Protocol):
    """DeclaresValue: makes a load of a function that returns a value."""

    def __call__(self, function: Callable[P, R], /, **bound: Any) -> "ValueFunction[P, R]":
        """Declare the job, with these values of parameters."""


class DeclaresCached(Protocol):
    """DeclaresCached: makes a job of a function that returns a value to be stored."""

    def __call__(self, function: Callable[P, R], /, **bound: Any) -> "StoredFunction[P, R]":
        """Declare the job, with these values of parameters."""


class DeclaresGenerator(Protocol):
    """DeclaresGenerator: makes a generator of a function that declares jobs."""

    def __call__(self, function: Callable[P, R], /, **bound: Any) -> "GeneratorFunction[P, R]":
        """Declare the job, with these values of parameters."""
