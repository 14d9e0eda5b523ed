"""Obstacles: what stands in the place of an output and is no file is refused, and stays as it is."""

import os
import socket
import stat

import pytest

import ppg
from ppg.shared_cache.in_job import _make_way
from ppg.worker.calls import make_files
from tests.fakes import RecordingFrontend


def device(path):
    """A device of the test's own: the null device has the numbers 1 and 3."""
    try:
        os.mknod(path, stat.S_IFCHR | 0o666, os.makedev(1, 3))
    except PermissionError:
        pytest.skip("this user cannot make devices")


def named_socket(path):
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(path))


def link_to_device(path):
    device(path.with_name("device"))
    path.symlink_to("device")


def link_to_folder(path):
    path.with_name("other folder").mkdir()
    path.symlink_to("other folder")


OBSTACLES = {
    "a folder": lambda path: path.mkdir(),
    "a named pipe": os.mkfifo,
    "a socket": named_socket,
    "a device": device,
    "a symbolic link that leads to nothing ('nowhere')": lambda path: path.symlink_to("nowhere"),
    "a symbolic link to 'out.png', which cannot be followed": lambda path: path.symlink_to(path.name),
    "a symbolic link to a device ('device')": link_to_device,
    "a symbolic link to a folder ('other folder')": link_to_folder,
}


def identity(path):
    status = path.lstat()
    return status.st_ino, status.st_mode, status.st_rdev, status.st_ctime_ns


def declare_file(write):
    ppg.FileGeneratingJob("out.png", write)


def declare_several(write):
    ppg.MultiFileGeneratingJob(["other", "out.png"], lambda paths: [write(path) for path in paths])


def declare_temporary(write):
    temporary = ppg.TempFileGeneratingJob("out.png", write)
    ppg.FileGeneratingJob("user", write).depends_on(temporary)


def declare_command(write):
    ppg.ExternalJob(
        ["other", "out.png"], ["sh", "-c", "echo x; echo y >&2"], stdout="other", stderr="out.png"
    )


def declare_cached(write):
    load = ppg.CachedDataLoadingJob("out.png", lambda: 5, lambda value: None)
    ppg.FileGeneratingJob("user", write).depends_on(load)


class Sketch:
    def save(self, path):
        with open(path, "w") as file:
            file.write("drawn")


def declare_plot(write):
    ppg.PlotJob("out.png", lambda: 5, lambda value: Sketch())


@pytest.mark.parametrize("make", OBSTACLES.values(), ids=OBSTACLES)
def test_a_job_is_refused_if_its_output_is_no_file(failing_run, writer, account, folder, request, make):
    make(folder / "out.png")
    before = identity(folder / "out.png")
    error, _ = failing_run(lambda: declare_file(writer("x")))
    message = str(error.exceptions["out.png"])
    assert isinstance(error.exceptions["out.png"], ppg.JobContractError)
    assert (
        f"'out.png' was not started: its output '{folder / 'out.png'}' is {request.node.callspec.id}"
        in message
    )
    assert message.endswith(
        (
            "; declare a file as output instead",
            "; move it away, or declare another file",
            "; remove the link, or declare the file to which it is to lead",
        )
    )
    assert identity(folder / "out.png") == before
    assert account.taken() == []


@pytest.mark.parametrize("make", [device, os.mkfifo, lambda path: path.symlink_to("nowhere")])
@pytest.mark.parametrize(
    "declare",
    [declare_several, declare_temporary, declare_command, declare_cached, declare_plot],
)
def test_it_is_refused_by_all_kinds_of_jobs(failing_run, writer, folder, declare, make):
    make(folder / "out.png")
    (folder / "other").write_text("of the user")
    before = identity(folder / "out.png")
    error, _ = failing_run(lambda: declare(writer("x")))
    assert any(
        f"its output '{folder / 'out.png'}' is" in str(exception) for exception in error.exceptions.values()
    )
    assert identity(folder / "out.png") == before
    assert (folder / "other").read_text() == "of the user"


