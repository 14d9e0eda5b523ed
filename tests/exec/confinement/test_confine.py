"""What a confined process can do, and what it cannot, as the kernel has it."""

import ctypes
import errno
import multiprocessing
import os
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from ppg_exec import (
    TEMPORARY_FOLDER,
    LocalExecutor,
    Raised,
    Succeeded,
    Task,
    common_access,
    confine_process,
    landlock_abi,
)
from ppg_exec.linux import libc
from ppg_exec.node.temporary_folders import remove_folder
from tests.landlock import needs_landlock

pytestmark = needs_landlock
OTHER = 65534
"""The user nobody."""


@pytest.fixture
def project(tmp_path):
    """A project with an input, an output, a secret, and a module."""
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "input").write_text("input")
    (folder / "output").touch()
    (folder / "secret").write_text("secret")
    (folder / "sub").mkdir()
    (folder / "sub" / "data").write_text("data")
    return folder


@pytest.fixture
def confined(run, local, project):
    """Runs a function in a confined task, and returns what it returned, or its exception."""

    def call(function, *arguments, **options):
        common = common_access(str(project))

        def confine_and_call():
            private = os.environ[TEMPORARY_FOLDER]
            confine_process(common, [str(project / "input")], [str(project / "output")], private)
            return function(*arguments)

        task = Task(
            "task", confine_and_call, working_directory=str(project), own_temporary_folder=True, **options
        )
        end = run(local, task)["task"].end
        if isinstance(end, Succeeded):
            return end.value
        assert isinstance(end, Raised), end
        raise end.exception

    return call


def read(path):
    with open(path) as file:
        return file.read()


def write(path):
    with open(path, "w") as file:
        file.write("written")


# -- what is allowed ---------------------------------------------------------------------------------------


def test_inputs_are_read_and_outputs_are_written(confined, project):
    def copy():
        write("output")
        return read("input"), read("output")

    assert confined(copy) == ("input", "written")


def test_the_standard_library_programs_and_devices_are_there(confined):
    def use_system():
        import xml.dom.minidom  # noqa: F401

        subprocess.run([sys.executable, "-c", "import json"], check=True)
        write("/dev/null")
        return len(read("/proc/self/status")) > 0 and subprocess.check_output(["sh", "-c", "cat input"])

    assert confined(use_system) == b"input"


def test_the_temporary_folder_is_private_and_all_is_allowed_there(confined):
    def use():
        folder = tempfile.gettempdir()
        with tempfile.TemporaryDirectory() as inner:
            Path(inner, "a").write_text("a")
            Path(inner, "a").rename(Path(folder, "b"))
            os.link(Path(folder, "b"), Path(folder, "c"))
            os.symlink("b", Path(folder, "d"))
        shutil.copy(Path(folder, "c"), "output")
        return folder, os.environ["TMPDIR"], oct(os.stat(folder).st_mode & 0o777), read(Path(folder, "d"))

    folder, variable, mode, text = confined(use)
    assert (folder, mode, text) == (variable, "0o700", "a")
    assert not Path(folder).exists()


def test_processes_that_share_memory_and_semaphores_work(confined):
    def use():
        context = multiprocessing.get_context("fork")
        with context.Pool(2) as pool:
            return pool.map(abs, [-1, -2])

    assert confined(use) == [1, 2]


def test_streams_can_be_opened_by_their_names(confined):
    subprocess_result = confined(
        lambda: (
            subprocess.run(
                ["sh", "-c", "echo a > /dev/stderr; echo b > /dev/stdout; cat /dev/fd/0 < input"]
            ).returncode
        )
    )
    assert subprocess_result == 0


def test_a_long_result_travels(confined):
    assert len(confined(lambda: os.urandom(1 << 20))) == 1 << 20


def test_the_jobserver_of_several_cores_can_be_opened(confined):
    def use():
        path = os.environ["PPG_JOBSERVER"]
        return subprocess.run(
            ["sh", "-c", f"exec 3<> {path}; echo opened"], capture_output=True, text=True
        ).stdout

    assert confined(use, cores=2) == "opened\n"


# -- what is not -------------------------------------------------------------------------------------------


PTRACE_ATTACH, PIDFD_GETFD = 16, 438


def checked(result):
    """The result of a call of the kernel, unless that says that it failed."""
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result


def in_another_root():
    """Reads the secret where the root of the process is the project; only root can do that."""
    secret = os.open(".", os.O_RDONLY)
    if os.geteuid() != 0:
        raise PermissionError(errno.EPERM, "")
    os.chroot(".")
    os.fchdir(secret)
    return read("/secret")


