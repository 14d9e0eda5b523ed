"""What it costs to confine jobs: of a run, of the system calls, and of each file that a confined process opens.

    python -m tests.benchmarks.bench_confine [jobs] [rounds]

Runs that many jobs one after the other on one core, each of which writes a small file: as usual and confined, in turn, in
projects with few and with many modules. Prints milliseconds of processor time a job, as the median of the rounds: that of this
process and of all below it, with what `confine` adds. Then, in forked processes, what the parts of that take, and how long
`open` and `close` of a file take. Processor time, because a machine that others use as well changes it least.

A package with nothing but modules is one rule. Where a data file lies beside the modules, each of them is a rule of its own,
because Landlock has no rule for "all files whose names end with .py".
"""

import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import ppg
import ppg_exec
import ppg_graph
import ppg_invariants
from ppg_exec import (
    CommonAccess,
    common_access,
    confine_process,
    why_not_confinable,
)

PROJECTS = ((1000, False), (10, True), (100, True), (1000, True))
"""Modules of one package, and whether a data file lies beside them."""
OPENED = 2000


def writer() -> Callable[[Path], None]:
    """The callback of all jobs; made in a function, so that it travels by value."""

    def write(path: Path) -> None:
        path.write_text("x\n")

    return write


def project(folder: Path, modules: int, *, data: bool) -> Path:
    """A project with a package of so many modules, which is on the search path, and a data file in it if wanted."""
    package = folder / f"project{modules}{data}" / f"package{modules}{data}"
    package.mkdir(parents=True)
    for number in range(modules - 1):
        (package / f"module{number}.py").touch()
    (package / "__init__.py").touch()
    if data:
        (package / "table.tsv").touch()
    return package.parent


def used() -> float:
    """Seconds of processor time of this process, and of all that were waited for."""
    times = os.times()
    return sum(times[:4])


def milliseconds_a_job(count: int, *, confine: bool) -> float:
    """Run so many jobs in a new folder below the current one."""
    with tempfile.TemporaryDirectory(dir=".") as folder:
        graph = ppg.new_pipegraph(
            ppg.LocalSystem(max_cores_to_use=1, share_cores=False), root=folder, quiet=True, confine=confine
        )
        for number in range(count):
            ppg.FileGeneratingJob(f"{number}.txt", writer())
        began = used()
        result = graph.run()
        took = used() - began
        assert len(result.ran) == count
    return 1000 * took / count


def in_a_fork(measure: Callable[[], float]) -> float:
    """What a function returns in a fork of this process, which it may confine."""
    read, write = os.pipe()
    if (pid := os.fork()) == 0:
        os.write(write, repr(measure()).encode())
        os._exit(0)
    os.close(write)
    with os.fdopen(read, "rb") as pipe:
        data = pipe.read()
    os.waitpid(pid, 0)
    return float(data)


def access(folder: Path) -> CommonAccess:
    """What the confined jobs of a project may use, as a run finds it."""
    return common_access(
        str(folder),
        [str(Path(package.__path__[0])) for package in (ppg, ppg_exec, ppg_invariants, ppg_graph)],
    )


def confining(folder: Path) -> float:
    """Seconds for confining a process."""
    common = access(folder)

    def measure() -> float:
        began = time.process_time()
        confine_process(common, [], [], str(folder))
        return time.process_time() - began

    return statistics.median(in_a_fork(measure) for _ in range(21))


def opening(folder: Path, *, confine: bool) -> float:
    """Seconds for opening and closing a file five folders deep."""
    path = folder / "a" / "b" / "c" / "d" / "file"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    common = access(folder)

    def measure() -> float:
        if confine:
            confine_process(common, [str(path)], [], str(folder))
        began = time.process_time()
        for _ in range(OPENED):
            os.close(os.open(path, os.O_RDONLY))
        return (time.process_time() - began) / OPENED

    return statistics.median(in_a_fork(measure) for _ in range(21))


def main(jobs: int, rounds: int) -> None:
    """Print both tables."""
    problem = why_not_confinable()
    if problem is not None:
        sys.exit(f"nothing to measure: {problem}")
    print(f"{jobs} jobs one after the other, median of {rounds} rounds; processor time\n")
    print("| modules | a job, ms | confined, ms | added, ms |")
    print("| ---: | ---: | ---: | ---: |")
    usual = list(sys.path)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        projects = {
            f"{modules:,}{', beside data' if data else ''}": project(folder, modules, data=data)
            for modules, data in PROJECTS
        }
        for modules, root in projects.items():
            sys.path[:] = [str(root), *usual]
            os.chdir(root)
            times: dict[bool, list[float]] = {False: [], True: []}
            for _ in range(rounds):
                for confine in (False, True):
                    times[confine].append(milliseconds_a_job(jobs, confine=confine))
            plain, confined = (statistics.median(times[confine]) for confine in (False, True))
            print(f"| {modules} | {plain:.2f} | {confined:.2f} | {confined - plain:.2f} |")
        print(
            "\n| modules of the project | finding them, ms a run | confining, ms | open and close, µs | confined, µs |"
        )
        print("| ---: | ---: | ---: | ---: | ---: |")
        for modules, root in projects.items():
            sys.path[:] = [str(root), *usual]
            began = time.process_time()
            access(root)
            found = time.process_time() - began
            plain, confined = (opening(root, confine=confine) for confine in (False, True))
            print(
                f"| {modules} | {1000 * found:.1f} | {1000 * confining(root):.2f} | {1e6 * plain:.2f} | {1e6 * confined:.2f} |"
            )
        os.chdir("/")


if __name__ == "__main__":
    main(*(int(word) for word in (*sys.argv[1:], *("300", "7")[len(sys.argv) - 1 :])))
