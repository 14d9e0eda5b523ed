"""Loaded data: shared by the jobs that need it, gone afterwards, and never in the script."""

import gc
import os
import weakref
from pathlib import Path

import pytest

import ppg


class Genome:
    """What users load attributes on."""


def test_an_attribute_is_there_for_direct_users_and_never_set_in_the_script(run, account, folder):
    genome = Genome()

    def load():
        account.ran("load")
        return "ACGT"

    def declare(names):
        loaded = ppg.AttributeLoadingJob("sequence", genome, "sequence", load)
        for name in names:
            ppg.FileGeneratingJob(name, lambda path: path.write_text(genome.sequence)).depends_on(loaded)

    run(lambda: declare("ab"))
    assert (folder / "a").read_text() == (folder / "b").read_text() == "ACGT"
    assert account.taken() == ["load"]
    assert not hasattr(genome, "sequence")
    run(lambda: declare("ab"))
    assert account.taken() == []
    run(lambda: declare("abc"))
    assert account.taken() == ["load"]


def test_an_attribute_is_gone_once_its_users_are_done(run, folder):
    genome = Genome()

    def declare():
        loaded = ppg.AttributeLoadingJob("sequence", genome, "sequence", lambda: "ACGT")
        user = ppg.FileGeneratingJob("a", lambda path: path.write_text(genome.sequence)).depends_on(loaded)
        ppg.FileGeneratingJob("b", lambda path: path.write_text(str(hasattr(genome, "sequence")))).depends_on(
            user
        )

    run(declare)
    assert (folder / "b").read_text() == "False"


def test_a_dictionary_entry_is_loaded_likewise(run, folder):
    data = {}

    def declare():
        loaded = ppg.DictEntryLoadingJob("entry", data, "x", lambda: 17)
        ppg.FileGeneratingJob("a", lambda path: path.write_text(str(data["x"]))).depends_on(loaded)

    run(declare)
    assert (folder / "a").read_text() == "17"
    assert data == {}


def test_data_is_loaded_once_and_shared_by_forks_of_the_process_that_holds_it(run, account, folder):
    data = []

    def load():
        account.ran("load")
        data.append(os.getpid())

    def declare():
        loaded = ppg.DataLoadingJob("data", load)
        for name in "abc":
            ppg.FileGeneratingJob(
                name, lambda path: path.write_text(f"{data[0] == os.getppid()} {len(data)}")
            ).depends_on(loaded)

    run(declare)
    assert account.taken() == ["load"]
    assert {(folder / name).read_text() for name in "abc"} == {"True 1"}
    assert data == []


def test_a_chain_of_loads_runs_as_a_whole_or_not_at_all(run, writer, account, folder):
    genome = Genome()

    def declare(names):
        first = ppg.AttributeLoadingJob("first", genome, "first", lambda: (account.ran("first"), 1)[1])
        second = ppg.AttributeLoadingJob(
            "second", genome, "second", lambda: (account.ran("second"), genome.first + 1)[1]
        ).depends_on(first)
        for name in names:
            ppg.FileGeneratingJob(name, lambda path: path.write_text(str(genome.second))).depends_on(second)

    run(lambda: declare(""))
    assert account.taken() == []
    run(lambda: declare("a"))
    assert account.taken() == ["first", "second"]
    assert (folder / "a").read_text() == "2"
    run(lambda: declare("a"))
    assert account.taken() == []


def test_of_load_done_file_load_and_file_to_do_only_the_second_load_runs(run, writer, account):
    genome = Genome()

    def declare(names):
        upstream = ppg.AttributeLoadingJob("one", genome, "one", lambda: account.ran("one"))
        for name in names:
            job = ppg.FileGeneratingJob(name, writer(name)).depends_on(upstream)
            upstream = ppg.AttributeLoadingJob(
                f"after {name}", genome, f"x{name}", lambda: account.ran("two")
            ).depends_on(job)

    run(lambda: declare("a"))
    assert account.taken() == ["a", "one"]
    run(lambda: declare("ab"))
    assert account.taken() == ["b", "two"]


