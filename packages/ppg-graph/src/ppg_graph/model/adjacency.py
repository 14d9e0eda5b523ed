"""Neighbours of nodes, without an object per edge.

The edges known when the index was built lie grouped by node in one flat array (compressed sparse rows). Edges
that came later lie in a small overlay. The index is built anew whenever the overlay outgrows a share of the
whole, so that a graph that is read and extended in turns still costs amortised constant time per edge.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from itertools import accumulate, chain, islice, pairwise, repeat
from operator import le

from ppg_graph.model.ids import NodeId

__all__ = ["Adjacency", "group", "keys_of", "without_duplicates"]


def group(keys: Sequence[int], values: Sequence[int], size: int) -> tuple[array[int], array[int]]:
    """The values grouped by key, in their order within each group.

    Returns (offsets, grouped): the group of key k is grouped[offsets[k]:offsets[k + 1]]. Keys are < size.
    """
    counts = [0] * size
    for key in keys:
        counts[key] += 1
    offsets = array("i", accumulate(counts, initial=0))
    if all(map(le, keys, islice(keys, 1, None))):
        grouped = array("i", values)  # usual: jobs are declared together with what they depend on
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
    """The same groups, each value kept once in each."""
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
    """The key of each grouped value."""
    counts = (end - start for start, end in pairwise(offsets))
    return array("i", chain.from_iterable(map(repeat, range(len(offsets) - 1), counts)))


class Adjacency:
    """The neighbours of each node in one direction: a flat base, and an overlay of later edges."""

    __slots__ = ("base", "grouped", "offsets", "overlay")

    def __init__(self, offsets: array[int], grouped: array[int]) -> None:
        self.base: int = len(offsets) - 1
        """How many nodes the base covers; later ones are in the overlay, if they have neighbours."""
        self.offsets: array[int] = offsets
        self.grouped: array[int] = grouped
        self.overlay: dict[int, list[NodeId]] = {}

    def of(self, node: int) -> Sequence[NodeId]:
        """The neighbours of a node, in the order in which their edges were added."""
        if self.overlay and node in self.overlay:
            return self.overlay[node]
        if node < self.base:
            return self.grouped[self.offsets[node] : self.offsets[node + 1]]  # type: ignore[return-value]
        return ()

    def add(self, node: int, neighbour: NodeId) -> None:
        """Add an edge after the base was built. The caller knows that it is new."""
        known = self.overlay.get(node)
        if known is None:
            known = self.overlay[node] = list(self.of(node))
        known.append(neighbour)
