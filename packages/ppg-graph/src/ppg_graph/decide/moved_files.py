"""Moved files: recognises files that a job consumed before, when another job makes or observes them now.

A record names the job behind each consumed file, but only the file counts. One more output gives a job of several files
another id. A file may move from one job to another, or become an input that an invariant observes. So an edge that the
record does not have is no change if the record has its files, with these fingerprints, under other ids.

The id of a job with several files joins their names by `:`. So ids show which edges may belong together. Only equal
fingerprints prove it: a fingerprint of several files covers their names. A wrong guess costs a rerun at most.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import NamedTuple

from ppg_graph.decide.run_state import RunState
from ppg_graph.model.ids import Fingerprint, JobId, NodeId, NodeKind
from ppg_graph.model.reads import is_read, path_of_read
from ppg_graph.model.records import Record, combine, is_own_code

__all__ = ["MovedFiles", "have_moved", "lacks_upstream", "may_have_moved", "moved_files"]

_HAVE_FILES = (NodeKind.OUTPUT, NodeKind.LAZY)


class MovedFiles(NamedTuple):
    """MovedFiles: sorts the edges that only the graph has, and the job ids that only the record has.

    - same: edges to files that the record has under other ids, with the same fingerprints
    - same_ids: ids in the record that these edges replace
    - open: edges that may be the same, but a fingerprint that decides it is unknown yet
    - open_ids: ids in the record that such edges may replace
    - added, removed: all other edges and ids
    """

    same: frozenset[NodeId]
    same_ids: frozenset[JobId]
    open: frozenset[NodeId]
    open_ids: frozenset[JobId]
    added: frozenset[NodeId]
    removed: Collection[JobId]


class _Holders:
    """_Holders: finds the job ids that may stand for a file, in constant time for names without `:`."""

    def __init__(self, job_ids: Collection[JobId]) -> None:
        self._job_ids = job_ids
        self._by_name: dict[str, list[JobId]] = {}
        for job_id in job_ids:
            for name in _names_held(job_id):
                self._by_name.setdefault(name, []).append(job_id)

    def of(self, name: str) -> Collection[JobId]:
        if ":" not in name:
            return self._by_name.get(name, ())
        return [job_id for job_id in self._job_ids if f":{name}:" in f":{job_id}:"]


def _names_held(job_id: JobId) -> Collection[str]:
    return (path_of_read(job_id),) if is_read(job_id) else {job_id, *job_id.split(":")}


def lacks_upstream(run_state: RunState, node: NodeId, record: Record) -> bool:
    """Whether the record has an id that no edge has, other than those of the job's own code and of reads."""
    return not all(map(is_read, _differences(run_state, node, record)[1]))


def may_have_moved(run_state: RunState, node: NodeId, record: Record) -> bool:
    """Whether ids alone allow that all edges that the record does not have are moved files.

    A generator upstream may still add edges, so for such a job an id that only the record has is no obstacle.
    """
    added, removed = _differences(run_state, node, record)
    holders = _Holders(removed)
    touched: set[JobId] = set()
    for upstream in added:
        found = {job_id for name in _possible_names(run_state, upstream, node) for job_id in holders.of(name)}
        if not found:
            return False
        touched |= found
    return bool(run_state.below_generator[node]) or all(
        job_id in touched or is_read(job_id) for job_id in removed
    )


def have_moved(run_state: RunState, node: NodeId, record: Record) -> bool:
    """Whether the record holds, although it has files under other ids. All upstreams have a fingerprint."""
    job_ids, known = run_state.dag.job_ids, record.upstreams
    if any(
        known.get(job_ids[upstream], consumed) != consumed
        for upstream in run_state.dag.upstreams(node)
        for consumed in (run_state.consumed(upstream, node),)
    ):
        return False
    moved = moved_files(run_state, node, record)
    return not moved.added and not moved.removed


def moved_files(run_state: RunState, node: NodeId, record: Record) -> MovedFiles:
    """Sort the edges of a job that its record does not have, and the ids that only the record has."""
    added, removed = _differences(run_state, node, record)
    names_of = {upstream: _names(run_state, upstream, node) for upstream in added} if removed else {}
    fingerprints: dict[str, Fingerprint | None] = {}
    for consumed in names_of.values():
        fingerprints.update(consumed)
    holders = _Holders(removed)
    candidates: dict[JobId, list[str]] = {}
    for name in fingerprints:
        for job_id in holders.of(name):
            candidates.setdefault(job_id, []).append(name)
    proven: set[str] = set()
    same_ids: set[JobId] = set()
    open_ids: set[JobId] = set()
    for job_id, several in candidates.items():
        names = [str(job_id)] if job_id in fingerprints else several
        values = {name: value for name in names if (value := fingerprints[name]) is not None}
        if len(values) < len(names):
            open_ids.add(job_id)
        elif record.upstreams[job_id] in (
            combine(values.items()),
            values.get(path_of_read(job_id) if is_read(job_id) else job_id),
        ):
            same_ids.add(job_id)
            proven.update(names)
    same = {upstream for upstream, names in names_of.items() if proven >= names.keys()}
    unknown = {
        upstream
        for upstream, names in names_of.items()
        if any(not open_ids.isdisjoint(holders.of(name)) for name in names)
    } - same
    return MovedFiles(
        frozenset(same),
        frozenset(same_ids),
        frozenset(unknown),
        frozenset(open_ids),
        frozenset(upstream for upstream in added if upstream not in same and upstream not in unknown),
        [
            job_id
            for job_id in removed
            if job_id not in same_ids and job_id not in open_ids and not is_read(job_id)
        ],
    )


def _differences(run_state: RunState, node: NodeId, record: Record) -> tuple[list[NodeId], list[JobId]]:
    """Edges that only the graph has, and ids that only the record has.

    A job that ignores changes of its code has no invariant of that code, and the record still has its fingerprint.
    A read is no difference by itself. It is among the ids only because it proves that a file is the same if the job
    depends on that file now. The graph has such a read, too, if a generator added the dependency.
    """
    job_ids, upstreams = run_state.dag.job_ids, run_state.dag.upstreams(node)
    current = {job_ids[upstream] for upstream in upstreams}
    return (
        [upstream for upstream in upstreams if job_ids[upstream] not in record.upstreams],
        [
            job_id
            for job_id in record.upstreams
            if is_read(job_id) or (job_id not in current and not is_own_code(job_id, job_ids[node]))
        ],
    )


def _names(run_state: RunState, upstream: NodeId, node: NodeId) -> Mapping[str, Fingerprint | None]:
    """Files that the job consumes of this upstream, by name; None: the fingerprint is unknown yet."""
    if run_state.fingerprint[upstream] is None:
        return dict.fromkeys(_possible_names(run_state, upstream, node))
    parts = run_state.parts.get(upstream, {})
    named = run_state.dag.parts(upstream, node)
    if named is not None:
        return {name: run_state.part(upstream, name) for name in named}
    return parts or {run_state.dag.job_id(upstream): run_state.fingerprint[upstream]}


def _possible_names(run_state: RunState, upstream: NodeId, node: NodeId) -> Collection[str]:
    named = run_state.dag.parts(upstream, node)
    if named is not None:
        return named
    job_id = run_state.dag.job_id(upstream)
    if run_state.dag.kind(upstream) in _HAVE_FILES and ":" in job_id:
        return (job_id, *job_id.split(":"))
    return (job_id,)
