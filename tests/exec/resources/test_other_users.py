"""Other users of the machine cannot stop the pool of cores, nor make it write to files that are not its own."""

import fcntl
import os
import signal
import stat
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ppg_exec import LocalExecutor, MachinePool, Succeeded, Task, given_pool, machine_pool
from ppg_exec.resources.private_folder import UnsafeFolderError, open_runtime_folder
from tests.other_user import NOBODY, as_another_user, forked_as, needs_root, reachable_folder

OURS = f"ppg-{os.geteuid()}"


@pytest.fixture
def shared(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder for temporary files, in which every user can make files; there is no XDG_RUNTIME_DIR."""
    with reachable_folder() as folder:
        monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
        monkeypatch.setenv("TMPDIR", str(folder))
        yield folder


@pytest.fixture
def precious(tmp_path: Path) -> Path:
    """A private file of this user."""
    file = tmp_path / "precious"
    file.write_text("precious")
    file.chmod(0o600)
    return file


def pool_of_this_machine(folder: Path) -> Path:
    """The folder with the pool; within `ppg-cores` each machine has its own."""
    (pool,) = (folder / "ppg-cores").iterdir()
    return pool


def mode(path: Path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


def ways_to_prepare(folder: Path, target: Path) -> dict[str, Callable[[], object]]:
    """What another user can make where the pool will be."""
    own = folder / OURS

    def whole_pool() -> None:
        (own / "ppg-cores").mkdir(parents=True)
        (own / "ppg-cores" / "size").symlink_to(target)

    def only_the_upper_folder() -> None:
        own.mkdir()

    def link_to_a_folder_of_the_victim() -> None:
        own.symlink_to(target.parent)

    def link_to_a_folder_of_its_own() -> None:
        (folder / "own").mkdir()
        own.symlink_to("own")

    def fifo() -> None:
        os.mkfifo(own)

    def file() -> None:
        own.write_text("")

    ways = (whole_pool, only_the_upper_folder, link_to_a_folder_of_the_victim, link_to_a_folder_of_its_own)
    return {way.__name__: way for way in (*ways, fifo, file)}


@needs_root
@pytest.mark.parametrize("way", list(ways_to_prepare(Path(), Path())))
def test_what_another_user_prepared_is_no_pool_and_is_not_touched(
    shared: Path, precious: Path, way: str
) -> None:
    as_another_user(ways_to_prepare(shared, precious)[way])
    before = sorted((path, mode(path)) for path in (*shared.rglob("*"), *precious.parent.rglob("*")))
    with pytest.raises(UnsafeFolderError, match=OURS):
        machine_pool(4)
    assert precious.read_text() == "precious"
    assert sorted((path, mode(path)) for path in (*shared.rglob("*"), *precious.parent.rglob("*"))) == before


@needs_root
def test_a_folder_of_ours_that_others_could_write_to_is_no_pool(shared: Path) -> None:
    for wide in (0o777, 0o770, 0o702):
        (shared / OURS).mkdir(exist_ok=True)
        (shared / OURS).chmod(wide)
        with pytest.raises(UnsafeFolderError, match=r"writable for other users.*remove it"):
            machine_pool(4)


@needs_root
@pytest.mark.parametrize("mask", [0, 0o022, 0o077])
def test_the_folders_of_the_pool_are_for_this_user_alone(shared: Path, mask: int) -> None:
    (shared / OURS).mkdir(mode=0o755)  # as earlier versions made it
    before = os.umask(mask)
    try:
        pool = machine_pool(4)
    finally:
        os.umask(before)
    assert pool.acquire(9) == 3
    found = {path.relative_to(shared).name: mode(path) for path in shared.rglob("*")}
    folders = {
        name: found.pop(name) for name in (OURS, "ppg-cores", pool_of_this_machine(shared / OURS).name)
    }
    assert set(folders.values()) == {0o700}
    assert set(found.values()) == {0o600}
    assert {"lock", "size", "tokens"} < found.keys()
    pool.close()


@needs_root
def test_another_user_can_neither_take_the_lock_nor_the_tokens(shared: Path) -> None:
    pool = machine_pool(4)
    ours = shared / OURS
    folder = pool_of_this_machine(ours)

    def attack() -> None:
        for path in (ours, ours / "ppg-cores", folder, folder / "lock"):
            for flags in (os.O_RDONLY, os.O_RDWR):
                with pytest.raises(OSError):
                    os.open(path, flags)

    as_another_user(attack)
    pool.close()


@needs_root
@pytest.mark.parametrize("name", ["size", "lock", "tokens", "holder-1"])
def test_links_within_the_pool_are_not_followed(tmp_path: Path, precious: Path, name: str) -> None:
    (tmp_path / "pool").mkdir(mode=0o700)
    for make in (Path.symlink_to, Path.hardlink_to):
        make(tmp_path / "pool" / name, precious)
        if name == "holder-1":
            pool = MachinePool(tmp_path / "pool", 4)
            assert pool.acquire(9) == 3
            pool.close()
        else:
            with pytest.raises(OSError, match=r"remove it|symbolic links"):
                MachinePool(tmp_path / "pool", 4)
        assert precious.read_text() == "precious"
        (tmp_path / "pool" / name).unlink()


@needs_root
def test_a_runtime_folder_of_another_user_is_passed_over(
    shared: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    theirs = shared / "theirs"
    as_another_user(lambda: theirs.mkdir(mode=0o777))
    for unusable in (str(theirs), "relative", str(shared / "missing"), str(shared)):
        monkeypatch.setenv("XDG_RUNTIME_DIR", unusable)
        os.close(open_runtime_folder("ppg-cores"))
    assert [path.name for path in (shared / OURS).iterdir()] == ["ppg-cores"]
    assert list(theirs.iterdir()) == []


def test_a_runtime_folder_of_this_user_has_the_pool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    runtime = tmp_path / "runtime"
    runtime.mkdir(mode=0o700)
    (tmp_path / "link").symlink_to(runtime)  # as /var/run is one
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "link"))
    machine_pool(4).close()
    assert (pool_of_this_machine(runtime) / "tokens").is_fifo()


def test_machines_that_see_one_folder_for_temporary_files_have_pools_of_their_own(
    shared: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = machine_pool(4)
    assert here.acquire(9) == 3
    # A fifo has its content on each machine alone, but the notes and their locks would be those of all.
    monkeypatch.setattr("ppg_exec.resources.private_folder._machine", lambda: "another")
    there = machine_pool(2)
    assert there.acquire(9) == 1
    assert (there.cores, here.cores) == (2, 4)
    for pool in (there, here):
        pool.close()


@needs_root
def test_a_folder_for_temporary_files_without_permission_is_passed_over(
    shared: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ppg_exec.resources.private_folder._TEMPORARY", str(shared))

    def without_permission() -> None:
        for unusable in (str(shared.parent), str(shared / "missing"), "/etc/passwd"):
            monkeypatch.setenv("TMPDIR", unusable)
            machine_pool(4).close()

    as_another_user(without_permission)
    assert [path.name for path in shared.iterdir()] == [f"ppg-{NOBODY}"]


@needs_root
def test_a_folder_for_temporary_files_behind_a_link_of_another_user_is_refused(
    shared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    as_another_user(lambda: (shared / "elsewhere").symlink_to(tmp_path))
    monkeypatch.setenv("TMPDIR", str(shared / "elsewhere"))
    with pytest.raises(UnsafeFolderError, match="another user"):
        machine_pool(4)
    assert list(tmp_path.iterdir()) == []


@needs_root
def test_a_folder_replaced_after_the_check_is_not_used(shared: Path, precious: Path) -> None:
    descriptor = open_runtime_folder("ppg-cores")
    # The worst case: root's own folder is moved away, and another user has one in its place.
    (shared / OURS).rename(shared / "moved")
    as_another_user(lambda: ways_to_prepare(shared, precious)["whole_pool"]())
    pool = MachinePool(descriptor, 4)
    assert pool.acquire(9) == 3
    assert (pool_of_this_machine(shared / "moved") / "size").read_text() == "3"
    assert precious.read_text() == "precious"
    pool.close()


PROGRAM = """
    import fcntl, time
    from ppg_exec import machine_pool
    pool = machine_pool(4)
    fcntl.flock(pool._lock, fcntl.LOCK_EX)
    print(pool.acquire(3), flush=True)
    time.sleep(1000)
"""


@pytest.fixture
def stopped_holder(shared: Path) -> Iterator[subprocess.Popen[str]]:
    """A participant of the pool that holds its lock and does not go on."""
    program = textwrap.dedent(PROGRAM)
    process = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "3\n"
    process.send_signal(signal.SIGSTOP)
    yield process
    process.kill()
    process.wait()
    process.stdout.close()


def test_no_lock_of_the_pool_is_waited_for_without_limit(
    stopped_holder: subprocess.Popen[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ppg_exec.resources.jobserver._PATIENCE", 0.1)
    with pytest.raises(TimeoutError, match="holds the lock of the pool"):
        machine_pool(4)


def test_a_participant_asks_and_leaves_while_another_one_holds_the_lock(
    shared: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ppg_exec.resources.jobserver._PATIENCE", 0.1)
    monkeypatch.setattr("ppg_exec.resources.jobserver._LOOK_SECONDS", 0)
    pool, last = machine_pool(4), machine_pool(4)
    assert pool.acquire(2) == 2
    lock = os.open(pool_of_this_machine(shared / OURS) / "lock", os.O_RDWR)
    fcntl.flock(lock, fcntl.LOCK_EX)
    assert pool.acquire(9) == 1
    pool.close()
    os.close(lock)
    assert last.acquire(9) == 3, "the tokens of a participant that could not put them back"
    last.close()


@pytest.mark.parametrize("way", ["regular", "missing", "link"])
def test_a_fifo_of_a_make_that_has_ended_is_not_taken_for_one(
    tmp_path: Path, precious: Path, way: str
) -> None:
    named = tmp_path / "GMfifo"
    if way == "regular":
        named.write_text("++++")
    elif way == "link":
        named.symlink_to(precious)
    before = precious.read_text()
    assert given_pool(f"--jobserver-auth=fifo:{named}") is None
    assert precious.read_text() == before


def test_descriptors_of_a_make_that_are_other_files_by_now_are_not_used(precious: Path) -> None:
    descriptor = os.open(precious, os.O_RDWR)
    for flags in (
        f"--jobserver-auth={descriptor},{descriptor}",
        f"--jobserver-fds={descriptor},{descriptor}",
    ):
        pool = given_pool(flags)
        if pool is not None:
            pool.acquire(3)
            pool.close()
        assert pool is None
    os.close(descriptor)
    assert precious.read_text() == "precious"


@needs_root
def test_a_fifo_that_another_user_has_put_in_the_place_of_makes_is_not_used(shared: Path) -> None:
    as_another_user(lambda: os.mkfifo(shared / "GMfifo", 0o666))
    assert given_pool(f"--jobserver-auth=fifo:{shared / 'GMfifo'}") is None


def test_the_fifo_of_a_task_has_no_name_in_any_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, run: Any
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))

    def look() -> tuple[str, int, list[str]]:
        pool = given_pool()
        assert pool is not None
        count = pool.acquire(9)
        pool.close()
        return os.environ["PPG_JOBSERVER"], count, os.listdir(os.environ["TMPDIR"])

    with LocalExecutor(cores=3) as executor:
        end = run(executor, Task("t", look, cores=3))["t"].end
    assert isinstance(end, Succeeded)
    path, count, names = end.value
    assert (count, names) == (2, [])
    assert path.startswith("/proc/")


def test_the_fifo_of_a_task_can_be_opened_by_programs_as_make_does(local: LocalExecutor, run: Any) -> None:
    program = """
import os, stat
path = os.environ["PPG_JOBSERVER"]
read, write = os.open(path, os.O_RDONLY), os.open(path, os.O_WRONLY)
assert stat.S_ISFIFO(os.fstat(read).st_mode)
token = os.read(read, 9)
os.write(write, token)
print(token.decode())
"""

    def start() -> list[str]:
        command = [sys.executable, "-c", program]
        return [subprocess.run(command, check=True, capture_output=True, text=True).stdout for _ in range(2)]

    assert run(local, Task("t", start, cores=2))["t"].end == Succeeded(["+\n", "+\n"])


@needs_root
def test_another_user_cannot_open_the_fifo_of_a_task() -> None:
    from ppg_exec.resources.task_tokens import TaskTokens

    tokens = TaskTokens(3)

    def attack() -> None:
        with pytest.raises(PermissionError):
            os.open(tokens.path, os.O_RDWR | os.O_NONBLOCK)

    as_another_user(attack)
    tokens.close()


@needs_root
def test_of_two_users_each_has_a_pool(shared: Path) -> None:
    pool = machine_pool(4)

    def other() -> None:
        theirs = machine_pool(4)
        assert theirs.acquire(9) == 3
        theirs.close()

    assert pool.acquire(9) == 3
    pid = forked_as(NOBODY, other)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    pool.close()
