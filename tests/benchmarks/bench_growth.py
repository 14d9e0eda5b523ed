"""How declaring, and a run with nothing to do, grow with the graph: wide, deep and dense ones.

    python -m tests.benchmarks.bench_growth [--full] [--directory FOLDER]

Each graph is made of jobs that write small files. The files are written here and taken over by `Pipegraph.accept`, so
that a million jobs need not run first. Bytecode is compiled first, too. Then, in a process of its own each time, from
exec to exit: declare the graph and end; run with nothing to do. Printed are seconds of processor time (user and system) and peak memory, and microseconds
and bytes for each node and edge, from which those of an empty graph are subtracted. Nodes are jobs and the
invariants of their functions. ``--full`` goes to 1,000,000 jobs, and to 5,000,000 edges (half an hour, and a few GB of disk).

    wide    no edges but those to invariants
    deep    a chain
    dense   layers of 50 jobs, each on all of the layer above
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import ppg

SHAPES = {"wide": (1_000, 10_000, 100_000), "deep": (1_000, 10_000, 100_000), "dense": (1_000, 10_000)}
FULL = {
    "wide": (*SHAPES["wide"], 1_000_000),
    "deep": (*SHAPES["deep"], 1_000_000),
    "dense": (*SHAPES["dense"], 100_000),
}
WIDTH = 50
EMPTY = "wide", 0


def declare(kind: str, count: int, folder: Path) -> tuple[ppg.Pipegraph, int, int]:
    """The graph in the current directory, and how many nodes and edges it has."""
    import ppg

    graph = ppg.new_pipegraph(ppg.LocalSystem(max_cores_to_use=2))
    above: list[ppg.FileGeneratingJob] = []
    layer: list[ppg.FileGeneratingJob] = []
    edges = 0
    for number in range(count):
        job = ppg.FileGeneratingJob(f"{folder}/{number // 1000}/{number}", writer(number))
        upstreams = layer[-1:] if kind == "deep" else above if kind == "dense" else []
        if upstreams:
            job.depends_on(upstreams)
            edges += len(upstreams)
        layer.append(job)
        if kind == "dense" and len(layer) == WIDTH:
            above, layer = layer, []
    return graph, 2 * count, edges + count


def writer(number: int) -> Callable[[Path], None]:
    """The callback of a job: a closure of its own."""

    def write(path: Path) -> None:
        path.write_text(f"{number}\n")

    return write


def write_files(count: int, folder: Path) -> None:
    """What the jobs would have made."""
    for number in range(count):
        if number % 1000 == 0:
            (folder / str(number // 1000)).mkdir(parents=True)
        descriptor = os.open(f"{folder}/{number // 1000}/{number}", os.O_CREAT | os.O_WRONLY)
        os.write(descriptor, f"{number}\n".encode())
        os.close(descriptor)


def work(step: str, kind: str, count: int) -> None:
    """What a measured process does; prints nodes, edges and what it has used."""
    folder = Path("out")
    graph, nodes, edges = declare(kind, count, folder)
    if step == "accept":
        accepted = graph.accept()
        assert len(accepted.accepted) == count
        assert not accepted.refused
    elif step == "run":
        result = graph.run()
        assert not result.ran, f"{len(result.ran)} jobs ran"
    elif step == "declare":
        graph._complete()
    else:
        raise ValueError(f"There is no step {step!r}")
    print(nodes, edges)


def measure(
    step: str, kind: str, count: int, directory: str, variables: Mapping[str, str]
) -> tuple[int, int, float, int]:
    """Nodes, edges, seconds of processor time and bytes of memory of a process that does a step."""
    command = [sys.executable, __file__, "--step", step, kind, str(count)]
    with subprocess.Popen(
        command, cwd=directory, env=variables, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        said = process.stdout.read()
        error = process.stderr.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{step} of {kind} {count:,} ended with {process.returncode}:\n{error}")
    nodes, edges = map(int, said.split())
    return nodes, edges, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024


def report(
    kind: str,
    count: int,
    base: dict[str, tuple[int, int, float, int]],
    scratch: str | None,
    variables: Mapping[str, str],
) -> None:
    """Print the line of one graph."""
    with tempfile.TemporaryDirectory(dir=scratch) as directory:
        write_files(count, Path(directory, "out"))
        measure("accept", kind, count, directory, variables)
        line = f"{kind:5} {count:>9,}"
        for step in ("declare", "run"):
            nodes, edges, seconds, memory = measure(step, kind, count, directory, variables)
            own = (seconds - base[step][2]) / (nodes + edges) * 1e6
            size = (memory - base[step][3]) / (nodes + edges)
            if step == "declare":
                line += f" {nodes:>9,} {edges:>9,}"
            line += f" | {seconds:6.2f} s {memory / 2**20:5.0f} MiB {own:5.1f} µs {size:5.0f} B"
        print(line, flush=True)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--full", action="store_true")
    parser.add_argument(
        "--directory", default=None, help="where to work; the folder for temporary files by default"
    )
    parser.add_argument("--step", nargs=3, metavar=("STEP", "SHAPE", "JOBS"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.step:
        step, kind, count = options.step
        work(step, kind, int(count))
        return
    # Not at the top, as it would count into the memory of the measured processes.
    from tests.benchmarks.environments import measurable_variables

    variables = measurable_variables()
    print(
        f"Python {sys.version.split()[0]}, load {os.getloadavg()[0]:.1f}; µs and B are for each node and edge"
    )
    print("          jobs     nodes     edges | declare                           | run, nothing to do")
    with tempfile.TemporaryDirectory(dir=options.directory) as directory:
        base = {step: measure(step, *EMPTY, directory, variables) for step in ("declare", "run")}
    for kind, sizes in (FULL if options.full else SHAPES).items():
        for count in sizes:
            report(kind, count, base, options.directory, variables)


if __name__ == "__main__":
    main()
