"""P1: wide, a fork per job."""

from collections.abc import Sequence

from tests.benchmarks.cases import Case, Size, Step, Workload

__all__ = ["WORKLOAD"]

COUNTS: dict[Size, Sequence[int]] = {Size.QUICK: [200], Size.FULL: [1_000, 10_000], Size.LARGE: []}


def cases(size: Size) -> Sequence[Case]:
    """The graphs of this size."""
    return [Case(f"wide {count}", (Step.FRESH, Step.NOOP)) for count in COUNTS[size]]


WORKLOAD = Workload("P1", "wide, a fork per job", cases)
