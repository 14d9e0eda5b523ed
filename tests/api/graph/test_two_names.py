"""Two jobs for one place: links give a file two names, and ppg refuses that before anything is lost."""

import os
from pathlib import Path

import pytest

import ppg
from ppg import JobContractError
from ppg.graph.folders import Places


def writes(text):
    return lambda path: Path(path).write_text(text)


def fills(folder):
    (Path(folder) / "in.txt").write_text("in")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder `real`, the link `ln` to it, and `away`, a link to a folder within it."""
    (tmp_path / "real" / "sub").mkdir(parents=True)
    (tmp_path / "ln").symlink_to("real")
    (tmp_path / "away").symlink_to(tmp_path / "real" / "sub")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("real/x.txt", "ln/x.txt"),
        ("ln/x.txt", "real/x.txt"),
        ("real/sub/x.txt", "away/x.txt"),
        ("ln/sub/x.txt", "away/x.txt"),
        ("real/new/deep/x.txt", "ln/new/deep/x.txt"),
        ("real/x.txt", "{root}/ln/x.txt"),
    ],
)
def test_two_jobs_make_no_file_under_two_names(folder, first, second):
    ppg.new_pipegraph(quiet=True)
    ppg.FileGeneratingJob(first, writes("1"))
    ppg.FileGeneratingJob(second.format(root=folder), writes("2"))
    with pytest.raises(JobContractError, match="one file under two names") as refused:
        ppg.run_pipegraph()
    assert first in str(refused.value)
    assert "test_two_names.py" in str(refused.value)
    assert not list(folder.rglob("x.txt"))


@pytest.mark.parametrize("name", ["ln/x.txt", "ln/deep/er/x.txt", "away/x.txt"])
def test_no_job_makes_a_file_in_the_folder_of_another_one_under_another_name(folder, name):
    (folder / "real" / "precious.txt").write_text("kept")
    ppg.new_pipegraph(quiet=True)
    ppg.FileGeneratingJob(name, writes("2"))
    ppg.DirectoryGeneratingJob("real", fills)
    with pytest.raises(JobContractError, match=r"in the folder that .*'real'"):
        ppg.run_pipegraph()
    assert (folder / "real" / "precious.txt").read_text() == "kept"


def test_a_folder_that_is_reached_by_a_link_is_one_place_too(folder):
    ppg.new_pipegraph(quiet=True)
    ppg.DirectoryGeneratingJob("away", fills)
    ppg.FileGeneratingJob("real/sub/x.txt", writes("2"))
    with pytest.raises(JobContractError, match=r"in the folder that .*'away'"):
        ppg.run_pipegraph()


def test_links_alone_are_no_fault(folder):
    def declare():
        ppg.new_pipegraph(quiet=True)
        ppg.FileGeneratingJob("real/x.txt", writes("1"))
        ppg.FileGeneratingJob("ln/y.txt", writes("2"))
        ppg.FileGeneratingJob("away/x.txt", writes("3"))
        ppg.DirectoryGeneratingJob("ln/own", fills)
        return ppg.run_pipegraph()

    assert len(declare().ran) == 4
    assert len(declare().ran) == 0


def test_a_root_that_is_reached_by_a_link_gives_each_file_one_name(folder):
    def declare(*names):
        ppg.new_pipegraph(quiet=True, root=folder / "ln")
        for name in names:
            ppg.FileGeneratingJob(name, writes(str(name)))
        return ppg.run_pipegraph()

    assert len(declare("x.txt", "sub/x.txt").ran) == 2
    with pytest.raises(JobContractError, match="one file under two names"):
        declare("x.txt", folder / "real" / "x.txt")


def test_a_link_that_appears_between_preview_and_run_counts(folder):
    os.remove(folder / "ln")
    graph = ppg.new_pipegraph(quiet=True)
    ppg.FileGeneratingJob("real/x.txt", writes("1"))
    ppg.FileGeneratingJob("ln/x.txt", writes("2"))
    assert len(graph.preview().will_run) == 2
    (folder / "ln").symlink_to("real")
    with pytest.raises(JobContractError, match="one file under two names"):
        ppg.run_pipegraph()


def test_a_generated_job_makes_no_file_of_another_job_under_another_name(folder):
    ppg.new_pipegraph(quiet=True)
    ppg.FileGeneratingJob("real/x.txt", writes("1"))
    ppg.JobGeneratingJob("gen", lambda: ppg.FileGeneratingJob("ln/x.txt", writes("2")))
    with pytest.raises(RuntimeError) as failed:
        ppg.run_pipegraph()
    assert "one file under two names" in str(failed.value) + str(failed.value.__cause__)
    assert (folder / "real" / "x.txt").read_text() == "1"


@pytest.mark.parametrize("name", ["ln/x.txt", "ln/sub/../x.txt", "to_x.txt", "{root}/ln/x.txt"])
@pytest.mark.parametrize("first", ["maker", "observer"])
def test_no_job_observes_what_another_one_makes_under_another_name(folder, name, first):
    """Its users would run one run too late: an input is observed before the other job makes it."""
    (folder / "to_x.txt").symlink_to("real/x.txt")
    ppg.new_pipegraph(quiet=True)
    if first == "maker":
        ppg.FileGeneratingJob("real/x.txt", writes("1"))
    ppg.FileGeneratingJob("out.txt", writes("2")).depends_on_file(name.format(root=folder))
    if first == "observer":
        ppg.FileGeneratingJob("real/x.txt", writes("1"))
    with pytest.raises(JobContractError, match=r"observes .*'real/x.txt'.*; depend on that job instead"):
        ppg.run_pipegraph()


def test_no_job_observes_a_file_in_the_folder_of_another_one_under_another_name(folder):
    ppg.new_pipegraph(quiet=True)
    ppg.FileGeneratingJob("out.txt", writes("2")).depends_on_file("ln/in.txt")
    ppg.DirectoryGeneratingJob("real", fills)
    with pytest.raises(JobContractError, match=r"observes 'ln/in.txt', in the folder that .*'real'"):
        ppg.run_pipegraph()


def test_inputs_behind_links_are_inputs(folder):
    (folder / "real" / "in.txt").write_text("in")
    (folder / "to_in.txt").symlink_to("real/in.txt")

    def declare():
        ppg.new_pipegraph(quiet=True)
        job = ppg.FileGeneratingJob("real/x.txt", writes("1"))
        job.depends_on_file("ln/in.txt").depends_on_file("to_in.txt").depends_on_file("real/in.txt")
        return ppg.run_pipegraph()

    assert len(declare().ran) == 1
    (folder / "real" / "in.txt").write_text("other")
    assert len(declare().ran) == 1
    assert len(declare().ran) == 0


def test_generators_do_not_compare_all_jobs_again(folder, monkeypatch):
    entered = []
    enter = Places._enter
    monkeypatch.setattr(Places, "_enter", lambda self, job: entered.append(job.job_id) or enter(self, job))
    ppg.new_pipegraph(quiet=True)
    for number in range(20):
        ppg.FileGeneratingJob(f"ln/{number}.txt", writes("1"))
    for number in range(5):

        def generate(number=number):
            ppg.FileGeneratingJob(f"ln/made_{number}.txt", writes("1"))

        ppg.JobGeneratingJob(f"gen{number}", generate)
    assert len(ppg.run_pipegraph().ran) == 30
    files = [job_id for job_id in entered if job_id.endswith(".txt")]
    assert sorted(files) == sorted(set(files))
