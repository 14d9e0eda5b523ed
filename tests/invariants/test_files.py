"""Input and output files on a real file system: intact, hashed or changed."""

import os
import subprocess
import sys
import threading
import time

import pytest

from ppg_invariants import (
    FileProblem,
    FileState,
    FileUnobservable,
    ObservationInterrupted,
    Problem,
    Verdict,
    compare_files,
    content_fingerprint,
    describe_file,
    describe_files,
    observe_file,
    observe_files,
    observe_modification_time,
)
from ppg_invariants.files.state import FILE_CLOCK, new_hasher
from ppg_invariants.files.timestamps import REMOTE_MARGIN_NS, StampTrust, stamp_resolution_ns


@pytest.fixture
def path(tmp_path):
    made = tmp_path / "input.txt"
    made.write_bytes(b"content")
    return str(made)


def state_of(path, **options):
    state = describe_file(str(path), **options)
    assert isinstance(state, FileState)
    return state


def verdict(path, state):
    return compare_files([(str(path), state)])[0].verdict


def settled(state):
    """Return the state as if the file had not changed for a minute before the observation."""
    return state._replace(looked_ns=state.ctime_ns + 60_000_000_000)


def test_an_untouched_file_is_intact_without_being_read(path):
    state = settled(state_of(path))
    os.chmod(path, 0)
    state = state._replace(ctime_ns=os.stat(path).st_ctime_ns)
    if os.geteuid() == 0:
        os.unlink(path)
        with open(path, "wb") as stream:
            stream.write(b"another")
        os.utime(path, ns=(0, state.mtime_ns))
        found = os.stat(path)
        state = state._replace(ctime_ns=found.st_ctime_ns, inode=found.st_ino)
    assert verdict(path, state) is Verdict.INTACT  # a read would give CHANGED or UNREADABLE


def test_a_touched_file_has_the_same_content_and_its_new_times_are_reported(path):
    state = state_of(path)
    os.utime(path, ns=(1, 1))
    (comparison,) = compare_files([(path, state)])
    assert comparison.verdict is Verdict.TOUCHED
    assert comparison.state is not None
    assert comparison.state.mtime_ns == 1
    assert comparison.state.has_content_of(state)
    assert verdict(path, settled(comparison.state)) is Verdict.INTACT


def test_same_size_and_modification_time_but_other_content_is_seen_by_the_change_time(path):
    state = settled(state_of(path))
    times = os.stat(path)
    with open(path, "r+b") as stream:
        stream.write(b"CONTENT")
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert os.stat(path).st_mtime_ns == state.mtime_ns
    assert verdict(path, state) is Verdict.CHANGED


def test_a_file_replaced_by_rename_with_the_same_stat_is_seen_by_its_inode(path, tmp_path):
    state = settled(state_of(path))
    other = tmp_path / "other"
    other.write_bytes(b"CONTENT")
    os.utime(other, ns=(0, state.mtime_ns))
    os.replace(other, path)
    assert verdict(path, state._replace(ctime_ns=os.stat(path).st_ctime_ns)) is Verdict.CHANGED


def test_a_file_moved_away_and_back_is_touched_at_most(path, tmp_path):
    state = state_of(path)
    os.rename(path, tmp_path / "elsewhere")
    assert verdict(path, state) is Verdict.MISSING
    os.rename(tmp_path / "elsewhere", path)
    assert verdict(path, state) in (Verdict.TOUCHED, Verdict.INTACT)


def test_another_size_is_changed_without_hashing(path):
    state = state_of(path)
    with open(path, "ab") as stream:
        stream.write(b"!")
    (comparison,) = compare_files([(path, state)])
    assert comparison.verdict is Verdict.CHANGED
    assert comparison.state is None


def test_an_emptied_file_is_empty_unless_it_always_was(path, tmp_path):
    state = state_of(path)
    open(path, "wb").close()
    assert verdict(path, state) is Verdict.EMPTY
    empty = tmp_path / "empty"
    empty.touch()
    assert describe_file(str(empty)) == FileProblem(str(empty), Problem.EMPTY, "is empty (0 bytes)")
    assert verdict(empty, settled(state_of(empty, empty_ok=True))) is Verdict.INTACT


