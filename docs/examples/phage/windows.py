"""Composition along a genome, in overlapping windows."""

from collections.abc import Iterator
from dataclasses import dataclass

from sequence import gc_content, gc_skew

__all__ = ["Window", "cumulative_skew", "sliding_windows"]


@dataclass(frozen=True, slots=True)
class Window:
    """Bases `start` to `end`, counted from 1 and both included, with their GC content and GC skew."""

    start: int
    end: int
    gc: float
    skew: float


def sliding_windows(sequence: str, size: int) -> Iterator[Window]:
    """Windows of `size` bases that overlap by half; bases at the end that fill no window are left out."""
    for start in range(0, len(sequence) - size + 1, size // 2):
        window = sequence[start : start + size]
        yield Window(start + 1, start + size, gc_content(window), gc_skew(window))


def cumulative_skew(sequence: str, step: int) -> Iterator[tuple[int, int]]:
    """Every `step` bases: the position and how many more Gs than Cs the sequence has up to there.

    Grigoriev, Nucleic Acids Res. 26, 2286-2290, 1998.
    """
    excess = 0
    for start in range(0, len(sequence) - step + 1, step):
        window = sequence[start : start + step]
        excess += window.count("G") - window.count("C")
        yield start + step, excess
