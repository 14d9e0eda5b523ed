"""What the live view sees of a running job: the memory of its processes, and the last line that it printed."""

import os
import subprocess
import sys

import pytest

from ppg.live.processes import last_line, memory_of


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("first\nlast\n", "last"),
        ("first\nnot complete", "not complete"),
        ("first\n\n \n", "first"),
        ("10 %\r20 %\r", "20 %"),
        ("\x1b[32mgreen\x1b[0m\n", "green"),
        ("x" * 100_000 + "\nend\n", "end"),
        ("", ""),
    ],
)
def test_the_last_line_is_that_of_the_file_that_the_process_writes_to(tmp_path, text, shown):
    (tmp_path / "out").write_text(text)
    with (tmp_path / "out").open("r+b") as out:
        waits = subprocess.Popen(
            [sys.executable, "-c", "input()"], stdin=subprocess.PIPE, stdout=out, stderr=out
        )
    try:
        assert last_line(waits.pid) == shown
        memory = memory_of(waits.pid)
        assert memory is not None
        assert memory > 0
    finally:
        waits.communicate(b"\n")
    assert last_line(waits.pid) == ""
    assert memory_of(waits.pid) is None


def test_a_pipe_loses_nothing():
    ours, theirs = os.pipe()
    process = subprocess.Popen(
        [sys.executable, "-c", "print('line', flush=True); input()"], stdin=subprocess.PIPE, stdout=theirs
    )
    os.close(theirs)
    try:
        read = os.read(ours, 1)
        assert last_line(process.pid) == ""
        while not read.endswith(b"\n"):
            read += os.read(ours, 100)
        assert read == b"line\n"
    finally:
        process.communicate(b"\n")
        os.close(ours)
