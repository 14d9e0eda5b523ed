"""Multi-file jobs: make several files with one call."""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Unpack, overload

from ppg.jobs.file_jobs import FileJob
from ppg.jobs.job import JobFile
from ppg.kinds.execution import ExecutionOptions, execution_of
from ppg.kinds.signature import Callback
from ppg.kinds.typed import Made, MakesFiles, MakesNamedFiles
from ppg.paths import PathLike, require_path
from ppg.session.current import SESSION
from ppg.session.namespaces import WholeName, full_path
from ppg.text import nearest
from ppg_graph import JobId, NodeKind

if TYPE_CHECKING:
    from ppg.kinds.graph_protocol import GraphProtocol

__all__ = ["MultiFileGeneratingJob", "MultiTempFileGeneratingJob"]

MOST_NAMED = 10
"""Files of a job that a message lists."""


class MultiFileGeneratingJob(FileJob, Generic[Made]):
    """MultiFileGeneratingJob: makes several files with one call.

    If one of them is missing, all are removed and made again. `job["name"]` is one of the files: a job
    that depends on it is stale only if that file changed.

        both = ppg.MultiFileGeneratingJob(
            {"a": "a.txt", "b": "b.txt"}, lambda files: [path.write_text(name) for name, path in files.items()]
        )
        ppg.run()
        assert both["a"].read_text() == "a"

    Parameters:
        filenames: the files as an iterable, or as a dictionary of names to files.
        function: writes them; called without arguments, or, if it takes one, with the `Path`s as a list,
            or as a dictionary if `filenames` was one.
        rename_broken, empty_ok, cutoff: see `FileJob`.
        share: see `shares` of `FileJob`.
        timeout, retries, cores, memory, enforce_memory, isolation, confine: see `Execution`.

    Raises:
        TypeError, ValueError: an argument has the wrong type or value, or a file is named twice.
        JobContractError: another job makes one of the files, or an earlier declaration of the job differs.
    """

    __slots__ = ("_files", "_names", "_prefix")
    # `__getitem__` would make the job iterable, but a job is one dependency, not a list of files.
    __iter__: ClassVar[None] = None

    @overload
    def __init__(
        self: "MultiFileGeneratingJob[dict[str, Path]]",
        filenames: Mapping[str, PathLike],
        function: MakesNamedFiles,
        rename_broken: bool = False,
        empty_ok: bool = False,
        *,
        cutoff: bool = True,
        share: bool = False,
        pipegraph: "GraphProtocol | None" = None,
        **options: Unpack[ExecutionOptions],
    ) -> None: ...
    @overload
    def __init__(
        self: "MultiFileGeneratingJob[list[Path]]",
        filenames: Iterable[PathLike],
        function: MakesFiles,
        rename_broken: bool = False,
        empty_ok: bool = False,
        *,
        cutoff: bool = True,
        share: bool = False,
        pipegraph: "GraphProtocol | None" = None,
        **options: Unpack[ExecutionOptions],
    ) -> None: ...
    def __init__(
        self,
        filenames: Iterable[PathLike] | Mapping[str, PathLike],
        function: Callback,
        rename_broken: bool = False,
        empty_ok: bool = False,
        *,
        cutoff: bool = True,
        share: bool = False,
        pipegraph: "GraphProtocol | None" = None,
        **options: Unpack[ExecutionOptions],
    ) -> None:
        if isinstance(filenames, (str, bytes, Path)) or not isinstance(filenames, Iterable):
            raise TypeError(
                f"{type(self).__name__}: filenames must be a list or a dictionary of files, not {filenames!r}; "
                "for one file use FileGeneratingJob"
            )
        names = _names(filenames, type(self).__name__) if isinstance(filenames, Mapping) else None
        given = filenames.values() if isinstance(filenames, Mapping) else filenames
        if isinstance(given, (set, frozenset)):
            # The order of a set differs from run to run, and the function gets a list.
            given = sorted(given, key=str)
        paths = [full_path(require_path(path, f"{type(self).__name__}: filenames")) for path in given]
        if not paths:
            raise ValueError(f"{type(self).__name__}: filenames must name at least one file")
        super().__init__(
            WholeName(":".join(paths)),
            function,
            pipegraph,
            rename_broken=rename_broken,
            empty_ok=empty_ok,
            cutoff=cutoff,
            share=share,
            execution=execution_of(options, ExecutionOptions, f"{type(self).__name__} '{':'.join(paths)}'"),
        )
        self._files = tuple(self.pipegraph._file_id(str(path)) for path in paths)
        self._names = names
        self._prefix = SESSION.namespace
        if len(set(self._files)) < len(self._files):
            twice = next(path for path in self._files if self._files.count(path) > 1)
            raise ValueError(f"{type(self).__name__}: the file '{twice}' is named twice; name it once")
        self.job_id: JobId = JobId(":".join(sorted(self._files)))

    def definition(self) -> dict[str, object]:
        """Files with their names, function and options."""
        return super().definition() | {"names": self._names}

    def _files_with_names(self) -> tuple[object, ...]:
        """Return the files in their order, with their names: the job's id has them sorted, without names."""
        if not self._passes_argument:
            return ()
        return self._files if self._names is None else tuple(zip(self._names, self._files, strict=True))

    @property
    def files(self) -> tuple[str, ...]:
        """The files, in the order of `filenames`."""
        return self._files

    @property
    def _file_names(self) -> tuple[str, ...] | None:
        """The names in `filenames`, if it was a dictionary."""
        return self._names

    def __getitem__(self, name: PathLike) -> JobFile:
        """Return one of the files, by its name in the dictionary, or by its path.

        The path may be the one in the declaration, without the namespace.

        Raises:
            KeyError: the job makes no such file.
            TypeError: the name is a number.
        """
        if isinstance(name, int):
            raise TypeError(
                f"{self!r}[{name}]: a file of a job has a name or a path; list(job.files)[{name}] has the order that you "
                "gave"
            )
        if self._names is not None and name in self._names:
            return JobFile(self, self._files[self._names.index(str(name))])
        declared = self._declared_path(os.fspath(name))
        path = declared if declared in self._files else self.pipegraph._file_id(os.fspath(name))
        if path not in self._files:
            made = self._names or self._files
            near = made if len(made) <= MOST_NAMED else nearest(os.fspath(name), made) or made[:MOST_NAMED]
            more = f" and {len(made) - len(near)} more" if len(made) > len(near) else ""
            raise KeyError(f"{self!r} makes no file '{name}'; it makes {', '.join(near)}{more}")
        return JobFile(self, path)

    def _declared_path(self, path: str) -> str | None:
        """Return the file that a name in the declaration means if the job makes it; None without a namespace."""
        prefix: str = getattr(self, "_prefix", "")  # a job that an older ppg has pickled has none
        return self.pipegraph._file_id(prefix + path) if prefix and not path.startswith("/") else None

    @property
    def made(self) -> Path | list[Path] | dict[str, Path]:
        """The files' paths, relative to the pipegraph's root: a dictionary if `filenames` was one, else a list."""
        paths = [Path(path) for path in self._files]
        return dict(zip(self._names, paths, strict=True)) if self._names is not None else paths


