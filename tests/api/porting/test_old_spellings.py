"""Spellings of the predecessors that mean the same here work; those that mean something else are errors."""

import copy
import pickle
from pathlib import Path

import cloudpickle
import pytest

import ppg
from tests.api.callbacks import nothing, write


def helper():
    return "helped"


# -- resources


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("2GB", 2_000_000_000),
        ("2 GB", 2_000_000_000),
        ("2gb", 2_000_000_000),
        (" 512 MiB ", 512 * 1024**2),
        ("1.5 kB", 1500),
        ("0.1 TB", 100_000_000_000),
        ("3KiB", 3072),
        ("100 B", 100),
        ("1PiB", 1024**5),
    ],
)
def test_memory_is_stated_as_a_text_with_its_unit(graph, text, size):
    job = ppg.FileGeneratingJob("a", write)
    job.memory_needed = text
    assert job.memory_needed == size


@pytest.mark.parametrize("text", ["", "GB", "2", "2 G", "-1 GB", "2 iB", "two GB", "1e3 GB", "2 GB!", "0 GB"])
def test_another_text_is_no_memory_and_the_error_shows_the_form(graph, text):
    job = ppg.FileGeneratingJob("a", write)
    with pytest.raises(ValueError, match="memory_needed of 'a' must be") as caught:
        job.memory_needed = text
    assert "byte" in str(caught.value)
    assert job.memory_needed == -1


def test_the_stated_memory_of_a_job_limits_it(run):
    def declare():
        job = ppg.FileGeneratingJob("a", write)
        job.memory_needed = "1 GB"
        ppg.FileGeneratingJob("too large", write).memory_needed = "900 TB"

    with pytest.raises(ppg.RuntimeError) as caught:
        run(declare)
    assert list(caught.value.exceptions) == ["too large"]


def test_the_cores_of_a_cached_job_or_plot_are_those_of_its_calculation(graph):
    cached = ppg.CachedDataLoadingJob("cache/a", lambda: 1, lambda value: None)
    plot = ppg.PlotJob("plot.png", lambda: 1, lambda value: None)
    entry = ppg.CachedDictEntryLoadingJob("cache/b", {}, "b", lambda: 1)
    for job in (cached, plot, entry):
        assert job.use_cores(3) is job
        assert (job.cache_job.cores_needed, job.cores_needed) == (3, 1)
        job.cores_needed = 2
        assert (job.cache_job.cores_needed, job.cores_needed) == (3, 2)
    other = plot.add_another_plot("other.png", lambda value: None)
    other.use_cores(5)
    assert plot.cache_job.cores_needed == 5, "it is the same calculation"


# -- results


def test_a_job_below_a_failed_one_has_failed_with_an_exception_that_names_the_failed_one(failing_run):
    def declare():
        failed = ppg.FileGeneratingJob("a", lambda path: 1 / 0)
        blocked = ppg.FileGeneratingJob("b", write).depends_on(failed)
        ppg.FileGeneratingJob("c", write).depends_on(blocked)
        ppg.FileGeneratingJob("good", write)

    error, graph = failing_run(declare)
    assert list(error.exceptions) == ["a"]
    assert isinstance(graph.job("a").exception, ZeroDivisionError)
    for name in "bc":
        blocked = graph.job(name)
        assert (blocked.failed, blocked.was_run, blocked.traceback) == (True, False, None)
        assert isinstance(blocked.exception, ppg.PyPipelineGraphError)
        assert "Upstream 'a' failed" in str(blocked.exception)
        assert blocked.outcome.state is ppg.JobState.BLOCKED
        assert not blocked.outcome.failed, "it has not failed itself"
        assert blocked.outcome.exception is None
    assert (graph.job("good").failed, graph.job("good").exception) == (False, None)
    assert graph.result.failed == ["a"]
    assert graph.result.blocked == ["b", "c"]


def test_exceptions_by_number_are_refused_with_the_way_to_write_it(failing_run):
    error, _ = failing_run(lambda: ppg.FileGeneratingJob("a", lambda path: 1 / 0))
    with pytest.raises(KeyError, match=r"list\(error.exceptions.values\(\)\)\[0\]"):
        error.exceptions[0]
    assert isinstance(next(iter(error.exceptions.values())), ZeroDivisionError)


