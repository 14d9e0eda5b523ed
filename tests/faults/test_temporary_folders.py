"""What confined jobs leave in the folder for temporary files when something is killed."""

import contextlib
import os
import signal
import socket

import pytest

from ppg_exec.node.temporary_folders import remove_folder
from tests.landlock import needs_landlock

pytestmark = needs_landlock

SCRIPT = """
    import socket, tempfile

    def hang(path):
        Path(tempfile.gettempdir(), "left").write_text("x")
        # No rule of the kernel keeps a confined job from connecting.
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect("test.socket")
            connection.sendall(f"{os.getppid()}\\n".encode())
            connection.recv(1)

    ppg.new_pipegraph(confine=True)
    ppg.FileGeneratingJob("out", hang)
"""


@pytest.fixture
def hanging(project, tmp_path_factory):
    """A run of a confined job that waits; the folder for its temporary files; the pid of the node; the connection.

    Nobody listens any more, so a job that starts again ends at once.
    """
    folder = tmp_path_factory.mktemp("temporary")
    project.environment |= {"TMPDIR": str(folder), "XDG_RUNTIME_DIR": ""}
    project.script(SCRIPT)
    here = os.getcwd()
    os.chdir(project.folder)
    with socket.socket(socket.AF_UNIX) as server:
        # The name of a socket is short, so it is relative.
        server.bind("test.socket")
        os.chdir(here)
        server.listen()
        server.settimeout(60)
        run = project.start("run", "script.py")
        connection = server.accept()[0]
        server.close()
        with connection, connection.makefile() as lines:
            yield run, folder, int(lines.readline()), connection


def left(folder):
    return [path for path in folder.rglob("*") if path.name == "left"]


def test_a_killed_run_leaves_no_temporary_file_of_a_confined_job(project, hanging):
    run, folder, _, _ = hanging
    assert len(left(folder)) == 1
    run.kill()
    run.wait()
    project.wait_until_nothing_runs()
    assert [path for path in folder.iterdir() if path.name != f"ppg-{os.getuid()}"] == []


def test_a_killed_node_leaves_no_temporary_file_of_a_confined_job(project, hanging):
    run, folder, node, _ = hanging
    os.kill(node, signal.SIGKILL)
    assert run.wait() == 1
    assert [path for path in folder.iterdir() if path.name != f"ppg-{os.getuid()}"] == []


def test_an_interrupted_run_leaves_no_temporary_file_of_a_confined_job(project, hanging):
    run, folder, _, _ = hanging
    run.send_signal(signal.SIGINT)
    assert run.wait() == 130
    assert [path for path in folder.iterdir() if path.name != f"ppg-{os.getuid()}"] == []
    assert not (project / "out").exists()


def test_no_link_is_followed_that_takes_the_place_of_a_folder_meanwhile(tmp_path, monkeypatch):
    """As a process of a confined job may try that outlives it."""
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "file").write_text("x")
    folder = tmp_path / "private"
    (folder / "inner").mkdir(parents=True)
    listed = os.scandir

    def exchange(descriptor):
        found = listed(descriptor)
        if (folder / "inner").is_dir() and not (folder / "inner").is_symlink():
            entries = contextlib.nullcontext(list(found))
            (folder / "inner").rmdir()
            (folder / "inner").symlink_to(precious)
            return entries
        return found

    monkeypatch.setattr(os, "scandir", exchange)
    assert "cannot be removed" in remove_folder(str(folder))
    assert (precious / "file").read_text() == "x"


def test_folders_that_forbid_everything_are_removed(tmp_path):
    inner = tmp_path / "private/a/b"
    inner.mkdir(parents=True)
    (inner / "file").touch()
    for path in (inner, inner.parent, tmp_path / "private"):
        path.chmod(0)
    assert remove_folder(str(tmp_path / "private")) == ""
    assert not (tmp_path / "private").exists()
    assert remove_folder(str(tmp_path / "private")) == ""
