"""Where in the user's script something is declared, for messages."""

import sys

__all__ = ["Place", "place_in_script"]

Place = tuple[str, int]
"""Where a job was declared: file name and line."""


def place_in_script() -> Place:
    """Where the user's code declares what is being declared: the nearest line that is not ppg's own."""
    frame = sys._getframe(1)
    while frame.f_globals.get("__name__", "").partition(".")[0] == "ppg" and frame.f_back is not None:
        frame = frame.f_back
    return frame.f_code.co_filename, frame.f_lineno
