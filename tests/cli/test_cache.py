"""`ppg cache list` and `ppg cache prune`."""

import os

import pytest

SCRIPT = """
ppg.new_pipegraph(shared_cache="shared")
for name, size in (("a", 1_000), ("line\\nbreak", 20_000)):
    ppg.FileGeneratingJob(name, lambda path, size=size: path.write_text("x" * size), share=True)
ppg.run_pipegraph()
"""


@pytest.fixture
def cache(project):
    """A folder with two entries."""
    ended = project.command("python", project.script(SCRIPT))
    assert ended.code == 0, ended.err
    for position, manifest in enumerate(sorted((project / "shared").glob("v1/*/*/manifest.json"))):
        seconds = 1_000 + 86_400 * ("line" in manifest.read_text())
        os.utime(manifest.parent, (seconds, seconds))
        assert position < 2
    return project / "shared"


def test_what_is_in_a_cache_is_listed_last_used_first(project, cache):
    ended = project.ppg("cache", "list", cache)
    assert ended.code == 0, ended.err
    newest, oldest = ended.out.splitlines()
    assert "20." in newest
    assert "kB" in newest
    assert "1970-01-02" in newest
    assert "line\\nbreak" in newest
    assert str(project.folder) in newest
    assert "  a  " in oldest
    assert "2 entries, 2" in ended.err


def test_what_was_not_used_for_the_longest_time_is_removed(project, cache):
    ended = project.ppg("cache", "prune", "--max-size", "21KB", cache)
    assert ended.code == 0, ended.err
    assert "  a  " in ended.out
    assert "removed 1 entry" in ended.err
    ended = project.ppg("cache", "list", env={**project.environment, "PPG_SHARED_CACHE": str(cache)})
    assert "1 entry" in ended.err
    assert project.ppg("cache", "prune", "--max-size=0", cache).code == 0
    assert project.ppg("cache", "list", cache).out == ""


def test_nonsense_is_refused(project, cache):
    for arguments, message in (
        (["list"], "say which folder"),
        (["list", "elsewhere"], "there is no folder 'elsewhere'"),
        (["prune", cache], "--max-size"),
        (["prune", "--max-size", "much", cache], "no size"),
        (["prune", "--max-size", "-5", cache], "no size"),
    ):
        environment = {**project.environment}
        environment.pop("PPG_SHARED_CACHE", None)
        ended = project.ppg("cache", *arguments, env=environment)
        assert ended.code == 2
        assert message in ended.err
