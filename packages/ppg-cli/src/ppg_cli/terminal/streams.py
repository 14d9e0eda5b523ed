"""The command's standard streams, which may be closed, or lose their reader at any moment."""

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
]

NOBODY_READS = {errno.EPIPE, errno.EIO}
"""The errors of writing into a pipe without a reader, and to a terminal whose window was closed."""


def occupy_closed_descriptors() -> None:
    """Open what was started closed (`ppg ... >&-`), so that no file of ppg's gets that number.

    A program that a job starts, or a C library's message, would write into it.
    """
    for descriptor in (0, 1, 2):
        try:
            os.fstat(descriptor)
        except OSError:
            # The lowest free number is given, which is this one.
            os.open(os.devnull, os.O_RDWR)


def complain(message: str) -> None:
    """Tell the user something on stderr; that nobody may read it any more is no error."""
    _write(sys.stderr, f"ppg: {escape_control_sequences(message)}\n")


def write_result(data: bytes) -> None:
    """Write the command's own result to stdout."""
    if sys.stdout is None:
        return
    sys.stdout.flush()
    try:
        sys.stdout.buffer.write(data)
    except OSError as error:
        if error.errno not in NOBODY_READS:
            raise


def finish_output() -> None:
    """Write what is buffered; a reader that has gone (`ppg run ... | head`, a closed window) is no error."""
    _write(sys.stdout, "")
    _write(sys.stderr, "")


def _write(stream: TextIO | None, text: str) -> None:
    if stream is None or stream.closed:
        return
    try:
        stream.write(text)
        stream.flush()
    except OSError as error:
        if error.errno not in NOBODY_READS:
            raise
        # What is still buffered must go somewhere when Python flushes once more at its end.
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)


@contextlib.contextmanager
def script_output_on_stderr() -> Iterator[None]:
    """Send to stderr what is printed within, also by programs; stdout is for the command's own result."""
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
