"""Previews: what a run would do, told without doing it."""

import pytest

import ppg


@pytest.fixture
def preview(folder):
    """Declares jobs with a function in a new pipegraph, and previews its run."""

    def preview_declared(declare, **options):
        graph = ppg.new_pipegraph(quiet=True)
        declare()
        return graph.preview(**options)

    return preview_declared


@pytest.fixture
def chain(writer):
    def declare(parameter=1):
        a = ppg.FileGeneratingJob("a", writer("A")).depends_on_params(parameter)
        b = ppg.FileGeneratingJob("b", writer("B")).depends_on(a)
        ppg.FileGeneratingJob("c", writer("C"))
        return a, b

    return declare


def test_a_preview_of_a_fresh_graph_runs_nothing_and_leaves_nothing(preview, chain, account, folder):
    seen = preview(chain)
    assert list(seen.will_run) == ["a", "b", "c"]
    assert not seen.is_up_to_date
    assert account.taken() == []
    assert list(folder.iterdir()) == []


def test_after_a_run_the_preview_says_up_to_date(preview, run, chain):
    run(chain)
    assert preview(chain).is_up_to_date


def test_jobs_certain_to_run_are_distinguished_from_those_that_depend_on_an_outcome(preview, run, chain):
    run(chain)
    seen = preview(lambda: chain(2))
    assert seen.will_run == {"a": ("parameters: 1 → 2",)}
    assert seen.may_run == {"b": ("a",)}


def test_what_cannot_be_observed_is_reported(preview, chain):
    seen = preview(lambda: chain()[0].depends_on_file("input"))
    assert "does not exist" in seen.problems["input"]
    assert seen.blocked == ("a", "b")
    assert not seen.is_up_to_date


def test_a_preview_can_be_had_of_targets_and_before_a_run(folder, chain, account):
    graph = ppg.new_pipegraph(quiet=True)
    chain()
    assert list(graph.preview(targets=["a"]).will_run) == ["a"]
    graph.run()
    assert account.taken() == ["a", "b", "c"]
