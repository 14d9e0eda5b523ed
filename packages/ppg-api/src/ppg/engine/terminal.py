"""The user at the terminal: pressing Enter asks what is running."""

import os
import sys

__all__ = ["foreground_terminal", "read_line"]


def foreground_terminal() -> int | None:
    """The descriptor to read the user's lines from; None if there is no user at it.

    A run in the background must not read from the terminal: the system would stop it.
    """
    try:
        descriptor = sys.stdin.fileno()
        if os.isatty(descriptor) and os.tcgetpgrp(descriptor) == os.getpgrp():
            return descriptor
    except (AttributeError, ValueError, OSError):
        # No stdin, a closed one, a notebook's, or a terminal that is not ours.
        return None
    return None


def read_line(descriptor: int) -> str | None:
    """What the user typed, without the line's end; None at the end of input."""
    data = os.read(descriptor, 4096)
    return data.decode(errors="replace").strip() if data else None