def test_a_second_run_of_a_graph_is_refused_and_the_error_names_redefine(folder, account):
    graph = ppg.new_pipegraph(quiet=True)
    graph.run()
    for again in (graph.run, lambda: ppg.FileGeneratingJob("a", write)):
        with pytest.raises(ppg.PyPipelineGraphError, match=r"new_pipegraph\(redefine=True\)"):
            again()
    several = ppg.new_pipegraph(quiet=True, redefine=True)
    several.run()
    ppg.FileGeneratingJob("a", write)
    assert several.run().ran == ["a"]


# -- functions


def test_a_function_that_is_none_is_an_invariant_that_never_changes(run, folder):
    def declare(function=None):
        ppg.FileGeneratingJob("a", write).depends_on(ppg.FunctionInvariant("f", function))

    assert run(declare).ran == ["a"]
    assert run(declare).ran == []
    assert run(lambda: declare(helper)).ran == ["a"], "None has become a function"
    assert run(lambda: declare(helper)).ran == []
    assert run(declare).ran == ["a"]


def test_none_and_a_function_under_one_name_are_two_declarations(graph):
    assert ppg.FunctionInvariant("f", None) is ppg.FunctionInvariant("f", None)
    with pytest.raises(ppg.JobContractError, match="another function"):
        ppg.FunctionInvariant("f", helper)


def test_a_generator_declares_a_function_that_is_none(run):
    def generate():
        ppg.FileGeneratingJob("a", write).depends_on(ppg.FunctionInvariant("f", None))

    def declare():
        ppg.JobGeneratingJob("generator", generate)

    assert "a" in run(declare).ran
    assert "a" not in run(declare).ran


def test_a_function_invariant_takes_the_order_of_pypipegraph2(graph):
    named = ppg.FunctionInvariant("f", helper)
    assert ppg.FunctionInvariant(helper, "f") is named
    alone = ppg.FunctionInvariant(helper)
    assert alone.function is helper
    assert alone is ppg.FileGeneratingJob("a", write).depends_on_func(helper).upstreams[0]
    with pytest.raises(TypeError, match="pass a name before the function"):
        ppg.FunctionInvariant(lambda: 1)
    with pytest.raises(TypeError, match="function"):
        ppg.FunctionInvariant("f")


def test_depends_on_func_takes_a_name_before_or_after_the_function(graph):
    jobs = [ppg.FileGeneratingJob(name, write) for name in "ab"]
    jobs[0].depends_on_func("helper", helper)
    jobs[1].depends_on_func(helper, "helper")
    jobs[1].depends_on_func(helper, name="other")
    assert [invariant.job_id for invariant in jobs[0].upstreams] == ["function:a_helper"]
    assert [invariant.job_id for invariant in jobs[1].upstreams] == ["function:b_helper", "function:b_other"]
    for wrong in ((None,), ("name",), (1,), (helper, 1)):
        with pytest.raises(TypeError, match="depends_on_func"):
            jobs[0].depends_on_func(*wrong)


# -- files


def test_a_file_of_a_job_can_be_used_as_its_path(run, folder):
    def make(files):
        files["a"].write_text("of a")
        files["b"].write_text("of b")

    def declare():
        several = ppg.MultiFileGeneratingJob({"a": "out/a.tar.gz", "b": "out/b.txt"}, make)
        a = several["a"]

        def use(path):
            path.write_text(a.read_text() + several["b"].read_bytes().decode())

        ppg.FileGeneratingJob("c", use).depends_on(a, several["b"])

    run(declare)
    assert (folder / "c").read_text() == "of aof b"
    assert run(declare).ran == []
    graph = ppg.new_pipegraph(quiet=True)
    file = ppg.MultiFileGeneratingJob({"a": "out/a.tar.gz", "b": "out/b.txt"}, make)["a"]
    path = Path("out/a.tar.gz")
    for name in ("name", "stem", "suffix", "suffixes", "parts", "parent"):
        assert getattr(file, name) == getattr(path, name), name
    for name in ("exists", "is_file", "absolute", "resolve", "as_posix", "read_text", "read_bytes"):
        assert getattr(file, name)() == getattr(path, name)(), name
    assert file.with_suffix(".b") == path.with_suffix(".b")
    assert file.with_name("b") == path.with_name("b")
    assert file.with_stem("b") == path.with_stem("b")
    assert file.stat().st_size == 4
    assert file.parent / "b.txt" == Path("out/b.txt")
    assert file / "inside" == file.joinpath("inside") == path / "inside"
    with file.open("rb") as opened:
        assert opened.read() == b"of a"
    assert graph is ppg.current_pipegraph()


