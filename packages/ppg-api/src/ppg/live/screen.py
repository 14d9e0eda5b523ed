r"""Screen: keeps a block of lines at the end of what a terminal shows, and prints above it.

The cursor stays in the row above the block, where the terminal shows what the user types. Everything to the right of the
cursor and below it belongs to the block, so each drawing begins with erasing that. Nothing must be known about where the
block was: after a resize the terminal may have wrapped its lines, moved them or cut them, and another program may have
written there. A line of another program remains above, because it moves the cursor down.

The row of the cursor keeps what the user has typed. So the cursor must come back to its column, by `ESC 7` and `ESC 8`. These
keep a place on the screen, and the text must not move in between: `ESC D` makes room below first, as it does not change
the column.
"""

import os
import select
import textwrap
import unicodedata
from collections.abc import Callable, Sequence
from typing import Any, TextIO

__all__ = ["MOST_ROWS", "Above", "Screen", "cut", "cut_front", "is_capable"]

MOST_ROWS = 18
"""Rows that a block has at most."""

INDENT_OF_ACCOUNT = 8
"""Columns before the text of a line of the account, where its first word stands."""
ERASE = "\x1b[J"
ROW_DOWN = "\x1bD"
KEEP_PLACE, BACK_TO_PLACE = "\x1b7", "\x1b8"
HIDE_CURSOR, SHOW_CURSOR = "\x1b[?25l", "\x1b[?25h"
STYLES = {
    "": "",
    "bold": "\x1b[1m",
    "dim": "\x1b[2m",
    "green": "\x1b[32m",
    "yellow": "\x1b[33m",
    "cyan": "\x1b[36m",
    "red": "\x1b[1;31m",
}
PLAIN = "\x1b[0m"

Line = Sequence[tuple[str, str]]
"""Pieces of a line: each has the name of a style, and a text without control characters."""


def is_capable(stream: TextIO | None) -> bool:
    """Whether a stream is a terminal that can move its cursor."""
    return (
        stream is not None and stream.isatty() and os.environ.get("TERM", "") not in {"", "dumb", "unknown"}
    )


class Screen:
    """Screen: draws on one terminal.

    Parameters:
        stream: the terminal.
        colours: whether to use colours; None for what NO_COLOR says.
    """

    def __init__(self, stream: TextIO, *, colours: bool | None = None) -> None:
        self._stream = stream
        self._colours = not os.environ.get("NO_COLOR") if colours is None else colours
        self._block: Sequence[Line] = ()
        self._is_drawn = False

    def size(self) -> tuple[int, int]:
        """Return the columns and rows of the terminal at this moment."""
        try:
            columns, rows = os.get_terminal_size(self._stream.fileno())
        except OSError:
            # The terminal is gone, which the next writing reports.
            columns, rows = 80, 24
        return columns or 80, rows or 24

    def is_ours(self) -> bool:
        """Return whether this process is in the terminal's foreground; in the background it must not draw."""
        try:
            return os.tcgetpgrp(self._stream.fileno()) == os.getpgrp()
        except OSError:
            # The terminal does not control this process.
            return True

    def draw(self, block: Sequence[Line]) -> None:
        """Draw the block in place of the last one."""
        self._block = block
        self._write(self._drawing())

    def print(self, text: str, style: str = "") -> None:
        """Write lines above the block; only the first has the style."""
        # What the script has written must come before.
        self._stream.flush()
        first, *others = text.split("\n")
        lines = "\n".join([self._styled([(style, first)]), *others, ""])
        before = f"\r{ERASE}" if self._is_drawn else ""
        self._write(before + lines + (self._drawing() if self._is_drawn else ""))

    def print_account(self, line: str, style: str = "") -> None:
        """Write a line of the account, broken between words; names of files stay whole, so that a user can copy them."""
        columns, _ = self.size()
        rows = textwrap.wrap(
            line,
            columns,
            subsequent_indent=" " * INDENT_OF_ACCOUNT,
            break_long_words=False,
            break_on_hyphens=False,
        )
        self.print("\n".join(rows), style)

    def erase(self) -> None:
        """Remove the block, for example because another program gets the terminal."""
        if self._is_drawn:
            self._is_drawn = False
            self._write(f"\r{ERASE}")

    def _drawing(self) -> str:
        columns, rows = self.size()
        # The row of the cursor must stay on the screen.
        lines = [self._styled(_cut_line(self._shown(line), columns)) for line in self._block[: rows - 1]]
        if not lines:
            return ERASE
        self._is_drawn = True
        room = f"{ROW_DOWN * len(lines)}\x1b[{len(lines)}A"
        rest = "".join(f"\r\n{line}" for line in lines)
        return f"{HIDE_CURSOR}{ERASE}{room}{KEEP_PLACE}{rest}{BACK_TO_PLACE}{SHOW_CURSOR}"

    def _shown(self, line: Line) -> Line:
        """The line as this terminal's encoding shows it; escapes make it longer."""
        encoding = self._stream.encoding or "utf-8"
        return [
            (style, text.encode(encoding, "backslashreplace").decode(encoding, "replace"))
            for style, text in line
        ]

    def _styled(self, line: Line) -> str:
        if not self._colours:
            return "".join(text for _, text in line)
        return "".join(f"{STYLES[style]}{text}{PLAIN}" if style and text else text for style, text in line)

    def _write(self, text: str) -> None:
        """Write without the stream's own lock, which a process that is forked meanwhile would inherit locked."""
        data = text.encode(self._stream.encoding or "utf-8", "backslashreplace")
        descriptor = self._stream.fileno()
        while data:
            try:
                data = data[os.write(descriptor, data) :]
            except BlockingIOError:
                # Another program has changed the flags of the terminal.
                select.select([], [descriptor], [])


