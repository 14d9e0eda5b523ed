"""A job reads a file that another job makes, without depending on it."""

import subprocess
from pathlib import Path

import pytest

import ppg
from tests.api.reads.conftest import Project
from tests.exec.tracing.conftest import require


def declare_reader(project: Project, *, value=1, **options):
    ran = project.account.ran

    def make(path):
        ran("made")
        path.write_text(str(value))

    # The reader comes first, and has nothing to wait for.
    ppg.FileGeneratingJob("reader", project.copying("made"), **options)
    ppg.FileGeneratingJob("made", make).depends_on_params(value)


def test_it_is_warned_of_and_the_next_run_is_right_whatever_the_order_was(project):
    project.run(lambda: declare_reader(project))
    (message,) = project.warnings
    assert message == (
        "'reader' read 'made', which 'made' makes, without depending on it, so it may read an old file or none; "
        "add .depends_on('made') to 'reader'"
    )
    project.run(lambda: declare_reader(project))
    assert project.text("reader") == "1"
    for _ in range(2):
        assert project.run(lambda: declare_reader(project)) == []
        assert project.warnings == []


def test_a_later_change_is_right_in_the_same_run(project):
    for _ in range(2):
        project.run(lambda: declare_reader(project))
    assert project.run(lambda: declare_reader(project, value=2)) == ["made", "reader"]
    assert project.text("reader") == "2"
    assert project.run(lambda: declare_reader(project, value=2)) == []


def test_verify_and_preview_know_it(project):
    for _ in range(2):
        project.run(lambda: declare_reader(project))
    graph = ppg.new_pipegraph(quiet=True)
    declare_reader(project, value=2)
    verification = graph.verify()
    assert set(verification.will_run) == {"made"}
    assert verification.may_run == {"reader": ("made",)}
    assert graph.preview().may_run == {"reader": ("made",)}


def test_the_dependency_that_the_warning_asks_for_reruns_nothing(project):
    for _ in range(2):
        project.run(lambda: declare_reader(project))

    def declare():
        declare_reader(project)
        ppg.current_pipegraph().job("reader").depends_on("made")

    assert project.run(declare) == []
    assert project.warnings == []


def test_it_fails_the_job_if_that_is_wished(project):
    def strict_job():
        declare_reader(project, undeclared="fail")

    project.run(lambda: declare_reader(project), undeclared="fail")
    assert set(project.errors) == {"reader"}
    assert "add .depends_on('made') to 'reader'" in project.errors["reader"]
    assert not (project.folder / "reader").exists()
    project.run(strict_job)
    assert set(project.errors) == {"reader"}


def test_nothing_is_looked_at_if_that_is_wished(project):
    project.write("other", "1")

    def declare():
        declare_reader(project, undeclared="ignore")
        ppg.FileGeneratingJob("third", project.copying("other"), undeclared="ignore")

    project.run(declare)
    assert project.warnings == []
    project.write("other", "2")
    assert project.run(declare) == []


def test_wrong_options_are_refused(folder):
    with pytest.raises(ValueError, match="undeclared must be 'warn', 'fail' or 'ignore', not 'strict'"):
        ppg.new_pipegraph(undeclared="strict")
    ppg.new_pipegraph()
    with pytest.raises(ValueError, match=r"'a'.*: undeclared must be"):
        ppg.FileGeneratingJob("a", lambda path: None, undeclared=True)


def test_a_file_that_is_made_at_any_distance_above_is_no_reason_to_warn(project, ran):
    def declare(value):
        def make(path):
            ran("made")
            path.write_text(str(value))

        made = ppg.FileGeneratingJob("made", make).depends_on_params(value)
        between = ppg.FileGeneratingJob("between", project.copying()).depends_on(made)
        ppg.FileGeneratingJob("reader", project.copying("made")).depends_on(between)

    project.run(lambda: declare(1))
    assert project.warnings == []
    assert project.text("reader") == "1"
    # What is between comes out the same, and still the reader runs.
    assert project.run(lambda: declare(2)) == ["between", "made", "reader"]
    assert project.text("reader") == "2"


