"""What follows from a new fact: who is decided, due, started, blocked, settled, cleaned up.

Five lists of work on the board, worked off in this order until all are empty:

1. `known`: fingerprints are told to the jobs directly downstream; who has heard of all upstreams is decided.
2. `dirty`: jobs become due, ready, stop being due, or turn out to be blocked.
3. `ready`: due jobs that miss nothing start.
4. `shaken`: jobs become settled, or unsettled again.
5. `quiet`: lazy files and loaded data that nobody can ask for any more are removed.

The order matters for economy: no job is made due before all facts are in, none starts for the sake of another that
turns out to be blocked, and nothing is removed while somebody might yet turn out to be due. Every list is a queue and nothing recurses, so a chain of a million jobs is
no problem, and each edge is looked at a bounded number of times.
"""

from __future__ import annotations

from collections.abc import Sequence

from ppg_graph.decide.run_state import Board, InternalError
from ppg_graph.decide.staleness import reasons_to_run
from ppg_graph.model.ids import Fingerprint, NodeId, NodeKind
from ppg_graph.model.records import combine
from ppg_graph.protocol.effects import Block, CleanUp, Effect, Start
from ppg_graph.protocol.events import Files, FileStatus, Unobservable
from ppg_graph.protocol.states import NodeState

__all__ = ["Propagation"]

_WAITING, _DUE, _CLEAN, _DONE = NodeState.WAITING, NodeState.DUE, NodeState.CLEAN, NodeState.DONE
_LAZY, _LOAD, _OUTPUT = NodeKind.LAZY, NodeKind.LOAD, NodeKind.OUTPUT
_OBSERVED = NodeState.OBSERVED
_INTACT = FileStatus.INTACT
_MAY_START = frozenset({_WAITING, _DUE, _CLEAN, NodeState.CLEANED_UP})
_WENT_WRONG = frozenset({NodeState.FAILED, NodeState.BLOCKED, NodeState.ABORTED})


