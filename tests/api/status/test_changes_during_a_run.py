"""Files that are edited while a run goes on: no job gets a record of something that it did not read."""

import os
import shutil
from pathlib import Path

import pytest

import ppg
from tests.api.gates import edited, edited_and_restored, joined, pass_gate, verified
from tests.fakes import RecordingFrontend


def one_job():
    ppg.FileGeneratingJob("a", joined("a", "input")).depends_on_file("input")


def chain():
    a = ppg.FileGeneratingJob("a", joined("a", "input"))
    a.depends_on_file("input")
    ppg.FileGeneratingJob("b", joined("b", "a")).depends_on(a)


def test_an_input_that_changes_while_a_job_runs_and_changes_back_later_is_not_recorded(
    folder, gates, run_with
):
    (folder / "input").write_text("good")
    shutil.copy2("input", "backup")
    gates.while_runs("a", edited("input"))
    errors = run_with(one_job)
    assert list(errors) == ["a"]
    assert errors["a"].startswith("'input' changed while 'a' ran; run again")
    assert not (folder / "a").exists()
    shutil.copy2("backup", "input")
    assert list(verified(one_job).will_run) == ["a"]
    assert run_with(one_job) == {}
    assert (folder / "a").read_text() == "a: good good"
    assert verified(one_job).holds


def test_an_input_that_changes_and_stays_so_is_read_by_the_next_run(folder, gates, run_with):
    (folder / "input").write_text("good")
    gates.while_runs("a", edited("input", "better"))
    assert list(run_with(chain)) == ["a"]
    assert "a" in verified(chain).will_run
    assert run_with(chain) == {}
    assert (folder / "b").read_text() == "b: " + " ".join(["a: better better"] * 2)
    assert verified(chain).holds


def test_an_input_that_has_its_old_bytes_and_its_old_time_back_when_the_job_ends_is_not_trusted(
    folder, gates, run_with
):
    (folder / "input").write_text("good")
    gates.while_runs("a", edited_and_restored("input"))
    assert "'input' changed while 'a' ran" in run_with(one_job)["a"]
    assert run_with(one_job) == {}
    assert (folder / "a").read_text() == "a: good good"


def test_a_job_that_reads_an_edited_file_loses_its_former_record_and_its_file(folder, gates, run_with):
    (folder / "input").write_text("good")
    assert run_with(one_job) == {}
    (folder / "input").write_text("better")
    gates.while_runs("a", edited("input", "bad"))
    assert list(run_with(one_job)) == ["a"]
    (folder / "input").write_text("good")
    assert not (folder / "a").exists()
    assert list(verified(one_job).will_run) == ["a"]


def test_a_job_that_keeps_what_was_broken_keeps_what_it_made_of_an_edited_file(folder, gates, run_with):
    (folder / "input").write_text("good")

    def declare():
        ppg.FileGeneratingJob("a", joined("a", "input"), rename_broken=True).depends_on_file("input")

    gates.while_runs("a", edited("input"))
    assert list(run_with(declare)) == ["a"]
    assert (folder / "a.broken").read_text().startswith("a: ")
    assert not (folder / "a").exists()


def test_an_input_that_is_removed_while_a_job_runs_fails_the_job(folder, gates, run_with):
    (folder / "input").write_text("good")

    def declare():
        def write(path):
            pass_gate("a")
            path.write_text("made")

        ppg.FileGeneratingJob("a", write).depends_on_file("input")

    gates.while_runs("a", lambda: Path("input").unlink())
    assert "'input' changed while 'a' ran" in run_with(declare)["a"]


def test_equal_bytes_in_another_file_are_a_change(folder, gates, run_with):
    (folder / "input").write_text("good")

    def replace():
        Path("other").write_text("good")
        Path("other").rename("input")

    gates.while_runs("a", replace)
    assert "'input' changed while 'a' ran" in run_with(one_job)["a"]


HARMLESS = {
    "its mode": lambda: Path("input").chmod(0o600),
    "a hard link to it": lambda: os.link("input", "linked"),
    "its group": lambda: os.chown("input", -1, os.getgid() + 1),
}


@pytest.mark.parametrize("what", HARMLESS)
def test_a_change_of_mode_owner_or_links_is_no_change_of_the_content(folder, gates, run_with, what):
    if what == "its group" and os.geteuid() != 0:
        pytest.skip("only root gives files to any group")
    (folder / "input").write_text("good")
    gates.while_runs("a", HARMLESS[what])
    assert run_with(chain) == {}
    assert verified(chain).holds


def test_a_read_only_input_that_is_linked_and_unlinked_meanwhile_is_no_change(folder, gates, run_with):
    (folder / "input").write_text("good")
    (folder / "input").chmod(0o400)

    def link():
        os.link("input", "linked")
        Path("linked").unlink()

    gates.while_runs("a", link)
    assert run_with(one_job) == {}


