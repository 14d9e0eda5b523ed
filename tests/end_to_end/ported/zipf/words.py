"""Counts of words, and Zipf's law."""

import re
from collections import Counter
from pathlib import Path

WORD = re.compile(r"[a-z']+", re.IGNORECASE)
IGNORED = {"the", "a", "an", "of", "and", "to"}
FOLDED = str.maketrans({"-": " ", "_": " ", "—": " "})


def count(book: Path) -> Counter[str]:
    """The words of a book, without those that are ignored."""
    text = book.read_text(encoding="utf-8").lower().translate(FOLDED)
    return Counter(word for word in WORD.findall(text) if word not in IGNORED)


def read_counts(table: Path) -> list[tuple[str, int]]:
    """The words of a table of counts, the most frequent first."""
    rows = [line.split("\t") for line in table.read_text(encoding="utf-8").splitlines()]
    return [(word, int(number)) for word, number in rows]
