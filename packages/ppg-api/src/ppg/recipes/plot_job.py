"""Plots: calculate → cached data → plot, and a table of the data if the user asks for it.

The calculation and the plot are two jobs (see `cached_jobs`), so a change of the plot does not repeat the calculation.
`plot_files` draws.
"""

import functools
from collections.abc import Callable, Iterable, Mapping
from math import isfinite
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, ClassVar, Self, Unpack

from ppg.jobs.file_jobs import FileGeneratingJob
from ppg.jobs.invariants import ParameterInvariant
from ppg.jobs.job import Job, unadmitted
from ppg.kinds.execution import ExecutionOptions
from ppg.kinds.kind import ProcessCall
from ppg.kinds.signature import Callback
from ppg.paths import PathLike, require_path
from ppg.recipes.cached_jobs import CachedJob, CacheJob, declared_with
from ppg.recipes.inherited import graph_for
from ppg.session.namespaces import WholeName, full_path
from ppg.worker.cache_files import draw_value, make_files_from, tabulate_value
from ppg.worker.plot_files import SEPARATORS, Rendering

if TYPE_CHECKING:
    from ppg.kinds.graph_protocol import GraphProtocol

__all__ = ["PlotJob", "TableJob", "ValueFileJob"]

TABLES = (*SEPARATORS, ".parquet")


class ValueFileJob(CachedJob, FileGeneratingJob):
    """ValueFileJob: makes a file from a cached value: a plot, or its table."""

    __slots__ = ("cache_job",)

    @property
    def make(self) -> Callable[[object], object]:
        """The function that makes the file from the value, in the job process."""
        raise NotImplementedError

    def process_call(self) -> ProcessCall:
        """Return the call that reads the value, and makes the file from it."""
        paths = self._places()
        return ProcessCall(
            make_files_from,
            (self.cache_job._reading, self.make, paths, *self._patience),
            self._describing(paths),
            returns_plain=True,
        )

    @property
    def _absolute(self) -> str:
        return str(Path(self.pipegraph.root, self.job_id))


class TableJob(ValueFileJob):
    """TableJob: writes the data of a plot as a table; the `table_job` of the `PlotJob` that asks for it."""

    __slots__ = ()

    def __init__(
        self,
        table_filename: PathLike,
        cache_job: CacheJob,
        *,
        share: bool = False,
        pipegraph: "GraphProtocol | None" = None,
        **options: Unpack[ExecutionOptions],
    ) -> None:
        path = full_path(require_path(table_filename, "PlotJob: table_filename"))
        if PurePosixPath(path).suffix.lower() not in TABLES:
            raise ValueError(f"PlotJob: table_filename must end with {', '.join(TABLES)}, unlike '{path}'")
        super().__init__(path, cache_job.callback, share=share, pipegraph=pipegraph, **options)
        self.cache_job: CacheJob = cache_job

    @property
    def make(self) -> Callable[[object], object]:
        """The function that writes the table."""
        return functools.partial(tabulate_value, self._absolute, self.job_id)

    def implicit_invariants(self) -> Iterable[Job]:
        """The calculation; no function of the user writes a table."""
        return (self.cache_job,)


class RenderingInvariant(ParameterInvariant):
    """RenderingInvariant: observes how a plot is saved, and is named after the plot."""

    __slots__ = ()
    _name_space: ClassVar[str] = "rendering:"
    _if_declared_twice: ClassVar[str] = Job._if_declared_twice


