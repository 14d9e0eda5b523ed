"""Reads that no job declares, in the simulated world: what is read, what is found, and what a front end makes of it.

What a job reads follows from its name alone, so a job that is the same reads the same. It reads input files (f0, f1,
f2), files of OUTPUT jobs that come earlier in the script, and of jobs that a generator may make. Temporary files lie
where no job looks.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from hashlib import blake2b
from typing import Any

from ppg_graph import Dag, JobId, NodeId, NodeKind, Record, is_read, path_of_read, read_id

__all__ = ["INPUTS", "READERS", "FrontEnd", "find", "paths_of"]

INPUTS = ("f0", "f1", "f2")
READERS = (NodeKind.OUTPUT, NodeKind.LAZY, NodeKind.LOAD)


def paths_of(name: str) -> tuple[str, ...]:
    """What the job with this name reads: files of jobs, one part of such files, or inputs."""
    some = blake2b(name.encode(), digest_size=12, person=b"reads").digest()
    earlier = int(name.partition(".")[0][1:]) if name[0] == "j" else 0
    paths: list[str] = []
    for kind, which, part in zip(some[:2], some[2:4], some[4:6], strict=True):
        if kind % 4 == 0:
            paths.append(INPUTS[which % len(INPUTS)])
        elif kind % 4 == 1 and earlier:
            generated = ("", "", ".0")[part % 3]
            paths.append(f"j{which % earlier}{generated}{('', '/x', '/y')[part % 5 % 3]}")
    return tuple(dict.fromkeys(paths))


def find(path: str, kinds: Mapping[str, NodeKind], disk: Mapping[str, Any]) -> Any:
    """What lies there: None if nothing does."""
    name, _, part = path.partition("/")
    if kinds.get(name, NodeKind.OUTPUT) is not NodeKind.OUTPUT:
        return None
    contents = disk.get(name)
    return contents[part] if part and isinstance(contents, dict) else contents


Parts = frozenset[str] | None


class FrontEnd:
    """What a front end makes of the reads in the records: invariants, and edges from jobs that make the files."""

    def __init__(self, dag: Dag, records: Mapping[JobId, Record], generated_by: dict[str, str]) -> None:
        self.dag, self.records = dag, records
        self.generated_by = generated_by
        """The generator of each job that was ever generated."""

    def declare(self) -> list[JobId]:
        """Add what the jobs of the graph have read. Returns the new invariants."""
        added: list[JobId] = []
        for node in [NodeId(node) for node in range(len(self.dag))]:
            upstreams = {self.dag.job_id(up): self.dag.parts(up, node) for up in self.dag.upstreams(node)}
            for read in self._recorded(self.dag.job_id(node), self.dag.kind(node), upstreams):
                if read not in self.dag:
                    added.append(read)
                    self.dag.add_node(read, NodeKind.INVARIANT)
                self.dag.add_edge(self.dag.node(read), node)
        for read in added:
            maker = self._maker(read, {})
            if maker is not None:
                self.dag.add_edge(self.dag.node(maker), self.dag.node(read))
        return added

    def extend(
        self, generator: JobId, kinds: Mapping[JobId, NodeKind], edges: Iterable[tuple[str, str, str | None]]
    ) -> tuple[list[JobId], list[tuple[JobId, JobId]]]:
        """Invariants and edges that a generator adds together with these jobs and edges."""
        self.generated_by.update(dict.fromkeys(kinds, generator))
        upstreams: dict[str, dict[str, Parts]] = {name: {} for name in kinds}
        for up, down, part in edges:
            if down in kinds:
                before = upstreams[down].get(up, frozenset())
                upstreams[down][up] = None if part is None or before is None else before | {part}
        added: dict[JobId, None] = {}
        new_edges: list[tuple[JobId, JobId]] = []
        for name, kind in kinds.items():
            for read in self._recorded(name, kind, upstreams[name]):
                new_edges.append((read, name))
                if read not in self.dag:
                    added[read] = None
        waiting = [self.dag.job_id(node) for node in self.dag.downstreams(self.dag.node(generator))]
        for read in [*added, *filter(is_read, waiting)]:
            maker = self._maker(read, kinds)
            if maker is not None and (read in added or maker in kinds):
                new_edges.append((maker, read))
        return list(added), new_edges

    def is_declared(self, path: str, reader: JobId) -> bool:
        """Whether the job depends on what lies there."""
        maker, node = JobId(path.partition("/")[0]), self.dag.node(reader)
        if maker not in self.dag or not self.dag.has_edge(self.dag.node(maker), node):
            return False
        return _has(path, self.dag.parts(self.dag.node(maker), node))

    def is_followed(self, path: str, reader: JobId) -> bool:
        """Whether the graph lets the job wait for the job that makes what it reads."""
        maker, read = JobId(path.partition("/")[0]), read_id(path)
        if maker not in self.dag or read not in self.dag:
            return False
        node = self.dag.node
        return self.dag.has_edge(node(maker), node(read)) and self.dag.has_edge(node(read), node(reader))

    def _recorded(self, name: JobId, kind: NodeKind, upstreams: Mapping[str, Parts]) -> Iterator[JobId]:
        record = self.records.get(name)
        if record is None or kind not in READERS:
            return
        for read in filter(is_read, record.upstreams):
            path = path_of_read(read)
            maker = path.partition("/")[0]
            if maker not in upstreams or not _has(path, upstreams[maker]):
                yield read

    def _maker(self, read: JobId, new: Mapping[JobId, NodeKind]) -> JobId | None:
        """The job that makes the file, or the nearest generator that may make that job."""
        name = path_of_read(read).partition("/")[0]
        wanted = NodeKind.OUTPUT
        while True:
            job_id = JobId(name)
            if job_id in new or job_id in self.dag:
                kind = new.get(job_id) or self.dag.kind(self.dag.node(job_id))
                return job_id if kind is wanted else None
            if name not in self.generated_by:
                return None
            name, wanted = self.generated_by[name], NodeKind.GENERATOR


def _has(path: str, parts: Parts) -> bool:
    return parts is None or path.partition("/")[2] in parts
