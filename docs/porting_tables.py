"""Writes the tables of old names in porting.md again from those in `ppg.porting`, which errors use as well."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from ppg.porting.attributes import ATTRIBUTES
from ppg.porting.keywords import KEYWORDS
from ppg.porting.names import NAMES

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from ppg.porting.row import Row

__all__ = ["main", "with_tables"]

PAGE = Path(__file__).with_name("porting.md")
BEGIN, END = "<!-- old names -->", "<!-- /old names -->"
OWNERS = {
    "Catalogue": "a pipegraph",
    "Job": "every job",
    "CachedJob": "a cached job or plot",
    "CacheJob": "the calculation of one",
}
"""What classes that users do not write are called on the page."""


def with_tables(page: str) -> str:
    """Return the page with the tables of today."""
    return re.sub(f"{BEGIN}.*{END}", lambda _: "\n".join([BEGIN, *_section(), END]), page, flags=re.DOTALL)


def main(arguments: list[str]) -> str | None:
    """Write the page; with `--check` only compare, and return the complaint if the page differs."""
    old = PAGE.read_text(encoding="utf-8")
    new = with_tables(old)
    if new != old and "--check" in arguments:
        return "docs/porting.md: its tables are not those of ppg.porting; run `just old-names`"
    PAGE.write_text(new, encoding="utf-8")
    return None


def _section() -> Iterator[str]:
    yield "### Names of modules and in modules\n"
    yield from _table(["pypipegraph", "pypipegraph2", "here"], (_cells(row) for row in NAMES))
    yield "\n### Attributes and methods\n"
    yield from _table(["of", "pypipegraph", "pypipegraph2", "here"], _owned(ATTRIBUTES))
    yield "\n### Keywords\n"
    yield from _table(["of", "pypipegraph", "pypipegraph2", "here"], _owned(KEYWORDS))


def _owned(table: Mapping[str, tuple[Row, ...]]) -> Iterator[list[str]]:
    for owner, rows in table.items():
        for row in rows:
            yield [OWNERS.get(owner, f"`{owner}`"), *_cells(row)]


def _cells(row: Row) -> list[str]:
    return [", ".join(f"`{name}`" for name in names.split()) for names in (row.first, row.second)] + [
        row.here
    ]


def _table(heading: list[str], rows: Iterable[list[str]]) -> Iterator[str]:
    for cells in (heading, ["---"] * len(heading), *rows):
        yield re.sub(" +", " ", f"| {' | '.join(cells)} |")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
