"""Restriction digests: where an enzyme cuts linear DNA, and how far the fragments run on a gel."""

import math
from dataclasses import dataclass
from itertools import pairwise

__all__ = ["ENZYMES", "Enzyme", "cut_positions", "fragment_lengths", "gel_position"]


@dataclass(frozen=True, slots=True)
class Enzyme:
    """A restriction enzyme: its palindromic site, cut after `offset` bases of it on each strand."""

    name: str
    site: str
    offset: int


ENZYMES: tuple[Enzyme, ...] = (
    Enzyme("BamHI", "GGATCC", 1),
    Enzyme("BglII", "AGATCT", 1),
    Enzyme("EcoRI", "GAATTC", 1),
    Enzyme("HindIII", "AAGCTT", 1),
    Enzyme("KpnI", "GGTACC", 5),
)


def cut_positions(sequence: str, site: str, offset: int) -> list[int]:
    """The number of bases before each cut of the forward strand, ascending."""
    cuts = []
    found = sequence.find(site)
    while found >= 0:
        cuts.append(found + offset)
        found = sequence.find(site, found + 1)
    return cuts


def fragment_lengths(length: int, cuts: list[int]) -> list[int]:
    """The lengths in bases of the fragments of linear DNA, in their order along it."""
    ends = [0, *cuts, length]
    return [end - start for start, end in pairwise(ends)]


def gel_position(length: int) -> float:
    """How far a fragment of so many bases runs, in arbitrary units that grow towards the end of the gel.

    In the usual range, the distance falls with the logarithm of the length (Helling, Goodman and Boyer,
    J. Virol. 14, 1235-1244, 1974).
    """
    return -math.log10(length)
