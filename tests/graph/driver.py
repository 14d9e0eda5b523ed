"""A driver for hand-written cases: a graph in one line, and a run whose jobs come out as told."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from ppg_graph import (
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
    LeftoverRejected,
    NewEdge,
    NewJob,
    NodeId,
    NodeKind,
    NodeState,
    Observation,
    Observe,
    Observed,
    Reason,
    Record,
    Skip,
    Start,
    Succeeded,
    Unobservable,
    is_read,
    path_of_read,
)

KINDS = {
    "I": NodeKind.INVARIANT,
    "O": NodeKind.OUTPUT,
    "T": NodeKind.LAZY,  # T for temporary file
    "C": NodeKind.LAZY,  # C for cache: a file that stays
    "L": NodeKind.LOAD,
    "G": NodeKind.GENERATOR,
}
INTACT = Files(FileStatus.INTACT)


def graph(text: str) -> Dag:
    """ "I.a > O.b; O.b > O.c": jobs with their kinds, and edges. "O.m[x] > O.c" depends on part x."""
    dag = Dag()
    for line in text.split(";"):
        chain: list[tuple[NodeId, str | None]] = []
        for word in line.split(">"):
            name, _, part = word.strip().rstrip("]").partition("[")
            kind = KINDS[name[0]]
            job_id = JobId(name[2:])
            node = dag.node(job_id) if job_id in dag else dag.add_node(job_id, kind, keep=name[0] == "C")
            chain.append((node, part or None))
        for (upstream, part), (downstream, _) in zip(chain, chain[1:], strict=False):
            dag.add_edge(upstream, downstream, part=part)
    return dag


@dataclass
class Shop:
    """Records and files that outlive runs. `values` decide what jobs come out as; the default is their name."""

    dag: Dag
    values: dict[str, str] = field(default_factory=dict)
    history: dict[JobId, Record] = field(default_factory=dict)
    lying_about: set[str] = field(default_factory=set)  # files of LAZY jobs that are on disk
    damaged: dict[str, FileStatus] = field(default_factory=dict)
    reads: dict[str, Sequence[str]] = field(
        default_factory=dict
    )  # what jobs read and did not declare: read://PATH
    found: dict[str, str] = field(
        default_factory=dict
    )  # reads that are otherwise now than when they were observed
    generated: dict[str, str] = field(
        default_factory=dict
    )  # files of generated jobs, and who made them last time

    def declare(self, text: str) -> None:
        """Take this graph for the next run, with the reads that the records have."""
        dag = self.dag = graph(text)
        makers = {name: node for node, name in _files(dag)}
        for node in map(NodeId, range(len(dag))):
            record = self.history.get(dag.job_id(node))
            for read in filter(is_read, () if record is None else record.upstreams):
                path = path_of_read(read)
                declared = {str(dag.job_id(upstream)) for upstream in dag.upstreams(node)}
                if path in declared or makers.get(path) in dag.upstreams(node):
                    continue
                known = read in dag
                observed = dag.node(read) if known else dag.add_node(read, NodeKind.INVARIANT)
                dag.add_edge(observed, node)
                generator = self.generated.get(path)
                for upstream in () if known else (makers.get(path), generator and dag.node(JobId(generator))):
                    if upstream is not None:
                        dag.add_edge(upstream, observed)

    def run(
        self,
        *,
        failing: Sequence[str] = (),
        gone: Sequence[str] = (),
        makes: Mapping[str, Generated] | None = None,
        pruned: Sequence[str] = (),
        targets: Sequence[str] | None = None,
        until: Sequence[str] = (),
        forced: Sequence[str] = (),
        last_first: bool = False,
        unusable: Sequence[str] = (),
    ) -> Outcome:
        dag = self.dag
        evaluator = Evaluator(
            dag,
            dict(self.history),
            pruned=[dag.node(JobId(name)) for name in pruned],
            targets=None if targets is None else [dag.node(JobId(name)) for name in targets],
            until=[dag.node(JobId(name)) for name in until],
            forced=[dag.node(JobId(name)) for name in forced],
            check=True,
        )
        outcome = Outcome(evaluator, dag)
        waiting: list[NodeId] = []
        made: set[NodeId] = set()
        disappointed: dict[NodeId, NodeId] = {}
        effects = evaluator.start()
        while True:
            for effect in effects:
                outcome.effects.append(effect)
                match effect:
                    case Start(node, _):
                        waiting.append(node)
                        for upstream in dag.upstreams(node):
                            if dag.job_id(upstream) in unusable and upstream not in made:
                                disappointed[node] = upstream
                    case Commit(node, record):
                        self.history[dag.job_id(node)] = record
                        self.damaged.pop(dag.job_id(node), None)
                        if dag.kind(node) is NodeKind.LAZY:
                            self.lying_about.add(dag.job_id(node))
                    case Forget(node):
                        self.history.pop(dag.job_id(node), None)
                        self.lying_about.discard(dag.job_id(node))
                    case CleanUp(node):
                        self.lying_about.discard(dag.job_id(node))
                    case _:
                        pass
            observe = [node for effect in effects if isinstance(effect, Observe) for node in effect.nodes]
            if observe:
                effects = evaluator.handle(Observed({node: self.look(node, gone) for node in observe}))
                continue
            if not waiting:
                assert evaluator.finished
                return outcome
            node = waiting.pop(-1 if last_first else 0)
            name = dag.job_id(node)
            if node in disappointed:
                effects = evaluator.handle(LeftoverRejected(node, disappointed.pop(node)))
            elif name in failing:
                effects = evaluator.handle(Failed(node))
            elif dag.kind(node) is NodeKind.GENERATOR:
                generated = (makes or {}).get(name) or Generated(node, Fingerprint(b"nothing"))
                effects = evaluator.handle(replace(generated, reads=self.read_by(name)))
            else:
                made.add(node)
                parts = {part: self.value(f"{name}[{part}]") for part in dag.wanted_parts(node)}
                if ":" in name:
                    parts = {part: self.value(part) for part in name.split(":")} | parts
                effects = evaluator.handle(Succeeded(node, self.value(name), parts, self.read_by(name)))

    def value(self, name: str) -> Fingerprint:
        """What a job comes out as, or an invariant: a read as the file, or as told for the read."""
        if is_read(name) and name not in self.values:
            name = path_of_read(name)
        return Fingerprint(self.values.get(name, name).encode())

    def read_by(self, name: str) -> dict[JobId, Fingerprint]:
        values = {JobId(read): self.found.get(read) for read in self.reads.get(name, ())}
        return {
            read: self.value(read) if found is None else Fingerprint(found.encode())
            for read, found in values.items()
        }

    def look(self, node: NodeId, gone: Sequence[str]) -> Observation:
        name = self.dag.job_id(node)
        if self.dag.kind(node) is NodeKind.INVARIANT:
            return Unobservable(f"{name} is gone") if name in gone else self.value(name)
        if name in self.damaged:
            return Files(self.damaged[name], (name,))
        if self.dag.kind(node) is NodeKind.LAZY and name not in self.lying_about:
            return Files(FileStatus.MISSING, (name,))
        return INTACT


def _files(dag: Dag) -> Iterator[tuple[NodeId, str]]:
    """What a front end takes for files of OUTPUT jobs."""
    for node in map(NodeId, range(len(dag))):
        if dag.kind(node) is NodeKind.OUTPUT:
            for name in {str(dag.job_id(node)), *dag.job_id(node).split(":")}:
                yield node, name


@dataclass
class Outcome:
    evaluator: Evaluator
    dag: Dag
    effects: list[Effect] = field(default_factory=list)

    def node(self, name: str) -> NodeId:
        return self.dag.node(JobId(name))

    def state(self, name: str) -> NodeState:
        return self.evaluator.state(self.node(name))

    def reasons(self, name: str) -> tuple[Reason, ...]:
        return self.evaluator.reasons(self.node(name))

    @property
    def ran(self) -> list[str]:
        return [self.dag.job_id(effect.node) for effect in self.effects if isinstance(effect, Start)]

    @property
    def observed(self) -> list[str]:
        """What was observed of the world, other than the files of jobs."""
        nodes = [node for effect in self.effects if isinstance(effect, Observe) for node in effect.nodes]
        return [self.dag.job_id(node) for node in nodes if self.dag.kind(node) is NodeKind.INVARIANT]

    @property
    def removed(self) -> list[str]:
        return [self.dag.job_id(effect.node) for effect in self.effects if isinstance(effect, CleanUp)]

    def skipped(self) -> dict[str, str]:
        return {
            self.dag.job_id(node): effect.why.value
            for effect in self.effects
            if isinstance(effect, Skip)
            for node in effect.nodes
        }


def made_by(shop: Shop, generator: str, *, jobs: str = "", edges: str = "") -> dict[str, Generated]:
    """What a generator makes: "O.x T.y" and "a>x x>c[part]"."""
    new_edges = []
    for edge in edges.split():
        upstream, downstream = edge.split(">")
        upstream, _, part = upstream.rstrip("]").partition("[")
        new_edges.append(NewEdge(JobId(upstream), JobId(downstream), part or None))
    return {
        generator: Generated(
            shop.dag.node(JobId(generator)),
            Fingerprint(f"{jobs} {edges}".encode()),
            tuple(NewJob(JobId(word[2:]), KINDS[word[0]], word[0] == "C") for word in jobs.split()),
            tuple(new_edges),
        )
    }


def dag_of(size: int) -> Dag:
    dag = Dag()
    for number in range(size):
        dag.add_node(JobId(f"j{number}"), NodeKind.OUTPUT)
    return dag


def after_a_run(text: str, **reads: list[str]) -> Shop:
    """A shop whose jobs have read this, with the graph of the next run."""
    shop = Shop(graph(text), reads=dict(reads))
    shop.run()
    shop.declare(text)
    return shop


def again(shop: Shop, text: str, **values: str) -> Outcome:
    """The next run of a shop, with this graph and these values."""
    shop.values |= values
    shop.declare(text)
    return shop.run()


def record_of(shop: Shop, name: str) -> dict[str, bytes]:
    """What a job has consumed in its last success."""
    return dict(shop.history[JobId(name)].upstreams)
