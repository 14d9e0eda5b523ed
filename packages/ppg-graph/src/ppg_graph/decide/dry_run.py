"""Dry run: predicts what a run would do, without running a job.

A job's content is unknown until the job runs, so the answer has two parts. Two simulated runs with the real
evaluator give them. In the optimistic run, each job that runs produces the fingerprint of its record. Without a
record, its files have the fingerprints with which a job downstream consumed them of another maker
(`moved_files`), or new ones. The jobs that run even then *will run*. In the pessimistic run, each job that runs
produces a new fingerprint. The jobs that run only then *may run*, depending on changes of the named jobs. If
a job fails, fewer jobs run. The jobs that a generator makes are unknown until it has run, so the answer names
the generators.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass

from ppg_graph.decide.evaluator import Evaluator
from ppg_graph.model.dag import Dag
from ppg_graph.model.ids import Fingerprint, JobId, NodeId, NodeKind
from ppg_graph.model.parts import is_pattern, part_fingerprint
from ppg_graph.model.reads import ABSENT, is_read, path_of_read
from ppg_graph.model.records import Record
from ppg_graph.protocol.effects import Observe, Start
from ppg_graph.protocol.events import Event, Generated, Observation, Observed, Succeeded
from ppg_graph.protocol.reasons import Demanded, ReadChanged, Reason, UpstreamAdded, UpstreamChanged
from ppg_graph.protocol.states import NodeState

__all__ = ["DryRun", "MayRun", "dry_run", "to_observe"]


@dataclass(frozen=True, slots=True)
class MayRun:
    """MayRun: describes a job that runs only if the content of other jobs changes.

    - reasons: why it would run then
    - depending_on: the jobs that would cause it by a change; each of them will or may run
    """

    reasons: tuple[Reason, ...]
    depending_on: tuple[JobId, ...]


@dataclass(frozen=True, slots=True)
class DryRun:
    """DryRun: describes what a run would do if no job failed.

    - will_run: jobs that are certain to run, with the reasons
    - may_run: jobs that run if the content of an upstream job changes
    - generators: the generators among `will_run`; the jobs that they may add are unknown
    - blocked: jobs that cannot run, because an invariant cannot be observed
    - states: the state in which each job would end at best, by node
    - unsteady: the generators that may make other jobs than last time; with `same_generators` not those with the inputs
      of their last success
    """

    will_run: Mapping[NodeId, tuple[Reason, ...]]
    may_run: Mapping[NodeId, MayRun]
    generators: tuple[NodeId, ...]
    blocked: tuple[NodeId, ...]
    states: tuple[NodeState, ...]
    unsteady: tuple[NodeId, ...] = ()


def to_observe(
    dag: Dag,
    history: Mapping[JobId, Record],
    *,
    pruned: Collection[NodeId] = (),
    targets: Collection[NodeId] | None = None,
    until: Collection[NodeId] = (),
    forced: Collection[NodeId] = (),
) -> tuple[NodeId, ...]:
    """Invariants, and jobs with files, that must be observed for a dry run with the same arguments."""
    evaluator = Evaluator(dag, history, pruned=pruned, targets=targets, until=until, forced=forced)
    effects = evaluator.start()
    return tuple(node for effect in effects if isinstance(effect, Observe) for node in effect.nodes)


def dry_run(
    dag: Dag,
    history: Mapping[JobId, Record],
    observations: Mapping[NodeId, Observation],
    *,
    pruned: Collection[NodeId] = (),
    targets: Collection[NodeId] | None = None,
    until: Collection[NodeId] = (),
    forced: Collection[NodeId] = (),
    same_generators: bool = False,
) -> DryRun:
    """Predict what a run of these jobs would do.

    `observations` must contain every node that `to_observe` returns (KeyError otherwise). The graph is not
    changed. With `same_generators`, a generator with the inputs of its last success makes the same again, and the
    graph contains that already.
    """
    new = _new_fingerprints()

    def as_before(node: NodeId) -> tuple[Fingerprint, Mapping[str, Fingerprint]]:
        record = history.get(dag.job_id(node))
        known = _of_other_makers(dag, history, node) if record is None else record.parts
        if record is None:
            fingerprint = known.get(dag.job_id(node)) or next(new)
            known = {name: known.get(name) or next(new) for name in sorted(known.keys() - {dag.job_id(node)})}
        else:
            fingerprint = record.fingerprint
        wanted = {
            name: part_fingerprint(known, name)
            if is_pattern(name) and record is not None
            else known.get(name, fingerprint)
            for name in dag.wanted_parts(node)
        }
        return fingerprint, {**known, **wanted}

    def changed(node: NodeId) -> tuple[Fingerprint, Mapping[str, Fingerprint]]:
        record = history.get(dag.job_id(node))
        if dag.kind(node) is NodeKind.GENERATOR:
            if same_generators and record is not None and dict(record.upstreams) == worst.inputs(node):
                return as_before(node)
            unsteady.append(node)
        names = dag.wanted_parts(node) | (set() if record is None else record.parts.keys())
        return next(new), {name: next(new) for name in sorted(names)}

    def evaluator() -> Evaluator:
        return Evaluator(dag, history, pruned=pruned, targets=targets, until=until, forced=forced)

    best, worst = evaluator(), evaluator()
    unsteady: list[NodeId] = []
    will_run = _simulate(dag, best, observations, as_before)
    might_run = _simulate(dag, worst, observations, changed)
    differing = {
        NodeId(node)
        for node in range(len(dag))
        if best.fingerprint(NodeId(node)) != worst.fingerprint(NodeId(node))
    }
    may_run: dict[NodeId, MayRun] = {}
    for node in sorted(might_run.keys() - will_run.keys()):
        causes = _causes(dag, node, might_run, differing)
        may_run[node] = MayRun(might_run[node], causes)
    return DryRun(
        dict(sorted(will_run.items())),
        may_run,
        tuple(sorted(node for node in will_run if dag.kind(node) is NodeKind.GENERATOR)),
        tuple(NodeId(node) for node, state in enumerate(best.states()) if state is NodeState.BLOCKED),
        tuple(best.states()),
        tuple(sorted(unsteady)),
    )


def _of_other_makers(dag: Dag, history: Mapping[JobId, Record], node: NodeId) -> dict[str, Fingerprint]:
    """Files of a job without a record, as the jobs directly downstream consumed them of jobs with other ids."""
    if dag.kind(node) not in (NodeKind.OUTPUT, NodeKind.LAZY):
        return {}
    job_id = dag.job_id(node)
    names = {job_id, *job_id.split(":"), *dag.wanted_parts(node)}
    found: dict[str, Fingerprint] = {}
    direct = dag.downstreams(node)
    readers = (reader for read in direct if is_read(dag.job_id(read)) for reader in dag.downstreams(read))
    for downstream in (*direct, *readers):
        record = history.get(dag.job_id(downstream))
        for former, consumed in {} if record is None else record.upstreams.items():
            if is_read(former):
                if path_of_read(former) in names and consumed != ABSENT:
                    found.setdefault(path_of_read(former), consumed)
            elif former in names:
                found.setdefault(former, consumed)
            elif ":" in former and not names.isdisjoint(former.split(":")) and former in history:
                parts = history[former].parts
                for name in sorted(names & parts.keys()):
                    found.setdefault(name, parts[name])
    return found


def _new_fingerprints() -> Iterator[Fingerprint]:
    number = 0
    while True:
        number += 1
        yield Fingerprint(b"never seen before: %d" % number)


def _simulate(
    dag: Dag,
    evaluator: Evaluator,
    observations: Mapping[NodeId, Observation],
    outcome: Callable[[NodeId], tuple[Fingerprint, Mapping[str, Fingerprint]]],
) -> dict[NodeId, tuple[Reason, ...]]:
    """Let every job that starts succeed at once. Returns the jobs that ran, with their reasons."""
    ran: dict[NodeId, tuple[Reason, ...]] = {}
    effects = evaluator.start()
    events: list[Event] = []
    while True:
        for effect in effects:
            if isinstance(effect, Observe):
                events.append(Observed({node: observations[node] for node in effect.nodes}))
            elif isinstance(effect, Start):
                node = effect.node
                ran[node] = effect.reasons
                fingerprint, parts = outcome(node)
                if dag.kind(node) is NodeKind.GENERATOR:
                    events.append(Generated(node, fingerprint))
                else:
                    inputs = evaluator.inputs(node).items()
                    reads = {job_id: consumed for job_id, consumed in inputs if is_read(job_id)}
                    events.append(Succeeded(node, fingerprint, parts, reads))
        if not events:
            return ran
        effects = evaluator.handle(events.pop())


def _causes(
    dag: Dag, node: NodeId, reasons: Mapping[NodeId, tuple[Reason, ...]], differing: Collection[NodeId]
) -> tuple[JobId, ...]:
    """Jobs that run and that make this job run by a change of their content.

    A demanded job has the causes of the job that demands it. A LOAD changes only because its upstreams
    change, and so does a read of a file that a job makes.
    """
    causes: dict[JobId, None] = {}
    wanted, changed = [node], list[NodeId]()
    seen: set[NodeId] = set()
    while wanted:
        for reason in reasons[wanted.pop()]:
            if isinstance(reason, (UpstreamAdded, UpstreamChanged, ReadChanged)):
                changed.append(dag.node(reason.upstream))
            elif isinstance(reason, Demanded):
                wanted.append(dag.node(reason.by))
    while changed:
        upstream = changed.pop(0)
        if upstream in seen or upstream not in differing:
            continue
        seen.add(upstream)
        if dag.kind(upstream) is NodeKind.LOAD or (is_read(dag.job_id(upstream)) and dag.upstreams(upstream)):
            changed += dag.upstreams(upstream)
        else:
            causes[dag.job_id(upstream)] = None
    return tuple(causes)
