"""Source location: finds where the user's script declares a job, for messages.

Only messages need the line number, and finding it takes longer for lines further down the script. So a
declaration keeps the point of execution, and the line is looked up when a message needs it.
"""

import sys
from types import CodeType

__all__ = ["Place", "Point", "place_of", "point_in_script"]

Place = tuple[str, int]
"""Place of a declaration: file name and line."""

Point = tuple[CodeType, int] | Place
"""Point of a declaration: code and the offset of an instruction in it, or a place already looked up."""


def point_in_script() -> Point:
    """Return the point of the current declaration: the nearest point on the stack that is not in ppg's code.

    The direct caller counts as ppg's code.
    """
    frame = sys._getframe(1)
    while (caller := frame.f_back) is not None:
        frame = caller
        module = frame.f_globals.get("__name__", "")
        if module[:4] != "ppg." and module != "ppg":
            break
    return frame.f_code, frame.f_lasti


def place_of(point: Point) -> Place:
    """Return the file and the line of a point."""
    where, offset = point
    if isinstance(where, str):
        return where, offset
    lines = (line for start, end, line in where.co_lines() if start <= offset < end and line is not None)
    return where.co_filename, next(lines, where.co_firstlineno)
