"""Reads of files in the folders of other jobs, with and without a dependency on them."""

import os
from pathlib import Path

import pytest

import ppg


def filling(**texts):
    def fill(folder):
        for name, text in texts.items():
            (folder / name).write_text(text)
        (folder / "link").symlink_to(next(iter(texts)))

    return fill


def test_a_file_of_a_folder_that_was_read_is_an_input_of_the_next_runs(project):
    def declare(text, other="1"):
        ppg.DirectoryGeneratingJob("parts", filling(a=text, b=other))
        ppg.FileGeneratingJob("user", project.copying("parts/a"))

    assert project.run(lambda: declare("1")) == ["user"]
    project.run(lambda: declare("1"))
    assert project.run(lambda: declare("1")) == []
    assert project.run(lambda: declare("1", "2")) == []
    assert project.run(lambda: declare("2", "2")) == ["user"]
    assert project.text("user") == "2"
    assert project.run(lambda: declare("2", "2")) == []


def test_the_read_is_warned_of_with_the_remedy_or_fails_the_job(project):
    def declare(**options):
        parts = ppg.DirectoryGeneratingJob("parts", filling(a="1"))
        ppg.FileGeneratingJob("user", project.copying("parts/a"), **options)
        ppg.FileGeneratingJob("last", project.copying()).depends_on(parts)

    project.run(declare)
    (warning,) = project.warnings
    assert "'user' read 'parts/a', which 'parts' makes, without depending on it" in warning
    assert "add .depends_on('parts/a') to 'user'" in warning
    Path("user").unlink()
    project.run(lambda: declare(undeclared="fail"))
    assert "'user' read 'parts/a'" in project.errors["user"]


def test_a_file_of_a_folder_that_was_looked_for_counts_when_it_appears(project):
    def declare(**texts):
        ppg.DirectoryGeneratingJob("parts", filling(a="1", **texts))
        ppg.FileGeneratingJob("user", project.copying("parts/b"))

    assert project.run(declare) == ["user"]
    project.run(declare)
    assert project.run(declare) == []
    assert project.run(lambda: declare(b="2")) == ["user"]
    assert project.text("user") == "2"


@pytest.mark.parametrize("inside", ["parts", "parts/sub"])
def test_a_folder_that_was_listed_counts_as_a_whole(project, ran, inside):
    def declare(*names):
        def fill(folder):
            (folder / "sub").mkdir()
            for name in names:
                (folder / "sub" / name).write_text(name)

        def use(path):
            ran("user")
            path.write_text(" ".join(sorted(os.listdir(inside))))

        ppg.DirectoryGeneratingJob("parts", fill)
        ppg.FileGeneratingJob("user", use)

    # With one core the folder is made first.
    one = {"resource_coordinator": ppg.LocalSystem(max_cores_to_use=1)}
    assert project.run(lambda: declare("a"), **one) == ["user"]
    (warning,) = project.warnings
    assert "'user' read 'parts', which 'parts' makes" in warning
    project.run(lambda: declare("a"), **one)
    assert project.run(lambda: declare("a"), **one) == []
    assert project.run(lambda: declare("a", "b"), **one) == ["user"]


@pytest.mark.parametrize("part", [None, "*", "a"])
def test_a_job_may_list_a_folder_on_which_it_depends(project, ran, part):
    def declare():
        def use(path):
            ran("user")
            path.write_text(" ".join(sorted(os.listdir("parts"))) + Path("parts/a").read_text())

        parts = ppg.DirectoryGeneratingJob("parts", filling(a="1", b="2"))
        ppg.FileGeneratingJob("user", use, undeclared="fail").depends_on(
            parts if part is None else parts[part]
        )

    assert project.run(declare) == ["user"]
    assert project.errors == {}
    assert project.run(declare) == []


def test_a_file_beside_the_declared_one_is_undeclared(project):
    def declare(text):
        parts = ppg.DirectoryGeneratingJob("parts", filling(a="1", b=text))
        ppg.FileGeneratingJob("user", project.copying("parts/b")).depends_on(parts["a"])

    assert project.run(lambda: declare("1")) == ["user"]
    assert project.run(lambda: declare("2")) == ["user"]


def test_a_job_reads_and_lists_its_own_folder(project, ran):
    def declare():
        def fill(folder):
            ran("parts")
            (folder / "a").write_text("1")
            os.system("echo 2 > parts/b")
            (folder / "c").write_text((folder / "b").read_text() + str(sorted(os.listdir(folder))))

        ppg.DirectoryGeneratingJob("parts", fill)

    assert project.run(declare) == ["parts"]
    assert project.warnings == []
    assert project.run(declare) == []


def test_a_temporary_folder_that_was_read_without_a_dependency_fails_the_job(project):
    def declare():
        parts = ppg.TempDirectoryGeneratingJob("parts", filling(a="1"))
        first = ppg.FileGeneratingJob("first", project.copying("parts/a")).depends_on(parts)
        ppg.FileGeneratingJob("user", project.copying("parts/a")).depends_on(first)
        ppg.FileGeneratingJob("last", project.copying("first", "user")).depends_on(parts, "first", "user")

    project.run(declare)
    assert "that is a temporary file of 'parts'" in project.errors["user"]


def test_a_link_in_a_folder_counts_by_its_target_and_what_was_read_there(project):
    def declare():
        def fill(folder):
            (folder / "out").symlink_to("../input")
            (folder / "in").symlink_to("a")
            (folder / "a").write_text("1")

        parts = ppg.DirectoryGeneratingJob("parts", fill)
        ppg.FileGeneratingJob("user", project.copying("parts/out", "parts/in")).depends_on(parts)
        ppg.FileGeneratingJob("other", project.copying("parts/in")).depends_on("user")

    project.write("input", "i")
    assert project.run(declare) == ["other", "user"]
    project.run(declare)
    assert project.run(declare) == []
    project.write("input", "changed")
    assert project.run(declare) == ["other", "user"]
    assert project.text("user") == "changed 1"


def test_reads_of_a_generated_folder_are_found(project):
    def declare(text):
        ppg.JobGeneratingJob("generator", lambda: ppg.DirectoryGeneratingJob("parts", filling(a=text)))
        ppg.FileGeneratingJob("user", project.copying("parts/a"))

    project.run(lambda: declare("1"))
    project.run(lambda: declare("1"))
    assert project.run(lambda: declare("1")) == []
    assert project.run(lambda: declare("2")) == ["user"]
    assert project.text("user") == "2"


def test_reads_are_previewed_and_verified(project):
    def declare(text):
        ppg.DirectoryGeneratingJob("parts", filling(a=text))
        ppg.FileGeneratingJob("user", project.copying("parts/a"))

    project.run(lambda: declare("1"))
    project.run(lambda: declare("1"))
    assert project.reasons(lambda: declare("1"), "user") is None
    assert project.reasons(lambda: declare("1"), "parts") is None
    (project.folder / "parts/a").write_text("9")
    assert project.reasons(lambda: declare("1"), "parts") == ("parts/a is not as it was left",)
