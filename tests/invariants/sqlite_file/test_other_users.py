"""Other users of the machine cannot read the store, lock its owner out, or have it take their files for its own."""

import fcntl
import os
import sqlite3
import stat
from pathlib import Path

import pytest

from ppg_graph import JobId
from ppg_invariants import StatusStore, StoreError, StoreLocked, open_private
from ppg_invariants.sqlite_file.lock import WriterLock
from tests.invariants.crash_rounds import record
from tests.other_user import NOBODY, as_another_user, needs_root, reachable_folder

NAME = "store"
LAB = 54321
"""A group that no user of the machine has by itself."""


@pytest.fixture(params=[0o755, 0o777, 0o1777], ids=oct)
def folder(request):
    """A project's folder, with more or less freedom for other users."""
    with reachable_folder(request.param) as found:
        yield found


@pytest.fixture
def open_folder():
    """A project's folder in which every user can do everything."""
    with reachable_folder(0o777) as found:
        yield found


@pytest.fixture
def sticky_folder():
    """A folder in which every user can make files, and remove only their own."""
    with reachable_folder(0o1777) as found:
        yield found


@pytest.fixture
def precious(tmp_path):
    """A private file of this user."""
    file = tmp_path / "precious"
    file.write_text("precious")
    file.chmod(0o600)
    return file


@pytest.fixture
def lab(monkeypatch):
    """A folder that is meant for a group, to which this user belongs."""
    groups = os.getgroups()
    os.setgroups([*groups, LAB])
    with reachable_folder() as found:
        os.chown(found, -1, LAB)
        found.chmod(0o2775)
        yield found
    os.setgroups(groups)


def fill(path, count=3):
    with StatusStore.open(path) as store:
        for number in range(count):
            store.put(JobId(f"job{number}"), record(number))


def modes(folder):
    return {path.name: stat.S_IMODE(path.lstat().st_mode) for path in folder.iterdir()}


def under(mask, act):
    before = os.umask(mask)
    try:
        return act()
    finally:
        os.umask(before)


def count_in(path):
    with StatusStore.open(path, read_only=True) as store:
        return len(store.records())


@needs_root
@pytest.mark.parametrize("mask", [0, 0o022, 0o077])
def test_the_store_its_log_and_its_lock_are_for_this_user_alone(folder, mask):
    store = under(mask, lambda: StatusStore.open(folder / NAME))
    store.put(JobId("a"), record(1))
    store.flush()
    found = modes(folder)
    assert found.keys() == {NAME, f"{NAME}-wal", f"{NAME}-shm", f"{NAME}.lock"}
    assert set(found.values()) == {0o600}

    def attack():
        for name in found:
            for flags in (os.O_RDONLY, os.O_RDWR):
                with pytest.raises(PermissionError):
                    os.open(folder / name, flags)

    as_another_user(attack)
    store.close()
    assert modes(folder) == {NAME: 0o600}


@needs_root
def test_a_damaged_store_and_its_copy_stay_private(open_folder):
    fill(open_folder / NAME)
    with (open_folder / NAME).open("r+b") as file:
        file.write(b"no database")
    with pytest.warns(match="damaged"):
        under(0, lambda: fill(open_folder / NAME))
    assert len(modes(open_folder)) == 2
    assert set(modes(open_folder).values()) == {0o600}


@needs_root
@pytest.mark.parametrize(("mask", "expected"), [(0, 0o660), (0o002, 0o660), (0o022, 0o640), (0o077, 0o600)])
def test_in_a_folder_of_a_group_the_group_gets_what_the_umask_leaves(lab, mask, expected):
    store = under(mask, lambda: StatusStore.open(lab / NAME))
    store.put(JobId("a"), record(1))
    store.flush()
    found = modes(lab)
    # A lock that could only be read could be held, but not by a writer.
    assert found.pop(f"{NAME}.lock") == (0o660 if expected == 0o660 else 0o600)
    assert set(found.values()) == {expected}

    def member():
        if expected == 0o600:
            with pytest.raises(StoreError):
                count_in(lab / NAME)
        else:
            assert count_in(lab / NAME) == 1
        with pytest.raises(StoreLocked if expected == 0o660 else StoreError):
            StatusStore.open(lab / NAME)

    def stranger():
        with pytest.raises(StoreError):
            count_in(lab / NAME)

    as_another_user(member, group=LAB)
    as_another_user(stranger)
    assert modes(lab).keys() == {*found, f"{NAME}.lock"}
    store.close()