@pytest.mark.parametrize("kind", [ppg.TempFileGeneratingJob, ppg.MultiTempFileGeneratingJob])
def test_a_temporary_file_of_another_job_is_always_an_error(project, kind):
    several = kind is ppg.MultiTempFileGeneratingJob

    def make(paths):
        for path in paths if several else [paths]:
            path.write_text("temporary")

    def declare():
        made = kind(["t", "u"] if several else "t", make)
        user = ppg.FileGeneratingJob("user", project.copying("t")).depends_on(made)
        # It runs while the file is there, because the user of the file waits for the reader.
        reader = ppg.FileGeneratingJob("reader", project.copying("t"))
        early = ppg.FileGeneratingJob("early", project.copying("t")).depends_on(made)
        reader.depends_on(early)
        user.depends_on(reader)

    project.run(declare)
    assert set(project.errors) == {"reader"}
    assert "read 't' without depending on it, and that is a temporary file" in project.errors["reader"]
    assert "add .depends_on('t') to 'reader'" in project.errors["reader"]


def test_one_of_several_files_is_meant(project, ran):
    def declare(value):
        def make(paths):
            ran("both")
            paths[0].write_text("first")
            paths[1].write_text(str(value))

        ppg.FileGeneratingJob("x", project.copying("one"))
        ppg.FileGeneratingJob("y", project.copying("two"))
        ppg.MultiFileGeneratingJob(["one", "two"], make).depends_on_params(value)

    for _ in range(2):
        project.run(lambda: declare(1))
    assert project.run(lambda: declare(1)) == []
    assert project.run(lambda: declare(2)) == ["both", "y"]
    assert (project.text("x"), project.text("y")) == ("first", "2")


def test_a_file_made_from_the_results_of_its_reader_is_an_error_with_the_way(project):
    def declare():
        reader = ppg.FileGeneratingJob("reader", project.copying("end"))
        middle = ppg.FileGeneratingJob("middle", project.copying()).depends_on(reader)
        ppg.FileGeneratingJob("end", project.copying()).depends_on(middle)

    project.run(declare)
    assert set(project.errors) == {"reader"}
    assert "'reader' → 'middle' → 'end' → 'reader'" in project.errors["reader"]


def test_a_circle_that_an_edit_closes_runs_the_reader_which_may_have_been_mended(project):
    def declare(*, reads, closed):
        made = ppg.FileGeneratingJob("made", project.copying())
        reader = ppg.FileGeneratingJob("reader", project.copying(*reads)).depends_on_params(reads)
        if closed:
            made.depends_on(reader)

    for _ in range(2):
        project.run(lambda: declare(reads=["made"], closed=False))
    assert project.reasons(lambda: declare(reads=["made"], closed=True), "reader") == (
        "it read made, which is made from its results now",
    )
    project.run(lambda: declare(reads=["made"], closed=True))
    assert set(project.errors) == {"reader"}
    project.run(lambda: declare(reads=[], closed=True))
    assert project.errors == {}
    assert project.run(lambda: declare(reads=[], closed=True)) == []


def test_two_jobs_that_read_each_others_files_fail_in_the_next_run(project):
    def declare():
        ppg.FileGeneratingJob("a", project.copying("b"))
        ppg.FileGeneratingJob("b", project.copying("a"))

    project.run(declare)
    assert project.warnings
    project.run(declare)
    assert project.errors
    assert all("which is made from its own results" in text for text in project.errors.values())


def test_the_maker_of_a_file_that_was_read_fails_and_the_reader_waits(project):
    def declare(*, broken):
        def make(path):
            if broken:
                raise ValueError("broken")
            path.write_text("made")

        ppg.FileGeneratingJob("reader", project.copying("made"))
        ppg.FileGeneratingJob("made", make).depends_on_params(broken)

    for _ in range(2):
        project.run(lambda: declare(broken=False))
    assert project.run(lambda: declare(broken=True)) == []
    assert set(project.errors) == {"made"}
    assert project.text("reader") == "made"
    assert project.run(lambda: declare(broken=False)) == []