class Propagation:
    """Works off the board's lists, and collects effects and skipped jobs."""

    __slots__ = ("board", "effects", "skipped", "stopped")

    def __init__(self, board: Board) -> None:
        self.board: Board = board
        self.effects: list[Effect] = []
        self.skipped: list[NodeId] = []
        self.stopped: bool = False

    def run(self) -> None:
        """Work until nothing follows any more."""
        board = self.board
        while True:
            if board.known:
                self._publish()
            elif board.dirty:
                self._reconsider(board.dirty.popleft())
            elif board.ready:
                self._start(board.ready.popleft())
            elif board.shaken:
                board.resettle(board.shaken.popleft())
            elif board.quiet:
                self._consider_clean_up(board.quiet.popleft())
            else:
                return

    # -- facts

    def learn_stale(self, node: NodeId) -> None:
        """A reason is known why the job's record does not hold."""
        self.board.stale[node] = 1
        self.board.dirty.append(node)

    def files_observed(self, node: NodeId, files: Files) -> None:
        """How a job's files look beside its record."""
        board = self.board
        if files.status is _INTACT:
            if board.is_lazy[node]:
                board.present[node] = 1
        else:
            board.problems[node] = files
            board.absent[node] = 1
            board.dirty.append(node)
            if not board.is_lazy[node]:
                board.stale[node] = 1
        state = board.state[node]
        if state is _WAITING or state is _DUE:
            left = board.pending[node] = board.pending[node] - 1
            if not left:
                self.decide(node)

    def invariant_observed(self, node: NodeId, observation: Fingerprint | Unobservable) -> None:
        """What an invariant is now."""
        board = self.board
        if board.state[node] is not _WAITING:
            return  # the run was stopped meanwhile
        if isinstance(observation, Unobservable):
            board.unobservable[node] = observation.reason
            board.move(node, NodeState.FAILED)
            self.spread(node)
        else:
            board.fingerprint[node] = observation
            board.move(node, _OBSERVED)
            board.known.append(node)

    def arrive(self, node: NodeId) -> None:
        """A LAZY job's files are there again, or a LOAD's data is: for the jobs that are due because of it."""
        board = self.board
        for downstream in board.dag.downstreams(node):
            if board.state[downstream] is _DUE:
                board.lacking[downstream] -= 1
                board.dirty.append(downstream)

    def _publish(self) -> None:
        """Tell the jobs directly downstream of every fingerprint that has become known."""
        board = self.board
        dag, known, pending = board.dag, board.known, board.pending
        state, stale, record = board.state, board.stale, board.record
        job_ids, names_parts = dag.job_ids, dag.names_parts
        while known:
            upstream = known.popleft()
            job_id, fingerprint, is_there = (
                job_ids[upstream],
                board.fingerprint[upstream],
                board.present[upstream],
            )
            for downstream in dag.downstreams(upstream):
                its_state = state[downstream]
                if its_state is not _WAITING and its_state is not _DUE:
                    continue
                old = record[downstream]  # of a LOAD or GENERATOR there is none here: it would decide nothing
                if old is not None and not stale[downstream]:
                    if names_parts:
                        self.compare(upstream, downstream)
                    elif old.upstreams.get(job_id) != fingerprint:
                        self.learn_stale(downstream)
                if is_there and its_state is _DUE:
                    board.lacking[downstream] -= 1
                left = pending[downstream] = pending[downstream] - 1
                if not left:
                    self.decide(downstream)

    def compare(self, upstream: NodeId, downstream: NodeId) -> None:
        """Compare what the job consumed of a known upstream with what it would consume now."""
        board = self.board
        record = board.record[downstream]
        if record is None:
            return  # stale anyhow, or nothing that it consumes decides about it
        if board.dag.parts(upstream, downstream) is not None and board.below_generator[downstream]:
            return  # a generator may yet name more parts; `decide` compares once all of them are known
        if record.upstreams.get(board.dag.job_id(upstream)) != board.consumed(upstream, downstream):
            self.learn_stale(downstream)

    def decide(self, node: NodeId) -> None:
        """All upstreams are known: is the job clean?"""
        board = self.board
        kind = board.kinds[node]
        if board.stale[node]:
            board.dirty.append(node)
            return
        if kind is _LOAD:
            board.fingerprint[node] = combine(board.inputs(node).items())
        else:
            record = board.record[node]
            if record is None:
                raise InternalError(f"{board.dag.job_id(node)!r} has no record and is not stale")
            # Each upstream was compared when it became known, except parts that had to wait for a generator.
            if board.dag.names_parts:
                holds = dict(record.upstreams) == board.inputs(node)
            else:
                holds = len(record.upstreams) == board.upstream_count[node]
            if not holds:
                self.learn_stale(node)
                return
            board.fingerprint[node] = record.fingerprint
            if record.parts:
                board.parts[node] = record.parts
        board.known.append(node)
        if board.state[node] is _DUE:
            board.dirty.append(node)
            return
        board.move(node, _CLEAN)
        if kind is _OUTPUT:
            self.skipped.append(node)

    # -- due, started, blocked

    def must_run(self, node: NodeId) -> bool:
        """Whether the job is certain to run unless something upstream fails. For jobs that have not started."""
        board = self.board
        kind = board.dag.kind(node)
        if kind is _LAZY:
            if board.is_there(node):
                return False
            wanted = board.demand[node] or board.targeted[node]
            return bool(
                (wanted or board.needs[node]) if board.stale[node] else (wanted and board.absent[node])
            )
        if kind is _LOAD:
            wanted = board.demand[node] or (board.targeted[node] and not board.ran[node])
            return bool(wanted)
        return bool(board.stale[node])

    def _reconsider(self, node: NodeId) -> None:
        board = self.board
        state = board.state[node]
        if state not in _MAY_START or self.stopped:
            return
        if not self.must_run(node):
            if state is _DUE:
                self._withdraw(node)
            return
        if state is not _DUE:
            board.move(node, _DUE)
            board.lacking[node] = sum(not board.is_there(upstream) for upstream in board.lazy_upstreams(node))
        if board.lacking[node]:
            # A job that may still turn out clean has a fingerprint to give, even if it cannot be made (rule 2).
            if board.stale[node] or not board.pending[node]:
                for upstream in board.lazy_upstreams(node):
                    if board.cannot_be_there(upstream):
                        aborted = board.state[upstream] is NodeState.ABORTED
                        state = NodeState.ABORTED if aborted else NodeState.BLOCKED
                        self.collapse([node], board.causes.get(upstream, upstream), state)
                        return
        elif not board.pending[node]:
            board.ready.append(node)

    def _withdraw(self, node: NodeId) -> None:
        """Nobody asks for it any more."""
        board = self.board
        if board.fingerprint[node] is None:
            board.move(node, _WAITING)
        else:
            board.move(node, NodeState.CLEANED_UP if board.ran[node] else _CLEAN)

    def _start(self, node: NodeId) -> None:
        board = self.board
        if board.state[node] is not _DUE:
            return  # a failure, told in the same event, has changed that
        reasons = reasons_to_run(board, node)
        if not reasons:
            raise InternalError(f"{board.dag.job_id(node)!r} would start without a reason")
        board.reasons[node] = reasons
        board.move(node, NodeState.STARTED)
        self.effects.append(Start(node, reasons))

    def spread(self, node: NodeId, state: NodeState = NodeState.BLOCKED) -> None:
        """The job is out of play: block (or abort) what cannot do without it."""
        stack: list[NodeId] = []
        self._hit(node, stack)
        self.collapse(stack, node, state)

    def collapse(self, nodes: Sequence[NodeId], cause: NodeId, state: NodeState = NodeState.BLOCKED) -> None:
        """Block (or abort, or exclude) these undecided jobs, and everything that cannot do without them."""
        board = self.board
        stack = list(nodes)
        hit: list[NodeId] = []
        while stack:
            node = stack.pop()
            if board.state[node] is not _WAITING and board.state[node] is not _DUE:
                continue
            board.move(node, state)
            board.causes[node] = cause
            hit.append(node)
            self._hit(node, stack)
        if hit and state is NodeState.BLOCKED:
            self.effects.append(Block(tuple(sorted(hit)), cause))

    def _hit(self, node: NodeId, stack: list[NodeId]) -> None:
        """Who suffers if this job is out of play: everybody if its fingerprint is unknown, else who is due."""
        board = self.board
        for downstream in board.dag.downstreams(node):
            if board.fingerprint[node] is None:
                stack.append(downstream)
            elif board.state[downstream] is _DUE:
                board.dirty.append(downstream)

    # -- clean-up

    def _consider_clean_up(self, node: NodeId) -> None:
        board = self.board
        state = board.state[node]
        if (state is not _CLEAN and state is not _DONE) or not self.may_remove(node):
            return
        leftover = not board.ran[node]
        if leftover and (self.stopped or board.running_generators):
            board.clean_later.append(
                node
            )  # a generated job may want it, perhaps the one that it was kept for
            return
        self.remove(node)
        board.move(node, NodeState.CLEANED_UP)

    def may_remove(self, node: NodeId) -> bool:
        """Rule 8: whether what was there for the jobs directly downstream can go, because all are settled."""
        board = self.board
        if not board.present[node] or board.unsettled[node] or board.dag.keeps(node):
            return False
        if board.dag.kind(node) is _LOAD:
            return True
        went_wrong = (board.state[downstream] in _WENT_WRONG for downstream in board.dag.downstreams(node))
        return not board.targeted[node] and not any(went_wrong)

    def remove(self, node: NodeId) -> None:
        """Tell the driver to remove the files or the data."""
        self.board.present[node] = 0
        self.board.absent[node] = 1
        self.effects.append(CleanUp(node))
