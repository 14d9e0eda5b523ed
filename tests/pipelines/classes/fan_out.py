"""Samples × parameters, and a table of all."""

from pathlib import Path

import ppg

SAMPLES = {"s1": "abracadabra", "s2": "banana"}
SIZES = (2, 3)


def words_in(text: str, k: int) -> int:
    """Count the different words of `k` letters."""
    return len({text[i : i + k] for i in range(len(text) - k + 1)})


def declare() -> ppg.FileGeneratingJob:
    """Declare all jobs; return the last one."""
    counts: list[ppg.FileGeneratingJob] = []
    for name, text in SAMPLES.items():

        def write_sample(out: Path, text: str = text) -> None:
            out.write_text(text)

        reads = ppg.FileGeneratingJob(f"reads/{name}", write_sample)
        for k in SIZES:

            def count(out: Path, reads: str = f"reads/{name}", k: int = k) -> None:
                out.write_text(str(words_in(Path(reads).read_text(), k)))

            counts.append(ppg.FileGeneratingJob(f"counts/{name}_{k}", count).depends_on(reads))

    def write_table(out: Path) -> None:
        lines = [f"{name} {k} {Path(f'counts/{name}_{k}').read_text()}\n" for name in SAMPLES for k in SIZES]
        out.write_text("".join(lines))

    return ppg.FileGeneratingJob("table", write_table).depends_on(counts)


if __name__ == "__main__":
    ppg.new_pipegraph()
    declare()
    ppg.run_pipegraph()
