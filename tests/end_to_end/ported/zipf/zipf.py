"""Does the second word of each book occur half as often as the first one?"""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import ppg
import words
from words import count, read_counts

BOOKS = sorted(Path("books").glob("*.txt"))
BARS = {"width": 40, "character": "#"}
SUMMARIES: dict[str, Callable[[list[int]], float]] = {
    "first / second": lambda numbers: numbers[0] / numbers[1],
    "share": lambda numbers: numbers[0] / sum(numbers),
}

ppg.new_pipegraph()


def write_counts(table: Path, book: Path) -> None:
    ordered = sorted(count(book).items(), key=lambda item: (-item[1], item[0]))
    table.write_text("".join(f"{word}\t{number}\n" for word, number in ordered), encoding="utf-8")


def draw(plot: Path, table: Path) -> None:
    counts = read_counts(table)[:10]
    longest = counts[0][1]
    plot.write_text(
        "".join(
            f"{word:>12} {BARS['character'] * (number * BARS['width'] // longest)}\n"
            for word, number in counts
        ),
        encoding="utf-8",
    )


def test_zipf(results: Path, tables: list[Path]) -> None:
    lines = [f"ignored: {len(words.IGNORED)} words\n"]
    for table in tables:
        numbers = [number for _, number in read_counts(table)]
        found = "\t".join(f"{name}: {summary(numbers):.3f}" for name, summary in SUMMARIES.items())
        lines.append(f"{table.stem}\t{found}\n")
    results.write_text("".join(lines), encoding="utf-8")


counts = []
for book in BOOKS:
    made = ppg.FileGeneratingJob(f"results/{book.stem}.dat", partial(write_counts, book=book))
    made.depends_on_file(book)
    counts.append(made)
    drawn = ppg.FileGeneratingJob(f"results/{book.stem}.txt", partial(draw, table=Path(made.job_id)))
    drawn.depends_on(made)
ppg.FileGeneratingJob(
    "results/zipf.txt", partial(test_zipf, tables=[Path(made.job_id) for made in counts])
).depends_on(counts)

ppg.run()
