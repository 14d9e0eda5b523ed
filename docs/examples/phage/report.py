"""The last page: what was found, in numbers and figures."""

from collections.abc import Mapping, Sequence
from pathlib import Path

__all__ = ["write_report"]


def write_report(path: Path, title: str, facts: Sequence[Mapping[str, str]], figures: Sequence[Path]) -> None:
    """A Markdown page with a table of facts (columns `what` and `value`) and the figures, linked relatively."""
    lines = [f"# {title}", "", "| what | value |", "| --- | --- |"]
    lines += [f"| {fact['what']} | {fact['value']} |" for fact in facts]
    for figure in figures:
        name = figure.stem.replace("_", " ")
        lines += ["", f"![{name}]({figure.relative_to(path.parent).as_posix()})"]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
