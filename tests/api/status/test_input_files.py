"""Input files: which changes are seen, what is read for that, and what no input can be."""

import os

import pytest

import ppg
from ppg_graph import JobId
from ppg_invariants import StatusStore, observe_file, observe_files


def test_the_modification_time_of_a_file_is_observed_without_reading_it(run, writer, account, folder):
    (folder / "input").write_text("x")

    def declare():
        ppg.FileGeneratingJob("a", writer("A")).depends_on(ppg.FileTimeInvariant("input"))

    run(declare)
    account.taken()
    run(declare)
    assert account.taken() == []
    os.utime(folder / "input", ns=(1, 1))
    run(declare)
    assert account.taken() == ["a"]


def test_a_changed_input_file_reruns_what_depends_on_it_and_a_touched_one_does_not(
    run, writer, account, folder
):
    def declare():
        ppg.FileGeneratingJob("a", writer("A")).depends_on_file("input")

    (folder / "input").write_text("one")
    run(declare)
    account.taken()
    os.utime(folder / "input", ns=(1, 1))
    run(declare)
    assert account.taken() == []
    (folder / "input").write_text("two")
    run(declare)
    assert account.taken() == ["a"]


@pytest.mark.parametrize("algorithm", ["xxh3_128", "sha256"])
def test_an_input_may_be_hashed_in_another_way(run, writer, account, folder, algorithm):
    def declare():
        ppg.FileGeneratingJob("a", writer("A")).depends_on(
            ppg.FileChecksumInvariant("input", algorithm=algorithm)
        )

    (folder / "input").write_text("one")
    run(declare)
    account.taken()
    os.utime(folder / "input", ns=(1, 1))
    run(declare)
    assert account.taken() == []
    (folder / "input").write_text("two")
    run(declare)
    assert account.taken() == ["a"]


def test_an_unknown_hash_is_an_error_at_the_definition(folder):
    ppg.new_pipegraph(quiet=True)
    with pytest.raises(ValueError, match="crc99"):
        ppg.FileChecksumInvariant("input", algorithm="crc99")


@pytest.fixture
def uses(writer):
    """Declares a job that uses the file `input`, observed by this kind of invariant."""

    def declare_user(invariant):
        ppg.FileGeneratingJob("a", writer("A")).depends_on(invariant("input"))

    return declare_user


def test_one_nanosecond_is_another_modification_time_and_other_content_at_the_same_time_is_not(
    run, uses, account, folder
):
    def stamped(nanoseconds, content):
        (folder / "input").write_text(content)
        os.utime(folder / "input", ns=(nanoseconds, nanoseconds))

    stamped(1_700_000_000_123_456_789, "one")
    run(lambda: uses(ppg.FileTimeInvariant))
    account.taken()
    stamped(1_700_000_000_123_456_789, "another")
    run(lambda: uses(ppg.FileTimeInvariant))
    assert account.taken() == []
    stamped(1_700_000_000_123_456_790, "another")
    run(lambda: uses(ppg.FileTimeInvariant))
    assert account.taken() == ["a"]


def test_of_a_touched_input_only_the_remembered_time_moves_on(run, uses, account, folder):
    def remembered():
        with StatusStore.open(folder / ".pypipegraph_status_robust", read_only=True) as store:
            return store.observation(JobId("input"))

    (folder / "input").write_text("content")
    run(lambda: uses(ppg.FileChecksumInvariant))
    before = remembered()
    os.utime(folder / "input", ns=(1, 1))
    account.taken()
    run(lambda: uses(ppg.FileChecksumInvariant))
    after = remembered()
    assert account.taken() == []
    assert before.fingerprint == after.fingerprint
    assert before.file.digest == after.file.digest
    assert before.file.algorithm == "md5"
    assert before.file.mtime_ns != 1
    assert after.file.mtime_ns == 1


@pytest.mark.parametrize("replaced", [False, True])
def test_an_input_with_other_content_of_the_same_size_and_time_is_a_change(
    run, uses, account, folder, replaced
):
    path = folder / "input"
    path.write_text("content")
    run(lambda: uses(ppg.FileChecksumInvariant))
    account.taken()
    stat = path.stat()
    if replaced:
        (folder / "new").write_text("CONTENT")
        os.replace(folder / "new", path)
    else:
        path.write_text("CONTENT")
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert (path.stat().st_size, path.stat().st_mtime_ns) == (stat.st_size, stat.st_mtime_ns)
    run(lambda: uses(ppg.FileChecksumInvariant))
    assert account.taken() == ["a"]


