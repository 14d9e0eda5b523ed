"""Stored job: keeps the return value of a function in a file, for other jobs and for the script.

It is a file job, of the kind OUTPUT: it runs whenever its file or an input is not as it was, whether a job needs the
value or not, because the script may read the value after the run. If the bytes stay the same, nothing downstream runs.

Each job that takes the value reads the file in its own process. So the value is there in fresh and confined processes,
and nothing is loaded for jobs that do not take it. `loaded` is the load for a large value with many users.
"""

import functools
from collections.abc import Callable, Iterable
from importlib.util import find_spec
from pathlib import Path, PurePosixPath
from types import FunctionType
from typing import TYPE_CHECKING, Any, Generic, Literal, Protocol, Unpack

from ppg.exceptions import PyPipelineGraphError
from ppg.jobs.file_jobs import FileJob
from ppg.jobs.invariants import FunctionInvariant
from ppg.jobs.job import Job, unadmitted
from ppg.kinds.execution import ExecutionOptions, execution_of
from ppg.kinds.signature import Callback, is_function, wants_argument
from ppg.paths import absolute, require_path
from ppg.recipes.value_loading import Value, ValueLoadingJob
from ppg.session.namespaces import WholeName, full_id
from ppg.worker.stored_values import AUTOMATIC, FORMATS, read_stored, write_stored
from ppg_graph import JobId

if TYPE_CHECKING:
    from ppg.kinds.graph_protocol import GraphProtocol

__all__ = ["FOLDER", "FormatName", "StoredValueJob", "ValueFormat", "automatic_name"]

FOLDER = "values"
"""The folder of stored values, in the cache folder."""

FormatName = Literal["bytes", "feather", "json", "npy", "parquet", "pickle", "text"]

_LONGEST = 200
"""Bytes; file systems allow 255, and the end of the name and `.broken` need some."""


class ValueFormat(Protocol):
    r"""ValueFormat: writes and reads values in a format of your own; an argument of `ppg.cached`.

    An attribute `suffix` is optional: the end of the file's name, such as ".h5ad"; ".custom" by default. The code of both
    methods counts: the value is calculated again if `write` changes, and the jobs that take it run again if `read` does.

        class Fasta:
            suffix = ".fa"

            def write(self, value: dict[str, str], path: Path) -> None:
                path.write_text("".join(f">{name}\n{bases}\n" for name, bases in value.items()))

            def read(self, path: Path) -> dict[str, str]:
                lines = path.read_text().split()
                return {name[1:]: bases for name, bases in zip(lines[::2], lines[1::2])}

        @ppg.cached("genome", format=Fasta())
        def genome() -> dict[str, str]:
            return {"chr1": "ACGT"}

        ppg.run()
        assert genome.read() == {"chr1": "ACGT"}
    """

    def write(self, value: Any, path: Path, /) -> object:
        """Write a value to a file; the same value must make the same bytes."""

    def read(self, path: Path, /) -> Any:
        """Return the value in a file."""


