"""HTML: one small table for notebooks, made of escaped text only."""

from collections.abc import Iterable, Sequence
from html import escape

from ppg.text import counted

__all__ = ["ROWS", "as_code", "as_text", "table"]

ROWS = 50
"""Jobs that are shown; of the rest there is only the number."""
TEXT = 200
"""Characters that are shown of a name or message."""


def table(summary: str, headings: Sequence[str], rows: Iterable[Sequence[str]], total: int) -> str:
    """A table with a line above it, and how many of `total` jobs it does not show."""
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
    """Text as HTML in the font of code."""
    return f"<code>{as_text(text)}</code>"


def as_text(text: str) -> str:
    """Text as HTML; names of files may hold bytes that are no text, and these must not stop a notebook either."""
    shortened = text if len(text) <= TEXT else f"{text[: TEXT - 1]}…"
    return escape(shortened.encode(errors="backslashreplace").decode())
