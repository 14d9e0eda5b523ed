"""Jobs that depend on each other in a circle are refused, with the path of the circle."""

import pickle

import pytest

import ppg
from tests.api.callbacks import write, write_all


def test_a_job_cannot_depend_on_itself():
    a = ppg.FileGeneratingJob("a", write)
    for depend in (lambda: a.depends_on(a), lambda: a.depends_on("./a"), lambda: a.depends_on_file("a")):
        with pytest.raises(ppg.CycleError, match="itself: a → a;") as caught:
            depend()
        assert caught.value.path == ("a", "a")
        assert f"'a' is declared at {__file__}:" in str(caught.value)
    assert list(a.upstreams) == []


@pytest.mark.parametrize("younger_first", [True, False])
def test_two_jobs_that_depend_on_each_other_are_refused_at_the_second_dependency(graph, younger_first):
    a = ppg.FileGeneratingJob("a", write).depends_on_params(1)
    b = ppg.MultiFileGeneratingJob(["b", "c"], write_all)
    ppg.FileGeneratingJob("d", write).depends_on(a, b).depends_on(a)
    one, other = (b, a) if younger_first else (a, b)
    other.depends_on(one)
    with pytest.raises(ppg.CycleError, match="remove one of these dependencies") as caught:
        one.depends_on(other, None)
    path = caught.value.path
    assert path == (other.job_id, one.job_id, other.job_id)
    assert " → ".join(path) in str(caught.value)
    for job in (a, b):
        assert f"'{job.job_id}' is declared at {__file__}:{job.declared_at[1]}" in str(caught.value)
    if one is a:
        with pytest.raises(ppg.CycleError, match="b:c → a"):
            a.depends_on(b["c"])
        with pytest.raises(ppg.CycleError, match="b:c → a"):
            a.depends_on("c")
    assert list(one.upstreams) == [job for job in one.upstreams if isinstance(job, ppg.ParameterInvariant)]
    assert graph.run().ran == ["a", "b:c", "d"]


def test_a_cycle_error_survives_a_process():
    error = pickle.loads(pickle.dumps(ppg.CycleError(["a", "b", "a"], {"a": "script.py:1"})))
    assert (error.path, error.places) == (("a", "b", "a"), {"a": "script.py:1"})
    assert "'a' is declared at script.py:1" in str(error)


def test_a_cycle_is_shown_before_any_callback_runs(tmp_path):
    a, b, c = (ppg.FileGeneratingJob(name, write) for name in "abc")
    a.depends_on(c)
    b.depends_on(a)
    c.depends_on(b)
    with pytest.raises(ppg.CycleError) as caught:
        ppg.run_pipegraph()
    path = caught.value.path
    assert path[0] == path[-1]
    assert set(path) == {"a", "b", "c"}
    assert not (tmp_path / "a").exists()


def test_a_cycle_of_many_jobs_hits_no_recursion_limit():
    jobs = [ppg.FileGeneratingJob(f"{i}", write) for i in range(100_000)]
    for upstream, downstream in zip(jobs, jobs[1:], strict=False):
        downstream.depends_on(upstream)
    jobs[0].depends_on(jobs[-1])
    with pytest.raises(ppg.CycleError) as caught:
        ppg.run_pipegraph()
    assert len(caught.value.path) == 100_001
    assert len(str(caught.value)) < 2_000


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
