"""Which of the synonymous codons of an amino acid a set of coding sequences uses."""

from collections import Counter, defaultdict
from collections.abc import Iterable

from sequence import CODONS, GENETIC_CODE

__all__ = ["count_codons", "relative_usage"]


def count_codons(coding_sequences: Iterable[str]) -> Counter[str]:
    """How often each codon occurs; the last codon of each sequence, its stop, is not counted."""
    return Counter(
        sequence[position : position + 3]
        for sequence in coding_sequences
        for position in range(0, len(sequence) - 3, 3)
    )


def relative_usage(counts: Counter[str]) -> dict[str, float]:
    """Relative synonymous codon usage of the 61 codons that stand for an amino acid.

    The count of a codon over the mean count of all codons of the same amino acid: 1 where there is no
    preference, 0 for a codon that is never used. An amino acid that never occurs has 1 throughout.
    Sharp, Tuohy and Mosurski, Nucleic Acids Res. 14, 5125-5143, 1986.
    """
    synonyms: dict[str, list[str]] = defaultdict(list)
    for codon in CODONS:
        synonyms[GENETIC_CODE[codon]].append(codon)
    usage = {}
    for codon in CODONS:
        amino_acid = GENETIC_CODE[codon]
        if amino_acid == "*":
            continue
        total = sum(counts[synonym] for synonym in synonyms[amino_acid])
        usage[codon] = counts[codon] * len(synonyms[amino_acid]) / total if total else 1.0
    return usage