def test_other_content_under_a_new_mode_is_a_change(folder, gates, run_with):
    (folder / "input").write_text("good")
    before = (folder / "input").stat()

    def edit():
        Path("input").write_text("evil")
        Path("input").chmod(0o600)
        os.utime("input", ns=(before.st_atime_ns, before.st_mtime_ns))

    gates.while_runs("a", edit)
    assert "'input' changed while 'a' ran" in run_with(one_job)["a"]


def test_a_mode_that_changes_before_the_job_begins_is_no_change_and_hides_none(folder, gates, run_with):
    (folder / "input").write_text("good")

    def declare():
        first = ppg.FileGeneratingJob("first", lambda path: path.write_text("x"))
        ppg.FileGeneratingJob("a", joined("a", "input")).depends_on(first).depends_on_file("input")

    gates.before_publication_of("first", lambda: Path("input").chmod(0o600))
    gates.while_runs("a", edited_and_restored("input"))
    assert list(run_with(declare)) == ["a"]
    assert run_with(declare) == {}


def test_an_intermediate_file_that_is_edited_before_its_user_begins_stops_that_user(folder, gates, run_with):
    (folder / "input").write_text("good")
    assert run_with(chain) == {}
    (folder / "input").write_text("better")
    before = (folder / "b").read_text()
    gates.before_publication_of("a", edited("a"))
    errors = run_with(chain)
    assert errors == {"b": "'a' changed while the graph ran, before 'b' began; run again"}
    assert (folder / "b").read_text() == before, "the job never began, so the file is of its last success"
    assert list(verified(chain).will_run) == ["a", "b"]
    assert run_with(chain) == {}
    assert (folder / "b").read_text() == "b: " + " ".join(["a: better better"] * 2)


def test_an_intermediate_file_that_is_edited_while_its_user_runs_fails_that_user(folder, gates, run_with):
    (folder / "input").write_text("good")
    gates.while_runs("b", edited("a"))
    assert "'a' changed while 'b' ran" in run_with(chain)["b"]
    assert run_with(chain) == {}
    assert (folder / "b").read_text() == "b: " + " ".join(["a: good good"] * 2)


def test_an_edited_output_that_no_job_of_the_run_makes_fails_its_user_too(folder, gates, run_with):
    (folder / "input").write_text("good")
    assert run_with(chain) == {}
    (folder / "b").unlink()
    gates.while_runs("b", edited("a"))
    assert "'a' changed while 'b' ran" in run_with(chain)["b"]
    assert run_with(chain) == {}
    assert (folder / "b").read_text() == "b: " + " ".join(["a: good good"] * 2)


def test_what_lies_below_a_job_with_an_edited_input_is_blocked_and_the_rest_runs(folder, gates, run_with):
    (folder / "input").write_text("good")

    def declare():
        chain()
        ppg.FileGeneratingJob("other", lambda path: path.write_text("x"))

    gates.while_runs("a", edited("input"))
    assert list(run_with(declare)) == ["a"]
    assert not (folder / "b").exists()
    assert (folder / "other").exists()


def test_a_job_without_cutoff_and_one_that_is_a_target_are_checked_as_well(folder, gates, run_with):
    (folder / "input").write_text("good")

    def declare():
        ppg.FileGeneratingJob("a", joined("a", "input"), cutoff=False).depends_on_file("input")

    gates.while_runs("a", edited("input"))
    graph = ppg.new_pipegraph(quiet=True)
    declare()
    with pytest.raises(ppg.RuntimeError, match="'input' changed while 'a' ran"):
        graph.run(targets=["a"], frontend=RecordingFrontend(gates))
    assert run_with(declare) == {}


def test_another_attempt_after_the_change_counts_by_the_fingerprint_of_before(folder, run_with):
    (folder / "input").write_text("good")

    def write(path):
        if Path("input").read_text() == "good":
            Path("input").write_text("bad")
            raise ValueError("the first attempt")
        path.write_text(Path("input").read_text())

    def declare():
        ppg.FileGeneratingJob("a", write, retries=1).depends_on_file("input")

    assert "'input' changed while 'a' ran" in run_with(declare)["a"]
    assert run_with(declare) == {}


def test_jobs_in_the_process_of_the_script_are_checked_as_well(folder, run_with):
    (folder / "input").write_text("good")

    def write(path):
        path.write_text(Path("input").read_text())
        if path.read_text() == "good":
            Path("input").write_text("bad")

    def declare():
        ppg.FileGeneratingJob("a", write).depends_on_file("input")

    inline = ppg.LocalSystem(inline=True)
    assert "let it write to a copy" in run_with(declare, inline)["a"]
    assert run_with(declare, ppg.LocalSystem(inline=True)) == {}


def test_an_interrupted_run_keeps_the_jobs_that_had_ended(folder, gates, run_with):
    (folder / "input").write_text("good")
    graph = ppg.new_pipegraph(ppg.LocalSystem(max_cores_to_use=1), quiet=True)
    chain()
    gates.before_publication_of("a", lambda: os.kill(os.getpid(), 2))
    with pytest.raises(KeyboardInterrupt):
        graph.run(frontend=RecordingFrontend(gates))
    assert list(verified(chain).will_run) == ["b"]
