"""A job that fails has no record, and waits in the next run for the files of other jobs that it had read."""

from pathlib import Path

import ppg


def declare(project, *, wrong=False):
    ran = project.account.ran

    def read(path):
        ran("reader")
        text = Path("made").read_text()
        if wrong or text == "bad":
            raise ValueError(text)
        path.write_text(text)

    def make(path):
        ran("made")
        path.write_text(Path("data").read_text())

    # The reader comes first, and has nothing to wait for that the script declares.
    ppg.FileGeneratingJob("reader", read)
    ppg.FileGeneratingJob("made", make)


def run(project, **options):
    """Run with one core, which the reader gets first, if it need not wait."""
    one_core = ppg.LocalSystem(max_cores_to_use=1)
    return project.run(lambda: declare(project, **options), resource_coordinator=one_core)


def test_a_job_that_failed_because_of_what_it_read_waits_for_the_mended_file(project):
    project.write("data", "1")
    for _ in range(2):
        run(project)
    project.write("data", "bad")
    run(project)
    assert set(project.errors) == {"reader"}
    project.write("data", "2")
    assert run(project) == ["made", "reader"]
    assert project.errors == {}
    assert project.text("reader") == "2"
    assert run(project) == []


def test_a_job_that_failed_because_of_its_code_waits_for_a_file_that_is_edited_with_the_code(project):
    project.write("data", "1")
    for _ in range(2):
        run(project)
    run(project, wrong=True)
    assert set(project.errors) == {"reader"}
    project.write("data", "2")
    assert run(project) == ["made", "reader"]
    assert project.text("reader") == "2"


def test_a_job_that_failed_in_its_first_run_waits_for_what_it_looked_for(project):
    project.write("data", "1")
    run(project)
    assert set(project.errors) == {"reader"}
    project.write("data", "2")
    assert run(project) == ["made", "reader"]
    assert project.text("reader") == "2"
    assert run(project) == []


def test_a_job_that_fails_again_and_again_still_waits(project):
    project.write("data", "1")
    for _ in range(2):
        run(project)
    project.write("data", "bad")
    for _ in range(3):
        run(project)
        assert set(project.errors) == {"reader"}
    project.write("data", "2")
    run(project)
    assert project.text("reader") == "2"


def test_a_target_that_failed_comes_with_what_it_waits_for(project):
    project.write("data", "1")
    run(project)
    project.write("data", "2")
    graph = ppg.new_pipegraph(quiet=True)
    declare(project)
    assert set(graph.verify(targets=["reader"]).will_run) == {"made", "reader"}
    graph = ppg.new_pipegraph(quiet=True)
    declare(project)
    graph.run(targets=["reader"])
    assert project.text("reader") == "2"


def test_a_load_that_failed_in_its_first_run_waits_for_what_it_looked_for(project, ran):
    values = []

    def declare_load():
        def load():
            values[:] = [Path("made").read_text()]

        def make(path):
            path.write_text(Path("data").read_text())

        def use(path):
            path.write_text(values[0])

        loaded = ppg.DataLoadingJob("loaded", load)
        ppg.FileGeneratingJob("reader", use).depends_on(loaded)
        ppg.FileGeneratingJob("made", make)

    options = {"resource_coordinator": ppg.LocalSystem(max_cores_to_use=1)}
    project.write("data", "1")
    project.run(declare_load, **options)
    assert set(project.errors) == {"loaded"}
    project.write("data", "2")
    project.run(declare_load, **options)
    assert project.errors == {}
    assert project.text("reader") == "2"


def test_a_failed_maker_of_what_a_failed_job_had_read_blocks_it_until_the_file_is_there(project):
    project.write("data", "bad")
    run(project)
    run(project)
    assert set(project.errors) == {"reader"}
    (project.folder / "data").unlink()
    assert run(project) == ["made"]
    assert set(project.errors) == {"made"}
    project.write("data", "2")
    run(project)
    assert project.text("reader") == "2"
