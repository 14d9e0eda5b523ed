"""What a run can be asked: to end with a job, to run a job by force, to stop at the first failure; and what is foretold of it."""

from pathlib import Path

import pytest

import ppg


@pytest.fixture
def chain(writer):
    """Declares a → b → c, and d beside them, in a new graph; returns the graph."""

    def declare():
        graph = ppg.new_pipegraph(quiet=True)
        a = ppg.FileGeneratingJob("a", writer("A"))
        b = ppg.FileGeneratingJob("b", writer("B")).depends_on(a)
        ppg.FileGeneratingJob("c", writer("C")).depends_on(b)
        ppg.FileGeneratingJob("d", writer("D"))
        return graph

    return declare


def test_a_run_ends_with_a_job_and_does_all_that_does_not_depend_on_it(folder, chain, account):
    graph = chain()
    plan = graph.plan(until=["./b"])
    result = graph.run(until=["./b"])
    assert sorted(account.taken()) == sorted(plan.will_run) == ["a", "b", "d"]
    assert result.in_state(ppg.JobState.LEFT_OUT) == ["c"]
    assert plan.left_out == 1


def test_a_temporary_file_with_which_a_run_ends_is_kept(folder, writer):
    graph = ppg.new_pipegraph(quiet=True)
    temporary = ppg.TempFileGeneratingJob("temp", writer("T"))
    ppg.FileGeneratingJob("out", writer("O")).depends_on(temporary)
    graph.run(until=[temporary])
    assert (folder / "temp").read_text() == "T"
    assert not (folder / "out").exists()


def test_a_forced_job_runs_and_what_depends_on_it_only_if_the_result_differs(folder, chain, account):
    chain().run()
    account.taken()
    graph = chain()
    plan = graph.plan(force=["a"])
    assert plan.will_run == {"a": ("it was forced to run",)}
    assert plan.may_run == {"b": ("a",), "c": ("b",)}
    assert set(plan.seconds) == {"a", "b", "c"}
    result = graph.run(force=["a"])
    assert account.taken() == ["a"]
    assert result["a"].reasons == ("it was forced to run",)
    chain().run()
    assert account.taken() == []


def test_of_a_cached_job_the_calculation_is_forced(folder):
    def calculate():
        with Path("ran").open("a") as file:
            file.write("x")
        return len(Path("ran").read_text())

    def declare():
        graph = ppg.new_pipegraph(quiet=True)
        holder = ppg.CachedDataLoadingJob("cache", calculate, lambda value: None)
        ppg.FileGeneratingJob("out", lambda path: path.write_text("O")).depends_on(holder)
        return graph, holder

    graph, holder = declare()
    graph.run()
    graph, holder = declare()
    graph.run(force=[holder])
    assert (folder / "ran").read_text() == "xx"


def test_what_makes_no_files_cannot_be_forced(folder):
    graph = ppg.new_pipegraph(quiet=True)
    ppg.JobGeneratingJob("generator", lambda: None)
    with pytest.raises(ppg.PyPipelineGraphError, match="'generator' makes no files, so it cannot be forced"):
        graph.run(force=["generator"])


def test_after_the_first_failure_no_more_jobs_start(folder, writer, account):
    graph = ppg.new_pipegraph(ppg.LocalSystem(max_cores_to_use=1), quiet=True)

    def fail(path):
        raise ValueError("no luck")

    # The longest path goes first.
    first = ppg.FileGeneratingJob("first", fail)
    ppg.FileGeneratingJob("blocked", writer("x")).depends_on(
        ppg.FileGeneratingJob("between", writer("x")).depends_on(first)
    )
    for number in range(20):
        ppg.FileGeneratingJob(f"after{number}", writer("x")).depends_on(
            ppg.FileGeneratingJob(f"x{number}", writer("x"))
        )
    with pytest.raises(ppg.RuntimeError):
        graph.run(fail_fast=True)
    result = graph.result
    assert result.failed == ["first"]
    assert result.interrupted_by is None
    assert result.blocked == ["blocked", "between"]
    assert len(result.in_state(ppg.JobState.NOT_DONE)) + len(result.ran) == 40
    assert len(result.ran) < 20


def test_a_missing_input_is_a_failure_after_which_nothing_starts(folder, writer, account):
    graph = ppg.new_pipegraph(quiet=True)
    ppg.FileGeneratingJob("a", writer("A")).depends_on_file("missing")
    ppg.FileGeneratingJob("b", writer("B")).depends_on(ppg.FileGeneratingJob("c", writer("C")))
    with pytest.raises(ppg.RuntimeError, match="missing"):
        graph.run(fail_fast=True)
    assert "b" not in account.taken()


def test_the_jobs_of_a_generator_are_foretold_as_they_were(folder, account, writer):
    def declare(text):
        def write(what):
            return lambda path: path.write_text(what)

        graph = ppg.new_pipegraph(quiet=True)
        source = ppg.FileGeneratingJob("source", write(text)).depends_on_params(text)

        def generate():
            for name in ("x", "y"):
                ppg.FileGeneratingJob(name, write(name)).depends_on("source")

        ppg.JobGeneratingJob("generator", generate)
        ppg.FileGeneratingJob("all", write("all")).depends_on(source)
        return graph

    first = declare("1").plan()
    assert first.generators == {"generator": None}
    assert first.uncertain == ("generator",)
    declare("1").run()
    again = declare("1").plan()
    assert (list(again.will_run), again.may_run, again.uncertain) == (["generator"], {}, ())
    assert again.generators == {"generator": ("x", "y")}
    changed = declare("2").plan()
    assert list(changed.will_run) == ["source", "generator"]
    assert changed.may_run == {"all": ("source",), "x": ("source",), "y": ("source",)}


def test_a_plan_changes_nothing_and_a_graph_can_run_after_it(folder, chain, account):
    graph = chain()
    graph.plan(targets=["b"], force=["a"])
    assert list(folder.iterdir()) == []
    assert graph.run().in_state(ppg.JobState.LEFT_OUT) == []
    assert sorted(account.taken()) == ["a", "b", "c", "d"]
