"""Tables as tab-separated text, with the same bytes for the same content on every machine."""

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path

__all__ = ["read_table", "write_table"]


def write_table(path: Path, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Write a header line and one line per row; floats are rounded to four decimals."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, delimiter="\t", lineterminator="\n")
        writer.writerow(columns)
        for row in rows:
            writer.writerow([f"{value:.4f}" if isinstance(value, float) else value for value in row])


def read_table(path: Path) -> list[dict[str, str]]:
    """One dict per row, from column to text."""
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter="\t"))
