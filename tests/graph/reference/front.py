"""What a front end makes of the reads in the records: invariants, and edges from those who make the files."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from tests.graph.reference.facts import path_read, reads_of
from tests.graph.reference.world import Entry, Script, parts_of

__all__ = ["READERS", "read_edges", "read_edges_of_generated"]

READERS = ("OUTPUT", "LAZY", "LOAD")
Edge = tuple[str, str]
PartEdges = Collection[tuple[str, str, str | None]]


def read_edges(script: Script, store: Mapping[str, Entry]) -> list[Edge]:
    """Edges through which jobs follow from what they read in earlier runs. Declared edges need none."""
    found: dict[Edge, None] = {}
    for read, job in _recorded(script.kinds, script.edges, store):
        found[read, job] = None
        for maker in _makers(read, script, script.kinds, store):
            found[maker, read] = None
    return list(found)


def read_edges_of_generated(
    script: Script,
    store: Mapping[str, Entry],
    generator: str,
    kinds: Mapping[str, str],
    edges: Collection[Edge],
) -> list[Edge]:
    """The same for what a generator has made now. The kinds and edges are those of the graph before."""
    new = script.extension(generator)
    found: dict[Edge, None] = {}
    for read, job in _recorded(dict(new.kinds), new.edges, store):
        found[read, job] = None
        for maker in _makers(read, script, {**kinds, **dict(new.kinds)}, store) if read not in kinds else ():
            found[maker, read] = None
    for up, read in edges:
        path = path_read(read)
        if path is not None and up == generator and dict(new.kinds).get(path) == "OUTPUT":
            found[path, read] = None
    return list(found)


def _recorded(kinds: Mapping[str, str], edges: PartEdges, store: Mapping[str, Entry]) -> Iterator[Edge]:
    declared = {(up, down) for up, down, _ in edges}
    for job, kind in kinds.items():
        if job in store and kind in READERS:
            for read in sorted(reads_of(store[job].past)):
                if (path_read(read), job) not in declared:
                    yield read, job


def _makers(read: str, script: Script, kinds: Mapping[str, str], store: Mapping[str, Entry]) -> list[str]:
    """The job that makes this, or else the generators that made such a job in an earlier run."""
    path = path_read(read) or ""
    if path in kinds:
        return [path] if kinds.get(path) == "OUTPUT" else []
    return [
        job
        for job, kind in kinds.items()
        if kind == "GENERATOR"
        and (
            (path in store and path in dict(script.extension(job).kinds))
            or path in _made_last_time(job, store)
        )
    ]


def _made_last_time(generator: str, store: Mapping[str, Entry]) -> Collection[str]:
    entry = store.get(generator)
    if entry is None or not isinstance(entry.past.print, bytes) or entry.past.kind != "GENERATOR":
        return ()
    return parts_of(entry.past.print).keys()