class MultiTempFileGeneratingJob(MultiFileGeneratingJob[Made]):
    """MultiTempFileGeneratingJob: makes several temporary files.

    See `TempFileGeneratingJob` and `MultiFileGeneratingJob`.

        parts = ppg.MultiTempFileGeneratingJob(["a.tmp", "b.tmp"], lambda files: [path.write_text("x") for path in files])
        ppg.file("all.txt")(lambda out: out.write_text(Path("a.tmp").read_text())).depends_on(parts)
        ppg.run()
        assert not Path("a.tmp").exists()
    """

    __slots__ = ()
    kind: ClassVar[NodeKind] = NodeKind.LAZY

    if TYPE_CHECKING:

        @overload
        def __init__(
            self: "MultiTempFileGeneratingJob[dict[str, Path]]",
            filenames: Mapping[str, PathLike],
            function: MakesNamedFiles,
            rename_broken: bool = False,
            empty_ok: bool = False,
            *,
            cutoff: bool = True,
            share: bool = False,
            pipegraph: "GraphProtocol | None" = None,
            **options: Unpack[ExecutionOptions],
        ) -> None: ...
        @overload
        def __init__(
            self: "MultiTempFileGeneratingJob[list[Path]]",
            filenames: Iterable[PathLike],
            function: MakesFiles,
            rename_broken: bool = False,
            empty_ok: bool = False,
            *,
            cutoff: bool = True,
            share: bool = False,
            pipegraph: "GraphProtocol | None" = None,
            **options: Unpack[ExecutionOptions],
        ) -> None: ...
        def __init__(self, filenames: Any, function: Any, *flags: bool, **options: Any) -> None: ...


def _names(filenames: Mapping[Any, Any], what: str) -> tuple[str, ...]:
    names = tuple(name for name in filenames if isinstance(name, str))
    if len(names) < len(filenames):
        wrong = next(name for name in filenames if not isinstance(name, str))
        raise TypeError(f"{what}: the names in filenames must be texts, not {wrong!r}")
    return names
