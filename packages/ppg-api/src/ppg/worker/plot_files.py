"""Plot files: draws plots and writes tables, in the job processes.

This module does not import matplotlib or pandas: the modules that the user's functions imported are in `sys.modules`.
"""

import contextlib
import inspect
import os
import sys
from collections.abc import Callable, Container, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ppg.exceptions import JobContractError

__all__ = ["SEPARATORS", "Rendering", "draw", "write_table"]

SEPARATORS = {".tsv": "\t", ".csv": ","}
"""Separators of tables that are text, by the file's suffix."""


@dataclass(frozen=True, slots=True)
class Rendering:
    """Rendering: how a plot is saved.

    Attributes:
        dpi: dots per inch of formats that have dots; None for that of the plot.
        width, height: of the whole plot, in inches; both or none.
        arguments: further arguments of the plot's own `save` or `savefig`, by name.
    """

    dpi: float | None = None
    width: float | None = None
    height: float | None = None
    arguments: Mapping[str, object] = field(default_factory=dict)


def draw(
    plot_function: Callable[[object], object], rendering: Rendering, path: str, job_id: str, value: object
) -> None:
    """Plot a value, and save the plot.

    Parameters:
        plot_function: called with the value; returns a plot.
        rendering: how the plot is saved.
        path: the file, absolute.
        job_id: for messages.
        value: the data to plot.

    Raises:
        JobContractError: the returned plot cannot be saved, or not with this rendering.
    """
    __tracebackhide__ = True
    with _without_display():
        plot = plot_function(value)
        save, arguments = _saving(plot, rendering, job_id)
        try:
            with _reproducible():
                save(path, **arguments)
        except Exception as error:
            error.add_note(f"This happened while the plot '{job_id}' was saved, a {_kind(plot)}.")
            raise


def write_table(path: str, job_id: str, value: object) -> None:
    """Write a data frame as a table in the format of the file's suffix.

    Parameters:
        path: the file, absolute.
        job_id: for messages.
        value: a frame of pandas or polars. The index of a pandas frame is written unless it only counts the rows.

    Raises:
        JobContractError: the value is no such frame.
    """
    __tracebackhide__ = True
    suffix = path[path.rindex(".") :].lower()
    pandas_style, polars_style = (
        ("to_csv", "write_csv") if suffix in SEPARATORS else ("to_parquet", "write_parquet")
    )
    frame: Any = value
    if hasattr(frame, pandas_style):
        if suffix in SEPARATORS:
            frame.to_csv(path, sep=SEPARATORS[suffix], index=not _only_counts(frame.index))
        else:
            frame.to_parquet(path)
    elif hasattr(frame, polars_style):
        if suffix in SEPARATORS:
            frame.write_csv(path, separator=SEPARATORS[suffix])
        else:
            frame.write_parquet(path)
    else:
        raise JobContractError(
            f"The calculation of '{job_id}' returned a {_kind(value)}, of which no {suffix} table can be written; let "
            "it return a data frame of pandas or polars, or leave table_filename out"
        )


def _only_counts(index: Any) -> bool:
    """Whether the index of a pandas frame is the default index."""
    is_range = type(index).__name__ == "RangeIndex" and index.name is None
    return is_range and (index.start, index.step) == (0, 1)


