"""Temporary files: made when needed, kept after a failure, and gone afterwards."""

import os
import signal
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

import ppg
from ppg_exec import LocalFleet, RemoteExecutor, Settings


def test_a_temporary_file_is_there_for_its_users_and_gone_afterwards(run, writer, account, folder):
    def declare():
        temp = ppg.TempFileGeneratingJob("temp", writer("T"))
        ppg.FileGeneratingJob("a", lambda path: path.write_text((folder / "temp").read_text())).depends_on(
            temp
        )

    run(declare)
    assert (folder / "a").read_text() == "T"
    assert not (folder / "temp").exists()
    assert account.taken() == ["temp"]
    assert run(declare).ran == []
    assert account.taken() == []


def test_a_temporary_leaf_never_runs(run, writer, account):
    result = run(lambda: ppg.TempFileGeneratingJob("temp", writer("T")))
    assert account.taken() == []
    assert result["temp"].state is ppg.JobState.NOT_NEEDED


def test_a_new_user_of_an_old_temporary_job_runs_it_and_the_old_user_does_not(run, writer, account):
    def declare(names):
        temp = ppg.TempFileGeneratingJob("temp", writer("T"))
        for name in names:
            ppg.FileGeneratingJob(name, writer(name)).depends_on(temp)

    run(lambda: declare("a"))
    account.taken()
    run(lambda: declare("ab"))
    assert account.taken() == ["b", "temp"]


def test_a_changed_temporary_job_with_the_same_bytes_stops_there(run, writer, account):
    def declare(parameter):
        temp = ppg.TempFileGeneratingJob("temp", writer("T")).depends_on_params(parameter)
        ppg.FileGeneratingJob("a", writer("A")).depends_on(temp)

    run(lambda: declare(1))
    account.taken()
    run(lambda: declare(2))
    assert account.taken() == ["temp"]


def test_a_temporary_file_is_kept_for_the_next_run_if_a_user_of_it_failed(
    failing_run, run, writer, account, folder
):
    def declare(*, broken):
        def use(path, broken=broken):
            if broken:
                raise ValueError
            path.write_text((folder / "temp").read_text())

        temp = ppg.TempFileGeneratingJob("temp", writer("T"))
        ppg.FileGeneratingJob("a", use).depends_on(temp)

    failing_run(lambda: declare(broken=True))
    assert (folder / "temp").exists()
    account.taken()
    run(lambda: declare(broken=False))
    assert account.taken() == []
    assert not (folder / "temp").exists()


def test_a_leftover_that_is_not_what_its_record_says_is_not_used(failing_run, run, writer, account, folder):
    def declare(*, broken):
        def use(path, broken=broken):
            if broken:
                raise ValueError
            path.write_text((folder / "temp").read_text())

        temp = ppg.TempFileGeneratingJob("temp", writer("T"))
        ppg.FileGeneratingJob("a", use).depends_on(temp)

    failing_run(lambda: declare(broken=True))
    account.taken()
    (folder / "temp").write_text("X")
    run(lambda: declare(broken=False))
    assert account.taken() == ["temp"]
    assert (folder / "a").read_text() == "T"


def test_several_temporary_files_come_and_go_together(run, folder):
    def make(paths):
        for path in paths:
            path.write_text(path.name)

    def declare():
        temp = ppg.MultiTempFileGeneratingJob(["x", "y"], make)
        ppg.FileGeneratingJob("a", lambda path: path.write_text((folder / "y").read_text())).depends_on(
            temp["y"]
        )

    run(declare)
    assert sorted(path.name for path in folder.iterdir() if not path.name.startswith(".")) == ["a"]


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


def test_a_temporary_job_with_users_that_are_up_to_date_does_not_run_even_if_its_file_is_gone(
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


class Genome:
    sequence = None


@dataclass(frozen=True)
class TwoMachines:
    """Runs jobs by two agents of one core each."""

    inline = False

    def executor(self, after_fork=None):
        settings = Settings(
            directory=os.getcwd(), path=tuple(sys.path), arguments=tuple(sys.argv), cores=1, grace=0.5
        )
        return RemoteExecutor(LocalFleet(settings, 2))


def users_of_a_load(genome, count, use):
    """Declare a temporary file, a load that reads it, and jobs that use what it loads."""
    temp = ppg.TempFileGeneratingJob("temp", lambda path: path.write_text("ACGT"))
    load = ppg.AttributeLoadingJob("load", genome, "sequence", lambda: Path("temp").read_text())
    load.depends_on(temp)
    for number in range(count):
        ppg.FileGeneratingJob(f"{number}", lambda path: use(path, genome.sequence)).depends_on(load)


def test_each_machine_that_loads_finds_the_temporary_file(folder):
    genome = Genome()
    os.mkfifo(folder / "meeting")

    def use(path, sequence):
        # The first two wait for each other, so they run on two machines.
        if path.name in "01":
            Path("meeting").open("rw"[int(path.name)]).close()
        path.write_text(sequence)

    ppg.new_pipegraph(TwoMachines(), quiet=True)
    users_of_a_load(genome, 4, use)
    ppg.run_pipegraph()
    assert {(folder / f"{number}").read_text() for number in range(4)} == {"ACGT"}
    assert not (folder / "temp").exists()


def test_a_node_that_takes_the_place_of_a_dead_one_finds_the_temporary_file(folder):
    genome = Genome()

    def use(path, sequence):
        if path.name == "0":
            os.kill(os.getppid(), signal.SIGKILL)
        path.write_text(sequence)

    ppg.new_pipegraph(ppg.LocalSystem(1), quiet=True)
    users_of_a_load(genome, 4, use)
    with pytest.raises(ppg.RuntimeError):
        ppg.run_pipegraph()
    made = [each.name for each in folder.iterdir() if each.name in "123"]
    assert sorted(made) == ["1", "2", "3"]
    assert {(folder / name).read_text() for name in made} == {"ACGT"}
