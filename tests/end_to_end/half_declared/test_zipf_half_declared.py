"""A pipeline of another engine, ported to ppg, with half of its declared inputs left out."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.end_to_end.half_declared.halves import Example, Expected, check_half, expect, halves
from tests.end_to_end.ported_projects import BOOKS, lay_out


def lay_out_zipf(project: Path) -> None:
    lay_out("zipf", project)


def repeat(book: str, word: str, times: int) -> Callable[[Path], None]:
    """Another count of a word."""

    def change(project: Path) -> None:
        file = project / f"books/{book}.txt"
        file.write_text(f"{file.read_text()}\n{' '.join([word] * times)}\n")

    return change


def reverse(project: Path) -> None:
    """Another text of the same words: nothing but the counts is made again."""
    file = project / f"books/{BOOKS[0]}.txt"
    file.write_text("\n".join(reversed(file.read_text().split("\n"))))


ZIPF = Example(
    script="zipf.py",
    lay_out=lay_out_zipf,
    choices=[
        (
            "    made.depends_on_file(book)\n",
            "    if declared(made.job_id, book):\n        made.depends_on_file(book)\n",
        ),
        (
            "    drawn.depends_on(made)\n",
            "    if declared(drawn.job_id, made.job_id):\n        drawn.depends_on(made)\n",
        ),
        (
            ".depends_on(counts)\n",
            ".depends_on([made for made in counts if declared('results/zipf.txt', made.job_id)])\n",
        ),
    ],
    # The last one makes a word of the second book the most frequent one.
    edits=[reverse, *(repeat(book, "zipf", 3) for book in BOOKS), repeat(BOOKS[1], "zipf", 2000)],
    most_runs=4,
)


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> Expected:
    return expect(ZIPF, tmp_path_factory.mktemp("zipf"))


@halves(everyday=2)
def test_half_of_the_declarations_of_zipf_are_enough(expected, tmp_path, seed, half):
    check_half(ZIPF, expected, tmp_path / "project", seed, half)
