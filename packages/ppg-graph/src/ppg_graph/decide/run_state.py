"""RunState: holds the facts of one run about its jobs, and the one method that moves a job between states.

All data lies in flat lists and bytearrays, indexed by node. `move` changes a state and keeps every count that
follows from states:

demand
    Number of jobs directly downstream that are DUE. A LAZY or LOAD job with demand must be there for them.
needs
    Number of jobs directly downstream that *count*. It is kept for jobs that are not a *source*. A source is
    an OUTPUT, a GENERATOR or a target: it is needed for its own sake. No failed, blocked, aborted or excluded
    job counts. Among the others a source always counts, and any other job counts if a job directly downstream
    of it counts. So `needs` is zero exactly if no job downstream, at any distance, can still use the job's
    content (rule 5). A settled OUTPUT still counts. That makes no difference. All its upstreams have a
    fingerprint, and `needs` only matters for jobs without one.
unsettled
    LOAD: number of jobs directly downstream that are not settled: they may still demand the data (rule 8). LAZY:
    number of those that have not released the files. An OUTPUT or GENERATOR is settled when it is clean, done, failed,
    blocked or excluded. A LAZY or LOAD job is settled when it is done, failed, blocked or excluded. Otherwise
    it is settled if three things hold. It is not DUE, STARTED or ABORTED. All jobs directly downstream are
    settled. If it is a target, it is there or was there.
unreleased
    Number of jobs directly downstream that have not *released* what the job reads. It is kept for LOAD jobs. A
    job releases it when it is settled. A LOAD also waits until the jobs directly downstream have released it,
    because another process may have to repeat the load.

Two more counts follow from fingerprints and files, not from states. `move` does not keep them:

pending
    Number of direct upstreams without a known fingerprint, plus one until the job's own files are observed.
missing_inputs
    Number of LAZY or LOAD jobs directly upstream that are not there. It is kept for DUE jobs.

A changed count can have consequences for other jobs. RunState puts these jobs on the list `recheck` or
`resettle_due`, and `Propagation` works the lists off.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterable, Mapping, Sequence

from ppg_graph.model.dag import Dag
from ppg_graph.model.ids import Fingerprint, JobId, NodeId, NodeKind
from ppg_graph.model.parts import is_pattern, part_fingerprint
from ppg_graph.model.reads import ABSENT, path_of_read
from ppg_graph.model.records import Record, combine
from ppg_graph.protocol.events import Files
from ppg_graph.protocol.reasons import Reason
from ppg_graph.protocol.states import LEGAL_BITS, NodeState

__all__ = ["InternalError", "RunState"]

# Module constants, because the look-up of an Enum member takes longer than most of its uses.
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
    """A claim of the decision core about itself does not hold: a bug in ppg_graph."""


class RunState:
    """RunState: holds the facts of one run about its jobs. The module docstring defines the counts."""

    __slots__ = (
        "absent",
        "awaited",
        "below_generator",
        "causes",
        "clean_later",
        "dag",
        "demand",
        "fingerprint",
        "forced",
        "has_lazy_upstream",
        "history",
        "is_lazy",
        "is_source",
        "kinds",
        "last",
        "missing_inputs",
        "needed_invariants",
        "needs",
        "parts",
        "patterns",
        "pending",
        "plain",
        "present",
        "problems",
        "pruned",
        "published",
        "ran",
        "reads",
        "reasons",
        "recheck",
        "record",
        "rejected_leftovers",
        "released",
        "removable",
        "resettle_due",
        "running_generators",
        "settled",
        "stale",
        "startable",
        "started",
        "state",
        "targeted",
        "unobservable",
        "unreleased",
        "unsettled",
        "upstream_count",
    )

    def __init__(self, dag: Dag, history: Mapping[JobId, Record]) -> None:
        self.dag: Dag = dag
        self.history: Mapping[JobId, Record] = history
        self.kinds: Sequence[NodeKind] = dag.kinds
        self.state: list[NodeState] = []
        self.fingerprint: list[Fingerprint | None] = []
        self.record: list[Record | None] = []
        """The record that may make the job clean. Only OUTPUT and LAZY jobs that take part have one."""
        self.upstream_count: list[int] = []
        self.pending: list[int] = []
        self.missing_inputs: list[int] = []
        self.demand: list[int] = []
        self.needs: list[int] = []
        self.unsettled: list[int] = []
        self.unreleased: list[int] = []
        self.is_lazy: bytearray = bytearray()
        """LAZY or LOAD: runs on demand."""
        self.is_source: bytearray = bytearray()
        """OUTPUT, GENERATOR, or a target: needed for its own sake."""
        self.has_lazy_upstream: bytearray = bytearray()
        """Has a LAZY or LOAD job directly upstream."""
        self.plain: bytearray = bytearray()
        """Neither lazy, nor with a lazy upstream, nor a generator: a move to WAITING or CLEAN changes no count."""
        self.below_generator: bytearray = bytearray()
        """Has a GENERATOR upstream, at any distance, which may add edges."""
        self.pruned: bytearray = bytearray()
        """Pruned, or downstream of a pruned job."""
        self.targeted: bytearray = bytearray()
        self.stale: bytearray = bytearray()
        """There is a reason why the record does not hold."""
        self.present: bytearray = bytearray()
        """LAZY: the files are there, and are those of the record or of this run. LOAD: the data is loaded."""
        self.absent: bytearray = bytearray()
        """LAZY: the files were observed to be missing or other than the record says, or were rejected or removed."""
        self.awaited: bytearray = bytearray()
        """An `Observe` effect names the job, and the driver has not answered yet."""
        self.ran: bytearray = bytearray()
        """Succeeded at least once in this run."""
        self.settled: bytearray = bytearray()
        self.released: bytearray = bytearray()
        self.parts: dict[NodeId, Mapping[str, Fingerprint]] = {}
        self.patterns: dict[tuple[NodeId, str], Fingerprint] = {}
        """Of each pattern that a job downstream depends on, because many jobs may name the same one."""
        self.forced: frozenset[NodeId] = frozenset()
        """OUTPUT and LAZY jobs with a record that does not hold in this run, because the user says so."""
        self.last: frozenset[NodeId] = frozenset()
        """Jobs with which the run ends: what lies downstream of them takes no part."""
        self.problems: dict[NodeId, Files] = {}
        self.unobservable: dict[NodeId, str] = {}
        self.rejected_leftovers: set[NodeId] = set()
        """LAZY jobs with leftover files that a started downstream job rejected."""
        self.reads: dict[NodeId, Mapping[JobId, Fingerprint]] = {}
        """What LAZY and LOAD jobs that ran have read, in the success that their fingerprint is from."""
        self.reasons: dict[NodeId, tuple[Reason, ...]] = {}
        self.causes: dict[NodeId, NodeId] = {}
        self.running_generators: int = 0
        self.started: int = 0
        self.published: deque[NodeId] = deque()
        """Jobs with a new fingerprint that is not yet compared with the records downstream."""
        self.recheck: deque[NodeId] = deque()
        """Jobs that may have become due, startable or blocked, or stopped being due."""
        self.startable: deque[NodeId] = deque()
        """Due jobs with all their inputs."""
        self.resettle_due: deque[NodeId] = deque()
        """Jobs that may have become settled or unsettled."""
        self.removable: deque[NodeId] = deque()
        """LAZY and LOAD jobs with files or data that may have to be removed."""
        self.needed_invariants: list[NodeId] = []
        self.clean_later: list[NodeId] = []
        """Jobs with leftover files that stay until all generators have run."""

    def grow(self) -> range:
        """Make room for the graph's new nodes and return them. They are EXCLUDED until they are enrolled."""
        old, new = len(self.state), len(self.dag)
        count = new - old
        self.state += [NodeState.EXCLUDED] * count
        self.fingerprint += [None] * count
        self.record += [None] * count
        for numbers in (
            self.upstream_count,
            self.pending,
            self.missing_inputs,
            self.demand,
            self.needs,
            self.unsettled,
            self.unreleased,
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
            self.has_lazy_upstream,
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
        self.released += b"\1" * count
        return range(old, new)

    # -- questions

    def lazy_upstreams(self, node: NodeId) -> list[NodeId]:
        """LAZY and LOAD jobs directly upstream."""
        if not self.has_lazy_upstream[node]:
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
        """Whether this job can no longer demand the jobs directly upstream of it."""
        state = self.state[node]
        if state in _SETTLED:
            return True
        if not self.is_lazy[node]:
            return state is _CLEAN
        if self.targeted[node] and not (state is NodeState.CLEANED_UP or self.is_there(node)):
            return False
        return not self.unsettled[node] and state not in _NEVER_SETTLED

    def is_released(self, node: NodeId) -> bool:
        """Whether neither this job nor a repetition of it can need the files of the jobs directly upstream."""
        return self.is_settled(node) and not (self.kinds[node] is _LOAD and self.unreleased[node])

    def cannot_be_there(self, node: NodeId) -> bool:
        """Whether this LAZY or LOAD job failed or was blocked, although its fingerprint may be known."""
        return self.state[node] in _OUT_OF_PLAY

    def consumed(self, upstream: NodeId, downstream: NodeId) -> Fingerprint:
        """Fingerprint of what `downstream` consumes of `upstream`. Raises InternalError if it is unknown."""
        fingerprint = self.fingerprint[upstream]
        if fingerprint is None:
            raise InternalError(f"{self.dag.job_id(upstream)!r} is not known yet")
        names = self.dag.parts(upstream, downstream)
        if names is None:
            return fingerprint
        return combine((name, self.part(upstream, name)) for name in names)

    def part(self, upstream: NodeId, name: str) -> Fingerprint:
        """Fingerprint of one file of a job, or of those that a pattern matches. Raises KeyError if it has no such part."""
        parts = self.parts.get(upstream, {})
        if not is_pattern(name):
            return parts[name]
        known = self.patterns.get((upstream, name))
        if known is None:
            known = self.patterns[upstream, name] = part_fingerprint(parts, name)
        return known

    def inputs(self, node: NodeId) -> dict[JobId, Fingerprint]:
        """Fingerprints that the job consumes, by job id. Those of all its upstreams must be known."""
        job_ids = self.dag.job_ids
        return {job_ids[upstream]: self.consumed(upstream, node) for upstream in self.dag.upstreams(node)}

    def made_for(self, read: NodeId) -> Fingerprint | None:
        """Fingerprint of the file that a read stands for, as a job upstream of it made it; None if none makes it."""
        for upstream in self.dag.upstreams(read):
            if self.kinds[upstream] is not _GENERATOR:
                path, maker = path_of_read(self.dag.job_id(read)), self.dag.job_id(upstream)
                # A file in a folder that a job makes need not be there. Of a folder in it, all counts.
                parts = self.parts.get(upstream, {})
                in_folder = path.startswith(f"{maker}/")
                return parts.get(path, ABSENT if in_folder else self.fingerprint[upstream])
        return None

    # -- the one function that changes a state, and what follows from it

    def move(self, node: NodeId, new: NodeState) -> None:
        """Change the state of a job, and every count that depends on the state."""
        old = self.state[node]
        if not LEGAL_BITS[old] >> new & 1:
            raise InternalError(f"{self.dag.job_id(node)!r} cannot move from {old.name} to {new.name}")
        if self.plain[node] and (new is _CLEAN or new is _WAITING):
            self.state[node] = new
            return  # the usual cases change no count
        if new in _OUT_OF_PLAY and self.counts(node):
            self._change_needs(self.dag.upstreams(node), -1)
        self.state[node] = new
        self.started += (new is _STARTED) - (old is _STARTED)
        if self.kinds[node] is _GENERATOR:
            self._count_generator(old, new)
        if (old is _DUE) is not (new is _DUE):
            self._change_demand(node, 1 if new is _DUE else -1)
        if self.has_lazy_upstream[node] or self.is_lazy[node]:
            self.resettle_due.append(node)

    def enroll(self, nodes: Collection[NodeId]) -> None:
        """Move these EXCLUDED jobs to WAITING, and count the edges into them."""
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
        """Count edges from these upstreams into a job, as far as it may still demand files or data."""
        for upstream in upstreams:
            if self.is_lazy[upstream]:
                if not self.has_lazy_upstream[node]:
                    self.has_lazy_upstream[node] = 1
                    self.plain[node] = 0
                    self.settled[node] = self.is_settled(node)  # not updated before
                    self.released[node] = self.is_released(node)
                if self.kinds[upstream] is _LOAD:
                    self.unsettled[upstream] += not self.settled[node]
                    self.unreleased[upstream] += not self.released[node]
                else:
                    self.unsettled[upstream] += not self.released[node]
                self.resettle_due.append(upstream)

    def join(self, node: NodeId, upstreams: Collection[NodeId]) -> None:
        """Count new edges into a job that takes part already. These upstreams are pending until `Admission.meet`."""
        self.upstream_count[node] += len(upstreams)
        self.pending[node] += len(upstreams)
        if self.counts(node):
            self._change_needs(upstreams, 1)
        self.attach(node, upstreams)

    def _count_generator(self, old: NodeState, new: NodeState) -> None:
        self.running_generators += (new in _UNFINISHED) - (old in _UNFINISHED)
        if not self.running_generators:
            self.resettle_due.extend(self.clean_later)
            self.clean_later.clear()

    def _change_demand(self, node: NodeId, change: int) -> None:
        demand = self.demand
        for upstream in self.lazy_upstreams(node):
            demand[upstream] += change
            if demand[upstream] == (change == 1):  # the first demand came, or the last one went
                self.recheck.append(upstream)

    def _change_needs(self, upstreams: Collection[NodeId], change: int) -> None:
        """Add 1 or -1 to the `needs` of these jobs, and of jobs further upstream that start or stop to count."""
        needs, state, is_source = self.needs, self.state, self.is_source
        stack = [upstreams]
        while stack:
            for upstream in stack.pop():
                if is_source[upstream]:
                    continue
                needs[upstream] += change
                if needs[upstream] != (change == 1):
                    continue
                # Only the first need or the loss of the last one has consequences further upstream.
                if state[upstream] in _OUT_OF_PLAY:
                    continue
                if self.is_lazy[upstream]:
                    self.recheck.append(upstream)
                    stack.append(self.dag.upstreams(upstream))
                elif change == 1:
                    self.needed_invariants.append(upstream)

    def resettle(self, node: NodeId) -> None:
        """Recompute whether the job is settled and has released its inputs, and update the counts directly upstream."""
        if self.is_lazy[node]:
            self.removable.append(node)
        settled, released = self.is_settled(node), self.is_released(node)
        of_settled, of_released = settled - self.settled[node], released - self.released[node]
        if not of_settled and not of_released:
            return
        self.settled[node], self.released[node] = settled, released
        kinds, unsettled, unreleased = self.kinds, self.unsettled, self.unreleased
        for upstream in self.lazy_upstreams(node):
            if kinds[upstream] is _LOAD:
                _change(unreleased, upstream, -of_released, self.resettle_due)
                _change(unsettled, upstream, -of_settled, self.resettle_due)
            else:
                _change(unsettled, upstream, -of_released, self.resettle_due)


def _change(counts: list[int], node: NodeId, change: int, changed: deque[NodeId]) -> None:
    """Change a count by 1, 0 or -1; the first one and the loss of the last one have consequences."""
    if change:
        counts[node] += change
        if counts[node] == (change == 1):
            changed.append(node)
