"""Adjacency: indexes the neighbours of nodes, without an object per edge.

The edges that exist when the index is built lie grouped by node in one flat array (compressed sparse rows).
Later edges lie in a small overlay. `Dag` builds the index again when the overlay outgrows a share of the
whole. So a graph that is read and extended in turns costs amortised constant time per edge.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from itertools import accumulate, chain, islice, pairwise, repeat
from operator import le

from ppg_graph.model.ids import NodeId

__all__ = ["Adjacency", "group", "keys_of", "without_duplicates"]


def group(keys: Sequence[int], values: Sequence[int], size: int) -> tuple[array[int], array[int]]:
    """Group the values by key, in their order within each group.

    Returns (offsets, grouped): the group of key k is grouped[offsets[k]:offsets[k + 1]]. Keys are < size.
    """
    counts = [0] * size
    for key in keys:
        counts[key] += 1
    offsets = array("i", accumulate(counts, initial=0))
    if all(map(le, keys, islice(keys, 1, None))):
        grouped = array("i", values)  # usual, because each job is declared together with its dependencies
    else:
        cursor = offsets.tolist()
        places = [0] * len(keys)
        for key, value in zip(keys, values, strict=True):
            position = cursor[key]
            places[position] = value
            cursor[key] = position + 1
        grouped = array("i", places)
    return offsets, grouped


def without_duplicates(offsets: array[int], grouped: array[int]) -> tuple[array[int], array[int]]:
    """Return the same groups, with each value once per group."""
    rows = ((start, end) for start, end in pairwise(offsets) if end - start > 1)
    if all(len(set(grouped[start:end])) == end - start for start, end in rows):
        return offsets, grouped
    kept: array[int] = array("i")
    ends = array("i", [0])
    for start, end in pairwise(offsets):
        row = grouped[start:end]
        distinct = dict.fromkeys(row)
        kept.extend(row if len(distinct) == len(row) else array("i", distinct))
        ends.append(len(kept))
    return ends, kept


def keys_of(offsets: array[int]) -> array[int]:
    """Key of each grouped value."""
    counts = (end - start for start, end in pairwise(offsets))
    return array("i", chain.from_iterable(map(repeat, range(len(offsets) - 1), counts)))


class Adjacency:
    """Adjacency: holds the neighbours of each node in one direction, in a flat base and an overlay of later edges."""

    __slots__ = ("base", "grouped", "offsets", "overlay")

    def __init__(self, offsets: array[int], grouped: array[int]) -> None:
        self.base: int = len(offsets) - 1
        """Number of nodes that the base covers. Later nodes are in the overlay, if they have neighbours."""
        self.offsets: array[int] = offsets
        self.grouped: array[int] = grouped
        self.overlay: dict[int, list[NodeId]] = {}

    def of(self, node: int) -> Sequence[NodeId]:
        """Neighbours of a node, in the order in which their edges were added."""
        if self.overlay and node in self.overlay:
            return self.overlay[node]
        if node < self.base:
            return self.grouped[self.offsets[node] : self.offsets[node + 1]]  # type: ignore[return-value]
        return ()

    def add(self, node: int, neighbour: NodeId) -> None:
        """Add an edge after the base was built. The caller ensures that the edge is new."""
        known = self.overlay.get(node)
        if known is None:
            known = self.overlay[node] = list(self.of(node))
        known.append(neighbour)