@needs_root
def test_members_of_a_group_write_one_store_in_turn(lab):
    under(0o002, lambda: fill(lab / NAME, 1))
    as_another_user(lambda: under(0o002, lambda: fill(lab / NAME, 5)), group=LAB)
    under(0o002, lambda: fill(lab / NAME, 7))
    assert count_in(lab / NAME) == 7
    assert modes(lab) == {NAME: 0o660}


@needs_root
def test_a_folder_for_a_group_of_strangers_gives_that_group_nothing(open_folder):
    os.chown(open_folder, NOBODY, LAB)
    open_folder.chmod(0o2770)
    under(0, lambda: fill(open_folder / NAME))
    assert modes(open_folder) == {NAME: 0o600}


@needs_root
def test_a_store_of_an_earlier_version_becomes_private_when_its_owner_writes_it(open_folder):
    fill(open_folder / NAME)
    (open_folder / NAME).chmod(0o666)
    as_another_user(lambda: count_in(open_folder / NAME))
    assert modes(open_folder) == {NAME: 0o666}, "a reader changes nothing"
    StatusStore.open(open_folder / NAME).close()
    assert modes(open_folder) == {NAME: 0o600}
    (open_folder / NAME).chmod(0o400)
    StatusStore.open(open_folder / NAME).close()
    assert modes(open_folder) == {NAME: 0o400}, "narrower is what its owner wanted"


@needs_root
@pytest.mark.parametrize("mode", [0o600, 0o644])
def test_a_second_user_that_is_refused_leaves_nothing_and_the_owner_goes_on(open_folder, mode):
    fill(open_folder / NAME)
    (open_folder / NAME).chmod(mode)

    def second():
        with pytest.raises(StoreError, match=r"uid 0.* may not be written by you"):
            StatusStore.open(open_folder / NAME)
        if mode == 0o644:
            assert count_in(open_folder / NAME) == 3

    as_another_user(second)
    assert modes(open_folder) == {NAME: mode}
    fill(open_folder / NAME, 5)
    assert count_in(open_folder / NAME) == 5


@needs_root
def test_a_reader_of_another_user_leaves_nothing_beside_a_store_in_use(open_folder):
    with StatusStore.open(open_folder / NAME) as store:
        for name in (NAME, f"{NAME}-wal", f"{NAME}-shm"):
            (open_folder / name).chmod(0o644)
        for number in range(5):
            store.put(JobId(f"job{number}"), record(number))
            store.flush()

            def read(expected=number + 1):
                assert count_in(open_folder / NAME) == expected

            as_another_user(read)
        assert {path.stat().st_uid for path in open_folder.iterdir()} == {os.geteuid()}
    # What a killed writer left, with the index gone.
    (open_folder / f"{NAME}-wal").touch()
    as_another_user(lambda: count_in(open_folder / NAME))
    assert modes(open_folder).keys() == {NAME, f"{NAME}-wal"}


@needs_root
def test_side_files_that_a_refused_user_left_do_not_lock_the_owner_out(open_folder):
    fill(open_folder / NAME)
    (open_folder / NAME).chmod(0o644)

    def as_before():
        # What the former version did: SQLite itself makes the files.
        connection = sqlite3.connect(open_folder / NAME)
        connection.execute("SELECT * FROM records").fetchall()
        os._exit(0)  # as if killed

    as_another_user(as_before)
    os.chown(open_folder / NAME, 1234, 1234)
    assert (open_folder / f"{NAME}-shm").stat().st_uid == NOBODY

    def owner():
        fill(open_folder / NAME, 5)
        assert count_in(open_folder / NAME) == 5

    as_another_user(owner, user=1234)
    assert modes(open_folder) == {NAME: 0o600}


