"""Outputs that a callback has left open: what is still in a buffer belongs to the output."""

# ruff: noqa: SIM115
# Files stay open here, because that is tested.

import bz2
import ctypes
import gzip
import io
import os
import tarfile
import zipfile

import pytest

import ppg
from tests.fakes import RecordingFrontend

LEFT = []


def write_text(path):
    file = path.open("w")
    file.write("text")
    return file


def write_bytes(path):
    file = path.open("wb")
    file.write(b"text")
    return file


def write_both_ways(path):
    path.write_bytes(b"....")
    file = path.open("r+b")
    file.write(b"text")
    return file


def write_wrapped(path):
    file = io.TextIOWrapper(io.BufferedWriter(io.FileIO(path, "w")))
    file.write("text")
    return file


def write_raw(path):
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT)
    os.write(descriptor, b"text")
    return descriptor


def write_in_c(path):
    libc = ctypes.CDLL(None)
    libc.fopen.restype = ctypes.c_void_p
    file = ctypes.c_void_p(libc.fopen(os.fsencode(path), b"w"))
    libc.fputs(b"text", file)
    return file


class Circle:
    """An object that only the collector removes."""

    def __init__(self, file):
        self.file = file
        self.own = self


def write_in_a_circle(path):
    Circle(write_text(path))


def write_gzip(path):
    file = gzip.open(path, "wb")
    file.write(b"text")
    return file


def write_gzip_text(path):
    file = gzip.open(path, "wt")
    file.write("text")
    return file


def write_bz2(path):
    file = bz2.open(path, "wb")
    file.write(b"text")
    return file


def write_zip(path):
    archive = zipfile.ZipFile(path, "w")
    archive.writestr("member", "text")
    return archive


def write_tar(path):
    archive = tarfile.open(path, "w")
    member = tarfile.TarInfo("member")
    member.size = 4
    archive.addfile(member, io.BytesIO(b"text"))
    return archive


def read_zip(path):
    with zipfile.ZipFile(path) as archive:
        return archive.read("member")


def read_tar(path):
    content = path.read_bytes()
    assert len(content) == tarfile.RECORDSIZE
    with tarfile.open(path) as archive:
        return archive.extractfile("member").read()


PLAIN = [write_text, write_bytes, write_both_ways, write_wrapped, write_raw, write_in_c, write_in_a_circle]
WAYS = [(write, lambda path: path.read_bytes()) for write in PLAIN] + [
    (write_gzip, lambda path: gzip.decompress(path.read_bytes())),
    (write_gzip_text, lambda path: gzip.decompress(path.read_bytes())),
    (write_bz2, lambda path: bz2.decompress(path.read_bytes())),
    (write_zip, read_zip),
    (write_tar, read_tar),
]


@pytest.mark.parametrize(("write", "read"), WAYS, ids=[write.__name__ for write, _ in WAYS])
def test_what_is_in_a_buffer_of_an_open_output_is_written_before_it_is_looked_at(run, folder, write, read):
    def declare():
        ppg.FileGeneratingJob("out", lambda path: LEFT.append(write(path)))

    run(declare)
    assert read(folder / "out") == b"text"
    assert run(declare).ran == []


def test_a_file_that_is_no_output_stays_as_it_is(run, folder):
    def make(path):
        LEFT.append(gzip.open("other.gz", "wb"))
        path.write_text("x")
        assert not LEFT[-1].closed

    run(lambda: ppg.FileGeneratingJob("out", make))
    assert (folder / "out").read_text() == "x"


class Failing(io.BufferedWriter):
    def flush(self):
        raise OSError("no room")


def test_an_output_that_cannot_be_completed_fails_the_job_by_name(folder):
    def make(path):
        LEFT.append(Failing(io.FileIO(path, "w")))
        LEFT[-1].write(b"text")

    graph = ppg.new_pipegraph(quiet=True)
    ppg.FileGeneratingJob("out", make, empty_ok=True)
    with pytest.raises(ppg.RuntimeError) as caught:
        graph.run(frontend=RecordingFrontend())
    error = caught.value.exceptions["out"]
    assert isinstance(error, ppg.JobContractError)
    assert f"its output '{folder / 'out'}' open" in str(error)
    assert "by its Failing (OSError: no room); close it in the callback" in str(error)


@pytest.mark.parametrize("what", ["file", "dataset"])
def test_a_file_of_h5py_is_closed(run, folder, what):
    h5py = pytest.importorskip("h5py")

    def make(path):
        import h5py

        file = h5py.File(path, "w")
        dataset = file.create_dataset("x", data=list(range(100)))
        LEFT.append(file if what == "file" else dataset)

    run(lambda: ppg.FileGeneratingJob("out", make))
    with h5py.File("out") as file:
        assert list(file["x"]) == list(range(100))
