"""Entries of the shared cache that are damaged, and files that somebody changed after they were taken."""

import os

import pytest

import ppg
from tests.api.shared_cache.projects import entries, nonsense, staged


def truncated(entry):
    os.truncate(entry / "0", 1)


def flipped(entry):
    (entry / "0").chmod(0o644)
    (entry / "0").write_text("expensivE")


def missing(entry):
    (entry / "0").unlink()


def no_manifest(entry):
    (entry / "manifest.json").unlink()


def half_a_manifest(entry):
    os.truncate(entry / "manifest.json", 40)


def a_folder_instead(entry):
    (entry / "0").unlink()
    (entry / "0").mkdir()


@pytest.mark.parametrize(
    "damage", [truncated, flipped, missing, no_manifest, half_a_manifest, nonsense, a_folder_instead]
)
def test_a_damaged_entry_is_noticed_and_replaced(project, cache, writer, account, damage):
    def declare():
        ppg.FileGeneratingJob("out", writer("expensive"), share=True)

    project("one").run(declare)
    (entry,) = entries(cache)
    damage(entry)
    second = project("two")
    assert second.run(declare).taken_from_cache == []
    assert account.taken() == ["out", "out"]
    (warning,) = second.warnings
    assert "'out': its entry in the shared cache" in warning
    assert "is damaged" in warning
    third = project("three")
    assert third.run(declare).taken_from_cache == ["out"]
    assert third.warnings == []
    assert (third / "out").read_text() == "expensive"
    assert staged(cache) == []


def test_changing_a_taken_output_in_place_harms_no_other_project(one, two, project, writer):
    def declare():
        ppg.FileGeneratingJob("out", writer("shared"), share=True)

    one.run(declare)
    two.run(declare)
    for folder in (one, two):
        with (folder / "out").open("a") as file:
            file.write(" and mine")
    third = project("three")
    assert third.run(declare).taken_from_cache == ["out"]
    assert (third / "out").read_text() == "shared"


def test_failures_and_broken_contracts_are_not_kept(one, cache):
    def fail(path):
        path.write_text("half")
        raise ValueError("no")

    def declare():
        ppg.FileGeneratingJob("failed", fail, share=True)
        ppg.FileGeneratingJob("empty", lambda path: path.touch(), share=True)
        ppg.FileGeneratingJob("nothing", lambda: None, share=True)

    with pytest.raises(ppg.RuntimeError) as caught:
        one.run(declare)
    assert sorted(caught.value.exceptions) == ["empty", "failed", "nothing"]
    assert isinstance(caught.value.exceptions["failed"], ValueError)
    assert not cache.exists()


# -- hard links --------------------------------------------------------------------------------------------


def test_hard_links_are_read_only_and_changes_through_them_are_found_out(project, cache, writer, account):
    linked = ppg.SharedCache(cache, hard_links=True)

    def declare():
        ppg.FileGeneratingJob("out", writer("shared"), share=True)

    one, two, three = (project(name, cache=linked) for name in ("one", "two", "three"))
    one.run(declare)
    two.run(declare)
    files = [(folder / "out").stat() for folder in (one, two)]
    if files[0].st_ino != files[1].st_ino:
        pytest.skip("reflinks are there, which are better")
    assert not files[0].st_mode & 0o222
    assert one.run(declare).up_to_date == two.run(declare).up_to_date == ["out"]
    (two / "out").chmod(0o644)
    (two / "out").write_text("mine!!")
    account.taken()
    assert three.run(declare).taken_from_cache == []
    assert "is damaged" in three.warnings[0]
    assert (three / "out").read_text() == "shared"
    # The one whose file was changed behind its back makes it anew as well, and not through the link.
    assert one.run(declare).taken_from_cache == ["out"]
    assert (one / "out").read_text() == "shared"
    assert (two / "out").read_text() == "mine!!"
