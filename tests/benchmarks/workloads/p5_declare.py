"""P5: declare file jobs with their function invariants."""

from collections.abc import Sequence

from tests.benchmarks.cases import Case, Size, Step, Workload

__all__ = ["WORKLOAD"]

COUNTS: dict[Size, Sequence[int]] = {
    Size.QUICK: [100, 2_000],
    Size.FULL: [1_000, 100_000],
    Size.LARGE: [1_000_000],
}


def cases(size: Size) -> Sequence[Case]:
    """The graphs of this size."""
    return [Case(f"wide {count}", (Step.DECLARE,)) for count in COUNTS[size]]


WORKLOAD = Workload("P5", "declare file jobs with their function invariants", cases)
