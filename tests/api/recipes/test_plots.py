"""Plots and tables with the real libraries.

These are imported where they are used: each process that calls a function of this module imports the module.
"""

import subprocess
import sys
from pathlib import Path

import pytest

import ppg
from tests.api.recipes.sketches import points, sketched

FORMATS = {"png": b"\x89PNG\r\n", "pdf": b"%PDF-", "svg": b"<?xml"}


def plain(data):
    """The quickest plot there is."""
    import matplotlib.figure

    figure = matplotlib.figure.Figure()
    figure.subplots().plot(data["x"], data["y"])
    return figure


def with_pyplot(data):
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots()
    axes.plot(data["x"], data["y"])
    return figure


def with_plotnine(data):
    import plotnine

    return plotnine.ggplot(data, plotnine.aes("x", "y")) + plotnine.geom_point()


def png_size(path):
    header = path.read_bytes()[16:24]
    return int.from_bytes(header[:4], "big"), int.from_bytes(header[4:], "big")


# -- what can be plotted and saved


@pytest.mark.parametrize("suffix", FORMATS)
@pytest.mark.parametrize("plot", [with_pyplot, with_plotnine])
def test_a_plot_is_saved_in_the_format_of_its_suffix_and_reproducibly(run, folder, plot, suffix):
    path = folder / f"out/plot.{suffix}"
    run(lambda: ppg.PlotJob(path, points, plot))
    first = path.read_bytes()
    assert first.startswith(FORMATS[suffix])
    path.unlink()
    assert run(lambda: ppg.PlotJob(path, points, plot)).ran == [f"out/plot.{suffix}"]
    assert path.read_bytes() == first


def test_frames_of_polars_are_plotted(run, folder):
    def calc():
        import polars

        return polars.DataFrame({"x": [1, 2], "y": [3, 4]})

    run(lambda: ppg.PlotJob("a.png", calc, plain, table_filename="a.csv"))
    assert (folder / "a.csv").read_text() == "x,y\n1,3\n2,4\n"
    assert (folder / "a.png").read_bytes().startswith(FORMATS["png"])


def test_the_axes_that_pandas_returns_are_saved_with_their_figure(run, folder):
    run(lambda: ppg.PlotJob("a.png", points, lambda data: data.plot(x="x", y="y")))
    assert (folder / "a.png").read_bytes().startswith(FORMATS["png"])


@pytest.mark.parametrize("plot", [plain, with_plotnine])
def test_size_is_in_inches_and_resolution_in_dots_per_inch(run, folder, plot):
    run(lambda: ppg.PlotJob("a.png", points, plot, width=4, height=3, dpi=50))
    assert png_size(folder / "a.png") == (200, 150)


def test_render_args_are_passed_on_and_may_hold_the_size(run, folder):
    arguments = {"width": 4, "height": 3, "dpi": 50, "metadata": {"Author": "somebody"}}
    run(lambda: ppg.PlotJob("a.png", points, plain, arguments))
    assert png_size(folder / "a.png") == (200, 150)
    assert b"somebody" in (folder / "a.png").read_bytes()


def test_matplotlib_draws_without_a_display_whatever_the_settings_say(run, folder, monkeypatch):
    monkeypatch.setenv("MPLBACKEND", "TkAgg")

    def plot(data):
        import matplotlib

        figure = with_pyplot(data)
        Path("backend").write_text(matplotlib.get_backend())
        return figure

    run(lambda: ppg.PlotJob("a.png", points, plot))
    assert (folder / "backend").read_text().lower() == "agg"


def test_declaring_and_finding_a_plot_up_to_date_imports_neither_matplotlib_nor_pandas(folder):
    (folder / "script.py").write_text(
        """
import sys
import ppg

def calc():
    import pandas
    return pandas.DataFrame({"x": [1]})

def plot(data):
    import matplotlib.figure
    figure = matplotlib.figure.Figure()
    figure.subplots().plot(data["x"])
    return figure

ppg.new_pipegraph(quiet=True)
ppg.PlotJob("a.png", calc, plot, table_filename="a.tsv")
print(sorted(ppg.run_pipegraph().ran), {"matplotlib", "pandas", "numpy"} & set(sys.modules))
"""
    )
    outputs = [
        subprocess.run([sys.executable, "script.py"], timeout=100, check=True, capture_output=True, text=True)
        for _ in range(2)
    ]
    assert outputs[0].stdout == "['a.png', 'a.tsv', 'cache/a.png.pickle'] set()\n"
    assert outputs[1].stdout == "[] set()\n"