def hold(path, *, flags=os.O_RDONLY, group=None):
    """Another user holds the lock of a file; returns what lets it go."""
    ready, told = os.pipe()
    go, let_go = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(let_go)
        try:
            os.setgroups([])
            os.setgid(group or NOBODY)
            os.setuid(NOBODY)
            os.umask(0)
            fcntl.flock(os.open(path, flags, 0o666), fcntl.LOCK_EX)
            os.write(told, b"x")
            os.read(go, 1)
        finally:
            os._exit(0)
    os.close(told)
    os.close(go)
    assert os.read(ready, 1) == b"x"
    os.close(ready)

    def end():
        os.close(let_go)
        os.waitpid(pid, 0)

    return end


@needs_root
@pytest.mark.parametrize("way", ["left by the owner", "made by the other", "group may read"])
def test_a_lock_that_another_user_holds_does_not_shut_the_owner_out(open_folder, way):
    fill(open_folder / NAME)
    lock = open_folder / f"{NAME}.lock"
    if way == "made by the other":
        let_go = hold(lock, flags=os.O_RDWR | os.O_CREAT)
    else:
        lock.touch()
        lock.chmod(0o644 if way == "left by the owner" else 0o640)
        if way == "group may read":
            os.chown(lock, -1, LAB)
        let_go = hold(lock, group=LAB if way == "group may read" else None)
    fill(open_folder / NAME, 5)
    let_go()
    assert count_in(open_folder / NAME) == 5
    assert modes(open_folder) == {NAME: 0o600}


@needs_root
def test_of_runs_that_replace_such_a_lock_at_once_one_gets_it(open_folder):
    fill(open_folder / NAME)
    lock = open_folder / f"{NAME}.lock"
    for _ in range(20):
        lock.touch()
        lock.chmod(0o644)
        let_go = hold(lock)
        (begin, let_begin), (answers, answer), (end, let_end) = os.pipe(), os.pipe(), os.pipe()
        runs = []
        for _ in range(4):
            runs.append(os.fork())
            if runs[-1] == 0:
                os.close(let_begin)
                os.close(let_end)
                os.read(begin, 1)
                try:
                    held = WriterLock(str(open_folder / NAME))
                    os.write(answer, b"+")
                    os.read(end, 1)
                    held.release()
                except StoreLocked:
                    os.write(answer, b"-")
                finally:
                    os._exit(0)
        os.close(let_begin)
        os.close(answer)
        said = b"".join(os.read(answers, 1) for _ in runs)
        os.close(let_end)
        for run in runs:
            os.waitpid(run, 0)
        let_go()
        for descriptor in (begin, answers, end):
            os.close(descriptor)
        assert sorted(said) == sorted(b"+---")
        assert modes(open_folder) == {NAME: 0o600}


@needs_root
def test_a_wide_lock_that_a_run_of_the_owner_holds_is_respected(open_folder):
    with StatusStore.open(open_folder / NAME):
        (open_folder / f"{NAME}.lock").chmod(0o666)  # as earlier versions made it
        with pytest.raises(StoreLocked):
            StatusStore.open(open_folder / NAME)


@needs_root
def test_a_lock_of_root_counts_while_root_runs_and_no_longer():
    with reachable_folder(0o755) as folder:
        os.chown(folder, NOBODY, NOBODY)
        as_another_user(lambda: fill(folder / NAME))
        with StatusStore.open(folder / NAME):
            assert (folder / f"{NAME}.lock").stat().st_uid == 0

            def owner():
                with pytest.raises(StoreLocked):
                    StatusStore.open(folder / NAME)

            as_another_user(owner)
        (folder / f"{NAME}.lock").touch(0o600)  # as a run of root that was killed leaves it
        as_another_user(lambda: fill(folder / NAME, 5))
        assert count_in(folder / NAME) == 5


