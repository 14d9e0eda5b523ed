"""Reads and references: FASTQ and FASTA files."""

import gzip
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from itertools import islice
from pathlib import Path

__all__ = ["SAMPLES", "installed_reads", "rename_reference", "sequence_length", "split_reads"]

SAMPLES: Mapping[str, Sequence[str]] = {
    "pairs": ("reads_1.fq.gz", "reads_2.fq.gz"),
    "long": ("longreads.fq.gz",),
}
"""The samples and their files, two where the reads are paired.

Both were simulated from the genome of bacteriophage lambda, each with random substitutions and small
insertions and deletions of its own: two individuals, as it were.
"""


def split_reads(source: Path, chunks: Sequence[Path]) -> None:
    """Deal the reads of a FASTQ file, gzipped, out to uncompressed files, one by one in turn.

    Files of mates are dealt alike, so that pairs stay together. Raises ValueError if the file ends in the middle
    of a read.
    """
    with ExitStack() as stack:
        lines = stack.enter_context(gzip.open(source, "rt", encoding="ascii"))
        files = [stack.enter_context(chunk.open("w", encoding="ascii")) for chunk in chunks]
        number = 0
        while record := list(islice(lines, 4)):
            if len(record) < 4:
                raise ValueError(f"{source} ends in the middle of read {number + 1}")
            files[number % len(files)].writelines(record)
            number += 1


def rename_reference(source: Path, target: Path, name: str) -> None:
    """Copy a FASTA file of one record under a new, plain name."""
    _, sequence = source.read_text(encoding="ascii").split("\n", maxsplit=1)
    target.write_text(f">{name}\n{sequence}", encoding="ascii")


def sequence_length(fasta: Path) -> int:
    """The number of bases in a FASTA file."""
    lines = fasta.read_text(encoding="ascii").splitlines()
    return sum(len(line.strip()) for line in lines if not line.startswith(">"))


def installed_reads() -> Path | None:
    """Where Debian's package bowtie2-examples puts its reads; None if it is not installed with them."""
    folder = Path("/usr/share/doc/bowtie2/examples/reads")
    return folder if folder.is_dir() else None