class Above:
    """Above: stands in for a standard stream, and prints its lines above a block.

    Lines that another program writes by itself appear above the block, too. But there the block shows through on the right of a
    line that takes several rows.

    Parameters:
        stream: the stream, a terminal; all but `write` and `flush` is passed on to it.
        show: prints lines above the block; gets them without the last line end.
    """

    def __init__(self, stream: TextIO, show: Callable[[str], None]) -> None:
        self._stream = stream
        self._show = show
        self._unfinished = ""
        self._process = os.getpid()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        """Print the lines that are complete; a process that was forked has output of its own."""
        if os.getpid() != self._process:
            return self._stream.write(text)
        lines, end, unfinished = (self._unfinished + text).rpartition("\n")
        self._unfinished = unfinished
        if end:
            self._show(lines)
        return len(text)

    def flush(self) -> None:
        """Do nothing but in a forked process: a line is shown when it is complete."""
        if os.getpid() != self._process:
            self._stream.flush()

    def leave(self) -> TextIO:
        """Return the stream, with the line that is not complete."""
        self._stream.write(self._unfinished)
        self._unfinished = ""
        return self._stream


def cut(text: str, columns: int) -> str:
    """Return the text, shortened to a number of columns, with an ellipsis if something is missing."""
    if text.isascii():
        return text if len(text) <= columns else text[: max(columns - 1, 0)] + "…"[:columns]
    if sum(map(_columns, text)) <= columns:
        return text
    kept, used = [], 0
    for character in text:
        used += _columns(character)
        if used > columns - 1:
            break
        kept.append(character)
    return "".join(kept) + "…"[:columns]


def cut_front(text: str, columns: int) -> str:
    """Return the end of the text, as `cut` returns its beginning: the end of a path says more."""
    backwards = cut(text[::-1], columns)
    return backwards[::-1]


def _columns(character: str) -> int:
    """The columns that a character takes in a terminal."""
    if unicodedata.combining(character) or unicodedata.category(character) in {"Mn", "Me", "Cf"}:
        return 0
    return 2 if unicodedata.east_asian_width(character) in {"W", "F"} else 1


def _cut_line(line: Line, columns: int) -> list[tuple[str, str]]:
    left, pieces = columns, []
    for style, text in line:
        shown = cut(text, left)
        pieces.append((style, shown))
        left -= sum(map(_columns, shown))
        if shown != text or left <= 0:
            break
    return pieces
