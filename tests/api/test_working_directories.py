"""Working directories in which a script, or one of its jobs, can hardly work."""

import os
import subprocess
import sys
import textwrap

import pytest

import ppg

SCRIPT = """
import ppg

def make(path):
    path.write_text("made")

ppg.new_pipegraph()
ppg.FileGeneratingJob("out", make)
ppg.run()
"""


@pytest.fixture
def script(tmp_path):
    path = tmp_path / "script.py"
    path.write_text(textwrap.dedent(SCRIPT))
    return path


def ppg_command(*arguments, **options):
    command = [os.path.join(os.path.dirname(sys.executable), "ppg"), *map(str, arguments)]
    return subprocess.run(
        command, check=False, capture_output=True, text=True, errors="surrogateescape", **options
    )


def removed(folder):
    """Code for a new process that works in a folder that is gone."""
    os.mkdir(folder)
    os.chdir(folder)
    os.rmdir(folder)


def deep(folder):
    os.chdir(folder)
    for _ in range(25):
        os.mkdir("d" * 200)
        os.chdir("d" * 200)


@pytest.mark.parametrize(
    ("go", "problem", "remedy"),
    [
        (removed, "the working directory has been removed", "change to another one"),
        (deep, "a name of 5,", "use a folder"),
    ],
)
def test_a_folder_that_cannot_be_a_project_is_one_line_with_a_remedy(script, tmp_path, go, problem, remedy):
    end = ppg_command("run", script, preexec_fn=lambda: go(tmp_path / "gone" if go is removed else tmp_path))
    assert end.returncode != 0
    (line,) = end.stderr.splitlines()
    assert problem in line
    assert remedy in line
    assert len(line) < 400


def test_a_folder_with_a_name_that_is_no_utf_8_is_a_project_like_any_other(script, tmp_path):
    folder = os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9")
    os.mkdir(folder)
    assert ppg_command("run", script, cwd=folder).returncode == 0
    for command in (["why", "out"], ["inputs", "out"], ["verify", script]):
        end = ppg_command(*command, cwd=folder)
        assert "Traceback" not in end.stderr
        assert end.returncode == 0, end.stderr


def test_a_script_with_a_relative_name_is_not_found_where_the_working_directory_is_gone(tmp_path):
    end = ppg_command("run", "script.py", preexec_fn=lambda: removed(tmp_path / "gone"))
    (line,) = end.stderr.splitlines()
    assert "script.py" in line
    assert end.returncode == 2


def test_a_file_that_is_made_in_another_working_directory_is_missing_with_that_cause(folder, failing_run):
    def wander(path):
        os.mkdir("elsewhere")
        os.chdir("elsewhere")
        with open("out", "w") as file:
            file.write("x")

    error, _ = failing_run(lambda: ppg.FileGeneratingJob("out", wander))
    assert str(error.exceptions["out"]) == (
        f"The callback did not make '{folder}/out', and has changed its working directory to '{folder}/elsewhere', "
        "where relative names begin since then; take the absolute name of the file before os.chdir, or go back"
    )


def test_a_job_may_change_its_working_directory(folder, run):
    def wander(path):
        path = path.absolute()
        os.mkdir("elsewhere")
        os.chdir("elsewhere")
        path.write_text("x")

    assert run(lambda: ppg.FileGeneratingJob("out", wander)).ran == ["out"]


def test_a_run_in_another_root_needs_a_working_directory_too(script, tmp_path):
    text = script.read_text().replace("new_pipegraph()", f"new_pipegraph(root={str(tmp_path)!r})")
    script.write_text(text)
    end = ppg_command("run", script, preexec_fn=lambda: removed(tmp_path / "gone"))
    assert "Traceback" not in end.stderr
    assert "The run cannot go on: the working directory has been removed; change to another one" in end.stderr
