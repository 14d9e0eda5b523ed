"""What a generator made becomes part of the graph: first everything is checked, then everything is added.

Edges may lead into new jobs, and into old jobs that are downstream of the generator. The latter are undecided,
whatever else is going on, because the generator's fingerprint is not known before this. An old job that is due
already has perhaps demanded what is upstream of it; it goes back to waiting while the edges are added, and becomes
due again for the reasons that it had.

The generator's own fingerprint is published only after the extension, so that nothing downstream of it can be
decided without the new edges.
"""

from __future__ import annotations

from typing import NamedTuple

from ppg_graph.decide.admission import Entry
from ppg_graph.decide.run_state import Board
from ppg_graph.model.dag import Dag
from ppg_graph.model.ids import JobId, NodeId, NodeKind
from ppg_graph.model.walks import cycle_through
from ppg_graph.protocol.effects import Extended
from ppg_graph.protocol.events import Generated, NewEdge, NewJob
from ppg_graph.protocol.states import NodeState

__all__ = ["Plan", "extend", "plan_extension"]

_HAVE_FILES = (NodeKind.OUTPUT, NodeKind.LAZY)


class Plan(NamedTuple):
    """An extension that can be made: nodes are those that the jobs will have."""

    generator: NodeId
    jobs: tuple[NewJob, ...]
    edges: tuple[tuple[NodeId, NodeId, str | None], ...]


# -- checking


def plan_extension(board: Board, event: Generated) -> Plan | str:
    """Check what a generator made. Returns what to add, or what is wrong with it and how to put it right."""
    dag = board.dag
    name = dag.job_id(event.generator)
    new: dict[JobId, NodeId] = {}
    kinds: dict[NodeId, NodeKind] = {}
    for job in event.jobs:
        if job.job_id in dag or job.job_id in new:
            return f"{name!r} made job {job.job_id!r}, which exists already; give the new job another id"
        if job.keep and job.kind is not NodeKind.LAZY:
            return f"{name!r} made job {job.job_id!r} with files to keep, which only LAZY jobs can have"
        node = NodeId(len(dag) + len(new))
        new[job.job_id] = node
        kinds[node] = job.kind
    edges: list[tuple[NodeId, NodeId, str | None]] = []
    below: set[NodeId] | None = None
    for edge in event.edges:
        ends = _ends(dag, new, edge)
        if isinstance(ends, str):
            return f"{name!r} made {_show(edge)}, but {ends}"
        upstream, downstream = ends
        kind = kinds.get(downstream) or dag.kind(downstream)
        if kind is NodeKind.INVARIANT:
            return f"{name!r} made {_show(edge)}, but an invariant depends on nothing"
        if downstream < len(dag):
            if _is_known_edge(dag, upstream, downstream, edge.part):
                continue
            if below is None:
                below = dag.descendants([event.generator])
            if downstream not in below:
                return (
                    f"{name!r} made {_show(edge)}, but {edge.downstream!r} does not depend on {name!r}, so it may "
                    f"have run already; let {edge.downstream!r} depend on {name!r}"
                )
        if edge.part is not None and (kinds.get(upstream) or dag.kind(upstream)) not in _HAVE_FILES:
            return (
                f"{name!r} made {_show(edge)}, but {edge.upstream!r} makes no files, and so no {edge.part!r}"
            )
        if edge.part is not None and not _may_have_part(board, upstream, edge.part):
            return f"{name!r} made {_show(edge)}, but {edge.upstream!r} is up to date and has no file {edge.part!r}"
        edges.append((upstream, downstream, edge.part))
    cycle = cycle_through([(upstream, downstream) for upstream, downstream, _ in edges], dag)
    if cycle:
        ids = [*dag.job_ids, *new]
        path = " → ".join(repr(ids[node]) for node in (*cycle, cycle[0]))
        return f"{name!r} made a cycle: {path}; remove one of these dependencies"
    return Plan(event.generator, event.jobs, tuple(edges))


