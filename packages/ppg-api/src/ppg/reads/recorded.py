"""Recorded reads: puts into a graph what the records say that jobs read without depending on it.

It decides nothing, and does no IO. The evaluator decides by these invariants and edges as by declared ones. So a job
that read the file of another job waits for that job, although the script does not say so.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from ppg_graph import (
    Dag,
    JobId,
    NodeId,
    NodeKind,
    Record,
    circle_id,
    cycle_through,
    is_read,
    path_of_read,
    read_id,
)

__all__ = ["GraphOfReads", "RecordedRead", "recorded_reads"]

_HAVE_FILES = (NodeKind.OUTPUT, NodeKind.LAZY)


@dataclass(frozen=True, slots=True)
class RecordedRead:
    """Recorded read: one read of one job.

    Attributes:
        job_id: the id of the read in the graph.
        path: the file or folder.
        reader: the job that read it.
        makers: the job of the graph that makes the file, or the generators that made such a job last time.
    """

    job_id: JobId
    path: str
    reader: JobId
    makers: tuple[JobId, ...] = ()


@dataclass(frozen=True, slots=True)
class GraphOfReads:
    """Graph of reads: what `recorded_reads` has to know of a graph and of its jobs, by id.

    Attributes:
        dag: the graph; it may lack the newest jobs and edges.
        node: the node of a job, also of the newest ones.
        kind: the role of a job.
        upstreams: the direct upstreams of a job, each with the files of it that the job depends on; None for all.
        has_file: whether a file is one of those that a job makes or observes; given the parts that count, or None.
        maker: the job that makes a file; None if no job does.
        generators: the generators that made the maker of a file last time.
        ignores: whether the reads of a job do not count.
        before_failure: what a job without a record had read before it failed.
        edges: the newest edges, which `dag` lacks.
    """

    dag: Dag
    node: Callable[[JobId], NodeId]
    kind: Callable[[JobId], NodeKind]
    upstreams: Callable[[JobId], Iterable[tuple[JobId, Collection[str] | None]]]
    has_file: Callable[[JobId, Collection[str] | None, str], bool]
    maker: Callable[[str], JobId | None]
    generators: Callable[[str], Sequence[JobId]]
    ignores: Callable[[JobId], bool]
    before_failure: Callable[[JobId], Sequence[JobId]]
    edges: Sequence[tuple[NodeId, NodeId]] = ()


def recorded_reads(
    job_ids: Iterable[JobId], history: Mapping[JobId, Record], graph: GraphOfReads
) -> list[RecordedRead]:
    """Return the reads of these jobs that the graph must contain, in the order of the jobs.

    A read is left out if the job makes the file, depends on it now, or does not count its reads. If a temporary job or
    a cache makes the file, there is no edge: the job fails when it reads the file again. A job that has failed runs again
    in any case, and waits for the files of other jobs that it had read.
    """
    found: list[RecordedRead] = []
    for job_id in job_ids:
        record = history.get(job_id)
        upstreams = graph.before_failure(job_id) if record is None else record.upstreams
        reads = [upstream for upstream in upstreams if is_read(upstream)]
        if not reads or graph.ignores(job_id):
            continue
        declared = list(graph.upstreams(job_id))
        for read in reads:
            path = path_of_read(read)
            if graph.has_file(job_id, None, path) or any(
                graph.has_file(upstream, names, path) for upstream, names in declared
            ):
                continue
            makers = _makers(path, graph) if read == read_id(path) else ()
            if makers or record is not None:
                found.append(RecordedRead(read, path, job_id, makers))
    return _without_circles(found, graph)


def _makers(path: str, graph: GraphOfReads) -> tuple[JobId, ...]:
    maker = graph.maker(path)
    if maker is None:
        return tuple(graph.generators(path))
    return (maker,) if graph.kind(maker) is NodeKind.OUTPUT else ()


def _without_circles(found: list[RecordedRead], graph: GraphOfReads) -> list[RecordedRead]:
    """Replace the reads that would close a circle, the last one first, so that their jobs run again."""
    result = list(found)
    while True:
        steps = [
            (graph.node(maker), graph.node(read.reader), index)
            for index, read in enumerate(result)
            for maker in read.makers
        ]
        edges = [*graph.edges, *((maker, reader) for maker, reader, _ in steps)]
        cycle = cycle_through(edges, graph.dag) if steps else None
        if cycle is None:
            return result
        pairs = set(zip(cycle, (*cycle[1:], cycle[0]), strict=True))
        last = max((index for maker, reader, index in steps if (maker, reader) in pairs), default=None)
        if last is None:
            return result  # a circle of declared dependencies, which the graph refuses
        read = result[last]
        result[last] = RecordedRead(circle_id(read.path), read.path, read.reader)
