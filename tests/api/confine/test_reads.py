"""What confined jobs read, or are denied, and what becomes of it in records, warnings and failures."""

import os
import subprocess
import tempfile
from pathlib import Path

import pytest

import ppg
from tests.api.reads.conftest import Project
from tests.exec.tracing.conftest import require
from tests.landlock import needs_landlock

pytestmark = needs_landlock
ABOUT = (
    "'out' is confined and was denied 'data', on which it does not depend, but returned nevertheless. Add job"
)


@pytest.fixture
def project(folder, account):
    return Project(folder, account)


def or_nothing(name):
    """A callback that goes on without a file that it cannot read."""

    def write(path):
        try:
            text = Path(name).read_text()
        except OSError:
            text = "nothing"
        path.write_text(text)

    return write


def declare(**options):
    return ppg.FileGeneratingJob("out", or_nothing("data"), confine=True, **options)


def out(project):
    path = project.folder / "out"
    return path.read_text() if path.exists() else None


# -- denied reads --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("policy", [None, "warn", "fail"])
def test_a_job_that_was_denied_a_file_and_returned_fails_and_nothing_is_recorded(project, policy):
    project.write("data", "d")
    project.run(lambda: declare(undeclared=policy))
    assert project.errors["out"].startswith(ABOUT)
    assert ".depends_on_file('data') where it is declared" in project.errors["out"]
    assert (project.warnings, out(project)) == ([], None)
    assert project.reasons(lambda: declare(undeclared=policy), "out") is not None
    project.run(lambda: declare(undeclared=policy).depends_on_file("data"))
    assert (project.errors, out(project)) == ({}, "d")


def test_a_denied_file_is_not_recorded_as_one_that_was_not_there(project):
    """Else the job would be up to date as soon as the file is gone."""
    project.write("data", "d")
    project.run(declare)
    (project.folder / "data").unlink()
    assert project.reasons(declare, "out") is not None
    project.run(declare)
    assert (project.errors, out(project)) == ({}, "nothing")
    project.write("data", "new")
    assert project.reasons(declare, "out") == ("data, which it looked for, is there now",)


def test_the_same_job_reads_the_file_if_it_is_not_confined(project):
    project.write("data", "d")
    project.run(declare)
    project.run(lambda: ppg.FileGeneratingJob("out", or_nothing("data")))
    assert (project.errors, out(project)) == ({}, "d")


def test_a_job_with_undeclared_ignore_goes_on_without_the_file(project):
    project.write("data", "d")
    project.run(lambda: declare(undeclared="ignore"))
    assert (project.errors, project.warnings, out(project)) == ({}, [], "nothing")


@pytest.mark.parametrize("policy", [None, "warn", "fail", "ignore"])
def test_a_job_that_was_denied_the_file_of_another_job_is_not_said_to_have_read_it(project, policy):
    def two():
        ppg.FileGeneratingJob("data", lambda path: path.write_text("d"))
        ppg.FileGeneratingJob(
            "out", lambda path: path.write_text(Path("data").read_text()), undeclared=policy
        )

    project.run(lambda: ppg.FileGeneratingJob("data", lambda path: path.write_text("d")))
    project.run(two, confine=True)
    assert (project.warnings, list(project.errors)) == ([], ["out"])
    assert "Permission denied: 'data'" in project.errors["out"]


def test_other_names_of_what_a_job_may_read_are_no_denied_files(project):
    project.write("data", "d")
    (project.folder / "hard").hardlink_to(project.folder / "data")
    (project.folder / "soft").symlink_to("data")
    (project.folder / "helper_of_this_test.py").write_text("X = 1")

    def write(path):
        names = ["hard", "soft", "helper_of_this_test.py", "/usr/bin/env"]
        path.write_text(str([len(Path(name).read_bytes()) for name in names]))

    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(project.folder)
        project.run(lambda: ppg.FileGeneratingJob("out", write, confine=True).depends_on_file("data"))
    assert project.errors == {}


