"""Files that other users plant for the store: behind links, under several names, in folders of theirs, while it opens."""

import fcntl
import os
import shutil
import signal
import stat

import pytest

from ppg_graph import JobId
from ppg_invariants import StatusStore, StoreError
from ppg_invariants.sqlite_file import schema
from tests.invariants.crash_rounds import record
from tests.other_user import NOBODY, as_another_user, forked_as, needs_root, reachable_folder

NAME = "store"
VICTIM = 12345
LAB = 54321
"""A group that no user of the machine has by itself."""


@pytest.fixture
def places():
    """A folder of the victim, and one beside it in which every user can make files, and remove only their own."""
    with reachable_folder() as shared:
        own = shared.with_name("own")
        own.mkdir(mode=0o700)
        os.chown(own, VICTIM, VICTIM)
        yield own, shared


def fill(path, count=3):
    with StatusStore.open(path) as store:
        for number in range(count):
            store.put(JobId(f"job{number}"), record(number))


def count_in(path):
    with StatusStore.open(path, read_only=True) as store:
        return len(store.records())


def plant(path):
    fill(path)
    path.chmod(0o666)


def is_refused(path, match):
    for read_only in (True, False):
        with pytest.raises(StoreError, match=match):
            StatusStore.open(path, read_only=read_only)


@needs_root
@pytest.mark.parametrize("planted", [NAME, f"{NAME}-wal"])
def test_a_link_of_the_user_leads_to_no_planted_store(places, planted):
    own, shared = places
    link = own / "link"

    def prepare():
        link.symlink_to(shared / NAME)
        if planted != NAME:
            fill(shared / NAME)

    as_another_user(prepare, user=VICTIM)
    as_another_user(lambda: plant(shared / NAME) if planted == NAME else (shared / planted).write_text("x"))
    before = (shared / planted).read_bytes()
    as_another_user(lambda: is_refused(link, f"{shared / planted} belongs to another user"), user=VICTIM)
    assert (shared / planted).read_bytes() == before


@needs_root
def test_a_link_of_the_user_to_a_store_of_the_user_is_followed(places):
    own, shared = places

    def victim():
        (own / "link").symlink_to("between")
        (own / "between").symlink_to(shared / NAME)
        fill(shared / NAME)
        fill(own / "link", 5)
        assert count_in(own / "link") == 5

    as_another_user(victim, user=VICTIM)


@needs_root
@pytest.mark.parametrize("name", [NAME, f"{NAME}-wal", f"{NAME}-shm", f"{NAME}-journal"])
def test_a_file_of_the_user_that_another_user_has_linked_is_no_store(places, name):
    own, shared = places

    def prepare():
        (own / "precious").write_text("precious" * 1000)
        if name != NAME:
            fill(shared / NAME)

    as_another_user(prepare, user=VICTIM)
    os.link(own / "precious", shared / name)  # as any user can without fs.protected_hardlinks
    as_another_user(lambda: is_refused(shared / NAME, f"{name} .*several names"), user=VICTIM)
    assert (own / "precious").read_text() == "precious" * 1000


@needs_root
def test_a_run_uses_no_store_in_a_folder_that_another_user_has_planted(places):
    _, shared = places
    theirs = shared / "status"

    def prepare():
        theirs.mkdir(mode=0o777)
        plant(theirs / NAME)
        for suffix in ("-wal", "-shm", ".lock"):
            (theirs / (NAME + suffix)).touch(0o666)
        theirs.chmod(0o755)

    as_another_user(prepare)

    def victim():
        with pytest.raises(StoreError, match=f"{theirs} belongs to another user"):
            StatusStore.open(theirs / NAME)

    as_another_user(victim, user=VICTIM)
    assert (theirs / f"{NAME}-wal").stat().st_size == 0


@needs_root
@pytest.mark.parametrize("mode", [0o775, 0o2775], ids=oct)
def test_in_a_folder_that_a_group_can_write_to_a_store_of_a_member_is_none(mode):
    # Either the folder is not meant for the group, or the victim does not belong to it.
    with reachable_folder(0o755) as folder:
        os.chown(folder, VICTIM, LAB)
        folder.chmod(mode)
        as_another_user(lambda: plant(folder / NAME), group=LAB)
        group = LAB if mode == 0o775 else None
        as_another_user(
            lambda: is_refused(folder / NAME, "belongs to another user"), user=VICTIM, group=group
        )


@needs_root
def test_root_uses_the_store_of_the_owner_of_a_folder():
    with reachable_folder(0o755) as folder:
        os.chown(folder, VICTIM, VICTIM)
        folder.chmod(0o775)
        as_another_user(lambda: fill(folder / NAME), user=VICTIM)
        fill(folder / NAME, 5)
        as_another_user(lambda: fill(folder / NAME, 6), user=VICTIM)
        assert count_in(folder / NAME) == 6


def opened_files(path):
    """Uids and modes of the files of a store that this process has open."""
    found = {}
    for number in os.listdir("/proc/self/fd"):
        try:
            target = os.readlink(f"/proc/self/fd/{number}").removesuffix(" (deleted)")
        except FileNotFoundError:
            continue  # the listing's own
        if target.startswith(str(path)) and not target.endswith(".lock"):
            state = os.stat(f"/proc/self/fd/{number}")
            found[target.removeprefix(str(path))] = (state.st_uid, stat.S_IMODE(state.st_mode))
    return found


