"""Jobs that depend on each other in a circle.

Circles of two jobs are seen when the second dependency is declared, longer ones when the graph runs: to look for those
with each dependency would take time in proportion to the graph.

One of the two dependencies runs against the order of declaration: its upstream job is the younger one. Scripts have
few such dependencies, and mostly none at all, so nothing is kept before there is one; the others cost a comparison of
two numbers, and after that a look into a set.
"""

from collections.abc import Sequence

from ppg.exceptions import CycleError
from ppg.graph.conflicts import shown
from ppg.jobs.job import Job
from ppg_graph import Dag

__all__ = ["Edges", "UnwatchedEdges", "circle_of"]

PLACES_SHOWN = 10
"""Of so many jobs from either end of a circle the message may show where they are declared."""


class Edges:
    """The edges of a graph, so that the opposite of one is found.

    Parameters:
        dag: the graph as it is now; what is added to it later has to be added here, too.
    """

    __slots__ = ("_pairs",)

    def __init__(self, dag: Dag) -> None:
        self._pairs: set[int] = {above << 32 | below for above, below in dag.edges()}
        """A number for each, which takes half of the room of a tuple."""

    def add(self, upstream: Job, downstream: Job) -> None:
        """Take an edge in.

        Raises:
            CycleError: there is the opposite one.
        """
        above, below = upstream.node, downstream.node
        if below << 32 | above in self._pairs:
            raise circle_of((upstream, downstream))
        self._pairs.add(above << 32 | below)


class UnwatchedEdges(Edges):
    """For graphs whose edges can be taken away again: their circles are found when they run."""

    __slots__ = ()

    def __init__(self) -> None:
        self._pairs = set()

    def add(self, upstream: Job, downstream: Job) -> None:
        """Take no notice."""


def circle_of(jobs: Sequence[Job]) -> CycleError:
    """The error to raise.

    Parameters:
        jobs: each upstream of the next, and the last upstream of the first.
    """
    told = [*jobs[:PLACES_SHOWN], *jobs[-PLACES_SHOWN:]]
    return CycleError(
        [*(job.job_id for job in jobs), jobs[0].job_id],
        {job.job_id: shown(job.declared_at) for job in told},
    )
