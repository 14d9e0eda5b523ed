"""A pipeline of functions that tests can call: see test_pipelines.py."""

from pathlib import Path

import ppg

ppg.new_pipegraph()


@ppg.file("numbers")
def numbers(out: Path, count: int = 4) -> None:
    """Write the first numbers."""
    out.write_text(" ".join(map(str, range(count))))


@ppg.data("values")
def values(path: Path = ppg.upstream(numbers)) -> list[int]:
    """Return the numbers."""
    return [int(word) for word in path.read_text().split()]


@ppg.file("mean")
def mean(out: Path, values: list[int] = ppg.upstream(values)) -> None:
    """Write the mean."""
    out.write_text(f"{sum(values) / len(values):.2f}")


if __name__ == "__main__":
    ppg.run_pipegraph()
