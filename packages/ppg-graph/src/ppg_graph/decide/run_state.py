"""The board: everything that one run knows about its jobs, and the one function that moves a job.

Flat lists and bytearrays, indexed by node. `move` changes a state and keeps every count that follows from states:

demand
    How many jobs directly downstream are DUE. A LAZY or LOAD job with demand has to be there for them.
needs
    For jobs that are no *source* (an OUTPUT, a GENERATOR or a target, needed for its own sake): how many jobs directly
    downstream *count*. A source counts, unless it failed, is blocked, aborted or excluded; any other job counts if it
    is not, and something counts directly downstream of it. So `needs` is zero exactly if nothing downstream, at any
    distance, can still profit from the job's content (rule 5). A settled OUTPUT still counts; that makes no
    difference, because it knew all its upstreams, and `needs` only matters for jobs whose fingerprint is unknown.
unsettled
    For LAZY and LOAD jobs: how many jobs directly downstream are not settled, that is, may still ask for the
    files or the data (rule 8). An OUTPUT or GENERATOR is settled when it is clean, done, failed, blocked or excluded. A
    LAZY or LOAD job is settled when it is done, failed, blocked or excluded, or rests and nothing unsettled is
    directly downstream (and, if it is a target, it is or was there).

Two more counts are about facts, and the evaluator keeps them:

pending
    How many direct upstreams have no known fingerprint, plus one while the job's own files are to be looked at.
lacking
    For DUE jobs: how many LAZY or LOAD jobs directly upstream are not there.

A change of a count may change what has to happen elsewhere; such jobs are put on the `dirty` or `shaken` list, and
the evaluator works these lists off.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterable, Mapping, Sequence

from ppg_graph.model.dag import Dag
from ppg_graph.model.ids import Fingerprint, JobId, NodeId, NodeKind
from ppg_graph.model.records import Record, combine
from ppg_graph.protocol.events import Files
from ppg_graph.protocol.reasons import Reason
from ppg_graph.protocol.states import LEGAL_BITS, NodeState

__all__ = ["Board", "InternalError"]

# Module constants, since looking up the member of an Enum takes longer than most of what is done with it.
_LAZY, _LOAD, _GENERATOR = NodeKind.LAZY, NodeKind.LOAD, NodeKind.GENERATOR
_INVARIANT, _OUTPUT = NodeKind.INVARIANT, NodeKind.OUTPUT
_WAITING, _DUE, _STARTED, _CLEAN, _DONE = (
    NodeState.WAITING,
    NodeState.DUE,
    NodeState.STARTED,
    NodeState.CLEAN,
    NodeState.DONE,
)
_OUT_OF_PLAY = frozenset({NodeState.EXCLUDED, NodeState.FAILED, NodeState.BLOCKED, NodeState.ABORTED})
_SETTLED = frozenset({NodeState.EXCLUDED, NodeState.FAILED, NodeState.BLOCKED, NodeState.DONE})
_UNFINISHED = frozenset({_WAITING, _DUE, _STARTED})
_NEVER_SETTLED = frozenset({_DUE, _STARTED, NodeState.ABORTED})


class InternalError(Exception):
    """A claim that the decision core makes about itself does not hold. This is a bug in ppg_graph."""


class Board:
    """What one run knows about its jobs. See the module for the counts."""

    __slots__ = (
        "absent",
        "awaited",
        "below_generator",
        "beside_lazy",
        "causes",
        "clean_later",
        "dag",
        "demand",
        "dirty",
        "fingerprint",
        "history",
        "is_lazy",
        "is_source",
        "kinds",
        "known",
        "lacking",
        "needed_invariants",
        "needs",
        "parts",
        "pending",
        "plain",
        "present",
        "problems",
        "pruned",
        "quiet",
        "ran",
        "ready",
        "reasons",
        "record",
        "running_generators",
        "settled",
        "shaken",
        "stale",
        "started",
        "state",
        "targeted",
        "unobservable",
        "unsettled",
        "unusable",
        "upstream_count",
    )

    def __init__(self, dag: Dag, history: Mapping[JobId, Record]) -> None:
        self.dag: Dag = dag
        self.history: Mapping[JobId, Record] = history
        self.kinds: Sequence[NodeKind] = dag.kinds
        self.state: list[NodeState] = []
        self.fingerprint: list[Fingerprint | None] = []
        self.record: list[Record | None] = []
        """The record that may make the job clean: only of OUTPUT and LAZY jobs that take part."""
        self.upstream_count: list[int] = []
        self.pending: list[int] = []
        self.lacking: list[int] = []
        self.demand: list[int] = []
        self.needs: list[int] = []
        self.unsettled: list[int] = []
        self.is_lazy: bytearray = bytearray()
        """LAZY or LOAD: on demand."""
        self.is_source: bytearray = bytearray()
        """OUTPUT, GENERATOR, or a target: needed for its own sake."""
        self.beside_lazy: bytearray = bytearray()
        """Has a LAZY or LOAD job directly upstream."""
        self.plain: bytearray = bytearray()
        """Neither lazy, nor beside a lazy job, nor a generator: becoming WAITING or CLEAN changes no count."""
        self.below_generator: bytearray = bytearray()
        """Has a GENERATOR upstream, at any distance: more edges may come."""
        self.pruned: bytearray = bytearray()
        """Pruned, or downstream of a pruned job."""
        self.targeted: bytearray = bytearray()
        self.stale: bytearray = bytearray()
        """A reason is known why the record does not hold."""
        self.present: bytearray = bytearray()
        """LAZY: files are there that the record or this run vouches for. LOAD: loaded."""
        self.absent: bytearray = bytearray()
        """LAZY: it is known that the files are not there or not what the record says."""
        self.awaited: bytearray = bytearray()
        """The driver has been asked to observe it, and has not answered."""
        self.ran: bytearray = bytearray()
        """Succeeded at least once in this run."""
        self.settled: bytearray = bytearray()
        self.parts: dict[NodeId, Mapping[str, Fingerprint]] = {}
        self.problems: dict[NodeId, Files] = {}
        self.unobservable: dict[NodeId, str] = {}
        self.unusable: set[NodeId] = set()
        """LAZY jobs of which an earlier run had left files that are no good, as somebody found who was started."""
        self.reasons: dict[NodeId, tuple[Reason, ...]] = {}
        self.causes: dict[NodeId, NodeId] = {}
        self.running_generators: int = 0
        self.started: int = 0
        self.known: deque[NodeId] = deque()
        """Fingerprints that downstream jobs have not been told yet."""
        self.dirty: deque[NodeId] = deque()
        """Jobs that may have become due, undue, startable or blocked."""
        self.ready: deque[NodeId] = deque()
        """Due jobs that miss nothing."""
        self.shaken: deque[NodeId] = deque()
        """Jobs that may have become settled or unsettled."""
        self.quiet: deque[NodeId] = deque()
        """LAZY and LOAD jobs that may have to be cleaned up."""
        self.needed_invariants: list[NodeId] = []
        self.clean_later: list[NodeId] = []
        """Leftovers that are not removed before all generators have run."""

    def grow(self) -> range:
        """Make room for the nodes that the graph has gained; they are EXCLUDED until they are enrolled."""
        old, new = len(self.state), len(self.dag)
        count = new - old
        self.state += [NodeState.EXCLUDED] * count
        self.fingerprint += [None] * count
        self.record += [None] * count
        for numbers in (
            self.upstream_count,
            self.pending,
            self.lacking,
            self.demand,
            self.needs,
            self.unsettled,
        ):
            numbers.extend([0] * count)
        zeros = bytes(count)
        kinds = self.kinds[old:]
        lazy = (
            bytes([kind is _LAZY or kind is _LOAD for kind in kinds])
            if _LAZY in kinds or _LOAD in kinds
            else zeros
        )
        source = bytes([kind is _OUTPUT or kind is _GENERATOR for kind in kinds])
        self.is_lazy += lazy
        self.is_source += source
        self.plain += bytes([kind is _OUTPUT or kind is _INVARIANT for kind in kinds])
        for flags in (
            self.beside_lazy,
            self.below_generator,
            self.pruned,
            self.targeted,
            self.stale,
            self.present,
            self.absent,
            self.awaited,
            self.ran,
        ):
            flags.extend(zeros)
        self.settled += b"\1" * count
        return range(old, new)

    # -- questions

    def lazy_upstreams(self, node: NodeId) -> list[NodeId]:
        """The LAZY and LOAD jobs directly upstream."""
        if not self.beside_lazy[node]:
            return []
        is_lazy = self.is_lazy
        return [upstream for upstream in self.dag.upstreams(node) if is_lazy[upstream]]

    def is_there(self, node: NodeId) -> bool:
        """Whether a LAZY job's files can be used, or a LOAD's data is loaded."""
        return bool(self.present[node]) and self.fingerprint[node] is not None

    def counts(self, node: NodeId) -> bool:
        """Whether this job makes the jobs directly upstream of it needed."""
        return self.state[node] not in _OUT_OF_PLAY and bool(self.is_source[node] or self.needs[node])

    def is_settled(self, node: NodeId) -> bool:
        """Whether this job can no longer ask for what is directly upstream of it."""
        state = self.state[node]
        if state in _SETTLED:
            return True
        if not self.is_lazy[node]:
            return state is _CLEAN
        if self.targeted[node] and not (state is NodeState.CLEANED_UP or self.is_there(node)):
            return False
        return not self.unsettled[node] and state not in _NEVER_SETTLED

    def cannot_be_there(self, node: NodeId) -> bool:
        """Whether this LAZY or LOAD job failed or was blocked, although its fingerprint may be known."""
        return self.state[node] in _OUT_OF_PLAY

    def consumed(self, upstream: NodeId, downstream: NodeId) -> Fingerprint:
        """The fingerprint of what `downstream` takes from `upstream`, which must be known."""
        fingerprint = self.fingerprint[upstream]
        if fingerprint is None:
            raise InternalError(f"{self.dag.job_id(upstream)!r} is not known yet")
        names = self.dag.parts(upstream, downstream)
        if names is None:
            return fingerprint
        parts = self.parts[upstream]
        return combine((name, parts[name]) for name in names)

    def inputs(self, node: NodeId) -> dict[JobId, Fingerprint]:
        """What the job consumes, by job id; all of its upstreams must be known."""
        job_ids = self.dag.job_ids
        return {job_ids[upstream]: self.consumed(upstream, node) for upstream in self.dag.upstreams(node)}

    # -- the one function that changes a state, and what follows from it

    def move(self, node: NodeId, new: NodeState) -> None:
        """Change the state of a job, and every count that depends on it."""
        old = self.state[node]
        if not LEGAL_BITS[old] >> new & 1:
            raise InternalError(f"{self.dag.job_id(node)!r} cannot move from {old.name} to {new.name}")
        if self.plain[node] and (new is _CLEAN or new is _WAITING):
            self.state[node] = new
            return  # the usual cases, and they change no count
        if new in _OUT_OF_PLAY and self.counts(node):
            self._change_needs(self.dag.upstreams(node), -1)
        self.state[node] = new
        self.started += (new is _STARTED) - (old is _STARTED)
        if self.kinds[node] is _GENERATOR:
            self._count_generator(old, new)
        if (old is _DUE) is not (new is _DUE):
            self._change_demand(node, 1 if new is _DUE else -1)
        if self.beside_lazy[node] or self.is_lazy[node]:
            self.shaken.append(node)

    def enroll(self, nodes: Collection[NodeId]) -> None:
        """Let these EXCLUDED jobs take part from now on, and count the edges into them."""
        move, upstream_count = self.move, self.upstream_count
        needs, is_lazy, is_source = self.needs, self.is_lazy, self.is_source
        for node, upstreams in zip(nodes, self.dag.upstreams_of_each(nodes), strict=True):
            move(node, _WAITING)
            upstream_count[node] = len(upstreams)
            if not is_source[node] and not needs[node]:
                self.attach(node, upstreams)
                continue
            for upstream in upstreams:
                if is_lazy[upstream]:
                    self.attach(node, (upstream,))
                    self._change_needs((upstream,), 1)
                elif not is_source[upstream]:
                    needs[upstream] += 1
                    if needs[upstream] == 1:
                        self.needed_invariants.append(upstream)

    def attach(self, node: NodeId, upstreams: Iterable[NodeId]) -> None:
        """Count edges from these upstreams into a job, as far as it may still ask for files or data."""
        for upstream in upstreams:
            if self.is_lazy[upstream]:
                if not self.beside_lazy[node]:
                    self.beside_lazy[node] = 1
                    self.plain[node] = 0
                    self.settled[node] = self.is_settled(node)  # nobody kept it up to date before
                self.unsettled[upstream] += not self.settled[node]
                self.shaken.append(upstream)

    def join(self, node: NodeId, upstreams: Collection[NodeId]) -> None:
        """Count new edges into a job that takes part already; all of these upstreams are pending until it meets them."""
        self.upstream_count[node] += len(upstreams)
        self.pending[node] += len(upstreams)
        if self.counts(node):
            self._change_needs(upstreams, 1)
        self.attach(node, upstreams)

    def _count_generator(self, old: NodeState, new: NodeState) -> None:
        self.running_generators += (new in _UNFINISHED) - (old in _UNFINISHED)
        if not self.running_generators:
            self.shaken.extend(self.clean_later)
            self.clean_later.clear()

    def _change_demand(self, node: NodeId, change: int) -> None:
        demand = self.demand
        for upstream in self.lazy_upstreams(node):
            demand[upstream] += change
            if demand[upstream] == (change == 1):  # it has begun, or ceased, to be demanded
                self.dirty.append(upstream)

    def _change_needs(self, upstreams: Collection[NodeId], change: int) -> None:
        """Tell upstream jobs that one more, or one less, job directly downstream counts."""
        needs, state, is_source = self.needs, self.state, self.is_source
        stack = [upstreams]
        while stack:
            for upstream in stack.pop():
                if is_source[upstream]:
                    continue
                needs[upstream] += change
                if needs[upstream] != (change == 1):
                    continue
                # it has begun, or ceased, to be needed at all
                if state[upstream] in _OUT_OF_PLAY:
                    continue
                if self.is_lazy[upstream]:
                    self.dirty.append(upstream)
                    stack.append(self.dag.upstreams(upstream))
                elif change == 1:
                    self.needed_invariants.append(upstream)

    def resettle(self, node: NodeId) -> None:
        """Recompute whether the job is settled, and tell the LAZY and LOAD jobs directly upstream."""
        if self.is_lazy[node]:
            self.quiet.append(node)
        settled = self.is_settled(node)
        if settled == self.settled[node]:
            return
        self.settled[node] = settled
        unsettled = self.unsettled
        for upstream in self.lazy_upstreams(node):
            unsettled[upstream] += -1 if settled else 1
            if unsettled[upstream] == (not settled):
                self.shaken.append(upstream)
