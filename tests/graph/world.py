"""A simulated world for the evaluator: a disk, memory, a store, and a driver that runs one script."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import Any

from ppg_graph import (
    AlwaysRuns,
    Block,
    Cancelled,
    CleanUp,
    Commit,
    Demanded,
    Evaluator,
    Extended,
    Failed,
    FileChanged,
    FileEmpty,
    FileMissing,
    Files,
    FileStatus,
    Fingerprint,
    Forced,
    Forget,
    Generated,
    JobId,
    LeftoverRejected,
    NewEdge,
    NewJob,
    NodeId,
    NodeKind,
    NodeState,
    NonDeterministic,
    NoRecord,
    Observe,
    Observed,
    ReadChanged,
    Record,
    Rejected,
    Skip,
    Start,
    Stopped,
    Succeeded,
    Targeted,
    Unobservable,
    UpstreamAdded,
    UpstreamChanged,
    UpstreamRemoved,
    is_read,
    path_of_read,
    read_id,
)
from tests.graph.reading import READERS, FrontEnd, find, paths_of
from tests.graph.scripts import (
    MAKES_FILES,
    PARTS,
    Job,
    Script,
    content,
    fingerprint,
    found,
    pick,
    print_of_read,
)


@dataclass
class Stored:
    record: Record
    contents: Any  # what the files were when the record was made


@dataclass
class World:
    """What outlives a run."""

    disk: dict[str, Any] = field(default_factory=dict)
    store: dict[str, Stored] = field(default_factory=dict)
    generated_by: dict[str, str] = field(default_factory=dict)

    def copy(self) -> World:
        return World(dict(self.disk), dict(self.store), dict(self.generated_by))


@dataclass
class Plan:
    """How one run goes."""

    order: Random
    failing: frozenset[str] = frozenset()
    unobservable: frozenset[str] = frozenset()
    unusable: frozenset[str] = frozenset()  # LAZY jobs of which leftovers are intact, but no good
    pruned: frozenset[str] = frozenset()
    targets: frozenset[str] | None = None
    until: frozenset[str] = frozenset()
    forced: frozenset[str] = frozenset()
    stop_after: int | None = None  # events
    crash_after: int | None = None


class Run:
    """One run: the driver, with an opinion about everything that the evaluator asks for."""

    def __init__(self, script: Script, world: World, plan: Plan) -> None:
        self.script, self.world, self.plan = script, world, plan
        self.dag = script.declare()
        self.jobs = {job.name: job for job in script.jobs}
        history = {JobId(name): stored.record for name, stored in world.store.items()}
        self.kinds = script.kinds()
        self.front = FrontEnd(self.dag, history, world.generated_by)
        for read in self.front.declare():
            self.jobs[read] = Job(read, NodeKind.INVARIANT)
        self.before = dict(history)
        self.disk_before = dict(world.disk)
        self.evaluator = Evaluator(
            self.dag,
            history,
            **self.asked(),
            check=True,
        )
        self.memory: dict[str, Any] = {}
        self.starts: list[str] = []
        self.committed: list[str] = []
        self.skipped: set[str] = set()
        self.removed: set[str] = set()
        self.begun_with: dict[str, str | None] = {}  # a leftover that is no good
        self.found_unusable: set[str] = set()
        self.extended: set[str] = set()
        self.made_of: dict[str, list[str]] = {}
        self.has_read: dict[str, dict[JobId, Fingerprint]] = {}
        self.warned: set[str] = set()
        self.pending: list[Callable[[], Any]] = []
        self.running: dict[str, Callable[[], Any]] = {}
        self.stopped = self.crashed = False

    def asked(self) -> dict[str, Any]:
        """What is asked of the evaluator: which jobs take part, and which ones are forced."""

        def nodes(names: frozenset[str]) -> list[NodeId]:
            return [self.dag.node(JobId(name)) for name in sorted(names)]

        plan = self.plan
        return {
            "pruned": nodes(plan.pruned),
            "targets": None if plan.targets is None else nodes(plan.targets),
            "until": nodes(plan.until),
            "forced": nodes(plan.forced),
        }

    # -- the loop

    def go(self) -> Run:
        self.carry_out(self.evaluator.start())
        events = 0
        while not self.evaluator.finished:
            events += 1
            if events == self.plan.crash_after:
                self.crash()
                return self
            if events == self.plan.stop_after:
                self.stop()
                continue
            todo = [*self.pending, *self.running.values()]
            assert todo, "nothing is under way, and the run is not over"
            chosen = todo[self.plan.order.randrange(len(todo))]
            if chosen in self.pending:
                self.pending.remove(chosen)
            self.carry_out(self.evaluator.handle(chosen()))
        assert not self.running
        assert not self.memory or self.stopped, f"still loaded: {self.memory}"
        return self

    def stop(self) -> None:
        self.stopped = True
        self.pending.clear()
        self.carry_out(self.evaluator.handle(Stopped()))
        for name in sorted(self.running):
            end = self.plan.order.choice(["cancelled", "killed", "finishes"])
            if end == "finishes":
                continue
            del self.running[name]
            node = self.dag.node(JobId(name))
            if end == "killed":
                self.world.disk.pop(name, None)
            self.carry_out(self.evaluator.handle(Cancelled(node) if end == "cancelled" else Failed(node)))

    def crash(self) -> None:
        self.crashed = True
        for name in self.running:
            if self.jobs[name].kind in MAKES_FILES and self.plan.order.random() < 0.7:
                self.world.disk[name] = "half a file"

    # -- effects

    def carry_out(self, effects: list[Any]) -> None:
        for effect in effects:
            match effect:
                case Observe(nodes):
                    portion = self.plan.order.randrange(1, len(nodes) + 1)
                    for part in (nodes[:portion], nodes[portion:]):
                        if part:
                            self.pending.append(
                                lambda part=part: Observed({node: self.observe(node) for node in part})
                            )
                case Start(node, reasons):
                    self.start(node, reasons)
                case Commit(node, record):
                    name = self.name(node)
                    self.committed.append(name)
                    self.world.store[name] = Stored(record, self.world.disk.get(name))
                case Forget(node):
                    self.world.store.pop(self.name(node), None)
                case CleanUp(node):
                    self.clean_up(node)
                case Extended(generator, nodes):
                    assert self.name(generator) not in self.extended
                    self.extended.add(self.name(generator))
                    assert [self.name(node) for node in nodes] == self.made_of[self.name(generator)]
                case Skip(nodes, _):
                    names = {self.name(node) for node in nodes}
                    assert not names & self.skipped
                    assert not names & set(self.starts)
                    self.skipped |= names
                case Block(nodes, cause):
                    assert self.evaluator.state(cause) is NodeState.FAILED
                    assert nodes
                    assert set(nodes) <= self.dag.descendants([cause])
                case NonDeterministic(node):
                    self.warned.add(self.name(node))
                case Rejected(_, message):
                    raise AssertionError(message)
                case _:
                    raise AssertionError(effect)

    def name(self, node: NodeId) -> str:
        return self.dag.job_id(node)

    def observe(self, node: NodeId) -> Any:
        name = self.name(node)
        job = self.jobs[name]
        if is_read(name):
            assert all(self.dag.kind(up) is NodeKind.GENERATOR for up in self.dag.upstreams(node))
            return print_of_read(find(path_of_read(name), self.kinds, self.world.disk))
        if job.kind is NodeKind.INVARIANT:
            return Unobservable("gone") if name in self.plan.unobservable else fingerprint(job.value)
        return Files(*self.file_status(name))

    def file_status(self, name: str) -> tuple[FileStatus, tuple[str, ...]]:
        if name not in self.world.disk:
            return FileStatus.MISSING, (name,)
        if self.world.disk[name] == self.world.store[name].contents:
            return FileStatus.INTACT, ()
        return FileStatus.CHANGED, (name,)

    def start(self, node: NodeId, reasons: tuple[Any, ...]) -> None:
        name = self.name(node)
        job = self.jobs[name]
        assert not self.stopped
        assert reasons, f"{name} starts without a reason"
        for reason in reasons:
            self.verify(name, reason)
        if name in self.starts:
            assert job.kind in (NodeKind.LAZY, NodeKind.LOAD), f"{name} runs twice"
            assert name in self.removed, f"{name} runs twice"
            assert self.extended, "a second run is for the sake of a generated job"
        leftovers = [
            upstream
            for upstream, _ in self.edges(node)
            if self.jobs[upstream].kind is NodeKind.LAZY and upstream not in self.starts
        ]
        self.begun_with[name] = next((each for each in leftovers if each in self.plan.unusable), None)
        self.starts.append(name)
        inputs = {}
        for upstream, part in self.edges(node):
            inputs[upstream, part] = pick(self.read(upstream), part)
        undeclared = found(job, self.edges(node), self.kinds, self.world.disk)
        paths = {path.removeprefix("read "): contents for (path, _), contents in undeclared.items()}
        self.has_read[name] = {read_id(path): print_of_read(contents) for path, contents in paths.items()}
        for path in paths:
            if self.front.is_followed(path, JobId(name)):
                assert self.state(path.split("/")[0]) in (NodeState.CLEAN, NodeState.DONE)
        made = content(job, {**inputs, **undeclared})
        self.running[name] = lambda: self.end(node, made)

    def edges(self, node: NodeId) -> list[tuple[str, str | None]]:
        result: list[tuple[str, str | None]] = []
        for upstream in self.dag.upstreams(node):
            if is_read(self.name(upstream)):
                continue
            parts = self.dag.parts(upstream, node)
            result += [
                (self.name(upstream), part) for part in (sorted(parts) if parts is not None else [None])
            ]
        return result

    def read(self, name: str) -> Any:
        job = self.jobs[name]
        state = self.evaluator.state(self.dag.node(JobId(name)))
        match job.kind:
            case NodeKind.INVARIANT:
                return job.value
            case NodeKind.OUTPUT | NodeKind.LAZY:
                assert name in self.world.disk, f"{name}, {state}, is not on disk when it is needed"
                return self.world.disk[name]
            case NodeKind.LOAD:
                assert name in self.memory, f"{name}, {state}, is not loaded when it is needed"
                return self.memory[name]
            case NodeKind.GENERATOR:
                return repr((job.makes, job.injects))

    def end(self, node: NodeId, made: Any) -> Any:
        name = self.name(node)
        job = self.jobs[name]
        del self.running[name]
        unusable = self.begun_with[name]
        if unusable is not None:
            self.found_unusable.add(unusable)
            self.starts.remove(name)
            return LeftoverRejected(node, self.dag.node(JobId(unusable)))
        if name in self.plan.failing:
            self.world.disk.pop(name, None)
            return Failed(node)
        if job.kind is NodeKind.GENERATOR:
            self.jobs.update({new.name: new for new in job.makes})
            edges = [(upstream, new.name, part) for new in job.makes for upstream, part in new.upstreams]
            kinds = {JobId(new.name): new.kind for new in job.makes}
            reads, read_edges = self.front.extend(JobId(name), kinds, [*edges, *job.injects])
            self.jobs.update({read: Job(read, NodeKind.INVARIANT) for read in reads})
            self.made_of[name] = [*kinds, *reads]
            return Generated(
                node,
                fingerprint(made),
                (
                    *(NewJob(JobId(new.name), new.kind, new.keeps) for new in job.makes),
                    *(NewJob(read, NodeKind.INVARIANT) for read in reads),
                ),
                (
                    *(NewEdge(JobId(u), JobId(d), part) for u, d, part in [*edges, *job.injects]),
                    *(NewEdge(upstream, downstream) for upstream, downstream in read_edges),
                ),
            )
        if job.kind is NodeKind.LOAD:
            self.memory[name] = made
            return Succeeded(node, Fingerprint(b"whatever"), reads=self.has_read[name])
        self.world.disk[name] = made
        parts = {key: fingerprint(made[part]) for part in PARTS for key in (part, f"{name}/{part}")}
        return Succeeded(node, fingerprint(made), parts, self.has_read[name])

    def clean_up(self, node: NodeId) -> None:
        name = self.name(node)
        self.removed.add(name)
        assert not self.jobs[name].keeps, f"{name} is a cache"
        for downstream in self.dag.downstreams(node):
            assert self.name(downstream) not in self.running, (
                f"{name} is removed under {self.name(downstream)}"
            )
        if self.jobs[name].kind is NodeKind.LOAD:
            del self.memory[name]
        else:
            assert self.jobs[name].kind is NodeKind.LAZY
            del self.world.disk[name]

    # -- reasons are true

    def verify(self, name: str, reason: Any) -> None:
        record = self.before.get(JobId(name))
        kind = self.jobs[name].kind
        if record is not None and record.kind not in MAKES_FILES:
            record = None
        node = self.dag.node(JobId(name))
        upstreams = {self.name(upstream) for upstream in self.dag.upstreams(node)}
        match reason:
            case NoRecord():
                assert record is None
            case FileMissing(names):
                assert all(missing not in self.disk_before for missing in names)
            case FileChanged(names):
                assert all(changed in self.disk_before for changed in names)
            case FileEmpty():
                raise AssertionError("no file is empty here")
            case UpstreamChanged(upstream, old, new) | ReadChanged(upstream, old, new):
                assert record is not None
                assert is_read(upstream) is isinstance(reason, ReadChanged)
                assert record.upstreams[upstream] == old != new
                assert upstream in upstreams
            case UpstreamAdded(upstream):
                assert record is not None
                assert upstream in upstreams
                assert upstream not in record.upstreams
            case UpstreamRemoved(upstream):
                assert record is not None
                assert upstream not in upstreams
                assert upstream in record.upstreams
            case Demanded(by):
                assert kind in (NodeKind.LAZY, NodeKind.LOAD)
                assert self.evaluator.state(self.dag.node(by)) in (NodeState.DUE, NodeState.BLOCKED)
                assert by in {self.name(downstream) for downstream in self.dag.downstreams(node)}
            case Targeted():
                assert name in (self.plan.targets or ()) or name in self.plan.until
            case Forced():
                assert record is not None
                assert name in self.plan.forced
            case AlwaysRuns():
                assert kind is NodeKind.GENERATOR
            case _:
                raise AssertionError(reason)

    # -- results

    def state(self, name: str) -> NodeState:
        return self.evaluator.state(self.dag.node(JobId(name)))

    def unordered(self) -> set[str]:
        """Jobs that have read what a job makes, although the graph does not let them wait for it."""
        names: set[str] = set()
        for name in map(JobId, self.world.store):
            if name not in self.dag:
                continue
            kinds = {self.jobs[name].kind, self.world.store[name].record.kind}
            if not kinds <= set(READERS) or (len(kinds) > 1 and NodeKind.LOAD in kinds):
                continue  # its record is one of another kind of job
            for path in paths_of(name):
                is_made = self.kinds.get(path.split("/")[0]) is NodeKind.OUTPUT
                if is_made and not (self.front.is_declared(path, name) or self.front.is_followed(path, name)):
                    names.add(name)
        return names

    def unsure(self) -> set[str]:
        """The same, and what is downstream of such jobs."""
        names = self.unordered()
        below = self.dag.descendants([self.dag.node(JobId(name)) for name in names])
        return names | {self.name(node) for node in below}

    def outcome(self) -> dict[str, NodeState]:
        """What must not depend on the schedule: the fate of every job that is there for its own sake."""
        return {
            name: self.state(name)
            for name, job in self.jobs.items()
            if job.kind in (NodeKind.OUTPUT, NodeKind.GENERATOR) and name in self.dag
        }
