"""HTML: makes a small table for notebooks, from escaped text only."""

from collections.abc import Iterable, Sequence
from html import escape

from ppg.text import counted

__all__ = ["ROWS", "as_code", "as_text", "table"]

ROWS = 50
"""Number of jobs that are shown; the other jobs are only counted."""
TEXT = 200
"""Number of characters of a name or message that are shown."""


def table(summary: str, headings: Sequence[str], rows: Iterable[Sequence[str]], total: int) -> str:
    """Return a table with a summary line above it, and below it the number of jobs that it does not show."""
    left = 'style="text-align: left"'
    lines = [
        f"<div><p>{summary}</p>",
        f"<table><thead><tr>{_cells('th', left, headings)}</tr></thead><tbody>",
    ]
    shown = 0
    for row in rows:
        shown += 1
        lines.append(f"<tr>{_cells('td', left, row)}</tr>")
    lines.append("</tbody></table>")
    if total > shown:
        lines.append(f"<p>and {counted(total - shown, 'more job')}</p>")
    lines.append("</div>")
    return "\n".join(lines)


def _cells(tag: str, attributes: str, texts: Iterable[str]) -> str:
    return "".join(f"<{tag} {attributes}>{text}</{tag}>" for text in texts)


def as_code(text: str) -> str:
    """Return text as HTML in a code font."""
    return f"<code>{as_text(text)}</code>"


def as_text(text: str) -> str:
    """Return text as HTML; bytes of file names that are no text are escaped, as notebooks need text."""
    shortened = text if len(text) <= TEXT else f"{text[: TEXT - 1]}…"
    return escape(shortened.encode(errors="backslashreplace").decode())
