"""A folder that a job lists counts by its names, less those of outputs and of ppg."""

import glob
import os
from pathlib import Path

import pytest

import ppg


def by_glob():
    return sorted(glob.glob("data/*"))


def by_listdir():
    return sorted(os.listdir("data"))


def by_path():
    return sorted(path.name for path in Path("data").iterdir())


def by_walk():
    return sorted(name for _, _, names in os.walk("data") for name in names)


@pytest.mark.parametrize("listing", [by_glob, by_listdir, by_path, by_walk])
def test_a_new_name_in_a_listed_folder_reruns_the_job(project, ran, listing):
    def work(path):
        ran("a")
        path.write_text(repr(listing()))

    def declare():
        ppg.FileGeneratingJob("a", work)

    project.write("data/one", "1")
    assert project.run(declare) == ["a"]
    assert project.run(declare) == []
    project.write("data/one", "changed, and not read")
    assert project.run(declare) == []
    project.write("data/two", "2")
    assert project.reasons(declare, "a") == ("the names in data, which it listed, changed",)
    assert project.run(declare) == ["a"]
    (project.folder / "data/two").unlink()
    assert project.run(declare) == ["a"]
    assert project.run(declare) == []


@pytest.mark.parametrize("is_first", [True, False])
def test_what_a_job_has_seen_and_leaves_in_a_folder_that_it_lists_reruns_nothing(project, ran, is_first):
    def work(path):
        ran("a")
        if is_first:
            Path("data/left").write_text("1")
        os.listdir("data")
        Path("data/left").write_text("1")
        Path("data/removed").write_text("1")
        Path("data/removed").unlink()
        path.write_text("1")

    def declare():
        ppg.FileGeneratingJob("a", work)

    project.write("data/one", "1")
    assert project.run(declare) == ["a"]
    if not is_first:
        assert project.run(declare) == ["a"]  # it sees what it has left
    assert project.run(declare) == []
    (project.folder / "data/left").unlink()
    assert project.run(declare) == ["a"]


def test_a_folder_that_is_not_there_counts_as_absent(project, ran):
    def work(path):
        ran("a")
        try:
            path.write_text(repr(os.listdir("data")))
        except FileNotFoundError:
            path.write_text("none")

    def declare():
        ppg.FileGeneratingJob("a", work)

    assert project.run(declare) == ["a"]
    assert project.run(declare) == []
    project.write("data/one", "1")
    assert project.run(declare) == ["a"]
    assert project.run(declare) == []


def test_outputs_and_ppgs_own_files_are_no_names_that_count(project, ran):
    def work(path):
        ran(path.name)
        path.write_text(" ".join(sorted(os.listdir("."))))

    def declare():
        for name in ("a", "b", "results/c", "results/deep/d"):
            ppg.FileGeneratingJob(name, work)

    (project.folder / "logs").mkdir()
    assert project.run(declare) == ["a", "b", "c", "d"]
    for _ in range(3):
        assert project.run(declare) == []
    project.write("input", "")
    assert project.run(declare) == ["a", "b", "c", "d"]
    assert project.run(declare) == []


def test_what_ppg_keeps_of_jobs_is_not_read_by_a_job_that_reads_all_files(project, ran):
    def work(path):
        ran("a")
        print("said")
        found = [Path(folder, name) for folder, _, names in os.walk(".") for name in names]
        path.write_text(str(sum(len(file.read_bytes()) > 0 for file in found if "ppg" in str(file))))

    def other(number):
        def speak(path):
            print("also said", number)
            path.write_text("b")

        return speak

    def declare(number):
        ppg.FileGeneratingJob("a", work)
        ppg.FileGeneratingJob("b", other(number)).depends_on_params(number)

    scratch = project.folder / ".pypipegraph_status_robust.debug"
    scratch.mkdir()
    (scratch / "copy").write_text("1")
    assert project.run(lambda: declare(1)) == ["a"]
    assert (project.folder / ".pypipegraph_status_robust.output").is_dir()
    for number in range(2, 5):
        (scratch / "copy").write_text(str(number))
        assert project.run(lambda number=number: declare(number)) == []
        assert project.warnings == []


def test_what_ppg_keeps_of_jobs_is_no_input_of_the_folder_with_the_store(project, ran):
    def work(path):
        ran("a")
        print("said")
        path.write_text("a")

    def declare():
        ppg.FileGeneratingJob("a", work).depends_on(ppg.FolderInvariant("."))

    (project.folder / "logs").mkdir()
    assert project.run(declare) == ["a"]
    assert (project.folder / ".pypipegraph_status_robust.output").is_dir()
    assert project.run(declare) == []
    project.write("logs/of the user", "")
    assert project.run(declare) == ["a"]


def test_a_job_may_fill_the_folder_that_it_lists(project, ran):
    def work(path):
        ran("a")
        for name in sorted(os.listdir("work")):
            Path("work", f"{name}.tmp").write_text("")
        path.write_text(str(len(os.listdir("work"))))

    project.write("work/in", "")
    assert project.run(lambda: ppg.FileGeneratingJob("a", work)) == ["a"]
    # The files beside the output stay, and other runs find them as inputs.
    assert project.run(lambda: ppg.FileGeneratingJob("a", work)) == ["a"]


def test_the_outputs_of_generated_jobs_are_no_names_that_count(project, ran):
    def work(path):
        ran(path.name)
        path.write_text(repr(sorted(os.listdir("results"))))

    def declare():
        def generate():
            for number in range(3):
                ppg.FileGeneratingJob(f"results/{number}", work)

        ppg.JobGeneratingJob("generate", generate)

    assert project.run(declare) == ["0", "1", "2"]
    for _ in range(2):
        assert project.run(declare) == []