def test_a_maker_that_a_generator_makes_is_waited_for(project, ran):
    def declare(value):
        def make(path):
            ran("made")
            path.write_text(str(value))

        def generate():
            ppg.FileGeneratingJob("made", make).depends_on_params(value)

        ppg.FileGeneratingJob("reader", project.copying("made"))
        ppg.JobGeneratingJob("generate", generate)

    for _ in range(2):
        project.run(lambda: declare(1))
    assert project.text("reader") == "1"
    assert project.run(lambda: declare(1)) == []
    assert project.run(lambda: declare(2)) == ["made", "reader"]
    assert project.text("reader") == "2"


def test_a_reader_that_a_generator_makes_has_its_reads(project, ran):
    def declare(value):
        def make(path):
            ran("made")
            path.write_text(str(value))

        def generate():
            ppg.FileGeneratingJob("reader", copy)

        copy = project.copying("made", "config")
        ppg.JobGeneratingJob("generate", generate)
        ppg.FileGeneratingJob("made", make).depends_on_params(value)

    project.write("config", "c")
    for _ in range(2):
        project.run(lambda: declare(1))
    assert project.text("reader") == "1 c"
    assert project.run(lambda: declare(1)) == []
    assert project.reasons(lambda: declare(1), "reader") is None
    assert project.run(lambda: declare(2)) == ["made", "reader"]
    project.write("config", "d")
    assert project.run(lambda: declare(2)) == ["reader"]
    assert project.text("reader") == "2 d"


def test_a_generator_has_its_reads(project):
    def declare():
        def generate():
            with open("samples") as file:
                for name in file.read().split():
                    ppg.FileGeneratingJob(name, copy)

        copy = project.copying()
        ppg.JobGeneratingJob("generate", generate)

    project.write("samples", "a b")
    project.run(declare)
    graph = ppg.new_pipegraph(quiet=True)
    declare()
    assert graph.verify().holds
    project.write("samples", "a b c")
    graph = ppg.new_pipegraph(quiet=True)
    declare()
    assert graph.verify().will_run == {"generate": ("samples, which it read, changed",)}


@pytest.mark.parametrize("track", ["python", "strace"])
def test_a_job_that_makes_the_file_itself_where_it_is_missing_waits_for_its_maker(project, ran, track):
    """As samtools and bcftools do with the index of a genome."""
    if track == "strace":
        require("strace")
    program = "read -r line < index || { cat data > index; read -r line < index; }; echo $line > reader"

    def read(path):
        ran("reader")
        if track == "strace":
            subprocess.run(["sh", "-c", program], check=True, stderr=subprocess.DEVNULL)
            return
        try:
            text = Path("index").read_text()
        except FileNotFoundError:
            text = Path("data").read_text()
            Path("index").write_text(text)
        path.write_text(text)

    def make(path):
        ran("index")
        path.write_text(Path("data").read_text())

    def declare():
        # With one core the first one begins first.
        ppg.FileGeneratingJob("reader", read)
        ppg.FileGeneratingJob("index", make)

    options = {"resource_coordinator": ppg.LocalSystem(max_cores_to_use=1)}
    options |= {} if track == "python" else {"track": track}
    project.write("data", "1\n")
    assert project.run(declare, **options) == ["index", "reader"]
    assert [message.partition(", ")[0] for message in project.warnings] == [
        "'reader' wrote to 'index'",
        "'reader' read 'index'",
    ]
    for _ in range(2):
        project.run(declare, **options)
    assert project.run(declare, **options) == []
    project.write("data", "2\n")
    assert project.run(declare, **options) == ["index", "reader"]
    assert project.text("reader") == "2\n"
    assert project.run(declare, **options) == []