def _saving(plot: Any, rendering: Rendering, job_id: str) -> tuple[Callable[..., object], dict[str, object]]:
    """Return the method that saves the plot, and its arguments besides the path."""
    if plot is None:
        raise JobContractError(
            f"plot_function of '{job_id}' returned None; let it return the plot (with pyplot: `return plt.gcf()`)"
        )
    if not hasattr(plot, "savefig") and not hasattr(plot, "save") and hasattr(plot, "get_figure"):
        plot = plot.get_figure()  # pandas and seaborn return axes
    own_arguments = getattr(plot, "render_args", None)
    arguments = {
        **(own_arguments if isinstance(own_arguments, Mapping) else {}),
        **({} if rendering.dpi is None else {"dpi": rendering.dpi}),
        **rendering.arguments,
    }
    if callable(getattr(plot, "savefig", None)):
        if rendering.width is not None:
            _resize(plot, rendering, job_id)
        save = plot.savefig
    elif callable(getattr(plot, "save", None)):
        save = plot.save
        accepted = inspect.signature(save).parameters
        arguments = _own_size(plot, accepted) | arguments
        if rendering.width is not None:
            arguments |= {"width": rendering.width, "height": rendering.height}
        if "verbose" in accepted:
            arguments.setdefault("verbose", False)  # plotnine prints a message otherwise
    else:
        raise JobContractError(
            f"plot_function of '{job_id}' returned a {_kind(plot)}, which cannot be saved; let it return a plot of "
            "plotnine, a figure of matplotlib, or anything else that has a method save or savefig"
        )
    given = {name: value for name, value in arguments.items() if value is not None}
    _require_accepted(save, given, plot, job_id)
    return save, given


def _own_size(plot: object, accepted: Container[str]) -> dict[str, object]:
    """Return the size that a plot has as its attributes, in the unit of its method `save`, if that takes a size."""
    if "width" not in accepted or "height" not in accepted:
        return {}
    size = {name: getattr(plot, name, None) for name in ("width", "height")}
    return {
        name: value
        for name, value in size.items()
        if isinstance(value, (int, float)) and not isinstance(value, bool) and value > 0
    }


def _require_accepted(
    save: Callable[..., object], given: Mapping[str, object], plot: object, job_id: str
) -> None:
    parameters = inspect.signature(save).parameters
    if any(each.kind is each.VAR_KEYWORD for each in parameters.values()):
        return
    unknown = [name for name in given if name not in parameters]
    if unknown:
        raise JobContractError(
            f"The plot '{job_id}', a {_kind(plot)}, cannot be saved with {', '.join(unknown)}: its method "
            f"{save.__name__} takes {', '.join(parameters)}"
        )


def _resize(plot: Any, rendering: Rendering, job_id: str) -> None:
    figure: Any = plot if hasattr(plot, "set_size_inches") else getattr(plot, "figure", None)
    if not hasattr(figure, "set_size_inches"):
        raise JobContractError(
            f"The plot '{job_id}', a {_kind(plot)}, has no size that could be set; leave width and height out, and set "
            "it in plot_function"
        )
    figure.set_size_inches(rendering.width, rendering.height)


@contextlib.contextmanager
def _without_display() -> Iterator[None]:
    """Make matplotlib draw into files only, whatever backend the user's settings, a notebook or a module chose."""
    before = os.environ.get("MPLBACKEND")
    os.environ["MPLBACKEND"] = "Agg"
    try:
        if "matplotlib" in sys.modules:
            sys.modules["matplotlib"].use("Agg", force=True)
        yield
    finally:
        # An executor without processes continues in this process, so the variable is restored.
        if before is None:
            del os.environ["MPLBACKEND"]
        else:
            os.environ["MPLBACKEND"] = before


@contextlib.contextmanager
def _reproducible() -> Iterator[None]:
    """Make the same plot give the same bytes: without the time in PDFs and SVGs, and without random ids."""
    is_ours = "SOURCE_DATE_EPOCH" not in os.environ
    os.environ.setdefault("SOURCE_DATE_EPOCH", "0")
    matplotlib = sys.modules.get("matplotlib")
    settings = (
        contextlib.nullcontext() if matplotlib is None else matplotlib.rc_context({"svg.hashsalt": "ppg"})
    )
    try:
        with settings:
            yield
    finally:
        if is_ours:
            del os.environ["SOURCE_DATE_EPOCH"]


def _kind(value: object) -> str:
    return f"{type(value).__module__}.{type(value).__qualname__}"
