"""Words of k bases in double-stranded DNA, and those that a genome avoids.

In double-stranded DNA a word and its reverse complement are the same thing, read from either side. Counts are
therefore kept for the *canonical* word, whichever of the two comes first in the alphabet. A word that is its
own reverse complement is called palindromic; most restriction enzymes cut at such words, and phages tend to
avoid those that their hosts' enzymes cut.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from itertools import product

from sequence import reverse_complement

__all__ = ["canonical", "count_kmers", "expected_count", "is_palindrome", "palindromes", "spectrum"]


def canonical(word: str) -> str:
    """The first in the alphabet of a word and its reverse complement."""
    return min(word, reverse_complement(word))


def is_palindrome(word: str) -> bool:
    """Whether a word is its own reverse complement, as GAATTC is."""
    return word == reverse_complement(word)


def palindromes(k: int) -> list[str]:
    """All palindromic words of k bases, in the order of the alphabet; none for an odd k."""
    if k % 2:
        return []
    halves = ("".join(bases) for bases in product("ACGT", repeat=k // 2))
    return [half + reverse_complement(half) for half in halves]


def count_kmers(sequence: str, k: int) -> Counter[str]:
    """How often each canonical word of k bases occurs; the counts add up to the number of positions."""
    words = Counter(sequence[position : position + k] for position in range(len(sequence) - k + 1))
    counts: Counter[str] = Counter()
    for word, count in words.items():
        counts[canonical(word)] += count
    return counts


def spectrum(counts: Iterable[int]) -> Counter[int]:
    """How many different words occur once, twice, …"""
    return Counter(counts)


def expected_count(word: str, shorter: Mapping[str, int], inner: Mapping[str, int]) -> float:
    """How often a word is expected, given how often its parts occur: N(prefix) N(suffix) / N(middle).

    shorter: counts of the canonical words that are one base shorter; inner: two bases shorter. The model is a
    Markov chain of the highest order (Phillips, Arnold and Ivarie, Nucleic Acids Res. 15, 2611-2626, 1987).
    Counts are per strand: a canonical word that is no palindrome has its occurrences on either.
    """

    def per_strand(part: str, counts: Mapping[str, int]) -> float:
        count = counts.get(canonical(part), 0)
        return float(count) if is_palindrome(part) else count / 2

    middle = per_strand(word[1:-1], inner)
    return per_strand(word[:-1], shorter) * per_strand(word[1:], shorter) / middle if middle else 0.0
