"""P6: jobs that sleep: what is added to the ideal."""

from collections.abc import Sequence

from tests.benchmarks.cases import Case, Size, Step, Workload

__all__ = ["WORKLOAD"]


def cases(size: Size) -> Sequence[Case]:
    """The graphs of this size."""
    match size:
        case Size.QUICK:
            return [Case("sleeps 4 0.2", (Step.FRESH,))]
        case Size.FULL:
            return [Case("sleeps 4 1.0", (Step.FRESH,))]
        case Size.LARGE:
            return []


WORKLOAD = Workload("P6", "jobs that sleep: what is added to the ideal", cases)
