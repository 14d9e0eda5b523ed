"""P2: chain, one job after the other."""

from collections.abc import Sequence

from tests.benchmarks.cases import Case, Size, Step, Workload

__all__ = ["WORKLOAD"]


def cases(size: Size) -> Sequence[Case]:
    """The graphs of this size."""
    match size:
        case Size.QUICK:
            return [Case("chain 100", (Step.FRESH, Step.NOOP))]
        case Size.FULL:
            return [Case("chain 1000", (Step.FRESH, Step.NOOP))]
        case Size.LARGE:
            return [Case("chain 100000", (Step.FRESH, *[Step.NOOP] * 3), repeat=False)]


WORKLOAD = Workload("P2", "chain, one job after the other", cases)
