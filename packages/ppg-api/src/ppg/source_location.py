"""Where in the user's script something is declared, for messages.

Only a message needs the number of the line, and to find it takes longer the further down the script it is; so a
declaration keeps the point of execution, and the line is looked up when somebody asks.
"""

import sys
from types import CodeType

__all__ = ["Place", "Point", "place_of", "point_in_script"]

Place = tuple[str, int]
"""Where a job was declared: file name and line."""

Point = tuple[CodeType, int] | Place
"""The same as code and the offset of an instruction in it, or already looked up."""


def point_in_script() -> Point:
    """Where the user's code declares what is being declared: the nearest point that is not ppg's own.

    The direct caller counts as ppg's own.
    """
    frame = sys._getframe(1)
    while (caller := frame.f_back) is not None:
        frame = caller
        module = frame.f_globals.get("__name__", "")
        if module[:4] != "ppg." and module != "ppg":
            break
    return frame.f_code, frame.f_lasti


def place_of(point: Point) -> Place:
    """The file and the line of a point."""
    where, offset = point
    if isinstance(where, str):
        return where, offset
    lines = (line for start, end, line in where.co_lines() if start <= offset < end and line is not None)
    return where.co_filename, next(lines, where.co_firstlineno)
