"""Jobs that are declared again: alike they are one job, else an error shows both places."""

from pathlib import Path

import pytest

import ppg
from tests.api.callbacks import nothing, write, write_all


def test_the_same_job_declared_again_is_the_same_object():
    def declare(text):
        return ppg.FileGeneratingJob("a", lambda path: path.write_text(text))

    assert declare("x") is declare("x")


def test_the_same_job_with_another_function_is_an_error_that_shows_both_places():
    ppg.FileGeneratingJob("a", lambda path: path.write_text("x"))
    with pytest.raises(ppg.JobContractError, match="function") as caught:
        ppg.FileGeneratingJob("a", lambda path: path.write_text("y"))
    assert str(caught.value).count("test_declared_twice.py:") == 2


def test_the_same_job_with_other_options_is_an_error_that_names_the_option():
    ppg.FileGeneratingJob("a", write)
    with pytest.raises(ppg.JobContractError, match="empty_ok"):
        ppg.FileGeneratingJob("a", write, empty_ok=True)


def test_two_jobs_of_different_kinds_for_one_file_are_an_error_naming_both():
    ppg.FileChecksumInvariant("a")
    with pytest.raises(ppg.JobContractError, match=r"FileChecksumInvariant.*FileGeneratingJob"):
        ppg.FileGeneratingJob("a", write)


def test_two_jobs_that_declare_one_file_are_an_error_naming_both():
    ppg.MultiFileGeneratingJob(["a", "b"], write)
    with pytest.raises(ppg.JobContractError, match=r"'b'.*MultiFileGeneratingJob.*FileGeneratingJob"):
        ppg.FileGeneratingJob("b", write)
    ppg.FileGeneratingJob("c", write)
    with pytest.raises(ppg.JobContractError, match=r"'c'.*FileGeneratingJob.*MultiFileGeneratingJob"):
        ppg.MultiFileGeneratingJob(["c", "d"], write)


def test_observing_a_file_that_a_multi_file_job_makes_is_an_error():
    ppg.MultiFileGeneratingJob(["a", "b"], write)
    with pytest.raises(ppg.JobContractError, match="depend on that job"):
        ppg.FileChecksumInvariant("a")


def test_a_function_invariant_with_the_same_id_and_another_function_is_an_error():
    ppg.FunctionInvariant("f", lambda: 1)
    with pytest.raises(ppg.JobContractError, match="function"):
        ppg.FunctionInvariant("f", lambda: 2)


def test_bound_methods_compare_by_their_function_not_by_the_instance():
    class Sample:
        def method(self):
            return 1

    first = ppg.FunctionInvariant("f", Sample().method)
    assert ppg.FunctionInvariant("f", Sample().method) is first


def test_a_parameter_invariant_with_the_same_id_and_another_value_is_an_error():
    ppg.ParameterInvariant("p", 1)
    with pytest.raises(ppg.JobContractError, match="parameters"):
        ppg.ParameterInvariant("p", 2)


def test_contradictory_parameters_are_reported_with_the_lines_of_the_script():
    a = ppg.FileGeneratingJob("a", write).depends_on_params([1])
    with pytest.raises(ppg.JobContractError) as caught:
        a.depends_on_params([2])
    assert str(caught.value).count(f"{Path(__file__).name}:") == 2


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


class Sample:
    def generate(self):
        yield self


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


def test_other_parameters_of_a_job_are_an_error_that_says_what_to_do(graph):
    job = ppg.FileGeneratingJob("a", write).depends_on_params({"x": 1})
    assert job.depends_on_params({"x": 1}) is job, "the same parameters are no others"
    with pytest.raises(
        ppg.JobContractError, match=r"'PI:a' .*one call of depends_on_params.*ParameterInvariant"
    ):
        job.depends_on_params({"y": 2})
    with pytest.raises(ppg.JobContractError, match="give one of them another name"):
        ppg.ParameterInvariant("a", 2)
    job.depends_on(ppg.ParameterInvariant("a, more", {"y": 2}))
    assert [one.job_id for one in job.upstreams] == ["PI:a", "PI:a, more"]
