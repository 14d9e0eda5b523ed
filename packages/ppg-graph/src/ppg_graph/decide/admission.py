"""Who takes part in a run, and how jobs enter it: all at the start, and later those that a generator makes."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from ppg_graph.decide.propagation import Propagation
from ppg_graph.decide.run_state import Board
from ppg_graph.decide.staleness import is_usable, record_is_outdated
from ppg_graph.model.ids import NodeId, NodeKind
from ppg_graph.model.walks import reachable
from ppg_graph.protocol.states import NodeState

__all__ = ["Entry"]

_INVARIANT, _LOAD, _GENERATOR = NodeKind.INVARIANT, NodeKind.LOAD, NodeKind.GENERATOR
_OUT_OF_PLAY = frozenset({NodeState.FAILED, NodeState.BLOCKED, NodeState.ABORTED})


class Entry:
    """Decides who takes part, and lets jobs enter the board."""

    __slots__ = ("_begun", "_files", "_pruned", "_roots", "_targets", "board", "flow")

    def __init__(
        self,
        board: Board,
        flow: Propagation,
        pruned: Collection[NodeId],
        targets: Collection[NodeId] | None,
    ) -> None:
        self.board: Board = board
        self.flow: Propagation = flow
        self._pruned = pruned
        self._targets = targets
        self._roots: set[NodeId] | None = None if targets is None else set(targets)
        """The jobs for whose sake others take part; None: all."""
        self._files: list[NodeId] = []
        self._begun = False

    def begin(self) -> None:
        """Let everything enter that takes part from the start."""
        board, dag = self.board, self.board.dag
        nodes = [NodeId(node) for node in board.grow()]
        self.mark_pruned(self._pruned)
        if NodeKind.GENERATOR in board.kinds:
            self.mark_below(
                dag.downstreams(node) for node in nodes if board.kinds[node] is NodeKind.GENERATOR
            )
        if self._targets is not None:
            for target in self._targets:
                board.targeted[target] = board.is_lazy[target]
                board.is_source[target] = 1
            nodes = sorted(set(self._targets) | dag.ancestors(self._targets))
        self.decide(self.admit([node for node in nodes if not board.pruned[node]] if self._pruned else nodes))

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

    def admit(self, nodes: Collection[NodeId]) -> list[NodeId]:
        """Let these EXCLUDED jobs enter: all at the start, or some in the middle of the run.

        Returns those that wait for nothing. They are to be decided (`decide`) once all new edges are counted: what is
        decided is told to everybody downstream who counts it as pending, so nobody may meet it in between.
        """
        board = self.board
        board.enroll(nodes)
        if self.flow.stopped:
            for node in nodes:
                board.move(node, NodeState.ABORTED)
            return []
        complete = self._prepare(nodes)
        if self._begun:
            for node in nodes:
                self.meet(node, board.dag.upstreams(node))
            complete = [node for node in nodes if not board.pending[node]]
        self._begun = True
        return complete

    def decide(self, complete: Iterable[NodeId]) -> None:
        """Decide jobs that wait for nothing. (Who is blocked waits for the fingerprint of who failed.)"""
        kinds = self.board.kinds
        for node in complete:
            if kinds[node] is not _INVARIANT:
                self.flow.decide(node)

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

    def _prepare(self, nodes: Iterable[NodeId]) -> list[NodeId]:
        """What jobs that take part from now on wait for, and what their records tell.

        Returns the jobs that wait for nothing.
        """
        board, flow, files = self.board, self.flow, self._files
        kinds, pending, upstream_count = board.kinds, board.pending, board.upstream_count
        record_of, awaited, beside_lazy = board.record, board.awaited, board.beside_lazy
        parts, job_ids, remembered = board.dag.names_parts, board.dag.job_ids, board.history.get
        complete: list[NodeId] = []
        for node in nodes:
            kind = kinds[node]
            pending[node] = upstream_count[node]
            if kind is _INVARIANT:
                if board.is_source[node] or board.needs[node]:
                    board.needed_invariants.append(node)
            elif kind is _LOAD:
                board.dirty.append(node)
            elif kind is _GENERATOR:
                flow.learn_stale(node)
            else:
                record = remembered(job_ids[node])
                if record is None or not is_usable(record):
                    flow.learn_stale(node)
                else:
                    record_of[node] = record
                    awaited[node] = 1
                    files.append(node)
                    pending[node] += 1
                    if beside_lazy[node] or parts:
                        self.review(node)  # elsewhere nothing happens sooner if it is known sooner
            if not pending[node]:
                complete.append(node)
        return complete

    def review(self, node: NodeId) -> None:
        """Look at what the edges alone tell about the record: at entry, and when edges are added."""
        board = self.board
        record = board.record[node]
        if record is not None and not board.stale[node] and record_is_outdated(board, node, record):
            self.flow.learn_stale(node)

    def meet(self, node: NodeId, upstreams: Collection[NodeId]) -> None:
        """Learn what is known of these upstreams, for a job that counts all of them as pending."""
        board = self.board
        if board.state[node] is not NodeState.WAITING:
            return
        for upstream in upstreams:
            if board.fingerprint[upstream] is not None:
                board.pending[node] -= 1
                self.flow.compare(upstream, node)
            elif board.state[upstream] in _OUT_OF_PLAY:
                aborted = board.state[upstream] is NodeState.ABORTED
                cause = board.causes.get(upstream, upstream)
                self.flow.collapse([node], cause, NodeState.ABORTED if aborted else NodeState.BLOCKED)
                return
