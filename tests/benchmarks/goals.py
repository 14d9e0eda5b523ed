"""The goals, as numbers that a report has or has not."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tests.benchmarks.report import Key, Report, shape_order

__all__ = ["GOALS", "Goal", "assess"]

MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class Goal:
    """A claim about a report.

    Attributes:
        workload: it is about the largest graph of this workload (and of this kind) that was measured.
        kind: of the shape.
        text: what is compared.
        value: the number; None if the report lacks something.
        limit: what it may be at most.
    """

    workload: str
    kind: str
    text: str
    value: Callable[[Report, str], float | None]
    limit: float


def _wall(report: Report, workload: str, shape: str, step: str, peer: str) -> float | None:
    spread = report.wall(Key(workload, shape, step, peer))
    return spread.median if spread else None


def _ratio(workload: str, step: str, above: str, below: str) -> Callable[[Report, str], float | None]:
    def value(report: Report, shape: str) -> float | None:
        dividend = _wall(report, workload, shape, step, above)
        divisor = _wall(report, workload, shape, step, below)
        return dividend / divisor if dividend is not None and divisor else None

    return value


def _peak(report: Report, shape: str) -> float | None:
    spread = report.peak_memory(Key("P4", shape, "noop", "ppg"))
    return spread.median / MIB if spread else None


def _memory_of_a_job(report: Report, shape: str) -> float | None:
    """KiB that a job adds: from the smallest graph to this one."""
    shapes = sorted((key.shape for key in report.samples if key.workload == "P5"), key=shape_order)
    small = shapes[0]
    if small == shape:
        return None
    low, high = (report.peak_memory(Key("P5", size, "declare", "ppg")) for size in (small, shape))
    if low is None or high is None:
        return None
    return (high.median - low.median) / 1024 / (int(shape.split()[1]) - int(small.split()[1]))


def _over_the_ideal(report: Report, shape: str) -> float | None:
    wall = _wall(report, "P6", shape, "fresh", "ppg")
    _, count, length = shape.split()
    return None if wall is None else wall - int(count) * float(length) / report.machine.cores


def _change_over_noop(report: Report, shape: str) -> float | None:
    change = _wall(report, "P9", shape, "change", "ppg")
    noop = _wall(report, "P4", shape, "noop", "ppg")
    return None if change is None or noop is None else change - noop


GOALS: Sequence[Goal] = (
    Goal("P1", "wide", "fresh, ppg / ninja", _ratio("P1", "fresh", "ppg", "ninja"), 1.0),
    Goal("P1", "wide", "fresh, ppg / pypipegraph2", _ratio("P1", "fresh", "ppg", "pypipegraph2"), 1 / 12),
    Goal("P2", "chain", "fresh, ppg / ninja", _ratio("P2", "fresh", "ppg", "ninja"), 1.0),
    Goal("P3", "layers", "fresh, ppg / ninja", _ratio("P3", "fresh", "ppg", "ninja"), 1.0),
    Goal("P3", "layers", "change, ppg / ninja", _ratio("P3", "change", "ppg", "ninja"), 1.0),
    Goal("P4", "wide", "nothing to do, ppg / ninja", _ratio("P4", "noop", "ppg", "ninja"), 5.0),
    Goal("P4", "wide", "nothing to do, peak memory, MiB", _peak, 300e6 / MIB),
    Goal(
        "P5", "wide", "declare, ppg / pypipegraph", _ratio("P5", "declare", "ppg", "pypipegraph"), 1.0 / 1.4
    ),
    Goal("P5", "wide", "declare, KiB a job", _memory_of_a_job, 1.5),
    Goal("P6", "sleeps", "seconds over the ideal", _over_the_ideal, 0.2),
    Goal("P9", "wide", "one change, seconds over nothing to do and the job", _change_over_noop, 0.1),
)


def assess(report: Report) -> list[list[str]]:
    """Rows for a table: goal, graph, what was reached, what may be at most."""
    rows = [["goal", "graph", "reached", "at most", ""]]
    for goal in GOALS:
        shapes = [
            key.shape
            for key in report.samples
            if key.workload == goal.workload and key.shape.split()[0] == goal.kind
        ]
        if not shapes:
            continue
        shape = max(shapes, key=shape_order)
        value = goal.value(report, shape)
        if value is not None:
            met = "met" if value <= goal.limit else "missed"
            rows.append([f"{goal.workload} {goal.text}", shape, f"{value:.2f}", f"{goal.limit:.2f}", met])
    return rows if len(rows) > 1 else []
