"""Trees: what a folder is described by, and what is read of a folder that was described before."""

import os
import shutil
from pathlib import Path

import pytest

from ppg_invariants import Problem, Tree, describe_tree_plainly, observe_tree, tree_described


def content(tree: Tree) -> dict[str, tuple[str, bytes]]:
    return {name: (state.algorithm, state.digest) for name, state in tree.files.items()}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "folder"
    (path / "sub").mkdir(parents=True)
    (path / "empty/er").mkdir(parents=True)
    (path / "a").write_text("1")
    (path / "sub/run").write_text("2")
    (path / "sub/run").chmod(0o700)
    (path / "link").symlink_to("a")
    (path / "dangling").symlink_to("nowhere")
    (path / "to folder").symlink_to("sub")
    return path


def test_every_file_link_and_empty_folder_is_an_entry(folder: Path) -> None:
    tree = observe_tree(str(folder))
    assert tree.problems == []
    assert {name: state.algorithm for name, state in tree.files.items()} == {
        "a": "xxh3_128",
        "sub/run": "xxh3_128+x",
        "link": "link",
        "dangling": "link",
        "to folder": "link",
        "empty/er": "folder",
    }


def test_a_copy_has_the_same_content_whatever_its_owner_times_and_other_rights_are(
    folder: Path, tmp_path: Path
) -> None:
    before = content(observe_tree(str(folder)))
    copy = tmp_path / "copy"
    shutil.copytree(folder, copy, symlinks=True)
    (copy / "a").chmod(0o640)
    os.utime(copy / "a", ns=(1, 1))
    copy.chmod(0o711)
    assert content(observe_tree(str(copy))) == before


def test_unchanged_entries_are_the_remembered_objects(folder: Path) -> None:
    for path in folder.rglob("*"):
        os.utime(path, ns=(1, 1), follow_symlinks=False)
    remembered = observe_tree(str(folder)).files
    again = observe_tree(str(folder), remembered).files
    settled = observe_tree(str(folder), again).files
    assert all(settled[name] is again[name] for name in remembered)
    (folder / "a").write_text("1")
    touched = observe_tree(str(folder), settled).files
    assert [name for name in touched if touched[name] is not settled[name]] == ["a"]
    assert touched["a"].has_content_of(settled["a"])


def test_a_description_survives_the_way_between_processes(folder: Path) -> None:
    os.mkfifo(folder / "pipe")
    plain = describe_tree_plainly(str(folder))
    tree = tree_described(plain)
    assert content(tree) == content(observe_tree(str(folder)))
    assert [(one.path, one.problem) for one in tree.problems] == [("pipe", Problem.NOT_A_FILE)]


def test_links_to_files_may_count_as_the_files(folder: Path) -> None:
    tree = observe_tree(str(folder), follows_links=True)
    assert tree.files["link"].digest == tree.files["a"].digest
    assert tree.files["to folder"].algorithm == "link"


def test_a_folder_that_is_not_there_is_the_only_problem(folder: Path) -> None:
    (problem,) = observe_tree(str(folder / "no")).problems
    assert (problem.path, problem.problem) == ("", Problem.MISSING)
    (problem,) = observe_tree(str(folder / "a")).problems
    assert (problem.path, problem.problem) == ("", Problem.NOT_A_FILE)
