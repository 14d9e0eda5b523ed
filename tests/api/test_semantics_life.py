"""What happens in the life of a graph: jobs declared again, circles, dependencies that cannot be."""

import functools
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import ppg
from ppg.paths import normalised


@pytest.fixture
def graph(folder):
    return ppg.new_pipegraph(quiet=True)


def write(path):
    path.write_text("x")


def write_all(paths):
    for path in paths:
        path.write_text("x")


def nothing():
    pass


@given(
    st.lists(st.sampled_from(["project", "home", "a", "..", ".", "..a"]), min_size=1, max_size=6),
    st.sampled_from(["", "/", "/home/project/", "/home/"]),
)
def test_every_spelling_of_a_path_is_the_one_way_that_leads_to_it_from_the_root(parts, begin):
    root = "/home/project"
    path = begin + "/".join(parts)
    assert normalised(path, root) == os.path.relpath(os.path.normpath(os.path.join(root, path)), root)


class Genome:
    """What attributes are loaded on."""


ONE, OTHER = Genome(), Genome()

DECLARED_DIFFERENTLY = {
    "kind": (lambda: ppg.FileGeneratingJob("a", write), lambda: ppg.TempFileGeneratingJob("a", write)),
    "function": (
        lambda: ppg.FileGeneratingJob("a", write),
        lambda: ppg.FileGeneratingJob("a", lambda path: path.write_text("y")),
    ),
    "files": (
        lambda: ppg.MultiFileGeneratingJob(["a", "b"], write_all),
        lambda: ppg.MultiFileGeneratingJob(["b", "a"], write_all),
    ),
    "names": (
        lambda: ppg.MultiFileGeneratingJob({"x": "a"}, write_all),
        lambda: ppg.MultiFileGeneratingJob({"y": "a"}, write_all),
    ),
    "rename_broken": (
        lambda: ppg.FileGeneratingJob("a", write),
        lambda: ppg.FileGeneratingJob("a", write, rename_broken=True),
    ),
    "cutoff": (
        lambda: ppg.FileGeneratingJob("a", write),
        lambda: ppg.FileGeneratingJob("a", write, cutoff=False),
    ),
    "timeout": (
        lambda: ppg.DataLoadingJob("a", nothing),
        lambda: ppg.DataLoadingJob("a", nothing, timeout=60),
    ),
    "object": (
        lambda: ppg.AttributeLoadingJob("a", ONE, "x", nothing),
        lambda: ppg.AttributeLoadingJob("a", OTHER, "x", nothing),
    ),
    "attribute_name": (
        lambda: ppg.AttributeLoadingJob("a", ONE, "x", nothing),
        lambda: ppg.AttributeLoadingJob("a", ONE, "y", nothing),
    ),
    "algorithm": (
        lambda: ppg.FileChecksumInvariant("a"),
        lambda: ppg.FileChecksumInvariant("a", algorithm="sha256"),
    ),
}


@pytest.mark.parametrize("what", DECLARED_DIFFERENTLY)
def test_a_job_declared_again_in_another_way_is_an_error_that_says_what_differs_and_shows_both_places(
    graph, what
):
    first, again = DECLARED_DIFFERENTLY[what]
    job = first()
    assert first() is job
    with pytest.raises(ppg.JobContractError, match=f"declared twice, with another {what}") as caught:
        again()
    for declaration in (first, again):
        lines = range(declaration.__code__.co_firstlineno, declaration.__code__.co_firstlineno + 2)
        assert any(f"{Path(__file__).name}:{line}" in str(caught.value) for line in lines)


def test_bound_methods_of_one_object_are_different_functions(graph):
    class Sample:
        def one(self):
            return 1

        def two(self):
            return 2

    ppg.FunctionInvariant("f", Sample().one)
    with pytest.raises(ppg.JobContractError, match="function"):
        ppg.FunctionInvariant("f", Sample().two)


def test_one_method_of_two_objects_is_one_callback(graph):
    class Sample:
        def write(self, path):
            path.write_text("x")

    first = ppg.FileGeneratingJob("a", Sample().write)
    assert ppg.FileGeneratingJob("a", Sample().write) is first


