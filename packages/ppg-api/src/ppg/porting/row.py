"""Row: one line of the tables of names that are gone."""

from typing import NamedTuple

__all__ = ["Row"]


class Row(NamedTuple):
    """Row: names of the predecessors that ppg does not have, and what to write instead.

    Attributes:
        first: the names in pypipegraph, separated by spaces.
        second: the names in pypipegraph2, separated by spaces.
        here: the remedy, as a clause in Markdown that messages show with quotes for backticks.
    """

    first: str
    second: str
    here: str
