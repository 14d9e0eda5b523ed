"""Why a job's record does not hold: the reasons, as far as they are known."""

from __future__ import annotations

from ppg_graph.decide.run_state import Board, InternalError
from ppg_graph.model.ids import JobId, NodeId, NodeKind
from ppg_graph.model.records import Record
from ppg_graph.protocol.events import Files, FileStatus
from ppg_graph.protocol.reasons import (
    AlwaysRuns,
    Demanded,
    FileChanged,
    FileEmpty,
    FileMissing,
    NoRecord,
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
    """Whether the record may make an OUTPUT or LAZY job clean. One of another kind may not, but these two share."""
    kind = record.kind
    return kind is _OUTPUT or kind is _LAZY


def record_is_outdated(board: Board, node: NodeId, record: Record) -> bool:
    """Whether the edges alone show that the record does not hold, before anything upstream is known.

    Edges that the record does not have are always new. Edges that only the record has may still come from a
    generator upstream, so they tell something only if there is none. A file that somebody depends on and that the
    record does not know has never been checked.
    """
    if len(record.upstreams) > board.upstream_count[node] and not board.below_generator[node]:
        return True
    if board.dag.wanted_parts(node) - record.parts.keys():
        return True
    job_ids = board.dag.job_ids
    return any(job_ids[upstream] not in record.upstreams for upstream in board.dag.upstreams(node))


def reasons_to_run(board: Board, node: NodeId) -> tuple[Reason, ...]:
    """All reasons that are known now: those that make it stale, then those that make it demanded."""
    match board.dag.kind(node):
        case NodeKind.INVARIANT:
            return ()
        case NodeKind.GENERATOR:
            return (AlwaysRuns(),)
        case NodeKind.OUTPUT:
            return tuple(_stale_reasons(board, node))
        case NodeKind.LAZY:
            if board.stale[node]:
                return (*_stale_reasons(board, node), *_demand_reasons(board, node))
            return _demand_reasons(board, node)
        case NodeKind.LOAD:
            return _demand_reasons(board, node)


def _demand_reasons(board: Board, node: NodeId) -> tuple[Reason, ...]:
    reasons: tuple[Reason, ...] = (Targeted(),) if board.targeted[node] else ()
    if not board.demand[node]:
        return reasons
    by = next(other for other in board.dag.downstreams(node) if board.state[other] is NodeState.DUE)
    return (*reasons, Demanded(board.dag.job_id(by)))


def _stale_reasons(board: Board, node: NodeId) -> list[Reason]:
    record = board.record[node]
    if record is None:
        return [NoRecord()]
    reasons: list[Reason] = []
    problem = board.problems.get(node)
    if problem is not None and board.dag.kind(node) is NodeKind.OUTPUT:
        reasons.append(_file_reason(problem))
    unknown_files = tuple(sorted(board.dag.wanted_parts(node) - record.parts.keys()))
    if unknown_files:
        reasons.append(FileMissing(unknown_files))
    current: set[JobId] = set()
    undecided = False
    for upstream in board.dag.upstreams(node):
        job_id = board.dag.job_id(upstream)
        current.add(job_id)
        old = record.upstreams.get(job_id)
        if old is None:
            reasons.append(UpstreamAdded(job_id))
        elif board.fingerprint[upstream] is None:
            undecided = True
        else:
            new = board.consumed(upstream, node)
            if new != old:
                reasons.append(UpstreamChanged(job_id, old, new))
    if not (undecided and board.below_generator[node]):
        reasons += [UpstreamRemoved(job_id) for job_id in record.upstreams if job_id not in current]
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