def test_an_input_that_is_written_within_the_same_tick_of_the_clock_as_the_look_at_it_is_hashed_again(
    tmp_path,
):
    path = str(tmp_path / "input")
    within_a_tick = 0
    for number in range(300):
        with open(path, "wb") as stream:
            stream.write(b"%08d" % number)
        first = observe_file(path)
        with open(path, "r+b") as stream:
            stream.write(b"%08d" % (number + 1_000_000))
        within_a_tick += os.stat(path).st_ctime_ns // 4_000_000 == first.ctime_ns // 4_000_000
        (again,) = observe_files([(path, first)])
        assert again.digest != first.digest, number
    assert within_a_tick > 0


def test_a_stat_that_may_hide_a_write_is_not_believed_and_one_that_cannot_is(tmp_path):
    path = tmp_path / "input"
    path.write_text("content")
    first = observe_file(str(path))
    path.write_text("CONTENT")
    stat = path.stat()
    # As if the write had left no trace: whether there can have been one depends on when the last look was.
    unchanged = first._replace(mtime_ns=stat.st_mtime_ns, ctime_ns=stat.st_ctime_ns, inode=stat.st_ino)
    too_soon = unchanged._replace(looked_ns=1)
    later = unchanged._replace(looked_ns=stat.st_ctime_ns + 60_000_000_000)
    assert observe_file(str(path), too_soon).digest != first.digest
    assert observe_file(str(path), later) is later, "it was not read"


def test_an_input_of_another_size_is_a_change(run, uses, account, folder):
    (folder / "input").write_text("content")
    run(lambda: uses(ppg.FileChecksumInvariant))
    account.taken()
    (folder / "input").write_text("content!")
    run(lambda: uses(ppg.FileChecksumInvariant))
    assert account.taken() == ["a"]


UNREADABLE = "/proc/self/mem"
"""A regular file that nobody can read from its beginning, not even the superuser."""


NO_INPUT = {
    "missing": (lambda path: None, "does not exist"),
    "directory": (lambda path: path.mkdir(), "director|not a regular file"),
    "pipe": (os.mkfifo, "pipe|not a regular file"),
    "dangling": (lambda path: path.symlink_to("nowhere"), "does not exist"),
    "circular": (lambda path: path.symlink_to(path), "cannot be read"),
    "unreadable": (lambda path: path.symlink_to(UNREADABLE), "cannot be read"),
}


@pytest.mark.parametrize(
    ("invariant", "troubles"),
    [
        (ppg.FileChecksumInvariant, sorted(NO_INPUT)),
        (ppg.FileTimeInvariant, sorted(NO_INPUT.keys() - {"unreadable"})),
    ],
)
def test_an_input_that_is_missing_unreadable_or_no_file_fails_its_branch_and_the_rest_runs(
    failing_run, writer, account, folder, invariant, troubles
):
    for trouble in troubles:
        make, _ = NO_INPUT[trouble]
        make(folder / trouble)

    def declare_jobs():
        for trouble in troubles:
            ppg.FileGeneratingJob(f"of {trouble}", writer("A")).depends_on(invariant(trouble))
        ppg.FileGeneratingJob("free", writer("B"))

    error, _ = failing_run(declare_jobs)
    assert sorted(error.exceptions) == troubles
    assert sorted(error.blocked) == [f"of {trouble}" for trouble in troubles]
    assert account.taken() == ["free"]
    for trouble in troubles:
        message = str(error.exceptions[trouble])
        assert f"'{trouble}'" in message
        assert any(words in message for words in NO_INPUT[trouble][1].split("|")), message


def test_a_missing_input_file_fails_its_branch_and_the_rest_runs(failing_run, run, writer, account, folder):
    def declare():
        ppg.FileGeneratingJob("a", writer("A")).depends_on_file("input")
        ppg.FileGeneratingJob("b", writer("B"))

    error, _graph = failing_run(declare)
    assert account.taken() == ["b"]
    assert list(error.exceptions) == ["input"]
    assert "'input' does not exist" in str(error.exceptions["input"])
    assert error.blocked == ("a",)
    (folder / "input").write_text("here")
    run(declare)
    assert account.taken() == ["a"]
