"""Listing and tidying up the shared cache, and what its settings may be."""

import os

import pytest

import ppg
from tests.api.callbacks import write
from tests.api.shared_cache.projects import entries, nonsense, staged

# -- upkeep ------------------------------------------------------------------------------------------------


def test_what_was_not_used_for_the_longest_time_is_removed_first(project, cache, writer):
    def declare(*names):
        for name in names:
            ppg.FileGeneratingJob(name, writer("x" * 1000), share=True)

    project("one").run(lambda: declare("a", "b", "c"))
    shared = ppg.SharedCache(cache)
    assert sorted(entry.files for entry in shared.entries()) == [("a",), ("b",), ("c",)]
    assert all(str(cache.parent / "one") in entry.made_by for entry in shared.entries())
    for folder in entries(cache):
        os.utime(folder, (1000, 1000))
    project("two").run(lambda: declare("b"))
    size = max(entry.size for entry in shared.entries())
    removed = shared.prune(size)
    assert sorted(entry.files for entry in removed) == [("a",), ("c",)]
    (left,) = shared.entries()
    assert left.files == ("b",)
    assert shared.prune(size) == []
    assert len(shared.prune(0)) == 1
    assert list(shared.entries()) == staged(cache) == []
    assert project("three").run(lambda: declare("a")).taken_from_cache == []


def test_a_damaged_entry_is_listed_and_can_be_removed(one, cache, writer):
    one.run(lambda: ppg.FileGeneratingJob("a", writer("x"), share=True))
    nonsense(*entries(cache))
    (entry,) = ppg.SharedCache(cache).entries()
    assert entry.files == ()
    assert "damaged" in repr(entry)
    assert len(ppg.SharedCache(cache).prune(0)) == 1


def test_a_cache_that_is_not_there_is_empty(cache):
    assert list(ppg.SharedCache(cache).entries()) == ppg.SharedCache(cache).prune(0) == []


# -- declaring ---------------------------------------------------------------------------------------------


def test_nonsense_is_refused(folder):
    with pytest.raises(TypeError, match="SharedCache: folder must be a str or a Path"):
        ppg.new_pipegraph(shared_cache=3)
    with pytest.raises(ValueError, match="not '/'"):
        ppg.SharedCache("/")
    with pytest.raises(TypeError, match="hard_links must be True or False"):
        ppg.SharedCache("x", hard_links=1)
    with pytest.raises(ValueError, match="max_size must be 0 bytes or more"):
        ppg.SharedCache("x").prune(-1)
    ppg.new_pipegraph()
    with pytest.raises(TypeError, match="share must be True or False, not 'yes'"):
        ppg.FileGeneratingJob("a", write, share="yes")
    with pytest.raises(TypeError, match="share of 'b' must be True or False"):
        ppg.FileGeneratingJob("b", write).share("yes")