ATTEMPTS = {
    "reads another file": lambda: read("secret"),
    "reads it by a link of its own": lambda: (os.symlink(Path("secret").absolute(), f"{os.environ['TMPDIR']}/link"), read(f"{os.environ['TMPDIR']}/link")),
    "reads it by /proc/self/root": lambda: read(f"/proc/self/root{Path('secret').absolute()}"),
    "reads it by /proc/self/cwd": lambda: read("/proc/self/cwd/secret"),
    "reads it by a path with ..": lambda: read("sub/../secret"),
    "reads it from another folder": lambda: (os.chdir("sub"), read("data")),
    "reads it by an open folder": lambda: os.open("secret", os.O_RDONLY, dir_fd=os.open(".", os.O_RDONLY)),
    "reads it with a program": lambda: subprocess.run(["cat", "secret"], check=True),
    "links it to its folder": lambda: os.link("secret", f"{os.environ['TMPDIR']}/link"),
    "moves it to its folder": lambda: os.rename("secret", f"{os.environ['TMPDIR']}/moved"),
    "writes an input": lambda: write("input"),
    "cuts an input": lambda: os.truncate("input", 0),
    "writes another file": lambda: write("secret"),
    "makes a file": lambda: write("new"),
    "makes a folder": lambda: os.mkdir("new"),
    "makes a link": lambda: os.symlink("input", "new"),
    "makes a fifo": lambda: os.mkfifo("new"),
    "makes a socket": lambda: __import__("socket").socket(1).bind("new"),
    "removes a file": lambda: os.unlink("secret"),
    "removes its output": lambda: os.unlink("output"),
    "removes a folder": lambda: os.rmdir("sub"),
    "renames over its output": lambda: os.rename("input", "output"),
    "renames over its output from its folder": lambda: (write(f"{os.environ['TMPDIR']}/a"), os.rename(f"{os.environ['TMPDIR']}/a", "output")),
    "exchanges files": lambda: os.replace("secret", "output"),
    "writes where it came from": lambda: write(f"{os.environ['TMPDIR']}/../other"),
    "writes beside its folder": lambda: write(f"{os.environ['TMPDIR']}/../../other"),
    "opens a folder to make a file without a name": lambda: os.open(".", os.O_TMPFILE | os.O_RDWR),
    "executes another file": lambda: subprocess.run(["./sub/data"]),
    "reads it by an open folder of /proc": lambda: read(f"/proc/self/fd/{os.open('.', os.O_PATH)}/secret"),
    "opens it again by a descriptor that only names it": lambda: read(f"/proc/self/fd/{os.open('secret', os.O_PATH)}"),
    "reads it in another root": in_another_root,
    "writes to its input by a descriptor for reading": lambda: write(f"/proc/self/fd/{os.open('input', os.O_RDONLY)}"),
    "links its output to its folder, to replace it": lambda: os.link("output", f"{os.environ['TMPDIR']}/link"),
    "links its input to its output": lambda: os.link("input", "output2"),
    "exchanges its output and a file of its folder": lambda: (write(f"{os.environ['TMPDIR']}/a"), checked(libc().renameat2(-100, f"{os.environ['TMPDIR']}/a".encode(), -100, b"output", 2))),
    "traces the node": lambda: checked(libc().ptrace(PTRACE_ATTACH, os.getppid(), 0, 0)),
    "takes a descriptor of the node": lambda: checked(libc().syscall(PIDFD_GETFD, os.pidfd_open(os.getppid()), 0, 0)),
    "opens a descriptor of the node by its name": lambda: os.open(f"/proc/{os.getppid()}/fd/2", os.O_RDONLY),
    "mounts its folder over another one": lambda: checked(libc().mount(os.environ["TMPDIR"].encode(), b"sub", None, 4096, None)),
    "reads the memory of the node": lambda: os.open(f"/proc/{os.getppid()}/mem", os.O_RDONLY),
    "reads it by the root of the node": lambda: read(f"/proc/{os.getppid()}/root{Path('secret').absolute()}"),
}  # fmt: skip


@pytest.mark.parametrize("attempt", ATTEMPTS)
def test_no_way_leads_to_other_files(confined, project, attempt):
    (project / "sub" / "data").chmod(0o755)
    before = {path: path.read_bytes() for path in project.rglob("*") if path.is_file()}
    with pytest.raises((OSError, subprocess.CalledProcessError)) as caught:
        confined(ATTEMPTS[attempt])
    if isinstance(caught.value, OSError):
        assert caught.value.errno in {errno.EACCES, errno.EXDEV, errno.EPERM}
    assert {path: path.read_bytes() for path in project.rglob("*") if path.is_file()} == before


def test_what_a_confined_process_starts_is_confined(confined):
    def start():
        script = "import os\nif os.fork() == 0:\n os.setsid()\n open('secret')"
        return subprocess.run([sys.executable, "-c", script], capture_output=True, text=True).stderr

    assert "Permission denied: 'secret'" in confined(start)