class StoredValueJob(FileJob, Generic[Value]):
    """StoredValueJob: calls a function, and keeps what it returns in a file in the cache folder; see `ppg.cached`.

        def count() -> dict[str, int]:
            return {"reads": 3}

        counts = ppg.StoredValueJob("counts", count)
        ppg.run()
        assert counts.read() == {"reads": 3}

    Parameters:
        name: of the value, for `ppg.read`; it may contain folders ("qc/counts"). The file in the folder `values` of the
            cache folder is named after it, and is the job's id.
        function: called without arguments; returns the value.
        format: "pickle", "npy", "feather", "parquet", "json", "text", "bytes", or a `ValueFormat`. By default arrays of
            numpy are stored as npy, data frames of polars, and of pandas if there is pyarrow, as feather, and all else
            as pickles. What would not come back exactly is pickled, too.
        share: see `shares` of `FileJob`.
        timeout, retries, enforce_memory, isolation, confine: see `Execution`.

    Raises:
        TypeError, ValueError: an argument has the wrong type or value.
        JobContractError: an earlier declaration of the job differs.
        PyPipelineGraphError: the format needs a library that is not installed.
    """

    __slots__ = ("format", "name")

    def __init__(
        self,
        name: str,
        function: Callable[[], Value],
        *,
        format: FormatName | ValueFormat | None = None,  # noqa: A002 (what everyone calls it)
        share: bool = False,
        pipegraph: "GraphProtocol | None" = None,
        **options: Unpack[ExecutionOptions],
    ) -> None:
        _require_name(name)
        name = full_id(name)
        what = f"StoredValueJob '{name}'"
        suffix = _suffix_of(format, what)
        if wants_argument(function, what):
            raise TypeError(
                f"{what}: the function is called without arguments, but needs one; give its parameter a default, such "
                "as another job"
            )
        super().__init__(
            name,
            function,
            pipegraph,
            rename_broken=False,
            empty_ok=True,
            cutoff=True,
            share=share,
            execution=execution_of(options, ExecutionOptions, what),
        )
        self.name: str = str(name)
        self.format: FormatName | ValueFormat | None = format
        self.job_id: JobId = self.pipegraph._file_id(
            str(self.pipegraph.cache_folder / FOLDER / f"{name}{suffix}")
        )

    def definition(self) -> dict[str, object]:
        """File, function, format and options."""
        return super().definition() | {"format": self.format}

    @property
    def files(self) -> tuple[str, ...]:
        """The file with the value."""
        return (self.job_id,)

    @property
    def path(self) -> Path:
        """The file with the value, relative to the pipegraph's root."""
        return Path(self.job_id)

    @property
    def made(self) -> Path:
        """The file's path, for programs; functions get the value."""
        return self.path

    @property
    def call(self) -> Callback:
        """A function that calculates the value and writes it."""
        return functools.partial(
            write_stored, super().call, self._place, self.job_id, self._form, self.pipegraph.root
        )

    @property
    def _reading(self) -> Callable[[], object]:
        """A function that returns the value, in the process of a job that takes it."""
        return functools.partial(read_stored, self._place, self.job_id, self._form, self.callback)

    @property
    def _place(self) -> str:
        return absolute(self.job_id, self.pipegraph.root)

    @property
    def _form(self) -> Any:
        return AUTOMATIC if self.format is None else self.format

    def implicit_invariants(self) -> Iterable[Job]:
        """The invariants of the function, and of the user's code that writes the value."""
        return (*super().implicit_invariants(), *self._code_of("write"))

    def _code_of_reading(self) -> Iterable[Job]:
        """Return the invariant of the user's code that reads the value, on which the jobs that take it depend."""
        return tuple(map(self.pipegraph._admit, self._code_of("read")))

    def _code_of(self, method: str) -> Iterable[Job]:
        if self.format is None or isinstance(self.format, str):
            return ()
        name = WholeName(f"{self.job_id} ({method})")
        invariant = unadmitted(
            FunctionInvariant, name, getattr(self.format, method), pipegraph=self._pipegraph
        )
        invariant.declared_at = self.declared_at
        return (invariant,)

    def read(self, *, stale_ok: bool = False) -> Value:
        """Return the value, in the script, a notebook or a test: after a run, or without one if it is up to date.

            @ppg.cached("answer")
            def answer() -> int:
                return 42

            ppg.run()
            assert answer.read() == 42

        Without a run, ppg looks at all that the value depends on, as `verify` does.

        Parameters:
            stale_ok: return the value of the last success, even if it is not up to date.

        Raises:
            PyPipelineGraphError: the value is not up to date, or its job failed; or the file is not there, or not as
                the job has left it.
            CacheUnreadableError: the file cannot be read.
            JobContractError: this is the process of a job, which gets the value as a parameter.
        """
        value: Value = self.pipegraph._read_value(self, stale_ok=stale_ok)
        return value

    @property
    def loaded(self) -> ValueLoadingJob[Value]:
        """The load of the value, for large values that many jobs take: they share one copy in memory.

            @ppg.cached("genome")
            def genome() -> str:
                return "ACGT" * 1000

            @ppg.file("length.txt")
            def length(out: Path, genome: str = ppg.upstream(genome.loaded)) -> None:
                out.write_text(str(len(genome)))

            ppg.run()
            assert Path("length.txt").read_text() == "4000"

        The load is declared when it is asked for first.
        """
        job_id = WholeName(f"{self.job_id}_load")
        graph = self.pipegraph
        known = graph.job(job_id) if job_id in graph.dag else None
        if isinstance(known, StoredValueLoad):
            return known
        load: StoredValueLoad[Value] = unadmitted(StoredValueLoad, job_id, self, pipegraph=self._pipegraph)
        load.declared_at = self.declared_at
        admitted = graph._admit(load)
        assert isinstance(admitted, StoredValueLoad)
        admitted.depends_on(self, *self._code_of_reading())
        return admitted


