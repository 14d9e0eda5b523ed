"""Staleness: derives the reasons why a job must run, as far as they are known."""

from __future__ import annotations

from ppg_graph.decide.moved_files import lacks_upstream, may_have_moved, moved_files
from ppg_graph.decide.run_state import InternalError, RunState
from ppg_graph.model.ids import NodeId, NodeKind
from ppg_graph.model.parts import lacking_parts
from ppg_graph.model.reads import is_read
from ppg_graph.model.records import Record
from ppg_graph.protocol.events import Files, FileStatus
from ppg_graph.protocol.reasons import (
    AlwaysRuns,
    Demanded,
    FileChanged,
    FileEmpty,
    FileMissing,
    Forced,
    NoRecord,
    ReadChanged,
    Reason,
    Targeted,
    UpstreamAdded,
    UpstreamChanged,
    UpstreamRemoved,
)
from ppg_graph.protocol.states import NodeState

__all__ = ["is_usable", "reasons_to_run", "record_is_outdated"]

_OUTPUT, _LAZY = NodeKind.OUTPUT, NodeKind.LAZY


def is_usable(record: Record) -> bool:
    """Whether the record may make an OUTPUT or LAZY job clean: a record of either kind may, no other may."""
    kind = record.kind
    return kind is _OUTPUT or kind is _LAZY


def record_is_outdated(run_state: RunState, node: NodeId, record: Record) -> bool:
    """Whether the edges alone show that the record does not hold, before any upstream fingerprint is known.

    An edge that the record does not have is new, unless its files may have moved (`moved_files`). A generator
    upstream may still add an edge that only the record has, so such an edge counts only without a generator
    upstream. A file that a job depends on and that is missing in the record was never checked.
    """
    if lacking_parts(run_state.dag.wanted_parts(node), record.parts):
        return True
    job_ids = run_state.dag.job_ids
    if any(job_ids[upstream] not in record.upstreams for upstream in run_state.dag.upstreams(node)):
        return not may_have_moved(run_state, node, record)
    if len(record.upstreams) <= run_state.upstream_count[node] or run_state.below_generator[node]:
        return False
    return lacks_upstream(run_state, node, record)


def reasons_to_run(run_state: RunState, node: NodeId) -> tuple[Reason, ...]:
    """All reasons that are known now: first those that make the job stale, then those that demand it."""
    match run_state.dag.kind(node):
        case NodeKind.INVARIANT:
            return ()
        case NodeKind.GENERATOR:
            return (AlwaysRuns(),)
        case NodeKind.OUTPUT:
            return tuple(_stale_reasons(run_state, node))
        case NodeKind.LAZY:
            if run_state.stale[node]:
                return (*_stale_reasons(run_state, node), *_demand_reasons(run_state, node))
            return _demand_reasons(run_state, node)
        case NodeKind.LOAD:
            return _demand_reasons(run_state, node)


def _demand_reasons(run_state: RunState, node: NodeId) -> tuple[Reason, ...]:
    reasons: tuple[Reason, ...] = (Targeted(),) if run_state.targeted[node] else ()
    if not run_state.demand[node]:
        return reasons
    by = next(other for other in run_state.dag.downstreams(node) if run_state.state[other] is NodeState.DUE)
    return (*reasons, Demanded(run_state.dag.job_id(by)))


def _stale_reasons(run_state: RunState, node: NodeId) -> list[Reason]:
    record = run_state.record[node]
    if record is None:
        return [NoRecord()]
    reasons: list[Reason] = [Forced()] if node in run_state.forced else []
    problem = run_state.problems.get(node)
    if problem is not None and run_state.dag.kind(node) is NodeKind.OUTPUT:
        reasons.append(_file_reason(problem))
    unknown_files = tuple(sorted(lacking_parts(run_state.dag.wanted_parts(node), record.parts)))
    if unknown_files:
        reasons.append(FileMissing(unknown_files))
    moved = moved_files(run_state, node, record)
    undecided = bool(moved.open)
    for upstream in run_state.dag.upstreams(node):
        job_id = run_state.dag.job_id(upstream)
        old = record.upstreams.get(job_id)
        if old is None:
            if upstream in moved.added:
                reasons.append(UpstreamAdded(job_id))
        elif run_state.fingerprint[upstream] is None:
            undecided = True
        else:
            new = run_state.consumed(upstream, node)
            if new != old:
                changed = ReadChanged if is_read(job_id) else UpstreamChanged
                reasons.append(changed(job_id, old, new))
    if not (undecided and run_state.below_generator[node]):
        reasons += [UpstreamRemoved(job_id) for job_id in moved.removed]
    return reasons


def _file_reason(files: Files) -> Reason:
    match files.status:
        case FileStatus.MISSING:
            return FileMissing(files.names)
        case FileStatus.EMPTY:
            return FileEmpty(files.names)
        case FileStatus.CHANGED:
            return FileChanged(files.names)
        case FileStatus.INTACT:
            raise InternalError("intact files are no reason to run")
