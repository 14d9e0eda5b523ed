"""Files that change while jobs of each kind read them; see `tests/api/status/test_changes_during_a_run.py`."""

import os
import signal
import sys
from pathlib import Path

import ppg
from tests.api.gates import edited, joined, pass_gate, verified
from tests.api.recipes.sketches import numbers, sketched


def test_a_job_that_reads_one_of_several_files_does_not_mind_the_others(folder, gates, run_with):
    def declare(name):
        both = ppg.MultiFileGeneratingJob(["x", "y"], lambda paths: [path.write_text("1") for path in paths])
        ppg.FileGeneratingJob(name, joined(name, "x")).depends_on(both["x"])

    gates.while_runs("b", edited("y"))
    assert run_with(lambda: declare("b")) == {}
    gates.while_runs("c", edited("x"))
    assert "'x' changed while 'c' ran" in run_with(lambda: declare("c"))["c"]


def test_a_temporary_file_that_is_edited_is_noticed_and_one_that_ppg_removes_is_not(folder, gates, run_with):
    (folder / "input").write_text("good")

    def declare():
        a = ppg.TempFileGeneratingJob("a", joined("a", "input"))
        a.depends_on_file("input")
        for name in ("b", "c", "d"):
            ppg.FileGeneratingJob(name, joined(name, "a")).depends_on(a)

    gates.while_runs("b", edited("a"))
    assert "b" in run_with(declare)
    assert (folder / "a").exists(), "it is kept for the job that failed"
    assert run_with(declare) == {}
    assert not (folder / "a").exists()
    assert {(folder / name).read_text()[3:] for name in "bcd"} == {"a: good good a: good good"}
    assert verified(declare).holds


def test_a_file_of_which_only_the_time_counts_is_compared_too(folder, gates, run_with):
    (folder / "input").write_text("good")

    def declare():
        a = ppg.FileGeneratingJob("a", joined("a", "input"))
        a.depends_on(ppg.FileTimeInvariant("input"))

    gates.while_runs("a", edited("input"))
    assert "'input' changed while 'a' ran" in run_with(declare)["a"]
    gates.while_runs("a", lambda: Path("input").chmod(0o600))
    assert run_with(declare) == {}
    assert verified(declare).holds


def test_the_time_of_a_file_that_changes_before_its_job_begins_is_noticed(folder, gates, run_with):
    (folder / "input").write_text("good")

    def declare():
        first = ppg.FileGeneratingJob("first", lambda path: path.write_text("x"))
        a = ppg.FileGeneratingJob("a", joined("a", "input")).depends_on(first)
        a.depends_on(ppg.FileTimeInvariant("input"))

    gates.before_publication_of("first", lambda: os.utime("input", (1, 1)))
    assert "before 'a' began" in run_with(declare)["a"]


def test_a_tool_that_is_replaced_while_its_job_runs_fails_the_job(folder, gates, run_with):
    def install(version):
        Path("new").write_text(f"#!{sys.executable}\nprint('{version}')\n")
        Path("new").chmod(0o755)
        Path("new").rename("tool")

    def declare():
        a = ppg.FileGeneratingJob("a", lambda path: (pass_gate("a"), path.write_text("x")))
        a.depends_on(ppg.ToolVersionInvariant(["./tool"]))

    install(1)
    gates.while_runs("a", lambda: install(2))
    assert "tool' changed while 'a' ran" in run_with(declare)["a"]
    assert run_with(declare) == {}


class Genome:
    letters = ""


def test_a_load_with_an_edited_input_fails_and_its_users_are_blocked(folder, gates, run_with):
    (folder / "input").write_text("good")
    genome = Genome()

    def declare():
        def read():
            letters = Path("input").read_text()
            pass_gate("load")
            return letters

        load = ppg.AttributeLoadingJob("load", genome, "letters", read)
        load.depends_on_file("input")
        ppg.FileGeneratingJob("a", lambda path: path.write_text(genome.letters)).depends_on(load)

    gates.while_runs("load", edited("input"))
    errors = run_with(declare)
    assert list(errors) == ["load"]
    assert errors["load"].startswith("'input' changed while 'load' ran; run again")
    assert not (folder / "a").exists()
    assert run_with(declare) == {}
    assert (folder / "a").read_text() == "bad"


def test_a_file_that_changes_after_its_load_has_ended_is_not_what_the_loads_users_read(
    folder, gates, run_with
):
    (folder / "input").write_text("good")
    genome = Genome()

    def declare():
        load = ppg.AttributeLoadingJob("load", genome, "letters", lambda: Path("input").read_text())
        load.depends_on_file("input")
        ppg.FileGeneratingJob("a", lambda path: (pass_gate("a"), path.write_text(genome.letters))).depends_on(
            load
        )

    gates.while_runs("a", edited("input"))
    assert run_with(declare) == {}
    assert (folder / "a").read_text() == "good"
    assert list(verified(declare).will_run) == ["load", "a"]
    assert run_with(declare) == {}
    assert (folder / "a").read_text() == "bad"


class Annotation:
    names = None
    lengths = None


