"""Several users and processes at one shared cache: their permissions, and what they do at the same moment."""

import os
import select
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest

import ppg
from ppg.shared_cache.in_job import Use, take_or_make
from ppg.shared_cache.registry import CachedFile, opened, publish
from tests.api.shared_cache.projects import entries, staged


def test_files_in_the_cache_are_as_open_as_the_cache_whatever_the_umask(one, two, cache, writer):
    cache.mkdir()
    cache.chmod(0o2775)

    def declare():
        ppg.FileGeneratingJob("out", writer("x"), share=True)

    before = os.umask(0o077)
    try:
        one.run(declare)
    finally:
        os.umask(before)
    (entry,) = entries(cache)
    for folder in (entry, entry.parent, cache / "v1", cache / "v1/staging"):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o2775
    assert {stat.S_IMODE(file.stat().st_mode) for file in entry.iterdir()} == {0o444}
    assert stat.S_IMODE((one / "out").stat().st_mode) == 0o600
    before = os.umask(0o022)
    try:
        two.run(declare)
    finally:
        os.umask(before)
    assert stat.S_IMODE((two / "out").stat().st_mode) == 0o644


RENDEZVOUS = """
import os, sys
from pathlib import Path
import ppg

mine, others = sys.argv[1:3]

def meet():
    # Opening a fifo waits for the other end: both jobs are in their functions before one goes on.
    for name in sorted((mine, others)):
        os.close(os.open(name, os.O_WRONLY if name == mine else os.O_RDONLY))

# What it reads, the names of fifos, is not the same for both.
meeting = [meet]
ppg.unwatched("meeting")

def make(path):
    meeting[0]()
    path.write_text("made")

ppg.new_pipegraph(shared_cache=sys.argv[3], quiet=True)
job = ppg.FileGeneratingJob("out", make, share=True)
result = ppg.run_pipegraph()
print(result.taken_from_cache, job.was_run)
"""


def test_two_that_make_the_same_at_the_same_moment_both_succeed(tmp_path, one, two, project, cache):
    script = tmp_path / "script.py"
    script.write_text(RENDEZVOUS)
    fifos = [str(tmp_path / name) for name in ("x", "y")]
    for name in fifos:
        os.mkfifo(name)
    processes = [
        subprocess.Popen(
            [sys.executable, script, *names, cache], cwd=where.folder, stdout=subprocess.PIPE, text=True
        )
        for where, names in ((one, fifos), (two, fifos[::-1]))
    ]
    outputs = [process.communicate(timeout=60)[0] for process in processes]
    assert outputs == ["[] True\n"] * 2
    assert len(entries(cache)) == 1
    assert staged(cache) == []
    third = project("three")
    done = subprocess.run(
        [sys.executable, script, *fifos, cache], cwd=third.folder, capture_output=True, text=True, timeout=60
    )
    assert done.stdout == "['out'] False\n", done.stderr


def in_a_process_that_is_killed(function):
    """Call a function in a fork; gives the signal that ended it."""
    pid = os.fork()
    if not pid:
        try:
            function()
        finally:
            os._exit(1)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def test_a_process_killed_while_keeping_something_leaves_no_entry_and_it_is_tidied_up(tmp_path, cache):
    files = [CachedFile("a", 1, b"x" * 16, 0), CachedFile("b", 1, b"y" * 16, 0)]
    key = "ab" * 32

    def copy(position, target, mode):
        Path(target).write_text("x")
        if position == 1:
            os.kill(os.getpid(), signal.SIGKILL)

    assert in_a_process_that_is_killed(lambda: publish(str(cache), key, files, copy, {})) == -signal.SIGKILL
    with opened(str(cache), key) as entry:
        assert entry is None
    (left,) = staged(cache)
    publish(str(cache), key, files, lambda _, target, mode: Path(target).write_text("x"), {})
    with opened(str(cache), key) as entry:
        assert [one.name for one in entry.files] == ["a", "b"]
    assert staged(cache) == [left]  # somebody might still be at it
    os.utime(left, (0, 0))
    publish(str(cache), "cd" * 32, files, lambda _, target, mode: Path(target).write_text("x"), {})
    assert staged(cache) == []


def steadily_pruned(cache, stop):
    """A process that empties the cache again and again, until it reads the end of `stop`."""
    reading, writing = stop
    pid = os.fork()
    if pid:
        os.close(reading)
        return pid
    code = 1
    try:
        os.close(writing)
        while not select.select([reading], [], [], 0)[0]:
            ppg.SharedCache(cache).prune(0)
        code = 0
    finally:
        os._exit(code)


def test_what_is_taken_while_others_prune_and_keep_is_whole_and_no_damage_is_reported(tmp_path, cache):
    stop = os.pipe()
    pruning = steadily_pruned(cache, stop)
    names = ("a", "b", "c")

    def make_and_take(who):
        folder = tmp_path / who
        folder.mkdir()
        paths = [str(folder / name) for name in names]
        use = Use(str(cache), "ef" * 32, names, False, str(folder), None)
        taken = 0
        for number in range(150):

            def make(text=f"{who} {number}"):
                for path in paths:
                    Path(path).unlink(missing_ok=True)
                    Path(path).write_text(text)

            was_taken, _, warnings = take_or_make(make, paths, use, empty_ok=False)
            assert warnings == []
            # All of one making, even if every making is another.
            assert len({Path(path).read_text() for path in paths}) == 1
            taken += was_taken
        return taken

    other = os.fork()
    if not other:
        code = 1
        try:
            make_and_take("other")
            code = 0
        finally:
            os._exit(code)
    try:
        assert make_and_take("this") > 0
    finally:
        os.close(stop[1])
        codes = [os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in (other, pruning)]
    assert codes == [0, 0]


def test_files_that_were_made_of_an_edited_input_do_not_reach_the_cache(one, two, cache):
    """The key stands for the input as it was: other projects would take the wrong files under it."""

    def make(path):
        if Path("edit").exists():
            Path("edit").unlink()
            Path("input").write_text("bad")
        path.write_text(Path("input").read_text())

    def declare():
        ppg.FileGeneratingJob("a", make, share=True).depends_on_file("input")

    for project in (one, two):
        (project / "input").write_text("good")
    (one / "edit").touch()
    with pytest.raises(ppg.RuntimeError, match="'input' changed while 'a' ran"):
        one.run(declare)
    assert entries(cache) == []
    assert two.run(declare).taken_from_cache == []
    assert (two / "a").read_text() == "good"
    (one / "input").write_text("good")
    assert one.run(declare).taken_from_cache == ["a"]
    assert (one / "a").read_text() == "good"


def test_a_linked_entry_and_its_own_file_are_not_taken_for_an_edited_file(project, cache):
    """A hard link changes the change time of the file that the job has just described."""

    def declare():
        a = ppg.FileGeneratingJob("a", lambda path: path.write_text("x"), share=True)
        ppg.FileGeneratingJob("b", lambda path: path.write_text(Path("a").read_text())).depends_on(a)

    for name in ("one", "two"):
        result = project(name).run(declare, shared_cache=ppg.SharedCache(cache, hard_links=True))
        assert not result.failed
