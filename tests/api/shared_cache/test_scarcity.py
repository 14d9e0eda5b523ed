"""A shared cache without room, or that cannot be written, costs the sharing and never a job."""

import pytest

import ppg
from tests.api.shared_cache.projects import Project, entries, staged


def test_from_a_cache_that_can_only_be_read_everything_can_be_taken(small_disk, project, writer, account):
    disk, make_read_only = small_disk
    one, two = (project(name, cache=disk / "cache") for name in ("one", "two"))

    def declare(*more):
        for name in ("a", *more):
            ppg.FileGeneratingJob(name, writer("x"), share=True)

    one.run(declare)
    make_read_only()
    account.taken()
    assert two.run(lambda: declare("b", "c")).taken_from_cache == ["a"]
    assert account.taken() == ["b", "c"]
    (warning,) = two.warnings  # one for both: it is the same
    assert "nothing can be kept in the shared cache" in warning
    assert "Read-only file system" in warning


def test_a_full_cache_costs_the_sharing_and_not_the_job(small_disk, project, writer):
    disk, _ = small_disk
    one, two = (project(name, cache=disk / "cache") for name in ("one", "two"))

    def declare():
        ppg.FileGeneratingJob("big", writer("x" * (1 << 20)), share=True)

    for each in (one, two):
        assert each.run(declare).taken_from_cache == []
        assert (each / "big").stat().st_size == 1 << 20
        (warning,) = each.warnings
        assert "No space left on device" in warning
        assert each.run(declare).up_to_date == ["big"]
    assert entries(disk / "cache") == staged(disk / "cache") == []


@pytest.mark.parametrize("obstacle", ["a file in its place", "no parent"])
def test_a_cache_that_cannot_be_costs_the_sharing_and_not_the_job(project, tmp_path, writer, obstacle):
    place = tmp_path / "obstacle"
    if obstacle == "a file in its place":
        place.write_text("not a folder")
    else:
        place = place / "cache"
    one = project("one", cache=place)
    assert one.run(lambda: ppg.FileGeneratingJob("a", writer("x"), share=True)).ran == ["a"]
    (warning,) = one.warnings
    assert "nothing can be kept in the shared cache" in warning


def test_a_project_without_room_fails_as_without_a_cache(small_disk, project, cache, writer):
    disk, _ = small_disk

    def declare():
        ppg.FileGeneratingJob("big", writer("x" * (1 << 20)), share=True)

    project("one").run(declare)
    (entry,) = entries(cache)
    cramped = Project(disk / "two", cache)
    with pytest.raises(ppg.RuntimeError, match="No space left on device"):
        cramped.run(declare)
    assert not (cramped / "big").exists()
    assert entries(cache) == [entry]
    three = project("three")
    assert three.run(declare).taken_from_cache == ["big"]
