"""Jobs that list and read whole folders stay idle, run for run."""

import glob
import os
from pathlib import Path

import pytest

import ppg


def listed_flat():
    return sorted(os.listdir("data"))


def walked():
    return sorted(os.path.join(folder, name) for folder, _, names in os.walk(".") for name in names)


def globbed():
    return sorted(glob.glob("data/**/*.txt", recursive=True))


def read_all():
    return [path.read_text() for path in sorted(Path("data").rglob("*.txt"))]


def by_link():
    return sorted(os.listdir("link/data"))


@pytest.mark.parametrize("listing", [listed_flat, walked, globbed, read_all, by_link])
def test_ten_idle_runs_of_jobs_that_list_folders_run_nothing(project, ran, listing):
    def work(path):
        ran(path.name)
        names = [name for name in listing() if "/out" not in name and ".pypipegraph" not in name]
        path.write_text(repr(names))

    def declare():
        def generate():
            for number in range(3):
                ppg.FileGeneratingJob(f"data/made/out{number}", work)

        for number in range(5):
            ppg.FileGeneratingJob(f"results/deep/out{number}", work)
            ppg.FileGeneratingJob(f"data/out{number}", work)
        ppg.MultiFileGeneratingJob(
            ["data/part/out_a", "data/part/out_b"], lambda paths: [work(one) for one in paths]
        )
        ppg.JobGeneratingJob("generate", generate)

    project.write("data/one.txt", "1")
    project.write("data/sub/two.txt", "2")
    (project.folder / "link").symlink_to(".")
    assert len(project.run(declare)) == 15
    # What the first run wrote beside the outputs, such as logs, is no input.
    for _ in range(10):
        assert project.run(declare) == []
    project.write("data/sub/three.txt", "3")
    assert (project.run(declare) == []) is (listing in (listed_flat, by_link))
    for _ in range(3):
        assert project.run(declare) == []
