"""Neighbours of nodes, without an object per edge.

The edges known when the index was built lie grouped by node in one flat array (compressed sparse rows). Edges
that came later lie in a small overlay. The index is built anew whenever the overlay outgrows a share of the
whole, so that a graph that is read and extended in turns still costs amortised constant time per edge.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from itertools import accumulate, islice
from operator import le

from ppg_graph.ids import NodeId

__all__ = ["Adjacency", "group"]


def group(keys: Sequence[int], values: Sequence[int], size: int) -> tuple[array[int], array[int]]:
    """The values grouped by key, in their order within each group.

    Returns (offsets, grouped): the group of key k is grouped[offsets[k]:offsets[k + 1]]. Keys are < size.
    """
    counts = [0] * (size + 1)
    for key in keys:
        counts[key + 1] += 1
    offsets = array("i", accumulate(counts))
    if all(map(le, keys, islice(keys, 1, None))):
        return offsets, array("i", values)  # usual: jobs are declared together with what they depend on
    cursor = offsets[:]
    grouped = array("i", bytes(offsets.itemsize * len(keys)))
    for key, value in zip(keys, values, strict=True):
        position = cursor[key]
        grouped[position] = value
        cursor[key] = position + 1
    return offsets, grouped


class Adjacency:
    """The neighbours of each node in one direction: a flat base, and an overlay of later edges."""

    __slots__ = ("_base_nodes", "_grouped", "_offsets", "_overlay")

    def __init__(self, keys: Sequence[int] = (), values: Sequence[int] = (), size: int = 0) -> None:
        self._base_nodes = size
        self._offsets, self._grouped = group(keys, values, size)
        self._overlay: dict[int, list[NodeId]] = {}

    def __getitem__(self, node: int) -> Sequence[NodeId]:
        if self._overlay and node in self._overlay:
            return self._overlay[node]
        if node < self._base_nodes:
            offsets = self._offsets
            return self._grouped[offsets[node] : offsets[node + 1]]  # type: ignore[return-value]
        return ()

    def add(self, node: int, neighbour: NodeId) -> None:
        """Add an edge after the base was built. The caller knows that it is new."""
        known = self._overlay.get(node)
        if known is None:
            known = self._overlay[node] = list(self[node])
        known.append(neighbour)
