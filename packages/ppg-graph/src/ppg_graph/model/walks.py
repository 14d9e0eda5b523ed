"""Walks: sorts and searches a graph without recursion, because a chain of a million jobs is an ordinary graph."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Protocol

from ppg_graph.model.ids import NodeId

__all__ = ["CycleFoundError", "cycle_through", "find_cycle", "reachable", "topological_order"]


class Neighbours(Protocol):
    """Neighbours: lists the methods that a walk needs of a graph."""

    def __len__(self) -> int: ...

    def upstreams(self, node: NodeId, /) -> Sequence[NodeId]:
        """Nodes that the node depends on."""
        ...

    def downstreams(self, node: NodeId, /) -> Sequence[NodeId]:
        """Nodes that depend on the node."""
        ...


class CycleFoundError(ValueError):
    """The graph has a cycle. `nodes` has it: each node upstream of the next, and the last upstream of the first."""

    def __init__(self, nodes: tuple[NodeId, ...] | str) -> None:
        if isinstance(nodes, str):
            super().__init__(nodes)  # pickle passes the message, and sets `nodes` afterwards
            return
        super().__init__(f"the graph has a cycle of {len(nodes)} jobs")
        self.nodes: tuple[NodeId, ...] = nodes


def topological_order(graph: Neighbours) -> list[NodeId]:
    """All nodes, upstreams first: the jobs without upstreams in order of declaration, then breadth first.

    Raises CycleFoundError.
    """
    order, waiting = _peel(graph)
    if len(order) < len(graph):
        raise CycleFoundError(_cycle_among(graph, waiting))
    return order


def find_cycle(graph: Neighbours) -> tuple[NodeId, ...] | None:
    """Return a cycle, each node upstream of the next and the last upstream of the first, or None."""
    order, waiting = _peel(graph)
    return _cycle_among(graph, waiting) if len(order) < len(graph) else None


def reachable(nodes: Iterable[NodeId], neighbours: Callable[[NodeId], Iterable[NodeId]]) -> set[NodeId]:
    """All nodes that one or more steps from these nodes reach."""
    found: set[NodeId] = set()
    stack = list(nodes)
    while stack:
        for neighbour in neighbours(stack.pop()):
            if neighbour not in found:
                found.add(neighbour)
                stack.append(neighbour)
    return found


def _peel(graph: Neighbours) -> tuple[list[NodeId], list[int]]:
    """Take away nodes without upstreams as long as there are any (Kahn 1962).

    Returns their order, and for each node the number of upstreams that remain: 0 for all nodes that were
    taken away.
    """
    waiting = [len(graph.upstreams(NodeId(node))) for node in range(len(graph))]
    order = [NodeId(node) for node, count in enumerate(waiting) if not count]
    for node in order:  # grows during the loop
        for downstream in graph.downstreams(node):
            waiting[downstream] -= 1
            if not waiting[downstream]:
                order.append(downstream)
    return order, waiting


def _cycle_among(graph: Neighbours, waiting: Sequence[int]) -> tuple[NodeId, ...]:
    """Return a cycle among the nodes that still wait. Each of them has an upstream that waits as well."""
    node = NodeId(next(index for index, count in enumerate(waiting) if count))
    path: list[NodeId] = []
    position: dict[NodeId, int] = {}
    while node not in position:
        position[node] = len(path)
        path.append(node)
        node = next(upstream for upstream in graph.upstreams(node) if waiting[upstream])
    cycle = path[position[node] :][::-1]
    first = cycle.index(min(cycle))
    return tuple(cycle[first:] + cycle[:first])


def cycle_through(edges: Sequence[tuple[NodeId, NodeId]], graph: Neighbours) -> tuple[NodeId, ...] | None:
    """Return a cycle that these new edges would make, or None. The graph itself has no cycle.

    The edges may name nodes beyond the graph's. The walk visits only nodes downstream of the new edges.
    """
    size = len(graph)
    extra: dict[NodeId, list[NodeId]] = {}
    for upstream, downstream in edges:
        extra.setdefault(upstream, []).append(downstream)

    def step(node: NodeId) -> Iterator[NodeId]:
        if node < size:
            yield from graph.downstreams(node)
        yield from extra.get(node, ())

    done: set[NodeId] = set()
    for _, start in edges:
        path: dict[NodeId, Iterator[NodeId]] = {} if start in done else {start: step(start)}
        while path:
            node, steps = next(reversed(path.items()))
            following = next(steps, None)
            if following is None:
                del path[node]
                done.add(node)
            elif following in path:
                nodes = list(path)
                return tuple(nodes[nodes.index(following) :])
            elif following not in done:
                path[following] = step(following)
    return None
