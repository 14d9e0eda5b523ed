"""Running a part of a graph: pruned jobs and targets."""

import pytest

import ppg
from tests.api.callbacks import write


@pytest.fixture
def chain(writer):
    """Declares a → b → c, and d beside them."""

    def declare():
        a = ppg.FileGeneratingJob("a", writer("A"))
        b = ppg.FileGeneratingJob("b", writer("B")).depends_on(a)
        c = ppg.FileGeneratingJob("c", writer("C")).depends_on(b)
        return a, b, c, ppg.FileGeneratingJob("d", writer("D"))

    return declare


def test_a_pruned_job_and_what_depends_on_it_are_left_out(run, chain, account):
    result = run(lambda: chain()[1].prune())
    assert account.taken() == ["a", "d"]
    assert result.in_state(ppg.JobState.LEFT_OUT) == ["b", "c"]
    run(chain)
    assert account.taken() == ["b", "c"]


def test_what_was_pruned_for_a_run_is_still_remembered(run, chain, account):
    run(chain)
    account.taken()
    run(lambda: chain()[0].prune())
    run(chain)
    assert account.taken() == []


def test_an_unpruned_job_runs(run, chain, account):
    run(lambda: chain()[1].prune().unprune())
    assert account.taken() == ["a", "b", "c", "d"]


@pytest.mark.parametrize("target", ["b", "./b"])
def test_only_targets_and_what_they_need_run(folder, chain, account, target):
    graph = ppg.new_pipegraph(quiet=True)
    chain()
    result = graph.run(targets=[target])
    assert account.taken() == ["a", "b"]
    assert result.in_state(ppg.JobState.LEFT_OUT) == ["c", "d"]


def test_a_temporary_file_that_is_a_target_is_made_and_kept(folder, writer):
    graph = ppg.new_pipegraph(quiet=True)
    temp = ppg.TempFileGeneratingJob("temp", writer("T"))
    graph.run(targets=[temp])
    assert (folder / "temp").read_text() == "T"


def test_an_unknown_target_is_an_error_and_nothing_runs(folder, chain, account):
    graph = ppg.new_pipegraph(quiet=True)
    chain()
    with pytest.raises(ppg.PyPipelineGraphError, match="'nothing'"):
        graph.run(targets=["nothing"])
    assert account.taken() == []


@pytest.mark.parametrize("way", ["run", "preview", "verify", "accept"])
def test_a_job_of_another_pipegraph_is_refused_though_this_one_has_one_of_its_name(
    folder, chain, account, way
):
    ppg.new_pipegraph(quiet=True)
    stranger = chain()[0]
    graph = ppg.new_pipegraph(quiet=True)
    chain()
    call = {
        "run": lambda: graph.run(targets=[stranger]),
        "preview": lambda: graph.preview(targets=[stranger]),
        "verify": lambda: graph.verify(targets=[stranger]),
        "accept": lambda: graph.accept([stranger]),
    }
    with pytest.raises(ppg.PyPipelineGraphError, match="'a' belongs to another pipegraph"):
        call[way]()
    assert account.taken() == []


def test_targets_in_a_dictionary_are_its_values(folder):
    graph = ppg.new_pipegraph(quiet=True)
    jobs = {name: ppg.FileGeneratingJob(f"{name}.txt", write) for name in "abc"}
    del jobs["b"]
    assert graph.run(targets=jobs).ran == ["a.txt", "c.txt"]
