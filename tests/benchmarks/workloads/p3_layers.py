"""P3: layers, each job on all of the layer above."""

from collections.abc import Sequence

from tests.benchmarks.cases import Case, Size, Step, Workload

__all__ = ["WORKLOAD"]


def cases(size: Size) -> Sequence[Case]:
    """The graphs of this size."""
    match size:
        case Size.QUICK:
            return [Case("layers 5 10", (Step.FRESH, Step.NOOP, Step.CHANGE))]
        case Size.FULL:
            return [Case("layers 20 50", (Step.FRESH, Step.NOOP, Step.CHANGE))]
        case Size.LARGE:
            return []


WORKLOAD = Workload("P3", "layers, each job on all of the layer above", cases)