def test_the_jobs_of_a_cycle_are_printed_in_the_order_in_which_they_depend_on_each_other(graph):
    a, b, c = (ppg.FileGeneratingJob(name, write) for name in "abc")
    b.depends_on(a)
    c.depends_on(b)
    a.depends_on(c)
    ppg.FileGeneratingJob("innocent", write).depends_on(c)
    with pytest.raises(ppg.CycleError, match="remove one of these dependencies") as caught:
        ppg.run_pipegraph()
    path = caught.value.path
    places = [f"{job_id} (declared at {__file__}:{a.declared_at[1]})" for job_id in path[:-1]]
    assert "\n  → ".join([*places, path[-1]]) in str(caught.value)
    assert "innocent" not in str(caught.value)
    needs = {(upstream, job) for job, upstream in [("b", "a"), ("c", "b"), ("a", "c")]}
    assert set(zip(path, path[1:], strict=False)) == needs


@pytest.mark.parametrize(
    "observe",
    [
        lambda: ppg.ParameterInvariant("i", 1),
        lambda: ppg.FunctionInvariant("i", nothing),
        lambda: ppg.FileChecksumInvariant("i"),
        lambda: ppg.FileTimeInvariant("i"),
    ],
)
@pytest.mark.parametrize(
    "depend",
    [
        lambda invariant: invariant.depends_on("a"),
        lambda invariant: invariant.depends_on_params(1),
        lambda invariant: invariant.depends_on_file("a"),
        lambda invariant: invariant.depends_on_func(nothing),
    ],
)
def test_no_invariant_takes_any_dependency(graph, observe, depend):
    ppg.FileGeneratingJob("a", write)
    with pytest.raises(ppg.JobContractError, match="only observes"):
        depend(observe())