def test_symlinks_are_followed_and_a_retargeted_one_counts_by_content(tmp_path):
    for name, content in [("one", b"same"), ("two", b"same"), ("three", b"else")]:
        (tmp_path / name).write_bytes(content)
    link = tmp_path / "link"
    link.symlink_to("one")
    state = settled(state_of(link))
    assert verdict(link, state) is Verdict.INTACT
    for target, expected in [("two", Verdict.TOUCHED), ("three", Verdict.CHANGED), ("gone", Verdict.MISSING)]:
        link.unlink()
        link.symlink_to(target)
        assert verdict(link, state) is expected


def test_a_path_that_is_no_file_is_named(tmp_path):
    folder, pipe, gone = tmp_path / "folder", tmp_path / "pipe", tmp_path / "folder" / "gone"
    folder.mkdir()
    os.mkfifo(pipe)
    problems = describe_files([str(folder), str(pipe), str(gone), str(tmp_path / "x" / "y"), "bad\0name"])
    assert [problem.problem for problem in problems] == [
        Problem.NOT_A_FILE,
        Problem.NOT_A_FILE,
        Problem.MISSING,
        Problem.MISSING,
        Problem.UNREADABLE,
    ]
    for name, what in [(folder, "a directory"), (pipe, "a named pipe"), (gone, "does not exist")]:
        with pytest.raises(FileUnobservable, match=what) as caught:
            observe_file(str(name))
        assert caught.value.path == str(name)


def test_a_file_that_became_a_directory_is_unreadable(path):
    state = state_of(path)
    os.unlink(path)
    os.mkdir(path)
    assert verdict(path, state) is Verdict.UNREADABLE


def test_an_unreadable_file_is_reported(path):
    os.chmod(path, 0)
    program = (
        "import os, sys\n"
        "from ppg_invariants import describe_file\n"
        "if os.geteuid() == 0: os.setuid(65534)\n"
        "print(describe_file(sys.argv[1]).message)\n"
    )
    os.chmod(os.path.dirname(path), 0o755)
    for parent in (
        os.path.dirname(os.path.dirname(path)),
        os.path.dirname(os.path.dirname(os.path.dirname(path))),
    ):
        if os.stat(parent).st_uid == os.geteuid():
            os.chmod(parent, 0o755)
    run = subprocess.run([sys.executable, "-c", program, path], capture_output=True, text=True, check=False)
    assert "Permission denied" in run.stdout, run.stderr


def test_an_input_is_hashed_again_only_if_its_stat_gives_reason(path):
    first = observe_file(path)
    assert first.algorithm == "md5"
    remembered = settled(first)
    assert observe_file(path, remembered) is remembered
    os.utime(path, ns=(1, 1))
    again = observe_file(path, remembered)
    assert again.digest == first.digest
    assert again.mtime_ns == 1
    with open(path, "wb") as stream:
        stream.write(b"other content")
    assert observe_file(path, again).digest != first.digest


def test_another_algorithm_hashes_again(path):
    md5 = observe_file(path)
    sha = observe_file(path, md5, algorithm="sha256")
    assert len(sha.digest) == 32
    assert content_fingerprint(md5) != content_fingerprint(sha)
    with pytest.raises(ValueError, match="unknown hash algorithm 'crc'"):
        observe_file(path, algorithm="crc")
    with pytest.raises(ValueError, match="shake_128"):
        new_hasher("shake_128")


def test_many_inputs_are_observed_at_once_and_errors_are_in_their_place(tmp_path):
    names = [str(tmp_path / f"{number}") for number in range(30)]
    for number, name in enumerate(names):
        with open(name, "wb") as stream:
            stream.write(bytes([number]) * 1_000_000)
    first = observe_files([(name, None) for name in [*names, str(tmp_path / "gone")]], threads=4)
    assert isinstance(first[-1], FileUnobservable)
    states = [state for state in first if isinstance(state, FileState)]
    assert [state.digest for state in states] == [observe_file(name).digest for name in names]
    os.unlink(names[3])
    again = observe_files([(name, settled(state)) for name, state in zip(names, states, strict=True)])
    assert isinstance(again[3], FileUnobservable)
    assert [state for state in again if isinstance(state, FileState)] == [
        settled(state) for number, state in enumerate(states) if number != 3
    ]


def test_a_file_that_is_written_to_while_it_is_read_is_unstable(tmp_path):
    path = tmp_path / "growing"
    path.write_bytes(b"x" * (64 << 20))
    stop = threading.Event()

    def write():
        with open(path, "r+b", buffering=0) as stream:
            while not stop.is_set():
                stream.seek(0)
                stream.write(b"y")

    writer = threading.Thread(target=write)
    writer.start()
    try:
        found = describe_file(str(path))
    finally:
        stop.set()
        writer.join()
    assert isinstance(found, FileProblem)
    assert found.problem is Problem.UNSTABLE