def test_an_error_of_an_inline_job_has_no_advice_for_confined_ones(project):
    def raises(_):
        raise PermissionError(13, "Permission denied", "data")

    project.write("data", "d")
    graph = ppg.new_pipegraph(ppg.LocalSystem(inline=True), quiet=True, confine=True)
    job = ppg.FileGeneratingJob("out", raises)
    with pytest.raises(ppg.RuntimeError):
        graph.run()
    assert "is confined" not in job.traceback


# -- reads that count ------------------------------------------------------------------------------------------


def test_reads_of_allowed_files_are_recorded_as_those_of_other_jobs(project):
    """The files of its loads are not among its own upstreams."""
    project.write("data", "d")

    def with_load():
        load = ppg.DataLoadingJob("load", lambda: None).depends_on_file("data")
        ppg.FileGeneratingJob("out", or_nothing("data"), confine=True).depends_on(load)

    project.run(with_load)
    assert (project.errors, out(project)) == ({}, "d")
    assert project.reasons(with_load, "out") is None
    project.write("data", "new")
    assert project.reasons(with_load, "out") is not None


@pytest.mark.parametrize("track", ["python", "strace"])
def test_the_private_folder_is_no_input_also_where_temporary_files_go_to_the_project(
    project, track, monkeypatch
):
    if track == "strace":
        require("strace")
    (project.folder / "tmp").mkdir()
    monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
    monkeypatch.setenv("TMPDIR", str(project.folder / "tmp"))
    monkeypatch.setattr(tempfile, "tempdir", None)

    def work(path):
        folder = Path(os.environ["TMPDIR"])
        subprocess.run(["sh", "-c", "echo a > $TMPDIR/a; ls $TMPDIR; cat $TMPDIR/a"], check=True, stdout=-1)
        path.write_text(str(sorted(each.name for each in folder.iterdir())) + (folder / "a").read_text())
        assert not (folder / "b").exists()
        or_nothing(folder / "b")(folder / "c")

    def twice():
        return project.run(
            lambda: ppg.FileGeneratingJob("out", work, confine=True, undeclared="fail", track=track)
        )

    twice()
    assert (project.errors, project.warnings) == ({}, [])
    # What stays is the pool of cores, for all runs of the user.
    assert [path.name for path in (project.folder / "tmp").iterdir()] == [f"ppg-{os.geteuid()}"]
    before = (project.folder / "out").stat().st_mtime_ns
    twice()
    assert (project.folder / "out").stat().st_mtime_ns == before


def test_what_a_traced_and_confined_job_and_its_programs_read_is_recorded(project):
    require("strace")
    project.write("data", "d")
    program = ["sh", "-c", "cat data > out"]

    def traced():
        ppg.ExternalJob("out", program, confine=True, track="strace").depends_on_file("data")
        load = ppg.DataLoadingJob("load", lambda: None).depends_on_file("data")
        ppg.ExternalJob("other", ["cat", "data"], stdout="other", confine=True, track="strace").depends_on(
            load
        )

    project.run(traced)
    assert (project.errors, project.warnings, out(project)) == ({}, [], "d")
    assert project.reasons(traced, "other") is None
    project.write("data", "e")
    assert "data" in str(project.reasons(traced, "other"))


def test_what_the_programs_of_a_traced_job_are_denied_is_named(folder, fails):
    require("strace")
    (folder / "data").write_text("d")
    text = fails("out", lambda: ppg.ExternalJob("out", ["cat", "data"], stdout="out"), track="strace")
    assert "add job.depends_on_file('data')" in text


def test_a_failure_that_names_what_cannot_be_looked_at_is_a_failure_of_the_job_alone(project):
    def fail(path):
        raise ValueError("cannot parse '" + "A" * 300 + "/x': Permission denied")

    project.run(lambda: ppg.FileGeneratingJob("out", fail, confine=True))
    assert "cannot parse" in project.errors["out"]
