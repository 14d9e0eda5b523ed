"""Folders in the shared cache: what a project takes is the folder that another one has made, or nothing."""

import json
import os
import stat

import pytest

import ppg
from tests.api.shared_cache.projects import entries


@pytest.fixture
def declare(account):
    """Declares a job that makes a folder, and one that reads it."""

    def declare_jobs(folder="parts", **options):
        def fill(path):
            account.ran("parts")
            (path / "sub").mkdir()
            (path / "empty/er").mkdir(parents=True)
            (path / "a.txt").write_text("a")
            (path / "nothing").write_text("")
            (path / "sub/run").write_text("#!")
            (path / "sub/run").chmod(0o755)
            (path / "link").symlink_to("sub/run")

        parts = ppg.DirectoryGeneratingJob(folder, fill, share=True, **options)
        user = ppg.FileGeneratingJob(
            "user", lambda path: path.write_text(" ".join(sorted(os.listdir(folder)))), share=True
        )
        user.depends_on(parts)

    return declare_jobs


def described(folder):
    return {
        str(path.relative_to(folder)): (
            stat.S_IFMT(path.lstat().st_mode),
            path.lstat().st_mode & 0o100 if path.is_file() else 0,
            os.readlink(path) if path.is_symlink() else path.read_bytes() if path.is_file() else None,
        )
        for path in folder.rglob("*")
    }


@pytest.mark.parametrize("hard_links", [False, True])
def test_a_second_project_takes_the_whole_folder(one, two, cache, declare, account, hard_links):
    for project in (one, two):
        project.cache = ppg.SharedCache(cache, hard_links=hard_links)
        project.run(declare)
        assert project.warnings == []
    assert account.taken() == ["parts"]
    assert described(two / "parts") == described(one / "parts")
    for project in (one, two):
        assert project.run(declare).summary().startswith("0 ran, 2 up to date")


def test_a_folder_is_taken_again_after_a_change_back(one, declare, account):
    one.run(declare)
    one.run(lambda: declare(empty_ok=True))
    (one / "parts/a.txt").write_text("by hand")
    one.run(declare)
    assert account.taken().count("parts") <= 2
    assert (one / "parts/a.txt").read_text() == "a"


def manifest(change):
    def damage(entry):
        path = entry / "manifest.json"
        content = json.loads(path.read_text())
        change(content["files"])
        path.unlink()
        path.write_text(json.dumps(content))

    return damage


def structure(content):
    def damage(entry):
        (entry / "0").unlink()
        (entry / "0").write_text(content)

    return damage


def other_bytes(entry):
    (entry / "1").unlink()
    (entry / "1").write_text("b")


DAMAGES = [
    manifest(lambda files: files[1].update(name="../out")),
    manifest(lambda files: files[1].update(name="/tmp/out")),
    manifest(lambda files: files[1].update(name="sub/../../out")),
    manifest(lambda files: files.pop(0)),
    manifest(lambda files: files[0].update(name="a")),
    manifest(lambda files: files.pop()),
    structure("{}"),
    structure('{"files": 3, "links": {"sub": "/tmp"}, "empty folders": []}'),
    lambda entry: (entry / "0").unlink(),
    lambda entry: [(entry / "0").unlink(), os.mkfifo(entry / "0")],
    other_bytes,
    lambda entry: (entry / "2").unlink(),
]


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_entry_costs_the_sharing_and_never_the_job(one, two, cache, declare, account, damage):
    one.run(declare)
    account.taken()
    entry = next(one for one in entries(cache) if "structure" in (one / "manifest.json").read_text())
    damage(entry)
    two.run(declare)
    assert account.taken() == ["parts"]
    assert described(two / "parts") == described(one / "parts")
    assert not (two.folder.parent / "out").exists()
    (warning,) = two.warnings
    assert "is damaged" in warning


def test_a_job_that_reads_more_than_its_inputs_is_taken_only_where_that_is_equal(one, two, account):
    def declare():
        def fill(path):
            account.ran("parts")
            (path / "a").write_text((path.parent / "input").read_text())
            (path / "b").write_text((path / "a").read_text() + str(os.listdir(path)))

        ppg.DirectoryGeneratingJob("parts", fill, share=True)

    for project in (one, two):
        (project / "input").write_text("1")
        project.run(declare)
        assert project.warnings == []
    assert account.taken() == ["parts"]
    (two / "input").write_text("2")
    two.run(declare)
    assert account.taken() == ["parts"]
    assert (two / "parts/a").read_text() == "2"


def test_the_key_of_a_reader_stands_for_its_part_of_a_folder(one, two, account):
    def declare(text):
        parts = ppg.DirectoryGeneratingJob(
            "parts", lambda path: [(path / "a").write_text("1"), (path / "b").write_text(text)]
        )

        def use(path):
            account.ran("user")
            path.write_text((path.parent / "parts/a").read_text())

        ppg.FileGeneratingJob("user", use, share=True).depends_on(parts["a"])

    one.run(lambda: declare("x"))
    two.run(lambda: declare("y"))
    assert account.taken() == ["user"]
