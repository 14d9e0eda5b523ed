"""P4: nothing to do at scale."""

from collections.abc import Sequence

from tests.benchmarks.cases import Case, Size, Step, Workload

__all__ = ["WORKLOAD", "wide_count"]


def wide_count(size: Size) -> int:
    """How many jobs; the directory is shared with P9."""
    match size:
        case Size.QUICK:
            return 1_000
        case Size.FULL:
            return 100_000
        case Size.LARGE:
            return 1_000_000


def cases(size: Size) -> Sequence[Case]:
    """The graphs of this size."""
    return [Case(f"wide {wide_count(size)}", (Step.FRESH, *[Step.NOOP] * 3), repeat=False)]


WORKLOAD = Workload("P4", "nothing to do at scale", cases)