def test_a_load_that_raises_fails_with_its_exception_and_blocks_what_needs_it(failing_run, writer, account):
    genome = Genome()

    def load():
        raise KeyError("no data")

    def declare():
        loaded = ppg.AttributeLoadingJob("load", genome, "x", load)
        ppg.FileGeneratingJob("a", writer("A")).depends_on(loaded)
        ppg.FileGeneratingJob("b", writer("B"))

    error, _graph = failing_run(declare)
    assert isinstance(error.exceptions["load"], KeyError)
    assert error.blocked == ("a",)
    assert account.taken() == ["b"]


def test_a_load_that_changes_the_working_directory_does_not_move_its_users(run, folder):
    def declare():
        loaded = ppg.DataLoadingJob("load", lambda: os.chdir("/"))
        ppg.FileGeneratingJob("a", lambda path: path.write_text(os.getcwd())).depends_on(loaded)

    run(declare)
    assert (folder / "a").read_text() == str(folder)


def test_a_changed_load_reruns_its_users(run, account, folder):
    genome = Genome()

    def declare(value):
        loaded = ppg.AttributeLoadingJob("load", genome, "x", lambda: value)
        ppg.FileGeneratingJob("a", lambda path: path.write_text(str(genome.x))).depends_on(loaded)

    run(lambda: declare(1))
    run(lambda: declare(2))
    assert (folder / "a").read_text() == "2"


@pytest.mark.parametrize(
    ("declare", "error", "named"),
    [
        (lambda: ppg.AttributeLoadingJob("x", Genome(), 1, lambda: 1), TypeError, "attribute_name"),
        (lambda: ppg.AttributeLoadingJob("x", Genome(), "a b", lambda: 1), ValueError, "attribute"),
        (lambda: ppg.AttributeLoadingJob("x", Genome(), "a", lambda path: 1), TypeError, "without arguments"),
        (lambda: ppg.DataLoadingJob("", lambda: 1), ValueError, "job_id"),
        (lambda: ppg.DictEntryLoadingJob("x", [], "a", lambda: 1), TypeError, "dictionary"),
    ],
)
def test_a_wrong_argument_of_a_load_is_named_at_the_definition(folder, declare, error, named):
    ppg.new_pipegraph(quiet=True)
    with pytest.raises(error, match=named):
        declare()


def test_what_a_forked_job_declares_is_ignored(run, writer, account, folder):
    def make(path):
        ppg.FileGeneratingJob("b", writer("B")).depends_on(ppg.FileGeneratingJob("c", writer("C")))
        path.write_text("A")

    result = run(lambda: ppg.FileGeneratingJob("a", make))
    assert result.ran == ["a"]
    assert sorted(path.name for path in folder.iterdir() if path.name[0] != ".") == ["a"]


class Unreadable(LookupError):
    """What a library of the user's raises."""


def test_a_load_that_raises_an_error_of_the_users_own_keeps_its_type(failing_run, writer, account):
    def load():
        raise Unreadable("chromosome 7")

    def declare():
        first = ppg.DataLoadingJob("first", load)
        second = ppg.DataLoadingJob("second", lambda: None).depends_on(first)
        ppg.FileGeneratingJob("a", writer("A")).depends_on(second)
        ppg.FileGeneratingJob("b", writer("B"))

    error, graph = failing_run(declare)
    assert type(error.exceptions["first"]).__name__ == "Unreadable"
    assert isinstance(error.exceptions["first"], LookupError)
    assert str(error.exceptions["first"]) == "chromosome 7"
    assert error.blocked == ("second", "a")
    assert account.taken() == ["b"]
    assert "in load" in graph.job("first").traceback


def test_a_load_that_changes_the_working_directory_moves_neither_the_next_load_nor_the_script(run, folder):
    genome = Genome()

    def declare():
        first = ppg.DataLoadingJob("first", lambda: os.chdir("/"))
        second = ppg.AttributeLoadingJob("second", genome, "seen", os.getcwd).depends_on(first)
        ppg.FileGeneratingJob("a", lambda path: path.write_text(genome.seen)).depends_on(second)

    run(declare)
    assert (folder / "a").read_text() == str(folder)
    assert Path.cwd() == folder


