"""Extension: checks all jobs and edges that a generator made, then adds all of them to the graph.

Edges may lead into new jobs, and into old jobs downstream of the generator. These old jobs are always
undecided, because the generator's fingerprint is unknown before the extension. An old job that is due already
may have demanded its upstreams. It goes back to WAITING while the edges are added, and becomes due again for
the same reasons.

The generator's own fingerprint is published only after the extension. So no job downstream of it is decided
without the new edges.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

from ppg_graph.decide.admission import Admission
from ppg_graph.decide.run_state import RunState
from ppg_graph.model.dag import Dag
from ppg_graph.model.ids import JobId, NodeId, NodeKind
from ppg_graph.model.parts import has_part
from ppg_graph.model.reads import is_read, may_follow
from ppg_graph.model.walks import cycle_through, reachable
from ppg_graph.protocol.effects import Extended
from ppg_graph.protocol.events import Generated, NewEdge, NewJob
from ppg_graph.protocol.states import NodeState

__all__ = ["Plan", "extend", "plan_extension"]

_HAVE_FILES = (NodeKind.OUTPUT, NodeKind.LAZY)


class Plan(NamedTuple):
    """Plan: holds a checked extension. New jobs have the nodes that they will get."""

    generator: NodeId
    jobs: tuple[NewJob, ...]
    edges: tuple[tuple[NodeId, NodeId, str | None], ...]


# -- checking


def plan_extension(run_state: RunState, event: Generated) -> Plan | str:
    """Check what a generator made. Returns a plan, or a message with the mistake and its repair."""
    dag = run_state.dag
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
        maker, kind = (kinds.get(node) or dag.kind(node) for node in ends)
        if kind is NodeKind.INVARIANT and not may_follow(edge.downstream, maker):
            return f"{name!r} made {_show(edge)}, but an invariant depends on nothing"
        if downstream < len(dag):
            if _is_known_edge(dag, upstream, downstream, edge.part):
                continue
            if below is None:
                below = reachable([event.generator], lambda node: _declared_downstreams(dag, node))
            if downstream not in below:
                return (
                    f"{name!r} made {_show(edge)}, but {edge.downstream!r} does not depend on {name!r}, so it may "
                    f"have run already; let {edge.downstream!r} depend on {name!r}"
                )
        if edge.part is not None and maker not in _HAVE_FILES:
            return (
                f"{name!r} made {_show(edge)}, but {edge.upstream!r} makes no files, and so no {edge.part!r}"
            )
        if edge.part is not None and not _may_have_part(run_state, upstream, edge.part):
            return f"{name!r} made {_show(edge)}, but {edge.upstream!r} is up to date and has no file {edge.part!r}"
        edges.append((upstream, downstream, edge.part))
    cycle = cycle_through([(upstream, downstream) for upstream, downstream, _ in edges], dag)
    if cycle:
        ids = [*dag.job_ids, *new]
        path = " → ".join(repr(ids[node]) for node in (*cycle, cycle[0]))
        return f"{name!r} made a cycle: {path}; remove one of these dependencies"
    return Plan(event.generator, event.jobs, tuple(edges))


def _declared_downstreams(dag: Dag, node: NodeId) -> Collection[NodeId]:
    """Direct downstreams. A read has none: what is allowed must not depend on what a job read in the last run."""
    return () if is_read(dag.job_id(node)) else dag.downstreams(node)


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
    """Whether the graph contains this dependency already."""
    if not dag.has_edge(upstream, downstream):
        return False
    parts = dag.parts(upstream, downstream)
    return parts is None or part in parts


def _may_have_part(run_state: RunState, upstream: NodeId, part: str) -> bool:
    if upstream >= len(run_state.dag) or run_state.fingerprint[upstream] is None:
        return True
    return has_part(run_state.parts.get(upstream, {}), part)


# -- adding


def extend(admission: Admission, plan: Plan) -> None:
    """Add the planned jobs and edges to the graph, and admit the new jobs to the run."""
    run_state, flow, dag = admission.run_state, admission.flow, admission.run_state.dag
    old_size = len(dag)
    added: dict[NodeId, list[NodeId]] = {}
    for upstream, downstream, _ in plan.edges:
        if not dag.has_edge(upstream, downstream):
            upstreams = added.setdefault(downstream, [])
            if upstream not in upstreams:
                upstreams.append(upstream)
    touched = sorted({downstream for _, downstream, _ in plan.edges if downstream < old_size})
    for downstream in touched:
        if run_state.state[downstream] is NodeState.DUE:
            run_state.move(downstream, NodeState.WAITING)

    for job in plan.jobs:
        dag.add_node(job.job_id, job.kind, keep=job.keep)
    for upstream, downstream, part in plan.edges:
        dag.add_edge(upstream, downstream, part=part)
    new = run_state.grow()
    if plan.jobs or plan.edges:
        flow.effects.append(Extended(plan.generator, tuple(NodeId(node) for node in new)))

    # All edges are counted first, because a job that is excluded or blocked below withdraws its counts.
    taking_part = [
        downstream for downstream in touched if run_state.state[downstream] is not NodeState.EXCLUDED
    ]
    for downstream in taking_part:
        run_state.join(downstream, added.get(downstream, []))
    _mark_below(admission, plan)
    _exclude_pruned(admission, plan)
    joined = [
        upstream
        for downstream in taking_part
        if run_state.state[downstream] is not NodeState.EXCLUDED
        for upstream in added.get(downstream, ())
    ]
    complete = admission.admit(admission.newcomers(plan.generator, new, joined))
    for downstream in taking_part:
        if run_state.state[downstream] is NodeState.WAITING:
            admission.meet(downstream, added.get(downstream, []))
            admission.review(downstream)
            run_state.recheck.append(downstream)
    for upstream in dict.fromkeys(upstream for upstream, _, part in plan.edges if part is not None):
        if run_state.fingerprint[upstream] is None:
            admission.review(upstream)
    admission.decide(complete)


def _mark_below(admission: Admission, plan: Plan) -> None:
    run_state = admission.run_state
    admission.mark_below(
        [downstream]
        for upstream, downstream, _ in plan.edges
        if run_state.below_generator[upstream] or run_state.dag.kind(upstream) is NodeKind.GENERATOR
    )


def _exclude_pruned(admission: Admission, plan: Plan) -> None:
    """Exclude the jobs that a new edge puts downstream of a pruned or last job, and all jobs downstream of them."""
    run_state = admission.run_state
    pruned = admission.mark_pruned(
        downstream
        for upstream, downstream, _ in plan.edges
        if run_state.pruned[upstream] or upstream in run_state.last
    )
    admission.flow.collapse(sorted(pruned), plan.generator, NodeState.EXCLUDED)
