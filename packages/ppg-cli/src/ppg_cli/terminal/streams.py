"""Streams: writes to the standard streams, which may be closed, or lose their reader at any moment."""

import contextlib
import errno
import os
import sys
from collections.abc import Iterator
from typing import TextIO

from ppg.text import escape_control_sequences

__all__ = [
    "complain",
    "finish_output",
    "occupy_closed_descriptors",
    "script_output_on_stderr",
    "write_result",
    "write_to_stderr",
]

READER_IS_GONE = {errno.EPIPE, errno.EIO}
"""The errors of writing into a pipe without a reader, and to a terminal with a closed window."""


def occupy_closed_descriptors() -> None:
    """Open each standard descriptor that is closed at the start (`ppg ... >&-`).

    Otherwise a file of ppg would get its number. A program that a job starts, or a C library with a message,
    would write into that file.
    """
    for descriptor in (0, 1, 2):
        try:
            os.fstat(descriptor)
        except OSError:
            # `os.open` returns the lowest free number, which is this one.
            os.open(os.devnull, os.O_RDWR)


def complain(message: str) -> None:
    """Write a message for the user to stderr; a missing reader is no error."""
    _write(sys.stderr, f"ppg: {escape_control_sequences(message)}\n")


def write_to_stderr(text: str) -> None:
    """Write what another process of `ppg` has written to its stderr; a missing reader is no error."""
    _write(sys.stderr, text)


def write_result(data: bytes) -> None:
    """Write the result of the command to stdout; a missing reader is no error."""
    if sys.stdout is None:
        return
    sys.stdout.flush()
    try:
        sys.stdout.buffer.write(data)
    except OSError as error:
        if error.errno not in READER_IS_GONE:
            raise


def finish_output() -> None:
    """Flush both streams; a reader that has gone (`ppg run ... | head`, a closed window) is no error."""
    _write(sys.stdout, "")
    _write(sys.stderr, "")


def _write(stream: TextIO | None, text: str) -> None:
    if stream is None or stream.closed:
        return
    try:
        stream.write(text)
        stream.flush()
    except OSError as error:
        if error.errno not in READER_IS_GONE:
            raise
        # Python flushes the buffer again at its end, which must not fail.
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)


@contextlib.contextmanager
def script_output_on_stderr() -> Iterator[None]:
    """Send all output within to stderr, also that of programs; stdout is for the result of the command."""
    if sys.stdout is None:
        yield
        return
    sys.stdout.flush()
    kept = os.dup(1)
    os.dup2(2, 1)
    try:
        yield
    finally:
        with contextlib.suppress(BrokenPipeError):
            sys.stdout.flush()
        os.dup2(kept, 1)
        os.close(kept)