@needs_root
@pytest.mark.parametrize("suffix", ["-wal", "-shm"])
@pytest.mark.parametrize("mode", [0o777, 0o1777], ids=oct)
def test_a_log_that_another_user_plants_while_the_store_is_opened_is_not_used(suffix, mode):
    with reachable_folder(mode) as folder:
        side = str(folder / NAME) + suffix
        as_another_user(lambda: fill(folder / NAME), user=VICTIM)

        def attack():
            while True:
                try:
                    os.close(os.open(side, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o666))
                    if mode & stat.S_ISVTX:
                        os.unlink(side)  # what is there before the store is opened is refused
                except OSError:
                    continue

        def victim():
            for _ in range(30):
                try:
                    store = StatusStore.open(folder / NAME)
                except StoreError:
                    continue
                found = opened_files(folder / NAME)
                store.close()
                assert found == dict.fromkeys(("", "-wal", "-shm"), (VICTIM, 0o600))

        attacker = forked_as(NOBODY, attack)
        try:
            as_another_user(victim, user=VICTIM)
        finally:
            os.kill(attacker, signal.SIGKILL)
            os.waitpid(attacker, 0)


@needs_root
def test_a_log_that_is_planted_at_the_last_moment_is_not_merged(monkeypatch):
    with reachable_folder(0o777) as folder:
        fill(folder / NAME, 1)
        theirs = folder / "theirs"
        theirs.mkdir()
        with StatusStore.open(theirs / NAME) as store:
            for number in range(9):
                store.put(JobId(f"job{number}"), record(number))
            store.flush()
            shutil.copy(theirs / f"{NAME}-wal", folder / "log")
        check = schema.check

        def plant_and_check(query, path):
            # SQLite opens its log after this moment.
            log = folder / f"{NAME}-wal"
            log.unlink()
            shutil.copy(folder / "log", log)
            os.chown(log, NOBODY, NOBODY)
            return check(query, path)

        monkeypatch.setattr(schema, "check", plant_and_check)
        with pytest.raises(StoreError, match=f"another user has put .*{NAME}-wal in its place"):
            StatusStore.open(folder / NAME)
        monkeypatch.undo()
        assert count_in(folder / NAME) == 1


def hold(path, program=None):
    """Another user holds the lock of a file, perhaps in a program that runs as root; returns its pid."""
    ready, told = os.pipe()

    def act():
        descriptor = os.open(path, os.O_RDONLY)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        if program is None:
            os.write(told, b"x")
            signal.pause()
        os.set_inheritable(descriptor, True)
        os.set_inheritable(told, True)
        os.dup2(told, 1)
        os.execv(program, [program, "-c", "import time; print('x', flush=True); time.sleep(1000)"])

    pid = forked_as(NOBODY, act)
    os.close(told)
    assert os.read(ready, 1) == b"x"
    os.close(ready)
    return pid


@needs_root
def test_a_lock_that_another_user_holds_in_a_program_of_root_does_not_count():
    with reachable_folder(0o777) as folder:
        fill(folder / NAME)
        os.chown(folder / NAME, VICTIM, VICTIM)
        lock = folder / f"{NAME}.lock"
        lock.touch()
        os.chown(lock, VICTIM, VICTIM)
        lock.chmod(0o644)
        program = folder / "program"
        shutil.copy(os.path.realpath("/usr/bin/python3"), program)
        program.chmod(0o4755)
        pid = hold(lock, str(program))
        try:
            assert os.stat(f"/proc/{pid}").st_uid == 0
            as_another_user(lambda: fill(folder / NAME, 5), user=VICTIM)
        finally:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
        assert lock.exists() is False


@needs_root
def test_a_folder_in_the_place_of_the_guard_of_the_lock_is_put_aside():
    with reachable_folder(0o777) as folder:
        fill(folder / NAME)
        (folder / f"{NAME}.lock").touch()
        (folder / f"{NAME}.lock").chmod(0o644)
        as_another_user((folder / f"{NAME}.lock.guard").mkdir)
        pid = hold(folder / f"{NAME}.lock")
        try:
            fill(folder / NAME, 5)
        finally:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
        assert count_in(folder / NAME) == 5


@needs_root
@pytest.mark.parametrize("way", ["file", "folder", "link"])
def test_where_the_owner_cannot_remove_a_planted_lock_an_error_names_it(places, way):
    _, shared = places
    lock = shared / f"{NAME}.lock"
    as_another_user(lambda: fill(shared / NAME), user=VICTIM)
    make = {"file": lock.touch, "folder": lock.mkdir, "link": lambda: lock.symlink_to("precious")}[way]
    as_another_user(make)

    def victim():
        with pytest.raises(StoreError, match=str(lock)):
            StatusStore.open(shared / NAME)
        assert count_in(shared / NAME) == 3

    as_another_user(victim, user=VICTIM)
    assert lock.lstat().st_uid == NOBODY
