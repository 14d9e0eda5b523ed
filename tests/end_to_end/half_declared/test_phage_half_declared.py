"""The phage example with half of its declared inputs left out."""

import random
import shutil
from pathlib import Path

import pytest

from tests.end_to_end.half_declared.halves import Example, Expected, check_half, expect, halves
from tests.end_to_end.ppg_command import EXAMPLES


def lay_out(project: Path) -> None:
    shutil.copytree(EXAMPLES / "phage", project / "phage", ignore=shutil.ignore_patterns("__pycache__"))


def mutate(project: Path) -> None:
    """Replace some bases of the genome."""
    fasta = project / "phage/data/lambda_virus.fa"
    chance = random.Random(0)
    header, *lines = fasta.read_text().splitlines()
    for number in chance.sample(range(len(lines)), 5):
        line = lines[number]
        lines[number] = line[::-1] if line != line[::-1] else line
    fasta.write_text("\n".join([header, *lines]) + "\n")


def retitle(project: Path) -> None:
    """Another title of the genome: nothing but its bases follows from it."""
    fasta = project / "phage/data/lambda_virus.fa"
    header, rest = fasta.read_text().split("\n", maxsplit=1)
    fasta.write_text(f"{header}, retitled\n{rest}")


def rename_gene(project: Path) -> None:
    """Another name of one gene."""
    genes = project / "phage/data/genes.tsv"
    header, *rows = genes.read_text().splitlines()
    place = header.split("\t").index("gene")
    number = random.Random(0).randrange(len(rows))
    cells = rows[number].split("\t")
    cells[place] += "x"
    rows[number] = "\t".join(cells)
    genes.write_text("\n".join([header, *rows]) + "\n")


PHAGE = Example(
    script="phage/phage.py",
    lay_out=lay_out,
    choices=[
        (
            "        job.depends_on_file(path)\n",
            "        if declared(job.job_id, path):\n            job.depends_on_file(path)\n",
        )
    ],
    edits=[mutate, rename_gene, retitle],
    most_runs=3,
    # It names the figures, and does not open them.
    spared=frozenset({"results/phage/report.md"}),
)


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> Expected:
    return expect(PHAGE, tmp_path_factory.mktemp("phage"))


@halves(everyday=1)
def test_half_of_the_declarations_of_phage_are_enough(expected, tmp_path, seed, half):
    check_half(PHAGE, expected, tmp_path / "project", seed, half)