def test_it_is_refused_by_a_job_that_shares(folder, tmp_path_factory, writer, account):
    os.mkfifo(folder / "out.png")
    graph = ppg.new_pipegraph(quiet=True, shared_cache=tmp_path_factory.mktemp("cache"))
    ppg.FileGeneratingJob("out.png", writer("x"), share=True)
    with pytest.raises(ppg.RuntimeError) as caught:
        graph.run()
    assert "is a named pipe" in str(caught.value.exceptions["out.png"])
    assert (folder / "out.png").is_fifo()
    with pytest.raises(ppg.JobContractError, match="is a named pipe"):
        _make_way(str(folder / "out.png"))
    assert (folder / "out.png").is_fifo()


def test_a_link_to_a_file_is_replaced_and_the_file_stays(run, writer, folder):
    (folder / "precious").write_text("precious")
    (folder / "out.png").symlink_to("precious")
    run(lambda: declare_file(writer("x")))
    assert not (folder / "out.png").is_symlink()
    assert (folder / "out.png").read_text() == "x"
    assert (folder / "precious").read_text() == "precious"


def test_what_comes_into_the_place_while_a_job_waits_stays_too(folder):
    called = []
    (folder / "out.png").symlink_to("nowhere")
    with pytest.raises(ppg.JobContractError, match="a symbolic link that leads to nothing"):
        make_files(called.append, (1,), (str(folder / "out.png"),), None, 30)
    assert not called
    assert (folder / "out.png").is_symlink()


def fails_after(make):
    """A callback that fails when it has made something."""

    def callback(path):
        make(path)
        raise ValueError("after that")

    return callback


@pytest.mark.parametrize("rename_broken", [False, True])
@pytest.mark.parametrize("make", [os.mkfifo, device, lambda path: path.symlink_to("nowhere")])
def test_a_failed_job_leaves_what_is_no_file_and_says_so(folder, make, rename_broken):
    graph = ppg.new_pipegraph(quiet=True)
    ppg.FileGeneratingJob("out.png", fails_after(make), rename_broken=rename_broken)
    frontend = RecordingFrontend()
    with pytest.raises(ppg.RuntimeError) as caught:
        graph.run(frontend=frontend)
    if isinstance(caught.value.exceptions["out.png"], PermissionError):
        pytest.skip("this user cannot make devices")
    assert isinstance(caught.value.exceptions["out.png"], ValueError)
    assert os.path.lexists(folder / "out.png")
    assert not os.path.lexists(folder / "out.png.broken")
    (warning,) = frontend.warnings
    assert "'out.png' stays, although 'out.png' failed, because it is a" in warning


@pytest.mark.parametrize("make", [os.mkfifo, device, lambda path: path.symlink_to("nowhere")])
def test_what_is_no_file_is_not_replaced_by_the_file_of_a_failed_job(folder, make):
    make(folder / "out.png.broken")
    before = identity(folder / "out.png.broken")
    graph = ppg.new_pipegraph(quiet=True)
    ppg.FileGeneratingJob("out.png", fails_after(lambda path: path.write_text("half")), rename_broken=True)
    frontend = RecordingFrontend()
    with pytest.raises(ppg.RuntimeError):
        graph.run(frontend=frontend)
    assert identity(folder / "out.png.broken") == before
    assert (folder / "out.png").read_text() == "half"
    (warning,) = frontend.warnings
    assert "because 'out.png.broken' is a" in warning


@pytest.mark.parametrize("make", OBSTACLES.values(), ids=OBSTACLES)
def test_what_replaced_a_temporary_file_is_not_removed(graph, folder, writer, make):
    temporary = ppg.TempFileGeneratingJob("out.png", writer("t"))
    make(folder / "out.png")
    before = identity(folder / "out.png")
    (problem,) = temporary.remove()
    assert "the temporary file 'out.png' of 'out.png' stays, because it is a" in problem
    assert identity(folder / "out.png") == before


@pytest.mark.parametrize("make", OBSTACLES.values(), ids=OBSTACLES)
def test_what_is_no_file_cannot_be_accepted(folder, writer, request, make):
    make(folder / "out.png")
    before = identity(folder / "out.png")
    graph = ppg.new_pipegraph(quiet=True)
    declare_file(writer("x"))
    acceptance = graph.accept(["out.png"])
    assert not acceptance.accepted
    assert f"'out.png' is {request.node.callspec.id}" in acceptance.refused["out.png"]
    assert identity(folder / "out.png") == before
