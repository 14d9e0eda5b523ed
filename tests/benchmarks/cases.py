"""What is measured: workloads are lists of cases, and those that prepare the same directory share it."""

import enum
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

__all__ = ["Case", "Session", "Size", "Step", "Workload", "sessions"]


class Step(enum.Enum):
    """What one measured process does."""

    FRESH = "fresh"
    """Run everything in an empty directory."""
    NOOP = "noop"
    """Run again: there is nothing to do."""
    CHANGE = "change"
    """Run after the input has changed."""
    DECLARE = "declare"
    """Declare the graph, run nothing."""


class Size(enum.Enum):
    """How large the graphs are."""

    QUICK = "quick"
    """For a check that all of it works: seconds a peer."""
    FULL = "full"
    """The sizes of the goals, but for those of LARGE."""
    LARGE = "large"
    """Graphs whose preparation alone takes many minutes."""


@dataclass(frozen=True, slots=True)
class Case:
    """One graph and what to do with it.

    Attributes:
        shape: as in `scripts.shapes`.
        steps: in this order, in one directory.
        repeat: do all of it again, in fresh directories; otherwise the steps that are to be repeated are listed
            several times, and the directory may be shared with other cases of this shape.
    """

    shape: str
    steps: tuple[Step, ...]
    repeat: bool = True


@dataclass(frozen=True, slots=True)
class Workload:
    """A goal's name, what it is about, and its cases."""

    name: str
    title: str
    cases: Callable[[Size], Sequence[Case]]


@dataclass(frozen=True, slots=True)
class Session:
    """Steps, each for a workload, that are done in one directory a peer."""

    shape: str
    steps: tuple[tuple[str, Step], ...]
    repeat: bool


def sessions(workloads: Iterable[Workload], size: Size) -> list[Session]:
    """The sessions of all cases: one for each case that is repeated, one for each shape of the others.

    A case that is not repeated starts with FRESH, which a shared directory sees only once.
    """
    found: list[Session] = []
    shared: dict[str, list[tuple[str, Step]]] = {}
    for workload in workloads:
        for case in workload.cases(size):
            steps = [(workload.name, step) for step in case.steps]
            if case.repeat:
                found.append(Session(case.shape, tuple(steps), repeat=True))
            elif case.shape in shared:
                assert case.steps[0] is Step.FRESH
                shared[case.shape] += steps[1:]
            else:
                shared[case.shape] = steps
    found += [Session(shape, tuple(steps), repeat=False) for shape, steps in shared.items()]
    return found