class StoredValueLoad(ValueLoadingJob[Value]):
    """StoredValueLoad: loads a stored value into the compute node."""

    __slots__ = ("stored",)

    def __init__(
        self, job_id: str, stored: StoredValueJob[Value], *, pipegraph: "GraphProtocol | None"
    ) -> None:
        super().__init__(job_id, stored.callback, pipegraph=pipegraph)  # type: ignore[arg-type]
        self.stored: StoredValueJob[Value] = stored

    def _join(self, pipegraph: "GraphProtocol | None") -> None:
        """Make the load belong to `pipegraph`, and its stored value, of which a generator's process has a copy."""
        super()._join(pipegraph)
        if self.stored._pipegraph is None:
            self.stored._join(pipegraph)

    @property
    def call(self) -> Callback:
        """A function that reads the value."""
        return self.stored._reading

    def implicit_invariants(self) -> Iterable[Job]:
        """None: no function of the user's reads the value, or it is an upstream."""
        return ()

    def read(self, *, stale_ok: bool = False) -> Value:
        """Return the value; see `StoredValueJob.read`."""
        return self.stored.read(stale_ok=stale_ok)


def automatic_name(function: FunctionType) -> str:
    """Return the name of the value of a function: that of its module, and its own.

    A script has the same name whether it runs or is imported. A function of a notebook has its own name alone.

    Raises:
        TypeError: the function is no part of a module that could be named.
    """
    if "<" in function.__qualname__:
        what = "a lambda" if function.__name__ == "<lambda>" else "defined in another function"
        raise TypeError(
            f"ppg.cached: the function '{function.__qualname__}' is {what}, so it has no name that tells it from others; "
            'give the value one: @ppg.cached("name")'
        )
    module = function.__module__
    if module == "__main__":
        spec, file = function.__globals__.get("__spec__"), function.__globals__.get("__file__")
        module = spec.name if spec is not None else PurePosixPath(file).stem if isinstance(file, str) else ""
    return f"{module}.{function.__qualname__}" if module else function.__qualname__


def _require_name(name: object) -> None:
    if not isinstance(name, str):
        raise TypeError(f"StoredValueJob: name must be a str, not {type(name).__name__}: {name!r}")
    require_path(name, "StoredValueJob: name")
    parts = name.split("/")
    if any(part in {"", ".", ".."} for part in parts) or "\n" in name:
        raise ValueError(
            f"StoredValueJob: name must be the name of a value, with folders before it or none, not {name!r}; "
            "leave out what leads elsewhere"
        )
    longest = max(len(part.encode()) for part in parts)
    if longest > _LONGEST:
        raise ValueError(
            f"StoredValueJob: name has a part of {longest} bytes, and the file is named after it; use at most "
            f"{_LONGEST}: {name!r}"
        )


def _suffix_of(form: object, what: str) -> str:
    """Return the end of the name of the file.

    Raises:
        TypeError, ValueError: there is no such format.
        PyPipelineGraphError: the format needs a library that is not installed.
    """
    if form is None:
        return FORMATS[AUTOMATIC]
    if isinstance(form, str):
        if form not in FORMATS or form == AUTOMATIC:
            known = ", ".join(f'"{name}"' for name in FORMATS if name != AUTOMATIC)
            raise ValueError(
                f"{what}: there is no format {form!r}; use one of {known}, or an object with write(value, path) and "
                "read(path)"
            )
        _require_library(form, what)
        return FORMATS[form]
    if isinstance(form, type) or not all(
        is_function(getattr(form, name, None)) for name in ("write", "read")
    ):
        raise TypeError(
            f"{what}: format must be a text, or an object with write(value, path) and read(path), not {form!r}"
        )
    suffix = getattr(form, "suffix", ".custom")
    if not isinstance(suffix, str) or not suffix.startswith(".") or "/" in suffix or "\0" in suffix:
        raise ValueError(f'{what}: the suffix of the format must be a text such as ".csv", not {suffix!r}')
    if suffix in FORMATS.values():
        raise ValueError(f"{what}: files of ppg's own formats end with '{suffix}'; use another suffix")
    return suffix


def _require_library(form: str, what: str) -> None:
    wanted = {"npy": ("numpy",), "feather": ("pyarrow", "polars"), "parquet": ("pyarrow", "polars")}.get(
        form, ()
    )
    if wanted and not any(find_spec(library) is not None for library in wanted):
        raise PyPipelineGraphError(
            f'{what}: format="{form}" needs {wanted[0]}, which is not installed; install it (pip install {wanted[0]}), '
            "or leave the format out"
        )
