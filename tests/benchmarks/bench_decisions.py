"""How long the decision core takes when there is nothing to do: the growth, and what a job costs in memory.

    python tests/benchmarks/bench_decisions.py [--full]

For each shape and size, in a process of its own: seconds of processor time to index the edges, to make the evaluator
and to decide (all events handled, nothing to do), and bytes per job. The time to walk over all edges once in plain
Python, in the same process, is printed beside it, since only the ratio means anything on a machine that others use
too. ``--full`` goes to 1,000,000 jobs.
"""

from __future__ import annotations

import gc
import resource
import subprocess
import sys
import time

from ppg_graph import (
    Dag,
    Effect,
    Evaluator,
    Files,
    FileStatus,
    Fingerprint,
    JobId,
    NodeId,
    NodeKind,
    Observation,
    Observe,
    Observed,
    Record,
    Skip,
    SkipReason,
    Start,
)

SIZES = [1_000, 10_000, 100_000]
FULL = [*SIZES, 1_000_000]
SAME = Fingerprint(b"f" * 16)


def layered(count: int) -> Dag:
    """Layers of 1,000 jobs, each job below three of the layer above (300,000 edges for 100,000 jobs)."""
    dag = Dag()
    width = min(1000, count // 4)
    for index in range(count):
        first = index < width
        node = dag.add_node(JobId(f"out/{index}"), NodeKind.INVARIANT if first else NodeKind.OUTPUT)
        if not first:
            above = (index // width - 1) * width
            for step in (0, 1, 7):
                dag.add_edge(NodeId(above + (index + step) % width), node)
    return dag


def wide(count: int) -> Dag:
    """Jobs side by side, each with an invariant of its own and one that all share."""
    dag = Dag()
    shared = dag.add_node(JobId("shared"), NodeKind.INVARIANT)
    for index in range(count // 2):
        own = dag.add_node(JobId(f"FI{index}"), NodeKind.INVARIANT)
        node = dag.add_node(JobId(f"out/{index}"), NodeKind.OUTPUT)
        dag.add_edge(own, node)
        dag.add_edge(shared, node)
    return dag


def chain(count: int) -> Dag:
    """Each job below the one before."""
    dag = Dag()
    before = dag.add_node(JobId("start"), NodeKind.INVARIANT)
    for index in range(count - 1):
        node = dag.add_node(JobId(f"out/{index}"), NodeKind.OUTPUT)
        dag.add_edge(before, node)
        before = node
    return dag


def dense(count: int) -> Dag:
    """Fewer jobs with many edges: 30 upstreams each."""
    dag = Dag()
    for index in range(count // 10):
        first = index < 30
        node = dag.add_node(JobId(f"out/{index}"), NodeKind.INVARIANT if first else NodeKind.OUTPUT)
        if not first:
            for step in range(30):
                dag.add_edge(NodeId(index - 30 + step), node)
    return dag


SHAPES = {"layered": layered, "wide": wide, "chain": chain, "dense": dense}


def resident() -> int:
    """Bytes of memory that the process has now."""
    with open("/proc/self/statm", encoding="ascii") as stream:
        return int(stream.read().split()[1]) * resource.getpagesize()


def walk(dag: Dag) -> int:
    """The least that any decision about the graph has to do: look at every edge."""
    counts = [0] * len(dag)
    for index in range(len(dag)):
        for upstream in dag.upstreams(NodeId(index)):
            counts[upstream] += 1
    return sum(counts)


def decide(dag: Dag, history: dict[JobId, Record]) -> None:
    """One run in which every invariant and every file is as the records say."""
    intact = Files(FileStatus.INTACT, ())
    evaluator = Evaluator(dag, history)
    waiting = list(evaluator.start())
    skipped = 0
    while waiting:
        effects: list[Effect] = []
        for effect in waiting:
            match effect:
                case Observe(nodes):
                    seen: dict[NodeId, Observation] = {
                        node: SAME if dag.kinds[node] is NodeKind.INVARIANT else intact for node in nodes
                    }
                    effects += evaluator.handle(Observed(seen))
                case Skip(nodes, SkipReason.CLEAN):
                    skipped += len(nodes)
                case Start(node):
                    raise AssertionError(f"{dag.job_id(node)} would run: {evaluator.reasons(node)}")
        waiting = effects
    if not evaluator.finished or skipped != sum(kind is NodeKind.OUTPUT for kind in dag.kinds):
        raise AssertionError("not everything was found up to date")


def measure(shape: str, count: int) -> None:
    """Print one line."""
    empty = resident()
    dag = SHAPES[shape](count)
    begin = time.process_time()
    edges = walk(dag)
    indexed = time.process_time()
    walk(dag)
    walked = time.process_time()
    ids = dag.job_ids
    history = {
        ids[node]: Record(
            NodeKind.OUTPUT, SAME, {ids[upstream]: SAME for upstream in dag.upstreams(NodeId(node))}
        )
        for node in range(len(dag))
        if dag.kinds[node] is NodeKind.OUTPUT
    }
    before = resident()
    gc.collect()
    gc.freeze()
    started = time.process_time()
    decide(dag, history)
    ended = time.process_time()
    decided, bare = ended - started, walked - indexed
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    per_job = (
        f"{(memory - empty) / len(dag):6.0f} bytes/job, of which deciding {(memory - before) / len(dag):5.0f}"
    )
    print(
        f"{shape:<8} {len(dag):>9,} jobs {edges:>10,} edges   index {indexed - begin - bare:6.2f} s   decide {decided:6.2f} s"
        f" = {1e6 * decided / (len(dag) + edges):5.2f} µs per job and edge, {decided / bare:5.1f} x a bare walk"
        f"   {per_job if len(dag) >= 10_000 else ''}",
        flush=True,
    )


def main() -> None:
    """Each line from a process of its own."""
    if len(sys.argv) == 3:
        measure(sys.argv[1], int(sys.argv[2]))
        return
    for shape in SHAPES:
        for count in FULL if "--full" in sys.argv[1:] else SIZES:
            subprocess.run([sys.executable, __file__, shape, str(count)], check=True)


if __name__ == "__main__":
    main()