def test_what_a_load_declared_is_not_in_the_graph(failing_run, writer, account):
    def declare():
        load = ppg.DataLoadingJob("load", lambda: ppg.FileGeneratingJob("b", writer("B")))
        ppg.FileGeneratingJob("a", writer("A")).depends_on(load)

    error, graph = failing_run(declare)
    assert isinstance(error.exceptions["load"], ppg.JobContractError)
    assert "only scripts and JobGeneratingJobs declare jobs" in str(error.exceptions["load"])
    assert "b" not in graph
    assert account.taken() == []


def attribute(name, thing, where="sequence"):
    return ppg.AttributeLoadingJob(name, thing, where, lambda: name)


def cached_attribute(name, thing, where="sequence"):
    return ppg.CachedAttributeLoadingJob(name, thing, where, lambda: name)


def entry(name, thing, where="sequence"):
    return ppg.DictEntryLoadingJob(name, vars(thing), where, lambda: name)


def cached_entry(name, thing, where="sequence"):
    return ppg.CachedDictEntryLoadingJob(name, vars(thing), where, lambda: name)


PAIRS = [
    (attribute, attribute),
    (attribute, cached_attribute),
    (cached_attribute, attribute),
    (cached_attribute, cached_attribute),
    (entry, entry),
    (entry, cached_entry),
    (cached_entry, entry),
]


@pytest.mark.parametrize(("first", "second"), PAIRS)
def test_two_jobs_that_load_into_one_place_are_refused_with_both_places(graph, first, second):
    genome = Genome()
    other_name = genome
    first("one", genome)
    with pytest.raises(ppg.JobContractError) as caught:
        second("two", other_name)
    message = str(caught.value)
    assert "'one" in message
    assert "'two" in message
    assert message.count(f"{__file__}:") == 2
    assert "two objects" in message
    assert len([job for job in graph if job.job_id.startswith("two_load") or job.job_id == "two"]) <= 1
    # The same declaration, another object, another name: none of these is in the way of another.
    assert first("one", genome) is first("one", genome)
    second("three", Genome())
    second("four", genome, "other")


@pytest.mark.parametrize(("first", "second"), PAIRS[:4])
def test_two_loads_of_generators_into_one_place_fail_the_second_generator(failing_run, folder, first, second):
    genome, another = Genome(), Genome()

    def declare():
        make_first = ppg.JobGeneratingJob("g1", lambda: first("one", genome) and None)
        ppg.JobGeneratingJob("g2", lambda: second("two", genome) and None).depends_on(make_first)
        ppg.JobGeneratingJob("both", lambda: first("three", another) and second("four", another) and None)

    error, _ = failing_run(declare)
    assert set(error.exceptions) == {"g2", "both"}
    for exception in error.exceptions.values():
        assert isinstance(exception, ppg.JobContractError)
        assert "Two jobs load" in str(exception)


def test_a_graph_keeps_no_object_alive_beyond_its_jobs(folder):
    graph = ppg.new_pipegraph(quiet=True, redefine=True)
    genome = Genome()
    seen = weakref.ref(genome)
    attribute("one", genome)
    graph.remove("one")
    del genome
    gc.collect()
    assert seen() is None
    # A new object may have the identity of the one that is gone.
    for n in range(50):
        attribute(f"next {n}", Genome())


def test_a_load_that_is_redefined_gives_up_its_place(folder):
    graph = ppg.new_pipegraph(quiet=True, redefine=True)
    genome, other = Genome(), Genome()
    attribute("one", genome)
    attribute("two", other)
    graph.run()
    with pytest.raises(ppg.JobContractError, match="take it out"):
        attribute("one", other)
    attribute("two", Genome())
    attribute("one", other)
    attribute("three", genome)