def test_it_can_neither_mount_nor_gain_privileges(confined):
    def try_to():
        libc = ctypes.CDLL(None, use_errno=True)
        mounted = libc.mount(b"none", b"sub", b"tmpfs", 0, None)
        return mounted, libc.prctl(39, 0, 0, 0, 0)

    assert confined(try_to) == (-1, 1)


# -- what Landlock does not stop: docs/security.md has it ----------------------------------------------------


def test_stat_modes_times_and_names_of_other_files_are_not_hidden(confined, project):
    def look():
        os.chmod("secret", 0o640)
        os.utime("secret", (1, 1))
        return os.stat("secret").st_size, sorted(os.listdir("."))

    assert confined(look) == (6, ["input", "output", "secret", "sub"])
    assert project.joinpath("secret").stat().st_mtime == 1


def test_descriptors_that_were_open_before_stay_open(run, local, project):
    """What loads have opened: the executor's node hands it on."""

    def open_and_read():
        opened = os.open(project / "secret", os.O_RDONLY)
        confine_process(common_access(str(project)), [], [], os.environ[TEMPORARY_FOLDER])
        return os.read(opened, 10)

    assert run(local, Task("task", open_and_read, own_temporary_folder=True))["task"].end == Succeeded(
        b"secret"
    )


# -- ends --------------------------------------------------------------------------------------------------


def folders_of(executor_folder):
    return [path for path in Path(executor_folder).iterdir() if path.name.startswith("ppg-")]


@pytest.mark.parametrize("end", ["returns", "raises", "is killed", "locks its folder"])
def test_the_temporary_folder_is_gone_when_the_task_has_ended(run, tmp_path, end):
    def work():
        folder = Path(os.environ[TEMPORARY_FOLDER])
        (folder / "a" / "b").mkdir(parents=True)
        (folder / "a" / "b" / "c").write_text("c")
        (folder / "out").symlink_to("/etc")
        match end:
            case "raises":
                raise ValueError
            case "is killed":
                os.kill(os.getpid(), signal.SIGKILL)
            case "locks its folder":
                (folder / "a").chmod(0)

    with LocalExecutor(cores=1, scratch=str(tmp_path)) as executor:
        run(executor, Task("task", work, own_temporary_folder=True))
        (of_node,) = folders_of(tmp_path)
        assert list(of_node.iterdir()) == []
    assert folders_of(tmp_path) == []


def test_a_folder_that_its_owner_has_made_unwritable_is_removed(tmp_path):
    """As tools do with what they have downloaded. Root would not notice."""
    (tmp_path / "private" / "a" / "b").mkdir(parents=True)
    (tmp_path / "private" / "a" / "b" / "c").touch()
    for folder in (tmp_path, tmp_path / "private", tmp_path / "private/a", tmp_path / "private/a/b"):
        os.chown(folder, OTHER if os.geteuid() == 0 else -1, -1)
    for folder in ("private/a/b", "private/a"):
        (tmp_path / folder).chmod(0o500)
    pid = os.fork()
    if pid == 0:
        try:
            os.chdir(tmp_path)
            if os.geteuid() == 0:
                os.setuid(OTHER)
            os._exit(len(remove_folder("private")))
        finally:
            os._exit(255)
    assert os.waitpid(pid, 0)[1] == 0
    assert list(tmp_path.iterdir()) == []


def test_tasks_without_a_folder_of_their_own_make_none(run, tmp_path):
    with LocalExecutor(cores=1, scratch=str(tmp_path)) as executor:
        assert run(executor, Task("task", lambda: os.environ.get(TEMPORARY_FOLDER)))["task"].end == Succeeded(
            None
        )
        assert folders_of(tmp_path) == []


def test_each_attempt_begins_with_an_empty_folder(run, tmp_path):
    def work():
        folder = Path(os.environ["TMPDIR"])
        found = list(folder.iterdir())
        (folder / "a").touch()
        if not (tmp_path / "second").exists():
            (tmp_path / "second").touch()
            raise ValueError
        return found

    with LocalExecutor(cores=1, scratch=str(tmp_path)) as executor:
        outcome = run(executor, Task("task", work, own_temporary_folder=True, retries=1))["task"]
    assert (outcome.end, outcome.attempts) == (Succeeded([]), 2)


def test_many_rules_need_few_descriptors(confined, project):
    def measure():
        return resource.getrlimit(resource.RLIMIT_NOFILE)[0] > 0, len(os.listdir("/proc/self/fd"))

    # The streams, the socket of the report, and the folder that is read.
    assert confined(measure)[1] <= 8


def test_the_version_of_landlock_is_a_number():
    assert landlock_abi() >= 3
