"""The files that capture what jobs print, on a disk that fails."""

import fcntl
import os
import resource

import pytest

from ppg_exec.job_output.output_files import CaptureFiles
from ppg_exec.job_output.own_descriptors import OwnDescriptors


@pytest.fixture
def own():
    """The descriptors of a node; the limit of this process is restored."""
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)
    held = OwnDescriptors()
    yield held
    held.close_all()
    resource.setrlimit(resource.RLIMIT_NOFILE, limit)


def test_files_that_cannot_be_emptied_are_not_used_again_and_do_not_end_the_node(tmp_path, own):
    files = CaptureFiles(str(tmp_path), own)
    output = files.acquire()
    own.close(output.stdout)
    # A sealed file refuses to become shorter, as a file on a failing disk does.
    output.stdout = own.keep(os.memfd_create("sealed", os.MFD_ALLOW_SEALING))
    os.write(output.stdout, b"printed")
    fcntl.fcntl(output.stdout, fcntl.F_ADD_SEALS, fcntl.F_SEAL_SHRINK)
    assert files.release(output, reuse=True) == (b"printed", b"")
    other = files.acquire()
    assert other is not output
    assert files.release(other, reuse=True) == (b"", b"")


def test_output_that_cannot_be_read_is_replaced_by_the_reason(tmp_path, own):
    files = CaptureFiles(str(tmp_path), own)
    output = files.acquire()
    os.write(output.stderr, b"printed")
    own.close(output.stderr)
    (tmp_path / "written").write_bytes(b"printed")
    output.stderr = own.keep(os.open(tmp_path / "written", os.O_WRONLY))
    stdout, stderr = files.release(output, reuse=False)
    assert stdout == b""
    assert stderr == b"(ppg cannot read what the job printed here: Bad file descriptor)\n"
