"""Declaring jobs: names of files, dependencies, and where jobs are found again."""

from pathlib import Path

import pytest

import ppg
from tests.api.callbacks import nothing, write


def test_a_job_before_new_pipegraph_is_an_error_that_says_to_call_it(monkeypatch):
    monkeypatch.setattr(ppg.session.current.SESSION, "pipegraph", None)
    with pytest.raises(ppg.PyPipelineGraphError, match="new_pipegraph"):
        ppg.FileGeneratingJob("a", write)
    with pytest.raises(ppg.PyPipelineGraphError, match="new_pipegraph"):
        ppg.run_pipegraph()


def test_all_spellings_of_a_path_are_one_job(tmp_path):
    job = ppg.FileGeneratingJob("a", write)
    for spelling in ("./a", "x/../a", str(tmp_path / "a"), Path("a"), f"../{tmp_path.name}/a"):
        assert ppg.FileGeneratingJob(spelling, write) is job
    assert job.job_id == "a"


def test_a_file_outside_of_the_root_has_one_id_too(tmp_path):
    job = ppg.FileGeneratingJob("../b", write)
    assert ppg.FileGeneratingJob(tmp_path.parent / "b", write) is job
    assert job.job_id == "../b"


def test_depends_on_takes_jobs_names_nested_iterables_and_none():
    a, b, c, d = (ppg.FileGeneratingJob(name, write) for name in "abcd")
    assert d.depends_on(a, [None, (b, iter(["c"]))], None) is d
    assert list(d.upstreams) == [a, b, c]
    assert list(a.downstreams) == [d]


def test_a_set_of_jobs_is_taken_in_the_order_of_declaration():
    jobs = [ppg.FileGeneratingJob(f"in{i}", write) for i in range(20)]
    assert list(ppg.FileGeneratingJob("out", write).depends_on(set(jobs)).upstreams) == jobs


def test_jobs_and_iterables_of_jobs_add_up():
    a, b, c = (ppg.FileGeneratingJob(name, write) for name in "abc")
    assert a + b == [a, b]
    assert a + [b, c] == [a, b, c]
    assert [a, b] + c == [a, b, c]
    assert a + b + c == [a, b, c]
    assert list(ppg.FileGeneratingJob("d", write).depends_on(a + b).upstreams) == [a, b]


def test_depends_on_file_takes_the_job_that_makes_it_or_observes_the_file():
    a = ppg.FileGeneratingJob("a", write)
    b = ppg.FileGeneratingJob("b", write).depends_on_file("a").depends_on_file("input")
    assert b.upstreams[0] is a
    assert isinstance(b.upstreams[1], ppg.FileChecksumInvariant)


def test_a_job_of_another_pipegraph_is_refused():
    old = ppg.FileGeneratingJob("a", write)
    ppg.new_pipegraph(quiet=True)
    with pytest.raises(ppg.PyPipelineGraphError, match="another pipegraph"):
        ppg.FileGeneratingJob("b", write).depends_on(old)


def test_the_file_of_a_multi_file_job_is_found_by_name_and_by_path():
    job = ppg.MultiFileGeneratingJob({"x": "out/x", "y": "out/y"}, write)
    assert job["x"].path == Path("out/x")
    assert job["out/y"].path == Path("out/y")
    with pytest.raises(KeyError, match="out/z"):
        job["out/z"]


def test_reading_the_outcome_of_a_job_before_the_run_is_an_error():
    with pytest.raises(ppg.PyPipelineGraphError, match="not run yet"):
        _ = ppg.FileGeneratingJob("a", write).failed


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
