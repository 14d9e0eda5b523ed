"""Terminal: reads the lines that the user types while a graph runs.

The terminal's settings are never changed, so nothing must be restored when the run is suspended, killed or
over. The terminal delivers whole lines, so text without Enter stays in it, for the shell that runs next.
"""

import os
import re
import sys

__all__ = ["Terminal"]

LONGEST_LINE = 4096
"""Bytes; longer lines are cut. It is the system's limit for a typed line."""


class Terminal:
    """Terminal: reads lines from stdin, if stdin is a terminal.

    A process in the background must not read from its terminal, because the system would stop it. The process
    group in the foreground changes at any time (Ctrl-Z, `bg`, `fg`), so it is checked before every read.

    Parameters:
        wanted: whether to read at all; if False, typed lines are left for other programs.
    """

    def __init__(self, *, wanted: bool = True) -> None:
        self._descriptor = _terminal_on_stdin() if wanted else None
        self._unfinished = b""

    @property
    def is_there(self) -> bool:
        """Whether there is a terminal from which lines can be read, now or later."""
        return self._descriptor is not None

    def fileno(self) -> int | None:
        """Return the descriptor to wait on; None while this process is not in the terminal's foreground."""
        if self._descriptor is None:
            return None
        try:
            ours = os.tcgetpgrp(self._descriptor) == os.getpgrp()
        except OSError:
            # The terminal has been hung up, or belongs to another session now.
            self._descriptor = None
            return None
        return self._descriptor if ours else None

    def read_lines(self) -> list[str]:
        """Return the typed lines without their ends; an empty list after the end of input (Ctrl-D).

        A terminal in raw mode, which another program may have set, gives single keys; they are joined to
        lines.
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
        # There is no stdin, or it is closed, or it belongs to a notebook.
        return None
    return descriptor if os.isatty(descriptor) else None