def _show(edge: NewEdge) -> str:
    return f"{edge.downstream!r} depend on {edge.upstream!r}"


def _ends(dag: Dag, new: dict[JobId, NodeId], edge: NewEdge) -> tuple[NodeId, NodeId] | str:
    ends: list[NodeId] = []
    for job_id in (edge.upstream, edge.downstream):
        node = new.get(job_id)
        if node is None:
            if job_id not in dag:
                return f"there is no job {job_id!r}; make it as well, or correct the id"
            node = dag.node(job_id)
        ends.append(node)
    return ends[0], ends[1]


def _is_known_edge(dag: Dag, upstream: NodeId, downstream: NodeId, part: str | None) -> bool:
    """Whether the graph says the same already."""
    if not dag.has_edge(upstream, downstream):
        return False
    parts = dag.parts(upstream, downstream)
    return parts is None or part in parts


def _may_have_part(board: Board, upstream: NodeId, part: str) -> bool:
    if upstream >= len(board.dag) or board.fingerprint[upstream] is None:
        return True
    return part in board.parts.get(upstream, {})


# -- adding


def extend(entry: Entry, plan: Plan) -> None:
    """Add what was planned, and let the new jobs enter the run."""
    board, flow, dag = entry.board, entry.flow, entry.board.dag
    old_size = len(dag)
    added: dict[NodeId, list[NodeId]] = {}
    for upstream, downstream, _ in plan.edges:
        if not dag.has_edge(upstream, downstream):
            upstreams = added.setdefault(downstream, [])
            if upstream not in upstreams:
                upstreams.append(upstream)
    touched = sorted({downstream for _, downstream, _ in plan.edges if downstream < old_size})
    for downstream in touched:
        if board.state[downstream] is NodeState.DUE:
            board.move(downstream, NodeState.WAITING)

    for job in plan.jobs:
        dag.add_node(job.job_id, job.kind, keep=job.keep)
    for upstream, downstream, part in plan.edges:
        dag.add_edge(upstream, downstream, part=part)
    new = board.grow()
    if plan.jobs or plan.edges:
        flow.effects.append(Extended(plan.generator, tuple(NodeId(node) for node in new)))

    # Everything is counted before anything follows from it: what is excluded or blocked below takes its counts along.
    taking_part = [downstream for downstream in touched if board.state[downstream] is not NodeState.EXCLUDED]
    for downstream in taking_part:
        board.join(downstream, added.get(downstream, []))
    _mark_below(entry, plan)
    _exclude_pruned(entry, plan)
    joined = [
        upstream
        for downstream in taking_part
        if board.state[downstream] is not NodeState.EXCLUDED
        for upstream in added.get(downstream, ())
    ]
    complete = entry.admit(entry.newcomers(plan.generator, new, joined))
    for downstream in taking_part:
        if board.state[downstream] is NodeState.WAITING:
            entry.meet(downstream, added.get(downstream, []))
            entry.review(downstream)
            board.dirty.append(downstream)
    for upstream in dict.fromkeys(upstream for upstream, _, part in plan.edges if part is not None):
        if board.fingerprint[upstream] is None:
            entry.review(upstream)
    entry.decide(complete)


def _mark_below(entry: Entry, plan: Plan) -> None:
    board = entry.board
    entry.mark_below(
        [downstream]
        for upstream, downstream, _ in plan.edges
        if board.below_generator[upstream] or board.dag.kind(upstream) is NodeKind.GENERATOR
    )


def _exclude_pruned(entry: Entry, plan: Plan) -> None:
    """A pruned job above takes a job out of the run, with everything downstream of it."""
    board = entry.board
    pruned = entry.mark_pruned(downstream for upstream, downstream, _ in plan.edges if board.pruned[upstream])
    entry.flow.collapse(sorted(pruned), plan.generator, NodeState.EXCLUDED)