def test_a_file_by_number_is_refused_with_the_way_to_write_it(graph):
    several = ppg.MultiFileGeneratingJob(["b", "a"], lambda files: None)
    with pytest.raises(TypeError, match=r"list\(job.files\)\[0\]"):
        several[0]
    assert several.files[0] == "b"


def test_a_cached_job_is_no_tuple_and_the_error_names_its_parts(graph):
    for job in (
        ppg.CachedDataLoadingJob("cache/a", lambda: 1, lambda value: None),
        ppg.PlotJob("plot.png", lambda: 1, lambda value: None),
    ):
        with pytest.raises(TypeError, match=f"'{job.job_id}'.*is one job, not a tuple.*cache_job"):
            _load, _calculation = job
        with pytest.raises(TypeError, match="not a tuple"):
            job[1]
        user = ppg.FileGeneratingJob(f"user of {Path(job.job_id).name}", write).depends_on([job], (job,), job)
        assert list(user.upstreams) == [job]
        assert list(job + user) == [job, user]


def test_a_list_of_one_job_is_made_of_the_job(graph):
    job = ppg.MultiFileGeneratingJob(["b", "a"], lambda files: None)
    assert list(ppg.JobList(job)) == list(ppg.JobList([job])) == list(ppg.JobList(iter([job]))) == [job]
    assert list(ppg.JobList()) == []
    assert pickle.loads(pickle.dumps(ppg.JobList(["a"]))) == ["a"]


# -- plots


class Sized:
    """A plot that has its size as attributes, and tells what it is saved with."""

    def __init__(self, **attributes):
        self.__dict__.update(attributes)

    def save(self, path, width=None, height=None, dpi=None, scale=None):
        Path(path).write_text(repr((width, height, dpi, scale)))


class Fixed(Sized):
    """The same, for a plot that cannot be saved in another size."""

    def save(self, path, scale=None):
        Path(path).write_text(repr(scale))


@pytest.mark.parametrize(
    ("plot", "options", "saved"),
    [
        (Sized(width=5, height=4.5), {}, (5, 4.5, None, None)),
        (Sized(width=5), {}, (5, None, None, None)),
        (Sized(width=5, height=4), {"width": 3, "height": 2}, (3, 2, None, None)),
        (Sized(width=5, height=4), {"render_args": {"width": 3, "height": 2}}, (3, 2, None, None)),
        (Sized(width=5, render_args={"width": 6, "dpi": 70}), {}, (6, None, 70, None)),
        (Sized(render_args={"dpi": 70, "scale": 2}), {"dpi": 80}, (None, None, 80, 2)),
        (Sized(render_args={"scale": 2}), {"render_args": {"scale": 3}}, (None, None, None, 3)),
        (Sized(width="auto", height=None), {}, (None, None, None, None)),
        (Sized(width=True, height=-1, render_args="none"), {}, (None, None, None, None)),
        (Fixed(width=5, height=4), {}, None),
        (Fixed(width=5, height=4, render_args={"scale": 2}), {}, 2),
    ],
)
def test_a_plot_is_saved_in_its_own_size_unless_the_job_has_another(run, folder, plot, options, saved):
    run(lambda: ppg.PlotJob("plot.png", nothing, lambda value: plot, **options))
    assert (folder / "plot.png").read_text() == repr(saved)


# -- what stays as it was


def test_a_job_and_the_package_can_be_pickled_and_copied_nevertheless(graph):
    job = ppg.FileGeneratingJob("a", write)
    assert pickle.loads(pickle.dumps(job)).job_id == "a"
    assert copy.copy(job).job_id == "a"
    for copied in (
        pickle.loads(pickle.dumps(ppg)),
        cloudpickle.loads(cloudpickle.dumps(lambda: ppg))(),
        copy.deepcopy(ppg),
    ):
        assert copied is ppg
    system = ppg.LocalSystem(max_cores_to_use=2)
    assert pickle.loads(pickle.dumps(system)) == system