class PlotJob(ValueFileJob):
    r"""PlotJob: calculates data, keeps it in a file, and plots it.

    Each half runs again when its own function changes; the plot also when the data changed. The dependencies of the
    job (`depends_on`) are those of the calculation; dependencies of the plot alone go to `use_depends_on`. matplotlib
    draws with its Agg backend. The same plot gives the same bytes: the date that matplotlib writes into PDFs and SVGs
    comes from the variable SOURCE_DATE_EPOCH, or else is 1970.

        def draw(numbers: list[int]) -> object:
            from matplotlib.figure import Figure

            figure = Figure()
            figure.subplots().plot(numbers)
            return figure

        ppg.PlotJob("plot.png", lambda: [1, 2, 4], draw)
        ppg.run()
        assert Path("plot.png").read_bytes().startswith(b"\x89PNG")

    Parameters:
        output_filename: the plot; its suffix gives the format: `.png`, `.pdf`, `.svg`, or another that the plot can
            be saved as. It is the job's id.
        calc_function: called without arguments; returns a data frame of pandas or polars, or anything else that can
            be pickled. Or the `cache_job` of another plot or cached job, to use its data.
        plot_function: called with the return value of `calc_function`; returns a plot of plotnine, a figure or axes of
            matplotlib, or anything else that has a method `save` or `savefig`.
        render_args: further arguments of that method, by name; `dpi`, `width` and `height` may be among them.
        dpi: dots per inch; by default that of the plot.
        width, height: of the whole plot in inches, both or none; by default those of the plot. A plot with a method
            `save` may have them as attributes, and further arguments as `render_args`.
        table_filename: also write the data as a table: `.tsv`, `.csv` or `.parquet` by the suffix (for the latter
            pandas needs pyarrow). The data must be a data frame then. The job that writes it is `table_job`.
        cache_filename: the file with the pickled data; by default in the pipegraph's cache folder, under the name of
            the plot.
        share: of each half that is declared here; see `shares` of `FileJob`.
        timeout, retries, enforce_memory, isolation, confine: of each half that is declared here; see `Execution`.
        cores, memory: of the calculation that is declared here, as `use_cores`; see `Execution`. The plot itself has
            `cores_needed` and `memory_needed`.

    Attributes:
        cache_job: the calculation.
        table_job: the job that writes the table, or None.

    Raises:
        TypeError, ValueError: an argument has the wrong type or value.
        JobContractError: another job makes one of the files, or an earlier declaration of the job differs.
    """

    __slots__ = ("_parameters", "_rendering", "table_job")

    def __init__(
        self,
        output_filename: PathLike,
        calc_function: Callback | CacheJob,
        plot_function: Callback,
        render_args: Mapping[str, object] | None = None,
        *,
        dpi: float | None = None,
        width: float | None = None,
        height: float | None = None,
        table_filename: PathLike | None = None,
        cache_filename: PathLike | None = None,
        share: bool = False,
        pipegraph: "GraphProtocol | None" = None,
        **options: Unpack[ExecutionOptions],
    ) -> None:
        pipegraph = graph_for(pipegraph, [calc_function], f"PlotJob '{output_filename}'")
        of_plot = _without_resources(options)
        super().__init__(output_filename, plot_function, share=share, pipegraph=pipegraph, **of_plot)
        what = f"PlotJob '{self.job_id}'"
        if not self._passes_argument:
            raise TypeError(
                f"{what}: plot_function is called with the data, but takes no argument; give it a parameter"
            )
        if not PurePosixPath(self.job_id).suffix:
            raise ValueError(
                f"{what}: the suffix says the format, so there must be one: .png, .pdf or .svg, say"
            )
        self._rendering = _rendering(what, render_args, {"dpi": dpi, "width": width, "height": height})
        shown = self._rendering
        self._parameters = unadmitted(
            RenderingInvariant,
            WholeName(self.job_id),
            (shown.dpi, shown.width, shown.height, dict(shown.arguments)),
            pipegraph=pipegraph,
        )
        if isinstance(calc_function, CacheJob):
            if cache_filename is not None:
                raise TypeError(
                    f"{what}: the data that another job calculates has its cache_filename already; leave the argument out"
                )
            _refuse_resources(what, options)
            calculation = calc_function
        else:
            place = _cache_of(self) if cache_filename is None else cache_filename
            calculation = unadmitted(
                CacheJob, place, calc_function, "PlotJob", share=share, pipegraph=pipegraph, **options
            )
        table = None
        if table_filename is not None:
            table = unadmitted(
                TableJob, table_filename, calculation, share=share, pipegraph=pipegraph, **of_plot
            )
        self.cache_job: CacheJob = (
            calculation if calculation is calc_function else declared_with(self, calculation)
        )
        self.table_job: TableJob | None = None
        if table is not None:
            table.cache_job = self.cache_job
            self.table_job = declared_with(self, table)

    def definition(self) -> dict[str, object]:
        """Files, functions and options."""
        return super().definition() | {
            "way of rendering": self._parameters.encoding,
            "table_filename": None if self.table_job is None else self.table_job.job_id,
            "cache_filename": self.cache_job.job_id,
        }

    @property
    def make(self) -> Callable[[object], object]:
        """The function that plots the value, and saves the plot."""
        shown = self._rendering
        pieces = (shown.dpi, shown.width, shown.height, shown.arguments)
        return functools.partial(draw_value, self.call, pieces, self._absolute, self.job_id)

    def implicit_invariants(self) -> Iterable[Job]:
        """The invariants of the plot's own function and of its rendering, and the calculation."""
        return (*super().implicit_invariants(), self._parameters)

    def add_another_plot(
        self,
        output_filename: PathLike,
        plot_function: Callback,
        render_args: Mapping[str, object] | None = None,
        *,
        dpi: float | None = None,
        width: float | None = None,
        height: float | None = None,
        share: bool = False,
        **options: Unpack[ExecutionOptions],
    ) -> "PlotJob":
        """Declare another plot of the same data, which is calculated once; return its job.

        Parameters:
            output_filename, plot_function, render_args, dpi, width, height: see `PlotJob`.
            share, timeout, retries, enforce_memory, isolation, confine: of the new plot.

        Raises:
            TypeError: `cores` or `memory` are given, which are those of the calculation.
        """
        return PlotJob(
            output_filename,
            self.cache_job,
            plot_function,
            render_args,
            dpi=dpi,
            width=width,
            height=height,
            share=share,
            pipegraph=self.pipegraph,
            **options,
        )

    def prune(self) -> Self:
        """Leave the plot and its table out of the run; see `Job.prune`."""
        if self.table_job is not None:
            self.table_job.prune()
        return super().prune()

    def unprune(self) -> Self:
        """Undo `prune`; return the job."""
        if self.table_job is not None:
            self.table_job.unprune()
        return super().unprune()