@needs_root
@pytest.mark.parametrize("way", ["link", "hard link", "fifo", "folder", "dangling link"])
def test_what_stands_in_the_place_of_the_lock_is_neither_followed_nor_waited_for(open_folder, precious, way):
    lock = open_folder / f"{NAME}.lock"

    def prepare():
        if way == "link":
            lock.symlink_to(precious)
        elif way == "dangling link":
            lock.symlink_to(precious.parent / "new")
        elif way == "fifo":
            os.mkfifo(lock, 0o666)
        elif way == "folder":
            lock.mkdir()

    fill(open_folder / NAME)
    if way == "hard link":
        os.link(precious, lock)
    else:
        as_another_user(prepare)
    fill(open_folder / NAME, 5)
    assert precious.read_text() == "precious"
    assert [path.name for path in precious.parent.iterdir()] == ["precious"]
    assert count_in(open_folder / NAME) == 5


@needs_root
@pytest.mark.parametrize("name", [NAME, f"{NAME}-wal", f"{NAME}-journal"])
@pytest.mark.parametrize("is_link", [True, False])
def test_where_every_user_can_make_files_those_of_others_are_no_store(sticky_folder, precious, name, is_link):
    if name != NAME:
        fill(sticky_folder / NAME)
    planted = sticky_folder / name
    as_another_user(lambda: planted.symlink_to(precious) if is_link else planted.write_text("x" * 1000))
    for read_only in (True, False):
        with pytest.raises(StoreError, match=r"belongs to another user|nothing was run"):
            StatusStore.open(sticky_folder / NAME, read_only=read_only)
    assert precious.read_text() == "precious"
    assert {name, *([NAME] if name != NAME else [])} == modes(sticky_folder).keys()


@needs_root
@pytest.mark.parametrize("way", ["link", "hard link", "file", "fifo", "own link", "own file"])
def test_a_log_is_written_to_no_file_that_another_user_chose(open_folder, precious, way):
    log = open_folder / "log"

    def prepare():
        if way == "link":
            log.symlink_to(precious)
        elif way == "file":
            log.touch(0o666)
        elif way == "fifo":
            os.mkfifo(log, 0o666)

    if way == "hard link":
        os.link(precious, log)
    elif way == "own link":
        log.symlink_to("elsewhere")
    elif way == "own file":
        log.write_text("much more than the new text")
        log.chmod(0o644)
    else:
        as_another_user(prepare)
    kept = os.open(log, os.O_RDONLY) if way == "file" else None
    with os.fdopen(open_private(str(log)), "wb") as file:
        file.write(b"secret")
    assert log.read_text() == "secret"
    assert log.is_symlink() == (way == "own link")
    assert precious.read_text() == "precious"
    assert {path.stat().st_uid for path in open_folder.iterdir()} == {os.geteuid()}
    assert set(modes(open_folder).values()) - {0o777} == {0o600}
    if kept is not None:
        assert os.read(kept, 100) == b""
        os.close(kept)


@needs_root
def test_a_log_is_not_replaced_where_only_its_owner_could_remove_it(sticky_folder):
    log = sticky_folder / "log"
    as_another_user(lambda: log.touch(0o666))

    def victim():
        with pytest.raises(PermissionError):
            open_private(str(log))

    as_another_user(victim, user=1234)
    assert log.read_bytes() == b""


@needs_root
def test_a_folder_of_logs_that_another_user_has_planted_gets_none(sticky_folder, precious):
    as_another_user(lambda: (sticky_folder / "logs").symlink_to(precious.parent))
    with pytest.raises(PermissionError, match="another user"):
        open_private(str(sticky_folder / "logs" / "precious"))
    assert precious.read_text() == "precious"


def test_a_store_can_be_used_when_the_umask_narrows_its_mode_further(tmp_path: Path):
    under(0o177, lambda: fill(tmp_path / NAME))
    fill(tmp_path / NAME, 5)
    assert count_in(tmp_path / NAME) == 5