def test_modification_times_are_in_nanoseconds(path, tmp_path):
    os.utime(path, ns=(5, 1_234_567_891_234_567_891))
    assert observe_modification_time(path) == 1_234_567_891_234_567_891
    for wrong, what in [(tmp_path, "not a regular file"), (tmp_path / "gone", "does not exist")]:
        with pytest.raises(FileUnobservable, match=what):
            observe_modification_time(str(wrong))


def test_a_write_within_the_same_tick_of_the_clock_is_never_missed(tmp_path):
    """As fast as possible, so that most rounds end within one tick: write, look, write again, compare."""
    path = str(tmp_path / "racy")
    within_a_tick = 0
    for number in range(300):
        with open(path, "wb") as stream:
            stream.write(b"%08d" % number)
        state = state_of(path)
        with open(path, "r+b") as stream:
            stream.write(b"%08d" % (number + 1_000_000))
        within_a_tick += os.stat(path).st_ctime_ns // 4_000_000 == state.ctime_ns // 4_000_000
        assert verdict(path, state) is Verdict.CHANGED, number
    assert within_a_tick > 0


@pytest.mark.parametrize(
    ("stamp", "resolution"),
    [
        (1_700_000_000_000_000_000, 2 * 10**9),
        (1_700_000_000_500_000_000, 10**8),
        (1_700_000_000_123_456_789, 1),
    ],
)
def test_the_resolution_of_a_stamp_shows_in_its_zeros(stamp, resolution):
    assert stamp_resolution_ns(stamp) == resolution


def test_a_state_is_settled_once_the_clock_has_ticked_since_the_last_change(path):
    device = os.stat(path).st_dev
    state = state_of(path)
    trust = StampTrust()
    trust._distinct[device] = False  # a kernel that stamps with the coarse clock alone
    racy = state._replace(looked_ns=state.ctime_ns)
    assert not trust.is_settled(racy, path, device)
    assert trust.is_settled(racy._replace(looked_ns=state.ctime_ns + 1_000_000_000), path, device)
    whole_seconds = racy._replace(ctime_ns=10**18, looked_ns=10**18 + 1_500_000_000)
    assert not trust.is_settled(whole_seconds, path, device)
    assert trust.is_settled(whole_seconds._replace(looked_ns=10**18 + REMOTE_MARGIN_NS), path, device)


def test_distinct_stamps_from_before_the_last_boot_do_not_settle_a_state(path):
    device = os.stat(path).st_dev
    trust = StampTrust()
    trust._distinct[device] = True
    now = time.clock_gettime_ns(FILE_CLOCK)
    racy = state_of(path)._replace(ctime_ns=now + 1, looked_ns=now)
    assert trust.is_settled(racy, path, device)
    long_ago = racy._replace(ctime_ns=10**18 + 1, looked_ns=10**18)
    assert not trust.is_settled(long_ago, path, device)


def test_describing_files_imports_next_to_nothing():
    program = (
        "import sys\n"
        "import ppg_invariants\n"
        "ppg_invariants.describe_files([__import__('os').__file__])\n"
        "heavy = {'sqlite3', 'inspect', 'dis', 'ast', 'dataclasses', 'hashlib', 'logging', 'threading', "
        "'concurrent', 'importlib.metadata', 'ppg_graph'}\n"
        "print(sorted(heavy & set(sys.modules)))\n"
    )
    run = subprocess.run(
        [sys.executable, "-S", "-c", program],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
    )
    assert run.stdout == "[]\n", run.stderr


@pytest.mark.parametrize("threads", [1, 4])
@pytest.mark.parametrize("remembered", [False, True])
def test_hashing_stops_when_should_stop_returns_true(tmp_path, threads, remembered):
    paths = [str(tmp_path / f"{i}") for i in range(4)]
    for path in paths:
        with open(path, "wb") as file:
            file.truncate(100 << 20)
    former = FileState(100 << 20, 1, 1, 1, 1, b"", "md5") if remembered else None
    asked = []

    def should_stop():
        asked.append(None)
        return len(asked) > 3

    with pytest.raises(ObservationInterrupted):
        observe_files([(path, former) for path in paths], threads=threads, should_stop=should_stop)
    assert len(asked) < 20, "nothing is hashed to its end"