def uses_data_of_a_node_that_died(annotation, before_death, read=lambda: Path("input").read_text()):
    """Declare two loads, a job that does `before_death` and kills its compute node, and users of the second load."""
    first = ppg.AttributeLoadingJob("first", annotation, "names", read).depends_on_file("input")
    second = ppg.AttributeLoadingJob(
        "second", annotation, "lengths", lambda: str(annotation.names) * 2
    ).depends_on(first)

    def kill_the_node():
        before_death()
        os.kill(os.getppid(), signal.SIGKILL)

    killer = ppg.FileGeneratingJob("killer", kill_the_node).depends_on(second)
    killer.cores_needed = -1
    for name in ("a", "b"):
        ppg.FileGeneratingJob(name, lambda path: path.write_text(annotation.lengths)).depends_on(second)
    ppg.FileGeneratingJob("apart", lambda path: path.write_text("x"))


def test_data_that_was_loaded_again_from_an_edited_file_fails_the_jobs_that_use_it(folder, run_with):
    (folder / "input").write_text("good")
    annotation = Annotation()
    seen = run_with(lambda: uses_data_of_a_node_that_died(annotation, edited("input")), ppg.LocalSystem(1))
    assert set(seen) == {"killer", "a", "b"}
    assert "compute node died" in seen.pop("killer")
    for name, error in seen.items():
        assert f"but 'input' had changed since, and '{name}' uses its data; run again" in error
    assert (folder / "apart").exists()


def test_data_that_was_loaded_again_as_it_was_counts(folder, run_with):
    (folder / "input").write_text("good")
    annotation = Annotation()
    seen = run_with(lambda: uses_data_of_a_node_that_died(annotation, lambda: None), ppg.LocalSystem(1))
    assert set(seen) == {"killer"}
    assert {(folder / name).read_text() for name in "ab"} == {"goodgood"}


def fail_after_the_first_time():
    with Path("tries").open("a") as file:
        file.write("x")
    if Path("tries").read_text() != "x":
        raise OSError("the file server is gone")


def test_jobs_that_use_data_which_could_not_be_loaded_again_fail_even_if_they_did_not_notice(
    folder, run_with
):
    (folder / "input").write_text("good")
    annotation = Annotation()

    def read():
        fail_after_the_first_time()
        return Path("input").read_text()

    seen = run_with(lambda: uses_data_of_a_node_that_died(annotation, lambda: None, read), ppg.LocalSystem(1))
    del seen["killer"]
    assert set(seen) == {"a", "b"}
    for error in seen.values():
        assert "that failed (OSError: the file server is gone)" in error


def test_a_load_that_failed_again_is_the_error_of_the_jobs_that_fail_without_its_data(folder, run_with):
    annotation = Annotation()

    def read():
        fail_after_the_first_time()
        return "data"

    def declare():
        load = ppg.AttributeLoadingJob("load", annotation, "names", read)
        killer = ppg.FileGeneratingJob("killer", lambda: os.kill(os.getppid(), signal.SIGKILL))
        killer.cores_needed = -1
        killer.depends_on(load)
        ppg.FileGeneratingJob("a", lambda path: path.write_text(annotation.names.upper())).depends_on(load)

    seen = run_with(declare, ppg.LocalSystem(1))
    assert "'load' was loaded again" in seen["a"]
    assert "that failed (OSError: the file server is gone), and 'a' uses its data; run again" in seen["a"]


def test_a_generator_with_an_edited_input_adds_no_jobs(folder, gates, run_with):
    (folder / "input").write_text("good")

    def declare():
        def generate():
            name = Path("input").read_text()
            pass_gate("generator")
            ppg.FileGeneratingJob(name, lambda path: path.write_text("x"))

        ppg.JobGeneratingJob("generator", generate).depends_on_file("input")

    gates.while_runs("generator", edited("input"))
    assert "'input' changed while 'generator' ran" in run_with(declare)["generator"]
    assert not (folder / "good").exists()
    assert run_with(declare) == {}
    assert (folder / "bad").exists()


def test_a_cached_value_of_an_edited_input_is_calculated_again(folder, gates, run_with):
    (folder / "input").write_text("good")
    genome = Genome()

    def declare():
        def calculate():
            letters = Path("input").read_text()
            pass_gate("cache")
            return letters

        load = ppg.CachedAttributeLoadingJob("cache", genome, "letters", calculate)
        load.cache_job.depends_on_file("input")
        ppg.FileGeneratingJob("a", lambda path: path.write_text(genome.letters)).depends_on(load)

    gates.while_runs("cache", edited("input"))
    assert "'input' changed while 'cache' ran" in run_with(declare)["cache"]
    assert run_with(declare) == {}
    assert (folder / "a").read_text() == "bad"


def test_a_plots_data_that_are_edited_while_they_are_drawn_fail_the_plot(folder, gates, run_with):
    def declare():
        def draw(values):
            pass_gate("a.png")
            return sketched(values)

        ppg.PlotJob("a.png", numbers, draw, cache_filename="data")

    gates.while_runs("a.png", lambda: Path("data").chmod(0o600))
    assert run_with(declare) == {}
    Path("a.png").unlink()
    gates.while_runs("a.png", lambda: os.utime("data", (1, 1)))
    assert "'data' changed while 'a.png' ran" in run_with(declare)["a.png"]
    assert run_with(declare) == {}
    assert verified(declare).holds
