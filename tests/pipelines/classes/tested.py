"""A pipeline of functions that tests can call: see test_pipelines.py."""

from pathlib import Path

import ppg


def write_numbers(out: Path, count: int = 4) -> None:
    """Write the first numbers."""
    out.write_text(" ".join(map(str, range(count))))


def read_values(path: Path) -> list[int]:
    """Return the numbers."""
    return [int(word) for word in path.read_text().split()]


def write_mean(out: Path, values: list[int] | None = None) -> None:
    """Write the mean of the values, or of those in the file."""
    values = read_values(Path("numbers")) if values is None else values
    out.write_text(f"{sum(values) / len(values):.2f}")


ppg.new_pipegraph()
numbers = ppg.FileGeneratingJob("numbers", write_numbers)
mean = ppg.FileGeneratingJob("mean", write_mean).depends_on(numbers)

if __name__ == "__main__":
    ppg.run_pipegraph()
