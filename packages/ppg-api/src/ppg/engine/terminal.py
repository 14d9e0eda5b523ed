"""The user at the terminal: pressing Enter asks what is running."""

import os
import sys

__all__ = ["Terminal"]


class Terminal:
    """The terminal that stdin is, if it is one.

    A process in the background must not read from its terminal: the system would stop it. Which one is in the
    foreground changes at any time (Ctrl-Z, `bg`, `fg`), so it is asked before every look.
    """

    def __init__(self) -> None:
        self._descriptor = _terminal_on_stdin()

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

    def read_line(self) -> str | None:
        """What the user typed, without the line's end; None if there is nobody any more."""
        if self._descriptor is None:
            return None
        try:
            data = os.read(self._descriptor, 4096)
        except OSError:
            data = b""
        if not data:
            self._descriptor = None
            return None
        return data.decode(errors="replace").strip()


def _terminal_on_stdin() -> int | None:
    try:
        descriptor = sys.stdin.fileno()
    except (AttributeError, ValueError, OSError):
        # No stdin, a closed one, or a notebook's.
        return None
    return descriptor if os.isatty(descriptor) else None
