"""Dag: holds the graph of jobs in flat arrays that only grow, so that 100,000 declarations cost next to nothing.

A declaration only appends: an edge is two integers at the end of two arrays. The first query builds the index
of neighbours (`Adjacency`), and a query after later edges extends it. The index drops duplicate edges.

An edge may name a *part*: the downstream job depends only on that file of a multi-file job. Several such
edges between the same two jobs add up. One edge without a part makes it a dependency on all of the job.
"""

from __future__ import annotations

from array import array
from collections.abc import Collection, Iterable, Iterator, Sequence

from ppg_graph.model.adjacency import Adjacency, group, keys_of, without_duplicates
from ppg_graph.model.ids import JobId, NodeId, NodeKind
from ppg_graph.model.reads import may_follow
from ppg_graph.model.walks import find_cycle, reachable, topological_order

__all__ = ["Dag"]

_INVARIANT = NodeKind.INVARIANT
_HAVE_FILES = (NodeKind.OUTPUT, NodeKind.LAZY)
_OVERLAY_AT_LEAST = 64
_OVERLAY_SHARE = 4


class Dag:
    """Dag: holds the directed graph of jobs. It must have no cycle when it is evaluated (see `find_cycle`)."""

    __slots__ = (
        "_derived",
        "_downstreams",
        "_edge_downstream",
        "_edge_upstream",
        "_ids",
        "_index",
        "_indexed",
        "_indexed_in_base",
        "_kept",
        "_kinds",
        "_part_edges",
        "_parts",
        "_upstreams",
        "_wanted",
    )

    def __init__(self) -> None:
        self._ids: list[JobId] = []
        self._kinds: list[NodeKind] = []
        self._kept: set[int] = set()
        self._derived = False
        self._index: dict[JobId, NodeId] = {}
        self._edge_upstream: array[int] = array("i")
        self._edge_downstream: array[int] = array("i")
        self._part_edges: dict[int, str] = {}  # position in the arrays -> the part that the edge names
        self._indexed = 0
        self._indexed_in_base = 0
        self._upstreams = Adjacency(*group((), (), 0))
        self._downstreams = Adjacency(*group((), (), 0))
        self._parts: dict[tuple[int, int], frozenset[str] | None] = {}  # only edges that ever named a part
        self._wanted: dict[int, set[str]] = {}  # upstream -> all parts that edges name

    # -- declaring

    def add_node(self, job_id: JobId, kind: NodeKind, *, keep: bool = False) -> NodeId:
        """Add a job. With `keep` the files of a LAZY job stay when no job needs them any more: a cache.

        Raises ValueError if the id is taken, or for `keep` with another kind than LAZY.
        """
        index = self._index
        if job_id in index:
            raise ValueError(f"job {job_id!r} is already in the graph")
        node: NodeId = len(self._ids)  # type: ignore[assignment]
        if keep:
            if kind is not NodeKind.LAZY:
                raise ValueError(f"only LAZY jobs can have their files kept; {job_id!r} is {kind.name}")
            self._kept.add(node)
        index[job_id] = node
        self._ids.append(job_id)
        self._kinds.append(kind)
        return node

    def add_edge(self, upstream: NodeId, downstream: NodeId, *, part: str | None = None) -> None:
        """Make `downstream` depend on `upstream`, or only on one named part (file) of it.

        An edge may be added twice. Raises IndexError for nodes that are not in the graph. Raises ValueError
        if `downstream` is an invariant, which depends on nothing, or if `upstream` makes no files and a part
        is named. An invariant that stands for a read (`ppg_graph.model.reads`) may depend on OUTPUT and GENERATOR.
        """
        if upstream < 0 or downstream < 0 or upstream >= len(self._ids):
            raise IndexError(f"no such nodes: edge {upstream} -> {downstream} in a graph of {len(self)} jobs")
        if self._kinds[downstream] is _INVARIANT:
            if not may_follow(self._ids[downstream], self._kinds[upstream]):
                raise ValueError(
                    f"invariant {self._ids[downstream]!r} cannot depend on {self._ids[upstream]!r}: "
                    "invariants are observed, they depend on nothing"
                )
            self._derived, part = True, None
        if part is not None:
            if self._kinds[upstream] not in _HAVE_FILES:
                raise ValueError(
                    f"{self._ids[upstream]!r} makes no files, so nothing can depend on its {part!r}"
                )
            self._part_edges[len(self._edge_upstream)] = part
            self._wanted.setdefault(upstream, set()).add(part)
        self._edge_upstream.append(upstream)
        self._edge_downstream.append(downstream)

    # -- jobs

    def __len__(self) -> int:
        return len(self._ids)

    def __contains__(self, job_id: object) -> bool:
        return job_id in self._index

    def node(self, job_id: JobId) -> NodeId:
        """Node of the job with this id. Raises KeyError if there is none."""
        return self._index[job_id]

    def job_id(self, node: NodeId) -> JobId:
        """Id of the job at `node`."""
        return self._ids[node]

    def kind(self, node: NodeId) -> NodeKind:
        """Kind of the job at `node`."""
        return self._kinds[node]

    def keeps(self, node: NodeId) -> bool:
        """Whether the files of this LAZY job stay when no job needs them any more."""
        return node in self._kept

    @property
    def job_ids(self) -> Sequence[JobId]:
        """All ids, indexed by node. The caller must not change them."""
        return self._ids

    @property
    def kinds(self) -> Sequence[NodeKind]:
        """All kinds, indexed by node. The caller must not change them."""
        return self._kinds

    # -- edges

    def upstreams(self, node: NodeId) -> Sequence[NodeId]:
        """Direct upstreams of `node`, without duplicates, in the order of declaration."""
        if self._indexed != len(self._edge_upstream):
            self._index_edges()
        rows = self._upstreams
        if rows.overlay or node >= rows.base:
            return rows.of(node)
        return rows.grouped[rows.offsets[node] : rows.offsets[node + 1]]  # type: ignore[return-value]

    def downstreams(self, node: NodeId) -> Sequence[NodeId]:
        """Direct downstreams of `node`, without duplicates, in an order that only depends on declarations."""
        if self._indexed != len(self._edge_upstream):
            self._index_edges()
        rows = self._downstreams
        if rows.overlay or node >= rows.base:
            return rows.of(node)
        return rows.grouped[rows.offsets[node] : rows.offsets[node + 1]]  # type: ignore[return-value]

    def upstreams_of_each(self, nodes: Iterable[NodeId]) -> Iterator[Sequence[NodeId]]:
        """Yield the `upstreams` of each node. For many nodes this is faster than a call for each."""
        if self._indexed != len(self._edge_upstream):
            self._index_edges()
        rows = self._upstreams
        if rows.overlay or rows.base < len(self._ids):
            yield from map(rows.of, nodes)
            return
        offsets, grouped = rows.offsets, rows.grouped
        for node in nodes:
            yield grouped[offsets[node] : offsets[node + 1]]  # type: ignore[misc]

    def has_edge(self, upstream: NodeId, downstream: NodeId) -> bool:
        """Whether `downstream` depends directly on `upstream`. False for nodes that are not in the graph."""
        if self._indexed != len(self._edge_upstream):
            self._index_edges()
        return self._is_indexed(upstream, downstream)

    def parts(self, upstream: NodeId, downstream: NodeId) -> frozenset[str] | None:
        """Files of `upstream` that `downstream` depends on. None: it depends on all of the job."""
        if self._indexed != len(self._edge_upstream):
            self._index_edges()
        return self._parts.get((upstream, downstream)) if self._parts else None

    @property
    def names_parts(self) -> bool:
        """Whether any edge names a part."""
        return bool(self._part_edges)

    def wanted_parts(self, upstream: NodeId) -> frozenset[str]:
        """All files of `upstream` that edges name."""
        return frozenset(self._wanted.get(upstream, ()))

    def edges(self) -> Iterable[tuple[NodeId, NodeId]]:
        """Yield every edge once, grouped by downstream job."""
        for index in range(len(self)):
            node = NodeId(index)
            for upstream in self.upstreams(node):
                yield upstream, node

    def edge_count(self) -> int:
        """Number of edges, without duplicates."""
        return sum(len(self.upstreams(NodeId(index))) for index in range(len(self)))

    # -- walks (`ppg_graph.model.walks` has the algorithms)

    def find_cycle(self) -> tuple[NodeId, ...] | None:
        """Return a cycle, each node upstream of the next and the last upstream of the first, or None."""
        kinds = self._kinds
        if not self._derived and all(
            upstream < downstream or kinds[upstream] is _INVARIANT
            for upstream, downstream in zip(self._edge_upstream, self._edge_downstream, strict=True)
        ):
            # Usual: each job is declared before its downstreams, and no job is upstream of an invariant.
            return None
        return find_cycle(self)

    def topological_order(self) -> list[NodeId]:
        """All nodes, upstreams first. The same declarations give the same order. Raises CycleFoundError."""
        return topological_order(self)

    def ancestors(self, nodes: Iterable[NodeId]) -> set[NodeId]:
        """All nodes upstream of these nodes, at any distance."""
        return reachable(nodes, self.upstreams)

    def descendants(self, nodes: Iterable[NodeId]) -> set[NodeId]:
        """All nodes downstream of these nodes, at any distance."""
        return reachable(nodes, self.downstreams)

    def subgraph(self, nodes: Collection[NodeId]) -> Dag:
        """New graph of these jobs and the edges between them. Its nodes are numbered from 0."""
        result = Dag()
        renamed = {
            node: result.add_node(self._ids[node], self._kinds[node], keep=self.keeps(node))
            for node in sorted(set(nodes))
        }
        for node, new in renamed.items():
            for upstream in self.upstreams(node):
                if upstream not in renamed:
                    continue
                parts = self.parts(upstream, node)
                for part in (None,) if parts is None else sorted(parts):
                    result.add_edge(renamed[upstream], new, part=part)
        return result

    # -- the index

    def _index_edges(self) -> None:
        total = len(self._edge_upstream)
        self._index_parts(total)
        if total - self._indexed_in_base > _OVERLAY_AT_LEAST + self._indexed_in_base // _OVERLAY_SHARE:
            self._build_base()
            self._indexed_in_base = total
        else:
            for position in range(self._indexed, total):
                upstream = NodeId(self._edge_upstream[position])
                downstream = NodeId(self._edge_downstream[position])
                if not self._is_indexed(upstream, downstream):
                    self._upstreams.add(downstream, upstream)
                    self._downstreams.add(upstream, downstream)
        self._indexed = total

    def _is_indexed(self, upstream: NodeId, downstream: NodeId) -> bool:
        above, below = self._upstreams.of(downstream), self._downstreams.of(upstream)
        return upstream in above if len(above) <= len(below) else downstream in below

    def _index_parts(self, total: int) -> None:
        """Update the parts by the new edges, before these enter the index of neighbours."""
        seen: set[tuple[int, int]] = set()
        for position in range(self._indexed, total) if self._wanted else ():
            upstream = NodeId(self._edge_upstream[position])
            if upstream not in self._wanted:
                continue
            downstream = NodeId(self._edge_downstream[position])
            edge = (upstream, downstream)
            part = self._part_edges.get(position)
            if edge in self._parts:
                named = self._parts[edge]
                self._parts[edge] = None if part is None or named is None else named | {part}
            elif part is not None and edge not in seen and not self._is_indexed(upstream, downstream):
                self._parts[edge] = frozenset((part,))
            seen.add(edge)

    def _build_base(self) -> None:
        size = len(self._ids)
        offsets, upstreams = without_duplicates(*group(self._edge_downstream, self._edge_upstream, size))
        self._upstreams = Adjacency(offsets, upstreams)
        if len(upstreams) == len(self._edge_upstream):
            below = group(self._edge_upstream, self._edge_downstream, size)
        else:
            below = group(upstreams, keys_of(offsets), size)
        self._downstreams = Adjacency(*below)
