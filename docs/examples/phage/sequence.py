"""DNA as plain upper-case strings over A, C, G and T: reading, complementing, translating, composition."""

from itertools import product
from pathlib import Path

__all__ = [
    "CODONS",
    "GENETIC_CODE",
    "gc_content",
    "gc_skew",
    "read_bases",
    "read_fasta",
    "reverse_complement",
    "translate",
]

CODONS: tuple[str, ...] = tuple("".join(bases) for bases in product("TCAG", repeat=3))
"""All 64 codons in the order in which the genetic code is usually printed."""

GENETIC_CODE: dict[str, str] = dict(
    zip(CODONS, "FFLLSSSSYY**CC*WLLLLPPPPHHQQRRRRIIIMTTTTNNKKSSRRVVVVAAAADDEEGGGG", strict=True)
)
"""Codon → amino acid in one letter, `*` for a stop (NCBI's translation tables 1 and 11)."""

_COMPLEMENT = str.maketrans("ACGT", "TGCA")


def read_fasta(path: Path) -> tuple[str, str]:
    """The name and the sequence of the only record of a FASTA file.

    Raises ValueError if the file holds no record, more than one, or other letters than A, C, G and T.
    """
    header, *lines = path.read_text(encoding="ascii").splitlines()
    if not header.startswith(">") or any(line.startswith(">") for line in lines):
        raise ValueError(f"{path} must hold exactly one FASTA record")
    sequence = "".join(line.strip() for line in lines).upper()
    if not sequence or set(sequence) - set("ACGT"):
        raise ValueError(f"{path} must hold a sequence of A, C, G and T only, found {sorted(set(sequence))}")
    return header[1:].strip(), sequence


def read_bases(path: Path) -> str:
    """The sequence in a file that holds nothing else."""
    return path.read_text(encoding="ascii").strip()


def reverse_complement(sequence: str) -> str:
    """The other strand, read in its own direction."""
    return sequence.translate(_COMPLEMENT)[::-1]


def translate(sequence: str) -> str:
    """The amino acids of a sequence that is read from its first base; a rest of one or two bases is left out.

    A start codon is translated like any other codon.
    """
    return "".join(GENETIC_CODE[sequence[i : i + 3]] for i in range(0, len(sequence) - 2, 3))


def gc_content(sequence: str) -> float:
    """The fraction of bases that are G or C, from 0 to 1."""
    return (sequence.count("G") + sequence.count("C")) / len(sequence)


def gc_skew(sequence: str) -> float:
    """How much G outweighs C on this strand, (G - C) / (G + C), from -1 to 1; 0 where there is neither.

    Lobry, Mol. Biol. Evol. 13, 660-665, 1996.
    """
    guanine, cytosine = sequence.count("G"), sequence.count("C")
    return (guanine - cytosine) / (guanine + cytosine) if guanine + cytosine else 0.0