def _without_resources(options: ExecutionOptions) -> ExecutionOptions:
    """Return the options without those of the calculation alone."""
    rest = options.copy()
    rest.pop("cores", None)
    rest.pop("memory", None)
    return rest


def _refuse_resources(what: str, options: ExecutionOptions) -> None:
    for name in ("cores", "memory"):
        if name in options:
            raise TypeError(
                f"{what}: {name} is an option of the calculation, which another job declares; give it there, or set "
                f"{name}_needed of this plot"
            )


def _rendering(
    what: str, render_args: Mapping[str, object] | None, own: Mapping[str, float | None]
) -> Rendering:
    arguments = dict(render_args or {})
    numbers: dict[str, float | None] = {}
    for name, value in own.items():
        if value is not None and name in arguments:
            raise ValueError(
                f"{what}: {name} is given twice, as an argument and in render_args; give it once"
            )
        numbers[name] = _number(what, name, arguments.pop(name, value))
    if (numbers["width"] is None) is not (numbers["height"] is None):
        raise ValueError(f"{what}: give both width and height, in inches, or none of them")
    return Rendering(numbers["dpi"], numbers["width"], numbers["height"], arguments)


def _number(what: str, name: str, value: object) -> float | None:
    if value is None:
        return None
    if not isinstance(value, (int, float)) or isinstance(value, bool):
        raise TypeError(f"{what}: {name} must be a number, not {value!r}")
    if not (value > 0 and isfinite(value)):
        raise ValueError(f"{what}: {name} must be positive, not {value}")
    return value


def _cache_of(plot: PlotJob) -> PathLike:
    """Return the cache file of a plot, which differs for every plot file."""
    parts = PurePosixPath(plot.job_id).parts
    inside = ["%2E%2E" if part == ".." else part.replace("%", "%25") for part in parts]
    return Path(plot.pipegraph.cache_folder, *inside[:-1], f"{inside[-1]}.pickle")