# -- tables


@pytest.mark.parametrize(
    ("name", "row", "text"),
    [
        ("a.tsv", None, "x\ty\n1\t2\n"),
        ("a.csv", None, "x,y\n1,2\n"),
        ("a.TSV", "r", "row\tx\ty\nr\t1\t2\n"),
    ],
)
def test_a_table_has_the_index_of_the_frame_unless_it_only_counts(run, folder, name, row, text):
    def calc():
        import pandas

        return pandas.DataFrame({"x": [1], "y": [2]}, row and pandas.Index([row], name="row"))

    def declare():
        job = ppg.PlotJob("a.png", calc, sketched, table_filename=name)
        assert job.table_job.job_id == name

    run(declare)
    assert (folder / name).read_text() == text


def test_a_table_can_be_parquet(run, folder):
    import polars

    frame = polars.DataFrame({"x": [1, 2], "y": [3, 4]})
    run(lambda: ppg.PlotJob("a.png", lambda: frame, sketched, table_filename="a.parquet"))
    assert polars.read_parquet(folder / "a.parquet").equals(frame)


# -- what goes wrong


def test_an_unknown_format_fails_with_the_exception_of_the_library_and_a_note(failing_run, folder):
    error, graph = failing_run(lambda: ppg.PlotJob("a.shu", points, plain))
    assert isinstance(error.exceptions["a.shu"], ValueError)
    assert "while the plot 'a.shu' was saved" in graph.job("a.shu").traceback


# -- declarations


@pytest.mark.parametrize(
    ("declare", "error", "named"),
    [
        (lambda: ppg.PlotJob(5, points, plain), TypeError, "output_filename"),
        (lambda: ppg.PlotJob("a", points, plain), ValueError, "suffix"),
        (lambda: ppg.PlotJob("a.png", "calc", plain), TypeError, "callable"),
        (lambda: ppg.PlotJob("a.png", plain, plain), TypeError, "calculation"),
        (lambda: ppg.PlotJob("a.png", points, "plot"), TypeError, "callable"),
        (lambda: ppg.PlotJob("a.png", points, points), TypeError, "plot_function"),
        (lambda: ppg.PlotJob("a.png", points, plain, width=3), ValueError, "both width and height"),
        (lambda: ppg.PlotJob("a.png", points, plain, width=-3, height=1), ValueError, "width"),
        (lambda: ppg.PlotJob("a.png", points, plain, dpi="72"), TypeError, "dpi"),
        (lambda: ppg.PlotJob("a.png", points, plain, {"dpi": 1}, dpi=1), ValueError, "twice"),
        (lambda: ppg.PlotJob("a.png", points, plain, {"x": object()}), TypeError, "rendering"),
        (lambda: ppg.PlotJob("a.png", points, plain, table_filename="a.xls"), ValueError, "table_filename"),
    ],
)
def test_a_wrong_argument_of_a_plot_is_named_at_the_definition(folder, declare, error, named):
    graph = ppg.new_pipegraph(quiet=True)
    with pytest.raises(error, match=named):
        declare()
    assert len(graph) == 0


def test_the_same_plot_declared_again_is_the_same_object_and_another_one_is_refused(folder):
    ppg.new_pipegraph(quiet=True)
    first = ppg.PlotJob("a.png", points, plain, dpi=50, table_filename="a.tsv")
    assert ppg.PlotJob("a.png", points, plain, dpi=50, table_filename="a.tsv") is first
    with pytest.raises(ppg.JobContractError, match="way of rendering"):
        ppg.PlotJob("a.png", points, plain, dpi=60, table_filename="a.tsv")
    with pytest.raises(ppg.JobContractError, match="table_filename"):
        ppg.PlotJob("a.png", points, plain, dpi=50)
    with pytest.raises(ppg.JobContractError, match="function"):
        ppg.PlotJob("a.png", points, with_plotnine, dpi=50, table_filename="a.tsv")
