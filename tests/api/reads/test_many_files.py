"""A job that reads many files, most of which are looked at only when it has ended, runs again exactly when it must."""

import os
import subprocess
import tempfile
import time
from pathlib import Path

import pytest

import ppg
from ppg_exec.stats.leases import QUIET
from tests.api.reads.conftest import Project

COUNT = 1_600
LAST = f"data/{COUNT - 1:04d}"
MANY = "data/1[1-5]*"
"""Not all of these files are looked at before they are opened, however slow the machine is."""
IN_DOUBT = "which it read, may have changed just before or while it ran"


@pytest.fixture
def folder(monkeypatch):
    """A folder for the project. Other tests change neither it nor the one above it."""
    with tempfile.TemporaryDirectory() as above:
        folder = Path(os.path.realpath(above)) / "project"
        folder.mkdir()
        monkeypatch.chdir(folder)
        yield folder


@pytest.fixture
def many(project: Project) -> Project:
    """A project with many files that have not changed for a while."""
    for number in range(COUNT):
        project.write(f"data/{number:04d}", str(number))
    newest = os.stat(project.folder / LAST).st_ctime_ns
    while time.time_ns() < newest + 1.2 * QUIET:
        time.sleep(0.05)
    return project


def declared(ran, command=None):
    """Declare a job that reads all files, and starts a program afterwards."""

    def declare():
        def work(path):
            ran(path.name)
            texts = [Path(f"data/{number:04d}").read_text() for number in range(COUNT)]
            if command is not None:
                subprocess.run(["sh", "-c", command], check=True)
            path.write_text(" ".join(texts))

        ppg.FileGeneratingJob("out", work)

    return declare


def test_it_runs_again_if_one_of_them_changes(many, ran):
    declare = declared(ran)
    assert many.run(declare) == ["out"]
    for _ in range(3):
        assert many.run(declare) == []
    for name in ("data/0000", LAST):
        many.write(name, "changed")
        assert many.reasons(declare, "out") == (f"{name}, which it read, changed",)
        assert many.run(declare) == ["out"]
        assert many.run(declare) == []
    (many.folder / LAST).unlink()
    many.run(declare)
    assert "No such file" in many.errors["out"]


@pytest.mark.parametrize(
    "command",
    [
        pytest.param(f"for file in {MANY}; do echo new > $file; done", id="written"),
        pytest.param(
            f"for file in {MANY}; do echo new > new; touch -d 2001-01-01 new; mv new $file; done",
            id="replaced",
        ),
        pytest.param(
            f"mv data former; mv later data; for file in {MANY}; do test -e $file; done", id="exchanged"
        ),
    ],
)
def test_files_that_change_after_they_were_read_are_read_again(many, ran, command):
    for number in range(COUNT):
        many.write(f"later/{number:04d}", "new\n")
    declare = declared(ran, f"test -e done || {{ {command}; touch done; }}")
    assert many.run(declare) == ["out"]
    assert "new" not in many.text("out")
    assert any(IN_DOUBT in reason for reason in many.reasons(declare, "out"))
    assert many.run(declare) == ["out"]
    assert many.text("out").endswith("new\n")
    for _ in range(3):
        assert many.run(declare) == []


def test_files_that_change_whenever_they_were_read_do_not_run_the_job_for_ever(many, ran):
    declare = declared(ran, f"for file in {MANY}; do echo more >> $file; done")
    assert many.run(declare) == ["out"]
    assert many.run(declare) == ["out"]  # nobody knew which content it had read
    assert any(f"'{LAST}' changed while 'out' ran" in text for text in many.warnings)
    for _ in range(3):
        assert many.run(declare) == []


def test_a_temporary_job_that_is_made_again_is_in_no_doubt_of_what_it_read(many, ran):
    """It would fail, because its users would be made of something else than their records say."""

    def declare(parameter):
        def work(path):
            ran(path.name)
            texts = [Path(f"data/{number:04d}").read_text() for number in range(COUNT)]
            with pytest.raises(FileNotFoundError):
                Path("data/none").read_text()
            subprocess.run(["sh", "-c", "touch data/more; rm data/more"], check=True)
            path.write_text(" ".join(texts))

        def use(path):
            ran(path.name)
            path.write_text(f"{parameter} {Path('temporary').read_text()}")

        temporary = ppg.TempFileGeneratingJob("temporary", work)
        ppg.FileGeneratingJob("user", use).depends_on(temporary).depends_on_params(parameter)

    for parameter in range(3):
        assert many.run(lambda parameter=parameter: declare(parameter)) == ["temporary", "user"]
        assert many.errors == {}
        assert many.run(lambda parameter=parameter: declare(parameter)) == []