def test_without_a_pipegraph_a_script_is_told_to_make_one(folder):
    for line in ('ppg.FileGeneratingJob("a", print)', "ppg.run_pipegraph()", "ppg.run()"):
        ended = subprocess.run(
            [sys.executable, "-c", f"import ppg; {line}"],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert "PyPipelineGraphError" in ended.stderr
        assert "call ppg.new_pipegraph()" in ended.stderr


def test_the_original_thirty_second_example_works_as_a_script(folder):
    (folder / "example.py").write_text(
        """
import ppg as pypipegraph

pypipegraph.new_pipegraph()


def write():
    with open("output_filename.txt", "w") as op:
        op.write("hello world")


job = pypipegraph.FileGeneratingJob("output_filename.txt", write)
job.depends_on(pypipegraph.ParameterInvariant("parameter", (1, "two")))
pypipegraph.run()
"""
    )
    for counted in ("1 ran, 0 up to date", "0 ran, 1 up to date"):
        ended = subprocess.run(
            [sys.executable, "example.py"], capture_output=True, text=True, timeout=120, check=True
        )
        assert counted in ended.stderr
    assert (folder / "output_filename.txt").read_text() == "hello world"


def declares_later(path=None):
    yield path


async def waits(path=None):
    pass


class Sample:
    def generate(self):
        yield self


WRONG = [
    (lambda: ppg.Pipegraph(4), TypeError, "resource_coordinator"),
    (lambda: ppg.Pipegraph(root=1), TypeError, "root"),
    (lambda: ppg.Pipegraph(root=""), ValueError, "root"),
    (lambda: ppg.Pipegraph(cache_folder=1), TypeError, "cache_folder"),
    (lambda: ppg.Pipegraph(invariant_status_filename=1), TypeError, "invariant_status_filename"),
    (lambda: ppg.Pipegraph(follow="everything"), ValueError, "follow"),
    (lambda: ppg.Pipegraph(quiet="x"), TypeError, "quiet"),
    (lambda: ppg.new_pipegraph(quiet=None), TypeError, "quiet"),
    (lambda: ppg.Pipegraph(redefine=1), TypeError, "redefine"),
    (lambda: ppg.FileGeneratingJob("a", write, pipegraph=1), TypeError, "'a': pipegraph must be a Pipegraph"),
    (lambda: ppg.MultiFileGeneratingJob(["a"], write_all, pipegraph="x"), TypeError, "pipegraph must be"),
    (lambda: ppg.DataLoadingJob("a", nothing, pipegraph=1), TypeError, "'a': pipegraph must be a Pipegraph"),
    (lambda: ppg.ParameterInvariant("a", 1, pipegraph=ppg), TypeError, "pipegraph must be a Pipegraph"),
    (lambda: ppg.FunctionInvariant("a", nothing, pipegraph=1), TypeError, "pipegraph must be"),
    (lambda: ppg.PlotJob("a.pdf", nothing, write, pipegraph=1), TypeError, "pipegraph must be"),
    (lambda: ppg.ExternalJob("a", ["true"], pipegraph=1), TypeError, "pipegraph must be"),
    (lambda: ppg.CachedDataLoadingJob("a", nothing, write, pipegraph=1), TypeError, "pipegraph must be"),
    (lambda: ppg.LocalSystem(max_cores_to_use="2"), TypeError, "max_cores_to_use"),
    (lambda: ppg.LocalSystem(max_cores_to_use=0), ValueError, "max_cores_to_use"),
    (lambda: ppg.LocalSystem(share_cores=2), TypeError, "share_cores"),
    (lambda: ppg.LocalSystem(inline="no"), TypeError, "inline"),
    (lambda: ppg.run_pipegraph(targets="a"), TypeError, "targets"),
    (lambda: ppg.run_pipegraph(targets=ppg.FileGeneratingJob("a", write)), TypeError, "targets"),
    (lambda: ppg.run_pipegraph(targets=1), TypeError, "targets"),
    (lambda: ppg.FileTimeInvariant(1), TypeError, "filename"),
    (lambda: ppg.FileChecksumInvariant(""), ValueError, "filename"),
    (lambda: ppg.FunctionInvariant(1, nothing), TypeError, "job_id"),
    (lambda: ppg.JobGeneratingJob(1, nothing), TypeError, "job_id"),
    (lambda: ppg.DependencyInjectionJob("", nothing), ValueError, "job_id"),
    (lambda: ppg.JobGeneratingJob("g", write), TypeError, "'g'.*without arguments"),
    (lambda: ppg.FileGeneratingJob(write, "a"), TypeError, "output_filename"),
    (lambda: ppg.FileGeneratingJob(ppg.FileGeneratingJob("a", write), write), TypeError, "output_filename"),
    (lambda: ppg.FileGeneratingJob(".", write), ValueError, "output_filename"),
    (lambda: ppg.FileGeneratingJob("x/..", write), ValueError, "output_filename"),
    (lambda: ppg.MultiFileGeneratingJob([Path("a"), Path("..")], write_all), ValueError, "filenames"),
    (lambda: ppg.FileGeneratingJob("a", write, rename_broken="no"), TypeError, "'a': rename_broken"),
    (lambda: ppg.MultiFileGeneratingJob(["a"], write_all, empty_ok=None), TypeError, "'a': empty_ok"),
    (lambda: ppg.TempFileGeneratingJob("a", write, cutoff=1), TypeError, "'a': cutoff"),
    (lambda: ppg.FileGeneratingJob("a", write).depends_on_file(1), TypeError, "filename"),
    (lambda: ppg.FileGeneratingJob("a", write).depends_on_func(None), TypeError, "callable"),
    (lambda: ppg.FileGeneratingJob("a", write, retrys=1), TypeError, "retrys"),
    (lambda: ppg.FileGeneratingJob("a", declares_later), TypeError, "a: .*declares_later.* is a generator"),
    (lambda: ppg.JobGeneratingJob("a", declares_later), TypeError, "'a': .* is a generator"),
    (lambda: ppg.DataLoadingJob("a", Sample().generate), TypeError, "'a': .* is a generator"),
    (lambda: ppg.FileGeneratingJob("a", waits), TypeError, "a: .*waits.* is an async function"),
    (lambda: ppg.FileGeneratingJob("a", functools.partial(waits, 1)), TypeError, "is an async function"),
]


@pytest.mark.parametrize(("declare", "error", "named"), WRONG)
def test_whatever_cannot_be_right_is_refused_at_once_by_name(graph, declare, error, named):
    with pytest.raises(error, match=named):
        declare()


def test_targets_in_a_dictionary_are_its_values(graph, folder):
    jobs = {name: ppg.FileGeneratingJob(f"{name}.txt", write) for name in "abc"}
    del jobs["b"]
    assert graph.run(targets=jobs).ran == ["a.txt", "c.txt"]


@pytest.mark.parametrize(
    "declare",
    [
        lambda name: ppg.FileGeneratingJob(name, write),
        lambda name: ppg.MultiFileGeneratingJob(["b", name], write_all),
        ppg.FileChecksumInvariant,
    ],
)
def test_a_job_on_the_status_file_is_refused_before_anything_runs(graph, folder, declare):
    job = declare(".pypipegraph_status_robust")
    ppg.FileGeneratingJob("a", write)
    with pytest.raises(ppg.JobContractError, match="remembers what it has done"):
        graph.run()
    assert list(folder.iterdir()) == []
    assert job in list(graph)
