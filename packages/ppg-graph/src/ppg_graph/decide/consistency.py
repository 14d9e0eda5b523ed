"""The whole-state check: every count equals its definition, and the run is alive. For tests; linear per event."""

from __future__ import annotations

from ppg_graph.decide.propagation import Propagation
from ppg_graph.decide.run_state import Board, InternalError
from ppg_graph.model.ids import NodeId, NodeKind
from ppg_graph.protocol.states import NodeState

__all__ = ["check_board"]

_S = NodeState
_UNDECIDED = frozenset({_S.WAITING, _S.DUE})
_UNFINISHED = frozenset({_S.WAITING, _S.DUE, _S.STARTED})
_SOMETIMES_KNOWN = frozenset({_S.DUE, _S.STARTED, _S.FAILED, _S.BLOCKED, _S.ABORTED})
_KNOWN = frozenset({_S.OBSERVED, _S.CLEAN, _S.DONE, _S.CLEANED_UP})


def check_board(board: Board, flow: Propagation, *, finished: bool) -> None:
    """Raise InternalError if anything that the board claims about itself does not hold."""
    check = _Check(board)
    for index in range(len(board.dag)):
        check.state(NodeId(index))
        check.counts(NodeId(index))
        if not flow.stopped and not finished:
            check.decided(NodeId(index), flow)
    check.totals()
    if board.known or board.dirty or board.ready or board.shaken or board.quiet:
        raise InternalError("work is left on the lists")


class _Check:
    def __init__(self, board: Board) -> None:
        self.board = board

    def claim(self, node: NodeId, claim: str, *, holds: bool) -> None:
        if not holds:
            board = self.board
            raise InternalError(
                f"{board.dag.kind(node).name} {board.dag.job_id(node)!r}, {board.state[node].name}: not true that {claim}"
            )

    def state(self, node: NodeId) -> None:
        """States and facts fit together."""
        board, state, kind = self.board, self.board.state[node], self.board.dag.kind(node)
        known = board.fingerprint[node] is not None
        if state in _KNOWN:
            self.claim(node, "its fingerprint is known", holds=known)
        elif state in _SOMETIMES_KNOWN:
            self.claim(
                node, "only LAZY and LOAD are known then", holds=not known or bool(board.is_lazy[node])
            )
        elif state is not _S.NOT_NEEDED:
            self.claim(node, "its fingerprint is unknown", holds=not known)
        if state is _S.STARTED or state is _S.DONE:
            everything = all(
                board.fingerprint[upstream] is not None for upstream in board.dag.upstreams(node)
            )
            self.claim(node, "everything upstream is known", holds=everything)
            self.claim(node, "it has reasons", holds=bool(board.reasons.get(node)))
        if state is _S.STARTED:
            there = all(
                board.is_there(upstream) or upstream in board.unusable
                for upstream in board.lazy_upstreams(node)
            )
            self.claim(node, "everything lazy upstream is there", holds=there)
        if state is _S.OBSERVED:
            self.claim(node, "only invariants are observed", holds=kind is NodeKind.INVARIANT)
        if state is _S.CLEANED_UP:
            self.claim(node, "only LAZY and LOAD are cleaned up", holds=bool(board.is_lazy[node]))
        if state is _S.BLOCKED:
            cause = board.causes[node]
            self.claim(node, "its cause failed", holds=board.state[cause] is _S.FAILED)
        if kind is NodeKind.LOAD and state is _S.DONE:
            self.claim(node, "it is loaded", holds=bool(board.present[node]))

    def counts(self, node: NodeId) -> None:
        """Every count equals its definition."""
        board, dag = self.board, self.board.dag
        below = dag.downstreams(node)
        if not board.is_source[node]:
            needs = sum(board.counts(downstream) for downstream in below)
            self.claim(node, f"needs is {needs}, not {board.needs[node]}", holds=needs == board.needs[node])
        plain = not (board.is_lazy[node] or board.beside_lazy[node] or dag.kind(node) is NodeKind.GENERATOR)
        self.claim(node, f"plain is {plain}", holds=plain == board.plain[node])
        if board.is_lazy[node]:
            demand = sum(board.state[downstream] is _S.DUE for downstream in below)
            self.claim(node, f"demand is {demand}", holds=demand == board.demand[node])
            unsettled = sum(not board.is_settled(downstream) for downstream in below)
            self.claim(node, f"unsettled is {unsettled}", holds=unsettled == board.unsettled[node])
        settled = bool(board.settled[node]) or dag.kind(node) is NodeKind.INVARIANT
        if board.is_lazy[node] or board.beside_lazy[node]:
            self.claim(node, "its settledness is up to date", holds=settled == board.is_settled(node))
        if board.state[node] in _UNDECIDED:
            pending = sum(board.fingerprint[upstream] is None for upstream in dag.upstreams(node))
            pending += board.awaited[node] and dag.kind(node) is not NodeKind.INVARIANT
            self.claim(node, f"pending is {pending}", holds=pending == board.pending[node])
        if board.state[node] is _S.DUE:
            lacking = sum(not board.is_there(upstream) for upstream in board.lazy_upstreams(node))
            self.claim(node, f"lacking is {lacking}", holds=lacking == board.lacking[node])

    def decided(self, node: NodeId, flow: Propagation) -> None:
        """Whatever follows from the facts has happened."""
        board, state = self.board, self.board.state[node]
        if (
            state in {_S.WAITING, _S.DUE, _S.CLEAN, _S.CLEANED_UP}
            and board.dag.kind(node) is not NodeKind.INVARIANT
        ):
            self.claim(
                node, "it is due exactly if it must run", holds=(state is _S.DUE) == flow.must_run(node)
            )
        if state is _S.DUE:
            self.claim(node, "it waits for something", holds=bool(board.pending[node] or board.lacking[node]))
        if state is _S.WAITING and board.dag.kind(node) is not NodeKind.INVARIANT:
            undecided = board.pending[node] > 0 or bool(board.stale[node])
            self.claim(node, "it waits for something", holds=undecided)
        if state in _UNDECIDED:
            unknowable = [
                upstream
                for upstream in board.dag.upstreams(node)
                if board.fingerprint[upstream] is None and board.state[upstream] in {_S.FAILED, _S.BLOCKED}
            ]
            self.claim(node, f"{unknowable} block it", holds=not unknowable)

    def totals(self) -> None:
        """Counts over all jobs."""
        board = self.board
        started = sum(state is _S.STARTED for state in board.state)
        generators = sum(
            state in _UNFINISHED and kind is NodeKind.GENERATOR
            for state, kind in zip(board.state, board.dag.kinds, strict=True)
        )
        if (started, generators) != (board.started, board.running_generators):
            raise InternalError(f"{started} started and {generators} generators: miscounted")
