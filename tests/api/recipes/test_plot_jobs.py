"""Plots: what is calculated, kept and plotted when; with a plot that needs no library, so that these are quick."""

from pathlib import Path

import pytest

import ppg
from tests.api.recipes.sketches import Sketch, numbers, points, sketched


@pytest.fixture
def counted(account):
    """Makes calculations and plots keep account of their runs."""

    def make(function, name):
        def counting(*arguments):
            account.ran(name)
            return function(*arguments)

        if function in (numbers, points):
            return lambda: counting()
        return lambda data: counting(data)

    return make


def test_fiddling_with_the_plot_does_not_calculate_again(run, account, counted):
    calc = counted(numbers, "calc")
    run(lambda: ppg.PlotJob("a.png", calc, counted(sketched, "plot")))
    assert account.taken() == ["calc", "plot"]
    run(lambda: ppg.PlotJob("a.png", calc, counted(sketched, "another")))
    assert account.taken() == ["another"]


def test_a_changed_calculation_with_the_same_data_does_not_plot_again(run, account, counted):
    plot = counted(sketched, "plot")
    run(lambda: ppg.PlotJob("a.png", counted(numbers, "calc"), plot))
    account.taken()
    run(lambda: ppg.PlotJob("a.png", counted(numbers, "another"), plot))
    assert account.taken() == ["another"]


@pytest.mark.parametrize(
    "options",
    [{"dpi": 30}, {"width": 2, "height": 2}, {"render_args": {"transparent": True}}],
)
def test_another_way_to_render_plots_again_and_does_not_calculate(run, account, counted, options):
    calc, plot = counted(numbers, "calc"), counted(sketched, "plot")
    run(lambda: ppg.PlotJob("a.png", calc, plot))
    account.taken()
    run(lambda: ppg.PlotJob("a.png", calc, plot, **options))
    assert account.taken() == ["plot"]


def test_a_deleted_plot_is_drawn_from_the_cached_data_and_a_deleted_cache_is_not_missed(
    run, account, counted, folder
):
    def declare():
        ppg.PlotJob("a.png", counted(numbers, "calc"), counted(sketched, "plot"))

    run(declare)
    account.taken()
    (folder / "a.png").unlink()
    run(declare)
    assert account.taken() == ["plot"]
    (folder / "cache/a.png.pickle").unlink()
    assert run(declare).ran == []


def test_code_changes_of_both_halves_can_be_ignored(run, account, counted):
    def declare(name):
        ppg.PlotJob(
            "a.png", counted(numbers, f"calc{name}"), counted(sketched, f"plot{name}")
        ).ignore_code_changes()

    run(lambda: declare(""))
    account.taken()
    run(lambda: declare("!"))
    assert account.taken() == []


def test_dependencies_of_a_plot_go_to_the_calculation(run, account, counted, folder):
    def declare(parameter, *, plot_parameter=1):
        file = ppg.FileGeneratingJob("file", lambda path: path.write_text(str(parameter)))

        def calc():
            account.ran("calc")
            return Path("file").read_text()

        job = ppg.PlotJob("a.png", calc, counted(sketched, "plot")).depends_on(file)
        job.use_depends_on(ppg.ParameterInvariant("p", plot_parameter))
        assert file in job.cache_job.upstreams

    run(lambda: declare(1))
    assert account.taken() == ["calc", "plot"]
    run(lambda: declare(2))
    assert account.taken() == ["calc", "plot"]
    run(lambda: declare(2, plot_parameter=2))
    assert account.taken() == ["plot"]


def test_loaded_data_is_there_for_the_calculation(run, account, folder):
    class Genome:
        pass

    genome = Genome()

    def declare():
        loaded = ppg.AttributeLoadingJob("load", genome, "data", numbers)
        ppg.PlotJob("a.png", lambda: genome.data, sketched).depends_on(loaded)

    run(declare)
    assert (folder / "a.png").exists()


def test_several_plots_share_the_data_of_one_calculation(run, account, counted, folder):
    def declare():
        first = ppg.PlotJob("a.png", counted(numbers, "calc"), counted(sketched, "a"), timeout=100)
        second = first.add_another_plot("b.png", counted(sketched, "b"), dpi=40)
        third = ppg.PlotJob("c.svg", first.cache_job, counted(sketched, "c"))
        assert second.cache_job is third.cache_job is first.cache_job

    run(declare)
    assert account.taken() == ["a", "b", "c", "calc"]


