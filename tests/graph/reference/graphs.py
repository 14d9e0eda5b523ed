"""All graphs of a few nodes, as they are or up to isomorphism."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, replace

from tests.graph.reference.front import READERS
from tests.graph.reference.world import Extension, Script

__all__ = ["KINDS", "Graph", "graphs", "variants", "with_reads"]

KINDS = ("INVARIANT", "OUTPUT", "LAZY", "LOAD", "GENERATOR")
NAMES = "abcde"


@dataclass(frozen=True, slots=True)
class Graph:
    """A labelled graph; edges go from lower to higher. `constant`: jobs that make the same whatever they read.

    `reads` are edges that nobody declared. With `x`, the first generator makes an OUTPUT x; somebody reads it, or it
    reads something.
    """

    kinds: tuple[str, ...]
    edges: tuple[tuple[int, int], ...]
    constant: frozenset[int] = frozenset()
    parts: tuple[tuple[tuple[int, int], str], ...] = ()
    is_declared_backwards: bool = False  # downstream jobs first
    reads: tuple[tuple[int, int], ...] = ()
    x_is_read_by: int | None = None
    x_reads: int | None = None

    def script(self) -> Script:
        parts = dict(self.parts)
        kinds = [(NAMES[index], kind) for index, kind in enumerate(self.kinds)]
        reads = [(NAMES[up], NAMES[down]) for up, down in self.reads]
        reads += [] if self.x_is_read_by is None else [("x", NAMES[self.x_is_read_by])]
        reads += [] if self.x_reads is None else [(NAMES[self.x_reads], "x")]
        makes_x = {self.x_is_read_by, self.x_reads} != {None}
        return Script(
            kinds=dict(reversed(kinds) if self.is_declared_backwards else kinds),
            reads=tuple(reads),
            extensions={NAMES[self.kinds.index("GENERATOR")]: Extension((("x", "OUTPUT"),))}
            if makes_x
            else {},
            edges=tuple((NAMES[up], NAMES[down], parts.get((up, down))) for up, down in self.edges),
            constant=frozenset(NAMES[index] for index in self.constant),
        )

    def __str__(self) -> str:
        kinds = " ".join(f"{NAMES[index]}:{kind}" for index, kind in enumerate(self.kinds))
        edges = " ".join(f"{NAMES[up]}>{NAMES[down]}" for up, down in self.edges)
        extra = f" constant={sorted(NAMES[index] for index in self.constant)}" if self.constant else ""
        return (
            f"{kinds} | {edges}{extra}"
            + (f" parts={self.parts}" if self.parts else "")
            + (" backwards" if self.is_declared_backwards else "")
            + (f" reads={self.script().reads}" if self.script().reads else "")
        )


def graphs(nodes: int, *, up_to_isomorphism: bool) -> Iterator[Graph]:
    """All graphs of so many nodes. Invariants have no upstreams: a script cannot say so."""
    pairs = list(itertools.combinations(range(nodes), 2))
    for size in range(len(pairs) + 1):
        for edges in itertools.combinations(pairs, size):
            relabelings = list(_relabelings(nodes, edges)) if up_to_isomorphism else []
            below = {down for _, down in edges}
            choices = [KINDS[1:] if index in below else KINDS for index in range(nodes)]
            for kinds in itertools.product(*choices):
                if all((edges, kinds) <= _relabel(edges, kinds, places) for places in relabelings):
                    yield Graph(kinds, edges)


def _relabelings(nodes: int, edges: tuple[tuple[int, int], ...]) -> Iterator[tuple[int, ...]]:
    """All other orders of declaration in which upstreams still come first."""
    for places in itertools.permutations(range(nodes)):
        if all(places[up] < places[down] for up, down in edges):
            yield places


def _relabel(
    edges: tuple[tuple[int, int], ...], kinds: tuple[str, ...], places: tuple[int, ...]
) -> tuple[tuple[tuple[int, int], ...], tuple[str, ...]]:
    moved = [""] * len(kinds)
    for index, place in enumerate(places):
        moved[place] = kinds[index]
    return tuple(sorted((places[up], places[down]) for up, down in edges)), tuple(moved)


def variants(graph: Graph) -> Iterator[Graph]:
    """The graph declared backwards, or with one job constant, or with one edge about one of several files."""
    yield replace(graph, is_declared_backwards=True)
    for index, kind in enumerate(graph.kinds):
        if kind in ("OUTPUT", "LAZY") and any(down == index for _, down in graph.edges):
            yield replace(graph, constant=frozenset({index}))
    for edge in graph.edges:
        if graph.kinds[edge[0]] in ("OUTPUT", "LAZY"):
            for part in "ab":
                yield replace(graph, parts=((edge, part),))


def with_reads(graph: Graph) -> Iterator[Graph]:
    """The graph with some edges that nobody declared, or with something generated that is read or reads."""
    eligible = [
        (up, down)
        for up, down in graph.edges
        if graph.kinds[up] in ("OUTPUT", "INVARIANT") and graph.kinds[down] in READERS
    ]
    for size in range(1, len(eligible) + 1):
        for reads in itertools.combinations(eligible, size):
            edges = tuple(edge for edge in graph.edges if edge not in reads)
            yield replace(graph, edges=edges, reads=reads)
            yield replace(graph, edges=edges, reads=reads, is_declared_backwards=True)
    if "GENERATOR" not in graph.kinds:
        return
    for index, kind in enumerate(graph.kinds):
        if kind in READERS and not replace(graph, x_is_read_by=index).script().has_cycle:
            yield replace(graph, x_is_read_by=index)
        if kind in ("OUTPUT", "INVARIANT"):
            yield replace(graph, x_reads=index)
