"""Open reading frames in all six frames, and which of them are known genes.

An open reading frame goes from the first start codon after a stop codon to the next stop codon in the same
frame, so there is exactly one for each stop codon that has a start codon before it. Where translation really
starts may be a later start codon: a gene is therefore recognised by its strand and its stop codon.

All positions are on the forward strand, counted from 1, both ends included, and the stop codon belongs to the
frame, as in GenBank. Frames are numbered as usual: +1, +2, +3 begin at the first, second and third base, -1,
-2, -3 at the last, the last but one and the last but two.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass

from sequence import GENETIC_CODE, reverse_complement

__all__ = ["FRAMES", "Orf", "coding_sequence", "find_orfs", "gene_of", "strand_of"]

FRAMES: tuple[int, ...] = (1, 2, 3, -1, -2, -3)


@dataclass(frozen=True, slots=True)
class Orf:
    """An open reading frame; `codons` counts the amino acids, without the stop."""

    frame: int
    start: int
    end: int

    @property
    def codons(self) -> int:
        """The number of amino acids of the protein."""
        return (self.end - self.start + 1) // 3 - 1


def find_orfs(sequence: str, frame: int, starts: Collection[str], min_codons: int) -> Iterator[Orf]:
    """The open reading frames of one frame that are at least `min_codons` amino acids long.

    sequence: the forward strand
    frame: one of FRAMES
    starts: the codons at which translation may begin, such as ATG and GTG
    """
    strand = sequence if frame > 0 else reverse_complement(sequence)
    begin: int | None = None
    for position in range(abs(frame) - 1, len(strand) - 2, 3):
        codon = strand[position : position + 3]
        if begin is None and codon in starts:
            begin = position
        elif begin is not None and GENETIC_CODE[codon] == "*":
            first, last = begin + 1, position + 3
            if frame < 0:
                first, last = len(strand) - last + 1, len(strand) - first + 1
            orf = Orf(frame, first, last)
            if orf.codons >= min_codons:
                yield orf
            begin = None


def strand_of(frame: int) -> str:
    """The strand of a frame, `+` or `-`."""
    return "+" if frame > 0 else "-"


def coding_sequence(sequence: str, frame: int, start: int, end: int) -> str:
    """The bases from start to end in the direction of their frame."""
    bases = sequence[start - 1 : end]
    return bases if frame > 0 else reverse_complement(bases)


def gene_of(orf: Mapping[str, str], genes: Iterable[Mapping[str, str]]) -> Mapping[str, str] | None:
    """The known gene that ends with the same stop codon on the same strand.

    orf: columns `frame`, `start` and `end`; genes: columns `strand`, `start` and `end`
    """
    strand = strand_of(int(orf["frame"]))
    stop = "end" if strand == "+" else "start"
    return next((gene for gene in genes if gene["strand"] == strand and gene[stop] == orf[stop]), None)
