"""Samples × parameters, and a table of all."""

from pathlib import Path

import ppg

SAMPLES = {"s1": "abracadabra", "s2": "banana"}
SIZES = (2, 3)


def write_sample(out: Path, text: str) -> None:
    """Write the text of a sample."""
    out.write_text(text)


def count(out: Path, reads: Path, k: int) -> None:
    """Count the different words of `k` letters."""
    text = reads.read_text()
    out.write_text(str(len({text[i : i + k] for i in range(len(text) - k + 1)})))


def write_table(out: Path, counts: dict[tuple[str, int], Path]) -> None:
    """Write a line for each sample and size."""
    out.write_text("".join(f"{name} {k} {path.read_text()}\n" for (name, k), path in counts.items()))


def declare() -> ppg.FileGeneratingJob:
    """Declare all jobs; return the last one."""
    reads = {name: ppg.file(f"reads/{name}")(write_sample, text=text) for name, text in SAMPLES.items()}
    counts = {
        (name, k): ppg.file(f"counts/{name}_{k}")(count, reads=reads[name], k=k)
        for name in SAMPLES
        for k in SIZES
    }
    return ppg.file("table")(write_table, counts=counts)


if __name__ == "__main__":
    ppg.new_pipegraph()
    declare()
    ppg.run_pipegraph()
