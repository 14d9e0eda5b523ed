"""A temporary job that is made again keeps its fingerprint, so it must have read what it read before."""

import subprocess
from pathlib import Path

import pytest

import ppg


def edited():
    """Another program edits the file after ppg has looked at it."""
    subprocess.run("if test -e edit; then echo 2 > config; fi", shell=True, check=True)


@pytest.mark.parametrize("when", ["before", "while"])
def test_a_temporary_job_that_is_made_again_from_another_text_fails_in_that_run(project, ran, when):
    """Otherwise its new user would stay as it is when the text changes back."""

    def make(path):
        ran("temporary")
        if when == "before":
            edited()
        text = Path("config").read_text()
        if when == "while":
            edited()
        path.write_text(text)

    def declare(*users):
        temporary = ppg.TempFileGeneratingJob("temporary", make)
        for user in users:
            ppg.FileGeneratingJob(user, project.copying("temporary")).depends_on(temporary)

    project.write("config", "1\n")
    project.run(lambda: declare("first"))
    project.write("edit", "")
    project.run(lambda: declare("first", "second"))
    assert set(project.errors) == {"temporary"}
    assert project.errors["temporary"] == (
        "'config' changed while the graph ran, before 'temporary' read it; run again. "
        "If it is an input, add .depends_on_file('config') to 'temporary'"
    )
    (project.folder / "edit").unlink()
    project.write("config", "1\n")
    project.run(lambda: declare("first", "second"))
    assert project.errors == {}
    assert (project.text("first"), project.text("second")) == ("1\n", "1\n")
    assert project.run(lambda: declare("first", "second")) == []
