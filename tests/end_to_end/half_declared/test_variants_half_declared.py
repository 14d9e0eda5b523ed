"""The variants example, traced by strace, with half of its declared inputs left out: programs read most of its files."""

import gzip
from pathlib import Path

import pytest

from tests.end_to_end.half_declared.halves import Example, Expected, check_half, expect, halves
from tests.end_to_end.half_declared.small_variants import (
    lay_out_small,
    read_records,
    wrapped,
    write_records,
)
from tests.end_to_end.test_variants import TOOLS
from tests.exec.tracing.conftest import require

FASTA = "phage/data/lambda_virus.fa"


def change_mates(project: Path) -> None:
    """Other bases in some reads of one file; the same reads in other bytes in the file of their mates."""
    file = project / "variants/reads/reads_2.fq.gz"
    records = read_records(file)
    for number in range(0, len(records), 40):
        name, bases, *rest = records[number].split("\n")
        records[number] = "\n".join([name, bases[:50] + bases[51:] + bases[50], *rest])
    write_records(file, records)
    mates = project / "variants/reads/reads_1.fq.gz"
    mates.write_bytes(gzip.compress(gzip.decompress(mates.read_bytes()), compresslevel=1, mtime=0))


def lose_long_reads(project: Path) -> None:
    """Fewer reads of one individual."""
    file = project / "variants/reads/longreads.fq.gz"
    write_records(file, read_records(file)[::2])


def mutate(project: Path) -> None:
    """Another genome."""
    fasta = project / FASTA
    header, *lines = fasta.read_text().splitlines()
    lines[::20] = [line[::-1] for line in lines[::20]]
    fasta.write_text("\n".join([header, *lines, ""]))


def rewrap(project: Path) -> None:
    """The same bases in longer lines: other offsets in the index of the genome, and the same variants."""
    fasta = project / FASTA
    header, *lines = fasta.read_text().splitlines()
    fasta.write_text(f"{header}\n{wrapped(''.join(lines), 100)}")


@pytest.fixture(scope="module")
def _needs_programs() -> None:
    for tool in ("strace", *TOOLS):
        require(tool)


VARIANTS = Example(
    script="variants/variants.py",
    lay_out=lay_out_small,
    choices=[
        (
            "        job.depends_on_file(path)\n",
            "        if declared(job.job_id, path):\n            job.depends_on_file(path)\n",
        ),
        ("ppg.new_pipegraph()", 'ppg.new_pipegraph(track="strace")'),
    ],
    edits=[change_mates, lose_long_reads, mutate, rewrap],
    most_runs=7,
)


@pytest.fixture(scope="module")
def expected(_needs_programs: None, tmp_path_factory: pytest.TempPathFactory) -> Expected:
    return expect(VARIANTS, tmp_path_factory.mktemp("variants"))


@pytest.mark.tools
@halves(everyday=2)
def test_half_of_the_declarations_of_variants_are_enough(expected, tmp_path, seed, half):
    check_half(VARIANTS, expected, tmp_path / "project", seed, half)
