"""The user at the terminal: lines that are typed while a graph runs.

The terminal's settings are never touched. It hands over whole lines, so what is typed without Enter stays in it,
for the shell that comes after, and nothing has to be put back when the run is suspended, killed or over.
"""

import os
import re
import sys

__all__ = ["Terminal"]

LONGEST_LINE = 4096
"""Bytes; longer ones are cut. The system's own limit for a line that is typed."""


class Terminal:
    """The terminal that stdin is, if it is one.

    A process in the background must not read from its terminal: the system would stop it. Which one is in the
    foreground changes at any time (Ctrl-Z, `bg`, `fg`), so it is asked before every look.

    Parameters:
        wanted: whether to read at all; what is typed while nobody would answer is left for others.
    """

    def __init__(self, *, wanted: bool = True) -> None:
        self._descriptor = _terminal_on_stdin() if wanted else None
        self._unfinished = b""

    @property
    def is_there(self) -> bool:
        """Whether there is a terminal that the user may type on, now or later."""
        return self._descriptor is not None

    def fileno(self) -> int | None:
        """The descriptor to wait on; None while the terminal is not ours to read."""
        if self._descriptor is None:
            return None
        try:
            ours = os.tcgetpgrp(self._descriptor) == os.getpgrp()
        except OSError:
            # It has been hung up, or given to another session.
            self._descriptor = None
            return None
        return self._descriptor if ours else None

    def read_lines(self) -> list[str]:
        """The lines that the user has typed, without their ends; none any more after the end of input (Ctrl-D).

        A terminal in raw mode, which another program may have set, gives single keys; they are put together.
        """
        if self._descriptor is None:
            return []
        try:
            data = os.read(self._descriptor, LONGEST_LINE)
        except OSError:
            data = b""
        if not data:
            self._descriptor = None
            return []
        *lines, unfinished = re.split(rb"\r\n|[\r\n]", self._unfinished + data)
        self._unfinished = unfinished[:LONGEST_LINE]
        return [line.decode(errors="replace") for line in lines]


def _terminal_on_stdin() -> int | None:
    try:
        descriptor = sys.stdin.fileno()
    except (AttributeError, ValueError, OSError):
        # No stdin, a closed one, or a notebook's.
        return None
    return descriptor if os.isatty(descriptor) else None
