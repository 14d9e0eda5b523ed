"""Cycles: finds jobs that depend on each other in a circle.

A circle of two jobs is found when the second dependency is declared, a longer one when the graph runs. A search for
longer circles at each dependency would take time in proportion to the graph.

One of the two dependencies runs against the order of declaration: its upstream job is the younger one. Most scripts
have no such dependency, and the others few, so `Edges` is made only when the first one is declared. Before that, a
dependency costs a comparison of two numbers; after that, a lookup in a set.
"""

from collections.abc import Sequence

from ppg.exceptions import CycleError
from ppg.graph.conflicts import shown
from ppg.jobs.job import Job
from ppg_graph import Dag

__all__ = ["Edges", "UnwatchedEdges", "circle_of"]

PLACES_SHOWN = 10
"""The message shows the places of declaration of at most this many jobs from either end of a circle."""


class Edges:
    """Edges: has the edges of a graph, to find the opposite of a new edge.

    Parameters:
        dag: the graph as it is now; the caller adds later edges here, too.
    """

    __slots__ = ("_pairs",)

    def __init__(self, dag: Dag) -> None:
        self._pairs: set[int] = {above << 32 | below for above, below in dag.edges()}
        """One number for each edge, which takes half of the memory of a tuple."""

    def add(self, upstream: Job, downstream: Job) -> None:
        """Add an edge.

        Raises:
            CycleError: the opposite edge exists.
        """
        above, below = upstream._node, downstream._node
        if below << 32 | above in self._pairs:
            raise circle_of((upstream, downstream))
        self._pairs.add(above << 32 | below)


class UnwatchedEdges(Edges):
    """UnwatchedEdges: has no edges, for graphs that can lose edges again; the run finds their circles."""

    __slots__ = ()

    def __init__(self) -> None:
        self._pairs = set()

    def add(self, upstream: Job, downstream: Job) -> None:
        """Ignore the edge."""


def circle_of(jobs: Sequence[Job]) -> CycleError:
    """Return the error for a circle.

    Parameters:
        jobs: each upstream of the next, and the last upstream of the first.
    """
    located = [*jobs[:PLACES_SHOWN], *jobs[-PLACES_SHOWN:]]
    return CycleError(
        [*(job.job_id for job in jobs), jobs[0].job_id],
        {job.job_id: shown(job.declared_at) for job in located},
    )