def test_plots_can_be_pruned_with_their_tables_targeted_and_added(run, account, counted, folder):
    def declare():
        a = ppg.PlotJob("a.png", counted(points, "calc"), counted(sketched, "a"), table_filename="a.tsv")
        b = a.add_another_plot("b.png", counted(sketched, "b"))
        ppg.FileGeneratingJob("c", lambda path: path.write_text("C")).depends_on(a + b)
        return a, b

    run(lambda: declare()[0].prune())
    assert account.taken() == ["b", "calc"]
    assert not (folder / "a.tsv").exists()
    graph = ppg.new_pipegraph(quiet=True)
    a, _b = declare()
    graph.run(targets=[a.prune().unprune()])
    assert account.taken() == ["a"]
    assert not (folder / "a.tsv").exists()
    assert run(declare).ran == ["a.tsv", "c"]


def test_a_generator_can_declare_plots_in_the_cache_folder_of_the_script(run, account, counted, folder):
    def declare():
        def generate():
            ppg.PlotJob("a.png", points, sketched, table_filename="a.tsv").depends_on_params(1)

        ppg.JobGeneratingJob("generator", generate)

    run(declare, cache_folder="kept")
    assert (folder / "kept/a.png.pickle").exists()
    assert (folder / "a.tsv").read_text() == "x\ty\n1\t1\n2\t4\n3\t9\n"
    assert run(declare, cache_folder="kept").ran == ["generator"]


def test_any_value_and_anything_that_has_save_will_do(run, folder):
    run(lambda: ppg.PlotJob("a.txt", lambda: {"word": "dots"}, lambda data: Sketch(data["word"]), dpi=70))
    assert (folder / "a.txt").read_text() == "dots at 70"


def test_a_table_of_something_else_fails_by_itself_and_says_what_to_do(failing_run, folder):
    error, _graph = failing_run(
        lambda: ppg.PlotJob("a.txt", lambda: {"x": 1}, lambda data: Sketch("x"), table_filename="a.tsv")
    )
    assert list(error.exceptions) == ["a.tsv"]
    assert "'a.tsv' returned a builtins.dict, of which no .tsv table" in str(error.exceptions["a.tsv"])
    assert (folder / "a.txt").exists()


@pytest.mark.parametrize(
    ("returned", "options", "message"),
    [
        (None, {}, "'a.png' returned None; let it return the plot"),
        (17, {}, "'a.png' returned a builtins.int, which cannot be saved"),
        (Sketch("x"), {"width": 1, "height": 2}, "cannot be saved with width, height: its method save takes"),
    ],
)
def test_what_cannot_be_saved_fails_with_the_name_of_the_job(failing_run, folder, returned, options, message):
    error, _graph = failing_run(lambda: ppg.PlotJob("a.png", numbers, lambda data: returned, **options))
    failure = error.exceptions["a.png"]
    assert isinstance(failure, ppg.JobContractError)
    assert message in str(failure)
    assert not (folder / "a.png").exists()


def test_a_failed_calculation_blocks_the_plot_and_leaves_the_old_one(run, failing_run, folder):
    run(lambda: ppg.PlotJob("a.png", points, sketched, table_filename="a.tsv"))
    before = (folder / "a.png").read_bytes()

    def calc():
        raise KeyError("no data")

    error, _graph = failing_run(lambda: ppg.PlotJob("a.png", calc, sketched, table_filename="a.tsv"))
    assert list(error.exceptions) == ["cache/a.png.pickle"]
    assert set(error.blocked) == {"a.png", "a.tsv"}
    assert (folder / "a.png").read_bytes() == before


class Fragile:
    """Data whose pickle cannot be read while a file called `broken` is there."""

    def __reduce__(self):
        return restored, ()


def restored():
    if Path("broken").exists():
        raise LookupError("unknown")
    return Fragile()


def test_unreadable_data_is_calculated_again_and_the_old_plot_stays_if_that_fails(run, failing_run, folder):
    def calc():
        if Path("broken").exists() and not Path("mend").exists():
            raise OSError("no data any more")
        Path("broken").unlink(missing_ok=True)
        return Fragile()

    def declare(text):
        ppg.PlotJob("a.txt", calc, lambda data: Sketch(text))

    run(lambda: declare("one"))
    (folder / "broken").touch()
    error, _graph = failing_run(lambda: declare("two"))
    assert list(error.exceptions) == ["cache/a.txt.pickle"]
    assert (folder / "a.txt").read_text() == "one at None"
    (folder / "mend").touch()
    run(lambda: declare("two"))
    assert (folder / "a.txt").read_text() == "two at None"


@pytest.mark.parametrize("name", ["../beside.png", "%2E%2E/a.png", "with space/ü.png"])
def test_every_plot_has_a_cache_of_its_own(run, folder, name):
    run(lambda: [ppg.PlotJob(each, numbers, sketched) for each in (name, "a.png")])
    caches = sorted(str(path.relative_to(folder)) for path in folder.glob("cache/**/*.pickle"))
    assert len(caches) == 2
    assert (folder / name).exists()
