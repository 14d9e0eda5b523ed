"""What happens with temporary files and loads that are stale, fail, or are not needed."""

import os
from pathlib import Path

import pytest

import ppg


class Genome:
    """What attributes are loaded on."""


def test_a_temporary_file_that_is_left_over_and_stale_is_made_again(
    failing_run, run, writer, account, folder
):
    def declare(parameter, *, broken):
        def use(path, broken=broken):
            if broken:
                raise ValueError
            path.write_text(Path("temp").read_text())

        temp = ppg.TempFileGeneratingJob("temp", writer(f"T{parameter}")).depends_on_params(parameter)
        ppg.FileGeneratingJob("a", use).depends_on(temp)

    failing_run(lambda: declare(1, broken=True))
    assert (folder / "temp").read_text() == "T1"
    account.taken()
    run(lambda: declare(2, broken=False))
    assert account.taken() == ["temp"]
    assert (folder / "a").read_text() == "T2"


def test_changed_code_of_a_temporary_job_that_makes_the_same_bytes_reruns_nothing_else(run, writer, account):
    def once(path):
        account.ran("temp")
        path.write_text("TT")

    def twice(path):
        account.ran("temp")
        path.write_bytes(b"TT")

    def declare(make):
        temp = ppg.TempFileGeneratingJob("temp", make)
        ppg.FileGeneratingJob("a", writer("A")).depends_on(temp)

    run(lambda: declare(once))
    assert account.taken() == ["a", "temp"]
    run(lambda: declare(twice))
    assert account.taken() == ["temp"]
    run(lambda: declare(twice))
    assert account.taken() == []


@pytest.mark.parametrize(("rename_broken", "left"), [(False, []), (True, ["temp.broken"])])
def test_what_a_failed_temporary_job_wrote_is_removed_or_renamed(
    failing_run, writer, folder, rename_broken, left
):
    def fail(path):
        path.write_text("half")
        raise ValueError

    def declare():
        temp = ppg.TempFileGeneratingJob("temp", fail, rename_broken=rename_broken)
        ppg.FileGeneratingJob("a", writer("A")).depends_on(temp)

    error, _ = failing_run(declare)
    assert error.blocked == ("a",)
    assert sorted(path.name for path in folder.iterdir() if not path.name.startswith(".")) == left


def test_a_temporary_job_whose_users_are_up_to_date_does_not_run_even_if_its_file_is_gone(
    run, writer, account, folder
):
    def declare():
        temp = ppg.TempFileGeneratingJob("temp", writer("T"))
        between = ppg.TempFileGeneratingJob("between", writer("B")).depends_on(temp)
        ppg.FileGeneratingJob("a", writer("A")).depends_on(between)

    run(declare)
    assert account.taken() == ["a", "between", "temp"]
    assert sorted(path.name for path in folder.iterdir() if not path.name.startswith(".")) == ["a"]
    run(declare)
    assert account.taken() == []


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
    assert "only scripts and JobGeneratingJobs declare jobs" in str(error.exceptions["load"])
    assert "b" not in graph
    assert account.taken() == []
