"""Reads in a copy: adds recorded reads to a copy of a graph, to tell what a run would do without changing the graph."""

from collections.abc import Callable, Collection, Iterator

from ppg.graph.declared import DeclaredGraph
from ppg.graph.folders import FoldersOfJobs
from ppg.jobs.job import Job
from ppg.reads.in_graph import FormerGenerators, has_file, has_reads, ignores_reads, job_of
from ppg.reads.links import WithoutLinks
from ppg.reads.names_of_outputs import NamesOfOutputs
from ppg.reads.recorded import GraphOfReads, recorded_reads
from ppg.status.history import History
from ppg_graph import Dag, JobId, NodeId, NodeKind, is_read

__all__ = ["add_reads", "copy_with_reads"]


def copy_with_reads(pipegraph: DeclaredGraph, history: History) -> tuple[Dag, dict[NodeId, Job]]:
    """Return a graph with the recorded reads, and their jobs by node: a copy, unless there are no reads.

    The jobs of the pipegraph keep their nodes.
    """
    dag = pipegraph.dag
    if not has_reads(history):
        return dag, {}
    copy = dag.subgraph([NodeId(node) for node in range(len(dag))])
    return copy, add_reads(copy, pipegraph._job_at, pipegraph, history)


def add_reads(
    dag: Dag, job_at: Callable[[NodeId], Job | None], pipegraph: DeclaredGraph, history: History
) -> dict[NodeId, Job]:
    """Add the recorded reads to a graph; return their jobs by node.

    Parameters:
        dag: a copy of the pipegraph's, which this function changes; it may have more jobs.
        job_at: returns the job of a node; None if only its id is known.
        pipegraph: the graph of the script.
        history: the records.
    """
    if not has_reads(history):
        return {}
    job_ids = [
        job_id for job_id, kind in zip(dag.job_ids, dag.kinds, strict=True) if kind is not NodeKind.INVARIANT
    ]
    makers: dict[str, JobId] = {}
    folders = FoldersOfJobs()
    for job_id in job_ids:
        job = job_at(dag.node(job_id))
        for path in () if job is None else job.files:
            makers.setdefault(path, job_id)
        if job is not None:
            folders.add(job)

    def upstreams(job_id: JobId) -> Iterator[tuple[JobId, Collection[str] | None]]:
        reader = dag.node(job_id)
        for upstream in dag.upstreams(reader):
            if not is_read(dag.job_id(upstream)):
                yield dag.job_id(upstream), dag.parts(upstream, reader)

    def has(job_id: JobId, names: Collection[str] | None, path: str) -> bool:
        job = job_at(dag.node(job_id))
        return job is not None and has_file(job, names, path)

    def ignores(job_id: JobId) -> bool:
        job = job_at(dag.node(job_id))
        return pipegraph.undeclared == "ignore" if job is None else ignores_reads(job, pipegraph)

    without_links = WithoutLinks(pipegraph.root)

    def maker_of(path: str) -> JobId | None:
        for name in (path, without_links.name(path)):
            found = makers.get(name)
            if found is None and (in_folder := folders.maker_of(name)) is not None:
                found = in_folder.job_id
            if found is not None:
                return found
        return None

    former = FormerGenerators(
        (job_id for job_id in job_ids if dag.kind(dag.node(job_id)) is NodeKind.GENERATOR),
        history,
        without_links,
    )
    view = GraphOfReads(
        dag=dag,
        node=dag.node,
        kind=lambda job_id: dag.kind(dag.node(job_id)),
        upstreams=upstreams,
        has_file=has,
        maker=maker_of,
        generators=former.of_read,
        ignores=ignores,
        before_failure=history.reads_before_failure,
    )
    names_of_outputs = NamesOfOutputs(pipegraph, history)
    jobs: dict[NodeId, Job] = {}
    for read in recorded_reads(job_ids, history.history, view):
        if read.job_id in dag:
            node = dag.node(read.job_id)
        else:
            node = dag.add_node(read.job_id, NodeKind.INVARIANT)
            job = jobs[node] = job_of(read, names_of_outputs, pipegraph)
            job._node = node
        for maker in read.makers:
            dag.add_edge(dag.node(maker), node)
        dag.add_edge(node, dag.node(read.reader))
    return jobs
