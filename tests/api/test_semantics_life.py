"""What happens in the life of a graph: jobs declared again, circles, dependencies that cannot be."""

import subprocess
import sys
from pathlib import Path

import pytest

import ppg


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
    assert "\n  → ".join(path) in str(caught.value)
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
