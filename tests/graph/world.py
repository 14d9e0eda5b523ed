"""A simulated world for the evaluator: scripts, a disk, memory, a store, and a driver that runs one script.

The content of every job is a function of what it consumes and of nothing else, so what each file must look like can be
computed directly, without any notion of records, staleness or demand (`Script.expected`). Contents are drawn from very
few values, so that it often happens that a job's inputs change and its output does not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from hashlib import blake2b
from random import Random
from typing import Any

from ppg_graph import (
    AlwaysRuns,
    Block,
    Cancelled,
    CleanUp,
    Commit,
    Dag,
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
)

PARTS = ("x", "y")
MAKES_FILES = (NodeKind.OUTPUT, NodeKind.LAZY)


def digest(*things: object) -> bytes:
    return blake2b(repr(things).encode(), digest_size=8).digest()


def small(*things: object) -> int:
    """A content: one of few."""
    return digest(*things)[0] % 3


@dataclass(frozen=True)
class Job:
    name: str
    kind: NodeKind
    upstreams: tuple[tuple[str, str | None], ...] = ()  # (name, part)
    value: int = 0  # of an invariant
    makes: tuple[Job, ...] = ()  # of a generator; their names begin with the generator's
    injects: tuple[tuple[str, str, str | None], ...] = ()  # of a generator: (upstream, downstream, part)

    @property
    def keeps(self) -> bool:
        """Whether the files of this LAZY job stay; some names do."""
        return self.kind is NodeKind.LAZY and digest(self.name)[1] % 4 == 0


@dataclass
class Script:
    """Jobs in an order in which every edge, made by hand or by a generator, points forwards."""

    jobs: list[Job] = field(default_factory=list)

    def names(self) -> list[str]:
        return [job.name for job in self.jobs]

    def declare(self) -> Dag:
        dag = Dag()
        for job in sorted(self.jobs, key=lambda job: digest(job.name)):  # any order will do
            dag.add_node(JobId(job.name), job.kind, keep=job.keeps)
        for job in self.jobs:
            for upstream, part in job.upstreams:
                dag.add_edge(dag.node(JobId(upstream)), dag.node(JobId(job.name)), part=part)
        return dag

    def unfolded(self, without: Iterable[str] = ()) -> list[Job]:
        """All jobs with what generators make of them, except generators that do not get to run."""
        done: list[Job] = []
        stack = list(reversed(self.jobs))
        while stack:
            job = stack.pop()
            done.append(job)
            if job.name in without:
                continue
            stack.extend(reversed(job.makes))
            for upstream, downstream, part in job.injects:
                for position, other in enumerate(stack):
                    if other.name == downstream and other.kind is not NodeKind.INVARIANT:
                        stack[position] = replace(other, upstreams=(*other.upstreams, (upstream, part)))
        return done

    def expected(self, without: Iterable[str] = ()) -> dict[str, Any]:
        """What every job makes: fresh, without any history."""
        contents: dict[str, Any] = {}
        for job in self.unfolded(without):
            contents[job.name] = content(
                job, {edge: pick(contents[edge[0]], edge[1]) for edge in merged(job)}
            )
        return contents


def merged(job: Job) -> list[tuple[str, str | None]]:
    """The edges of a job as the graph sees them: all of a job swallows its parts."""
    whole = {name for name, part in job.upstreams if part is None}
    return sorted(
        {(name, None if name in whole else part) for name, part in job.upstreams},
        key=lambda edge: (edge[0], edge[1] or ""),
    )


def pick(contents: Any, part: str | None) -> Any:
    return contents if part is None else contents[part]


def content(job: Job, inputs: dict[tuple[str, str | None], Any]) -> Any:
    """What a job makes of its inputs."""
    given = sorted(inputs.items(), key=repr)
    match job.kind:
        case NodeKind.INVARIANT:
            return job.value
        case NodeKind.OUTPUT | NodeKind.LAZY:
            return {part: small(job.name, part, given) for part in PARTS}
        case NodeKind.LOAD:
            return small(job.name, given)
        case NodeKind.GENERATOR:
            return repr((job.makes, job.injects))


def fingerprint(contents: Any) -> Fingerprint:
    return Fingerprint(digest(contents))


@dataclass
class Stored:
    record: Record
    contents: Any  # what the files were when the record was made


@dataclass
class World:
    """What outlives a run."""

    disk: dict[str, Any] = field(default_factory=dict)
    store: dict[str, Stored] = field(default_factory=dict)

    def copy(self) -> World:
        return World(dict(self.disk), dict(self.store))


@dataclass
class Plan:
    """How one run goes."""

    order: Random
    failing: frozenset[str] = frozenset()
    unobservable: frozenset[str] = frozenset()
    unusable: frozenset[str] = frozenset()  # LAZY jobs of which leftovers are intact, but no good
    pruned: frozenset[str] = frozenset()
    targets: frozenset[str] | None = None
    stop_after: int | None = None  # events
    crash_after: int | None = None


class Run:
    """One run: the driver, with an opinion about everything that the evaluator asks for."""

    def __init__(self, script: Script, world: World, plan: Plan) -> None:
        self.script, self.world, self.plan = script, world, plan
        self.dag = script.declare()
        self.jobs = {job.name: job for job in script.jobs}
        history = {JobId(name): stored.record for name, stored in world.store.items()}
        self.before = dict(history)
        self.disk_before = dict(world.disk)
        node = self.dag.node
        self.evaluator = Evaluator(
            self.dag,
            history,
            pruned=[node(JobId(name)) for name in sorted(plan.pruned)],
            targets=None if plan.targets is None else [node(JobId(name)) for name in sorted(plan.targets)],
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
        self.warned: set[str] = set()
        self.pending: list[Callable[[], Any]] = []
        self.running: dict[str, Callable[[], Any]] = {}
        self.stopped = self.crashed = False

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
                    assert [self.name(node) for node in nodes] == [
                        job.name for job in self.jobs[self.name(generator)].makes
                    ]
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
        made = content(job, inputs)
        self.running[name] = lambda: self.end(node, made)

    def edges(self, node: NodeId) -> list[tuple[str, str | None]]:
        result: list[tuple[str, str | None]] = []
        for upstream in self.dag.upstreams(node):
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
            return Generated(
                node,
                fingerprint(made),
                tuple(NewJob(JobId(new.name), new.kind, new.keeps) for new in job.makes),
                tuple(NewEdge(JobId(u), JobId(d), part) for u, d, part in [*edges, *job.injects]),
            )
        if job.kind is NodeKind.LOAD:
            self.memory[name] = made
            return Succeeded(node, Fingerprint(b"whatever"))
        self.world.disk[name] = made
        return Succeeded(node, fingerprint(made), {part: fingerprint(made[part]) for part in PARTS})

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
            case UpstreamChanged(upstream, old, new):
                assert record is not None
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
                assert self.plan.targets is not None
                assert name in self.plan.targets
            case AlwaysRuns():
                assert kind is NodeKind.GENERATOR
            case _:
                raise AssertionError(reason)

    # -- results

    def state(self, name: str) -> NodeState:
        return self.evaluator.state(self.dag.node(JobId(name)))

    def outcome(self) -> dict[str, NodeState]:
        """What must not depend on the schedule: the fate of every job that is there for its own sake."""
        return {
            name: self.state(name)
            for name, job in self.jobs.items()
            if job.kind in (NodeKind.OUTPUT, NodeKind.GENERATOR) and name in self.dag
        }
