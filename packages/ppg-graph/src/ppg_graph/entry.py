"""Who takes part in a run, and how jobs enter it: all at the start, and later those that a generator makes."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from ppg_graph.board import Board
from ppg_graph.ids import NodeId, NodeKind
from ppg_graph.propagation import Propagation
from ppg_graph.staleness import record_is_outdated, usable_record
from ppg_graph.states import NodeState
from ppg_graph.walks import reachable

__all__ = ["Entry"]

_OUT_OF_PLAY = frozenset({NodeState.FAILED, NodeState.BLOCKED, NodeState.ABORTED})


class Entry:
    """Decides who takes part, and lets jobs enter the board."""

    __slots__ = ("_files", "_pruned", "_roots", "_targets", "board", "flow")

    def __init__(
        self,
        board: Board,
        flow: Propagation,
        pruned: Collection[NodeId],
        targets: Collection[NodeId] | None,
    ) -> None:
        self.board = board
        self.flow = flow
        self._pruned = pruned
        self._targets = targets
        self._roots: set[NodeId] | None = None if targets is None else set(targets)
        """The jobs for whose sake others take part; None: all."""
        self._files: list[NodeId] = []

    def begin(self) -> None:
        """Let everything enter that takes part from the start."""
        board, dag = self.board, self.board.dag
        nodes: Iterable[int] = board.grow()
        self.mark_pruned(self._pruned)
        generators = [NodeId(node) for node in nodes if dag.kinds[node] is NodeKind.GENERATOR]
        self.mark_below(dag.downstreams(generator) for generator in generators)
        if self._targets is not None:
            for target in self._targets:
                board.targeted[target] = board.is_lazy[target]
                board.is_source[target] = 1
            nodes = sorted(set(self._targets) | dag.ancestors(self._targets))
        self.admit([NodeId(node) for node in nodes if not board.pruned[node]], anything_known=False)

    def mark_pruned(self, nodes: Iterable[NodeId]) -> set[NodeId]:
        """Prune these jobs and everything downstream. Returns those that were not pruned before."""
        return self._mark(self.board.pruned, [nodes])

    def mark_below(self, nodes: Iterable[Iterable[NodeId]]) -> None:
        """Note that these jobs, and everything downstream of them, are downstream of a generator."""
        self._mark(self.board.below_generator, nodes)

    def _mark(self, flags: bytearray, nodes: Iterable[Iterable[NodeId]]) -> set[NodeId]:
        dag = self.board.dag
        marked: set[NodeId] = set()
        stack = list(nodes)
        while stack:
            for node in stack.pop():
                if not flags[node]:
                    flags[node] = 1
                    marked.add(node)
                    stack.append(dag.downstreams(node))
        return marked

    def admit(self, nodes: Collection[NodeId], *, anything_known: bool = True) -> None:
        """Let these jobs enter, which is everything that newly takes part."""
        board, flow = self.board, self.flow
        for node in nodes:
            board.enter(node)
        if flow.stopped:
            for node in nodes:
                board.move(node, NodeState.ABORTED)
            return
        for node in nodes:
            if board.dag.kind(node) is NodeKind.INVARIANT:
                if board.needs[node] or board.is_source[node]:
                    board.needed_invariants.append(node)
            else:
                self._prepare(node)
        if anything_known:
            for node in nodes:
                self.meet(node, board.dag.upstreams(node))
        # Not earlier: what is decided is told to those who wait for it, and they must not have met it already.
        for node in nodes:
            undecided = (
                board.state[node] is NodeState.WAITING and board.dag.kind(node) is not NodeKind.INVARIANT
            )
            if undecided and not board.pending[node]:
                flow.decide(node)

    def newcomers(self, generator: NodeId, new: range, joined: Iterable[NodeId]) -> list[NodeId]:
        """Which excluded jobs, new or old, take part now.

        `new` are the jobs that `generator` made, `joined` the upstreams of new edges into jobs that take part.
        """
        board = self.board
        made = [NodeId(node) for node in new]
        if self._roots is None:
            return [node for node in made if not board.pruned[node]]
        wanted = set(joined)
        if generator in self._roots:
            self._roots.update(made)
            wanted.update(made)
        wanted |= reachable(wanted, board.dag.upstreams)
        return sorted(
            node for node in wanted if board.state[node] is NodeState.EXCLUDED and not board.pruned[node]
        )

    def take_observations(self) -> tuple[NodeId, ...]:
        """What is to be observed now: needed invariants, and files of jobs with a record."""
        board = self.board
        invariants = [
            node
            for node in dict.fromkeys(board.needed_invariants)
            if not board.awaited[node]
            and board.state[node] is NodeState.WAITING
            and (board.needs[node] or board.is_source[node])
        ]
        for node in invariants:
            board.awaited[node] = 1
        result = (*invariants, *self._files)
        board.needed_invariants.clear()
        self._files.clear()
        return result

    def _prepare(self, node: NodeId) -> None:
        """What a job that takes part from now on waits for, and what its record tells."""
        board = self.board
        kind = board.dag.kind(node)
        board.pending[node] = len(board.dag.upstreams(node))
        if kind is NodeKind.LOAD:
            board.dirty.append(node)
        elif kind is NodeKind.GENERATOR:
            self.flow.learn_stale(node)
        else:
            record = board.record[node] = usable_record(board, node)
            if record is None:
                self.flow.learn_stale(node)
                return
            board.awaited[node] = 1
            self._files.append(node)
            board.pending[node] += 1
            self.review(node)

    def review(self, node: NodeId) -> None:
        """Look at what the edges alone tell about the record: at entry, and when edges are added."""
        board = self.board
        record = board.record[node]
        if record is None or board.stale[node]:
            return
        if record_is_outdated(board, node, record) or board.dag.wanted_parts(node) - record.parts.keys():
            self.flow.learn_stale(node)

    def meet(self, node: NodeId, upstreams: Collection[NodeId]) -> None:
        """Learn what is known of these upstreams, for a job that counts all of them as pending."""
        board = self.board
        for upstream in upstreams:
            if board.state[node] is not NodeState.WAITING:
                return
            if board.fingerprint[upstream] is not None:
                board.pending[node] -= 1
                self.flow.compare(upstream, node)
            elif board.state[upstream] in _OUT_OF_PLAY:
                aborted = board.state[upstream] is NodeState.ABORTED
                cause = board.causes.get(upstream, upstream)
                self.flow.collapse([node], cause, NodeState.ABORTED if aborted else NodeState.BLOCKED)
