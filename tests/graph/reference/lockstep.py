"""One run of a script in the small world, decided by the real evaluator and by the reference in lockstep.

Both get the same events in the same order. After each one they must want the same: what starts, is removed, is
committed, forgotten, blocked and skipped. The run itself is checked against the world: a job that runs finds its
inputs, every reason that it was given is true, and the run ends.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from ppg_graph import (
    Cancelled,
    CleanUp,
    Commit,
    Dag,
    Effect,
    Evaluator,
    Failed,
    Files,
    FileStatus,
    Fingerprint,
    Forget,
    Generated,
    JobId,
    NewEdge,
    NewJob,
    NodeId,
    NodeKind,
    Observation,
    Observed,
    Record,
    Stopped,
    Succeeded,
    Unobservable,
)
from tests.graph.reference.evaluator import Reference
from tests.graph.reference.facts import INTACT, Past, Step, path_read
from tests.graph.reference.front import READERS, read_edges, read_edges_of_generated
from tests.graph.reference.wanted import Wanted, Wrong, is_true
from tests.graph.reference.world import Content, Entry, Script, State, junk, part_of, parts_of

__all__ = ["Disagreement", "Outcome", "Schedule", "Wrong", "run"]

Order = Literal["first in", "last in"]


class Disagreement(Wrong):
    """The real evaluator and the reference want different things."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """Which of the running jobs ends next, which jobs fail, and how the run is cut short.

    `dies_after` counts changes of the disk and the store: the run is killed before the next one. `stops_after`
    counts jobs that have ended; of those that still run then, every second one has not begun yet.
    """

    order: Order = "first in"
    failing: frozenset[str] = frozenset()
    dies_after: int | None = None
    stops_after: int | None = None


@dataclass(slots=True)
class Outcome:
    """What a run did, and what it left."""

    state: State
    started: list[str] = field(default_factory=list)
    succeeded: set[str] = field(default_factory=set)
    failed: set[str] = field(default_factory=set)
    blocked: set[str] = field(default_factory=set)
    clean: set[str] = field(default_factory=set)
    skipped: set[str] = field(default_factory=set)
    excluded: set[str] = field(default_factory=set)
    unordered: set[str] = field(default_factory=set)  # read what a job makes, and need not have waited for it
    committed: set[str] = field(default_factory=set)
    kinds: Mapping[str, str] = field(default_factory=dict)
    events: int = 0
    changes: int = 0
    was_cut_short: bool = False
    was_concurrent: bool = False
    was_rejected: bool = False


class _Killed(Exception):
    """The mcp is gone."""


# Prints that each side derives in its own way must be equal on one side exactly when they are on the other.
_real_of: dict[Hashable, Fingerprint] = {}
_reference_of: dict[Fingerprint, Hashable] = {}


def _same_print(real: Fingerprint, reference: Hashable) -> bool:
    return (
        _real_of.setdefault(reference, real) == real
        and _reference_of.setdefault(real, reference) == reference
    )


def run(state: State, script: Script, schedule: Schedule, *, check: bool = False) -> Outcome:
    """Run `script` on what earlier runs left, and give what is there afterwards."""
    return _Lockstep(state, script, schedule, check).run()


class _Lockstep:
    def __init__(self, state: State, script: Script, schedule: Schedule, check: bool) -> None:
        self.script, self.schedule = script, schedule
        self.disk = dict(state.disk)
        self.store = dict(state.store)
        self.loaded: dict[str, Content] = {}
        self.running: list[str] = []
        self.kinds = dict(script.kinds)
        self.all_kinds, _ = script.everything
        self.out = Outcome(state, kinds=self.kinds)
        self.ups: dict[str, list[tuple[str, str | None]]] = {job: [] for job in self.kinds}
        """What was declared."""
        self.dag = Dag()
        edges: dict[tuple[str, str], frozenset[str] | None] = {}
        through_reads = read_edges(script, state.store)
        for read in (end for edge in through_reads for end in edge):
            self.kinds.setdefault(read, "INVARIANT")
        for job, kind in self.kinds.items():
            self.dag.add_node(JobId(job), NodeKind[kind])
        for up, down in through_reads:
            self.dag.add_edge(self.dag.node(JobId(up)), self.dag.node(JobId(down)))
            edges[up, down] = None
        for up, down, part in script.edges:
            self.dag.add_edge(self.dag.node(JobId(up)), self.dag.node(JobId(down)), part=part)
            self.ups[down].append((up, part))
            self._widen(edges, up, down, part)
        self.real = Evaluator(
            self.dag,
            {JobId(job): entry.record for job, entry in state.store.items()},
            pruned=[self.dag.node(JobId(job)) for job in script.pruned],
            targets=None if script.targets is None else [self.dag.node(JobId(j)) for j in script.targets],
            until=[self.dag.node(JobId(job)) for job in script.until],
            forced=[self.dag.node(JobId(job)) for job in script.forced],
            check=check,
        )
        self.reference = Reference(
            self.kinds,
            edges,
            {job: entry.past for job, entry in state.store.items()},
            self._look,
            pruned=script.pruned,
            targets=script.targets,
            until=script.until,
            forced=script.forced,
            patient=bool(script.reads),
        )
        self.out.excluded = self.reference.excluded

    @staticmethod
    def _widen(
        edges: dict[tuple[str, str], frozenset[str] | None], up: str, down: str, part: str | None
    ) -> None:
        before = edges.get((up, down), frozenset())
        edges[up, down] = None if part is None or before is None else before | {part}

    # --- the run ----------------------------------------------------------------------------------------------

    def run(self) -> Outcome:
        try:
            self._both(self.real.start(), self.reference.start())
            ended = 0
            while self.running:
                if ended == self.schedule.stops_after:
                    self._stop()
                    break
                job = self.running.pop(0 if self.schedule.order == "first in" else -1)
                self._end(job)
                ended += 1
            if not self.real.finished:
                raise Wrong("nothing runs, and the run does not end")
            self._check_the_end()
        except _Killed:
            self.out.was_cut_short = True
            for job in self.running:
                if self.kinds[job] in ("OUTPUT", "LAZY"):
                    self.disk[job] = junk(job)
        is_honest = self.out.state.is_honest and not self.script.restless
        self.out.state = State(self.disk, self.store, is_honest)
        return self.out

    def _stop(self) -> None:
        self.out.was_cut_short = True
        self._both(self.real.handle(Stopped()), self.reference.stop())
        for index, job in enumerate(list(self.running)):
            self.running.remove(job)
            if index % 2:
                event = Cancelled(self.dag.node(JobId(job)))
                self._both(self.real.handle(event), self.reference.did_not_begin(job))
            else:
                self._end(job)
            if self.running and self.running[-1] not in self.reference.running:
                raise Wrong(f"{self.running[-1]} started after the run was stopped")

    def _end(self, job: str) -> None:
        """`job` comes to its end: well, or not."""
        self.out.events += 1
        self._check_inputs(job)
        node = self.dag.node(JobId(job))
        kind = self.kinds[job]
        if job in self.schedule.failing:
            self.out.failed.add(job)
            if kind in ("OUTPUT", "LAZY"):
                self._change()
                self.disk.pop(job, None)
            self._both(self.real.handle(Failed(node)), self.reference.did_fail(job))
            return
        if kind == "GENERATOR":
            self._extend(job, node)
            return
        content = self.script.content(job, self._inputs(job))
        paths = self._read_by(job)
        reads = {f"read://{path}": self.script.print_of_read(path, self.disk) for path in paths}
        if kind == "LOAD":
            self.loaded[job] = content
        else:
            self._change()
            self.disk[job] = content
        self.out.succeeded.add(job)
        has_parts = any(up == job and part is not None for up, _, part in self._all_edges())
        given = {name: Fingerprint(value) for name, value in parts_of(content).items()} if has_parts else {}
        event = Succeeded(
            node,
            Fingerprint(content),
            given,
            {JobId(read): Fingerprint(seen) for read, seen in reads.items()},
        )
        self._both(self.real.handle(event), self.reference.succeeded(job, content, given, reads))

    def _extend(self, job: str, node: NodeId) -> None:
        extension = self.script.extension(job)
        kinds = dict(extension.kinds)
        through_reads = read_edges_of_generated(
            self.script, self.store, job, self.kinds, self.reference.edges.keys()
        )
        for read in (end for edge in through_reads for end in edge):
            if read not in self.kinds:
                kinds.setdefault(read, "INVARIANT")
        new_edges = (*extension.edges, *((up, down, None) for up, down in through_reads))
        event = Generated(
            node,
            Fingerprint(extension.fingerprint),
            tuple(NewJob(JobId(new), NodeKind[kind]) for new, kind in kinds.items()),
            tuple(NewEdge(JobId(up), JobId(down), part) for up, down, part in new_edges),
        )
        edges: dict[tuple[str, str], frozenset[str] | None] = {}
        for up, down, part in new_edges:
            self._widen(edges, up, down, part)
        step = self.reference.generated(job, extension.fingerprint, kinds, edges)
        if step.rejected:
            self.out.was_rejected = True
            self.out.failed.add(job)
        else:
            self.out.succeeded.add(job)
            self.kinds |= kinds
            self.ups |= {new: [] for new in kinds}
            for up, down, part in extension.edges:
                if (up, part) not in self.ups[down]:
                    self.ups[down].append((up, part))
        self._both(self.real.handle(event), step, rejected=step.rejected)
        self.out.excluded = self.reference.excluded

    def _all_edges(self) -> list[tuple[str, str, str | None]]:
        edges = list(self.script.edges)
        for extension in self.script.extensions.values():
            edges += extension.edges
        return edges

    # --- the world --------------------------------------------------------------------------------------------

    def _look(self, job: str) -> Hashable:
        """The reference's eyes."""
        path = path_read(job)
        if path is not None:
            return self.script.print_of_read(path, self.disk)
        if self.all_kinds[job] == "INVARIANT":
            return self.script.fingerprint(job)
        return INTACT if self.disk.get(job) == self.store[job].file else "not intact"

    def _observe(self, job: str) -> Observation:
        """The real evaluator's eyes."""
        path = path_read(job)
        if path is not None:
            return Fingerprint(self.script.print_of_read(path, self.disk))
        if self.all_kinds[job] == "INVARIANT":
            fingerprint = self.script.fingerprint(job)
            return Unobservable("gone") if fingerprint is None else Fingerprint(fingerprint)
        if self.all_kinds[job] not in ("OUTPUT", "LAZY") or job not in self.store:
            raise Wrong(f"there is nothing to observe of {job}")
        found = self.disk.get(job)
        if found == self.store[job].file:
            return Files(FileStatus.INTACT, ())
        status = (
            FileStatus.MISSING if found is None else FileStatus.EMPTY if not found else FileStatus.CHANGED
        )
        return Files(status, (job,))

    def _inputs(self, job: str) -> dict[tuple[str, str], Content]:
        inputs = {}
        for up, part in self.ups[job]:
            if self.kinds[up] == "INVARIANT":
                inputs[up, ""] = self.script.effect(up)
            elif self.kinds[up] == "GENERATOR":
                inputs[up, ""] = self.script.extension(up).fingerprint
            elif self.kinds[up] == "LOAD":
                inputs[up, ""] = self.loaded[up]
            else:
                inputs[up, part or ""] = part_of(self.disk[up], part)
        for path in self._read_by(job):
            inputs[path, ""] = self.script.read_of(path, self.disk)
        return inputs

    def _check_inputs(self, job: str) -> None:
        """A running job has everything that it reads: made, present, loaded."""
        for up, _ in self.ups[job]:
            kind = self.kinds[up]
            if kind in ("OUTPUT", "LAZY") and up not in self.disk:
                raise Wrong(f"{job} runs, and the file of {up} is not there")
            if kind == "LOAD" and up not in self.loaded:
                raise Wrong(f"{job} runs, and {up} is not loaded")
            if up in self.running:
                raise Wrong(f"{job} runs, and {up} still runs")
        for path in self._read_by(job):
            if path in self.running and self._is_followed(path, job):
                raise Wrong(f"{job} runs, and {path}, which it read, still runs")

    def _read_by(self, job: str) -> list[str]:
        """What the job reads and has no edge to."""
        declared = {up for up, _ in self.ups[job]} if self.script.reads else set()
        return [path for path, reader in self.script.reads if reader == job and path not in declared]

    def _is_followed(self, path: str, job: str) -> bool:
        """Does the graph know that the job reads what this job makes?"""
        read = f"read://{path}"
        return {(path, read), (read, job)} <= self.reference.edges.keys()

    def _change(self) -> None:
        if self.out.changes == self.schedule.dies_after:
            raise _Killed
        self.out.changes += 1

    # --- both sides -------------------------------------------------------------------------------------------

    def _both(self, effects: list[Effect], step: Step, *, rejected: bool = False) -> None:
        """Compare what both want, then do it."""
        wanted = Wanted(self.dag)
        wanted.take(effects)
        if not wanted.observations:
            step.add(self.reference.observe())
        now = self.reference.now
        self._compare("start", set(wanted.starts), set(step.starts))
        if not set(wanted.removals) <= set(step.removable):
            raise Disagreement(f"to remove: the real one {wanted.removals}, the reference {step.removable}")
        self.reference.remove(wanted.removals)
        self._compare("commit", set(wanted.commits), set(step.commits))
        self._compare(
            "forget",
            {job for job in wanted.forgotten if job in self.store},
            {job for job in step.forgotten if job in self.store},
        )
        self._compare("call non-deterministic", set(wanted.surprises), set(step.surprises))
        self._compare("reject", wanted.rejected, rejected)
        self.out.blocked |= wanted.blocked
        self.out.clean |= wanted.clean
        self.out.skipped |= wanted.clean | wanted.not_needed
        if not self.reference.is_stopped:  # after that, nobody minds what is not done why
            self._compare("block", self._deciding(self.out.blocked), self._deciding(self.reference.blocked))
            self._compare("find clean", self._outputs(self.out.clean), self._outputs(now.clean))
        for job, reasons in wanted.reasons.items():
            if not reasons:
                raise Wrong(f"{job} starts without a reason")
            for reason in reasons:
                if not is_true(self.reference, job, reason):
                    raise Wrong(f"{job} starts, and its reason is not true: {reason}")
        for job, record in wanted.commits.items():
            self._compare_records(job, record, step.commits[job])
        for job in wanted.starts:
            self.running.append(job)
            self.out.started.append(job)
        self.out.was_concurrent |= len(self.running) > 1
        for effect in wanted.in_order:
            self._perform(effect, step)
        for job in wanted.starts:
            self._check_inputs(job)
        if wanted.observations:
            event = Observed(
                {node: self._observe(str(self.dag.job_id(node))) for node in wanted.observations}
            )
            self._both(self.real.handle(event), self.reference.observe())

    def _deciding(self, jobs: set[str]) -> set[str]:
        return {job for job in jobs if self.kinds[job] in ("OUTPUT", "GENERATOR")}

    def _outputs(self, jobs: set[str]) -> set[str]:
        return {job for job in jobs if self.kinds[job] == "OUTPUT"}

    def _compare(self, what: str, real: object, reference: object) -> None:
        if real != reference:
            raise Disagreement(f"to {what}: the real one {real}, the reference {reference}")

    def _compare_records(self, job: str, real: Record, reference: Past) -> None:
        same = (
            real.kind.name == reference.kind
            and _same_print(real.fingerprint, reference.print)
            and set(real.upstreams) == set(reference.consumed)
            and all(
                _same_print(real.upstreams[JobId(up)], reference.consumed[up]) for up in reference.consumed
            )
            and dict(real.parts) == dict(reference.parts)
        )
        if not same:
            raise Disagreement(f"to record of {job}: the real one {real}, the reference {reference}")

    def _perform(self, effect: Commit | Forget | CleanUp, step: Step) -> None:
        self._change()
        job = str(self.dag.job_id(effect.node))
        match effect:
            case Commit(record=record):
                past = step.commits[job]
                key = (
                    past.kind,
                    past.print,
                    frozenset(past.consumed.items()),
                    frozenset(past.parts.items()),
                )
                self.store[job] = Entry(record, past, self.disk.get(job), key)
                self.out.committed.add(job)
            case Forget():
                self.store.pop(job, None)
                self.out.committed.discard(job)
            case CleanUp():
                if self.kinds[job] == "LOAD":
                    del self.loaded[job]
                else:
                    del self.disk[job]

    def _check_the_end(self) -> None:
        """Everything has come to one of the ends that there are."""
        reference = self.reference
        forgotten = set(reference.conclude().removable)
        if forgotten and not reference.is_stopped:
            raise Disagreement(f"not cleaned up at the end: {sorted(forgotten)}")
        ends = reference.excluded | reference.failed | reference.blocked | reference.cancelled
        for job in set(self.kinds) - ends - set(reference.made):
            kind = self.kinds[job]
            if kind in ("OUTPUT", "GENERATOR") and job not in self.out.clean and not reference.is_stopped:
                raise Wrong(f"{job} was left undecided")
        for job in reference.now.known.keys() & self.store.keys():
            kind, past_kind = self.kinds[job], self.store[job].past.kind
            has_read = kind in READERS and (kind == past_kind or "LOAD" not in (kind, past_kind))
            paths = self._read_by(job) if has_read else []
            if any(
                self.all_kinds.get(path) == "OUTPUT" and not self._is_followed(path, job) for path in paths
            ):
                self.out.unordered.add(job)
        if self.loaded and not self.out.was_cut_short:
            raise Wrong(f"still loaded: {sorted(self.loaded)}")
