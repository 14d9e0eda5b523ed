"""P9: one change among many."""

from collections.abc import Sequence

from tests.benchmarks.cases import Case, Size, Step, Workload
from tests.benchmarks.workloads.p4_noop_at_scale import wide_count

__all__ = ["WORKLOAD"]


def cases(size: Size) -> Sequence[Case]:
    """The graphs of this size."""
    return [Case(f"wide {wide_count(size)}", (Step.FRESH, *[Step.CHANGE] * 3), repeat=False)]


WORKLOAD = Workload("P9", "one change among many", cases)
