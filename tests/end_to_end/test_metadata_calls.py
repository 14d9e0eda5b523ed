"""A budget of calls that look up names on the file system of a run: each may take 50 ms there."""

import re
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import pytest

pytest.importorskip("distributed")

from tests.end_to_end.ppg_command import PPG, Run, run_command
from tests.exec.dask.clusters import running_cluster

JOBS = 40
SCRIPT = f"""
from pathlib import Path

import ppg

ppg.new_pipegraph()


def make(path, source=None):
    path.write_text("text" if source is None else Path(source).read_text())


for number in range({JOBS // 2}):
    ppg.FileGeneratingJob(f"out/{{number}}-first.txt", make)

    def copy(path, source=f"out/{{number}}-first.txt"):
        make(path, source)

    ppg.FileGeneratingJob(f"out/{{number}}-second.txt", copy).depends_on_file(f"out/{{number}}-first.txt")
ppg.run()
"""
STRACE = ("strace", "-f", "-qq", "-ttt", "--seccomp-bpf", "-e", "trace=%file", "-o")
DELAY = 0.05
"""Seconds that a call takes on a slow file system."""


class Traced(NamedTuple):
    """A run on a worker, and the calls of both sides."""

    ran: Run
    folder: Path
    of_jobs: Path
    of_script: Path

    def named(self, log: Path) -> list[str]:
        """The calls that name something in the folder of outputs."""
        inside = re.compile(rf'"(?:{re.escape(str(self.folder))}/)?out(?:/|")')
        lines = log.read_text(errors="replace").splitlines()
        return [line.split(None, 2)[2] for line in lines if inside.search(line)]


def begins(log: Path) -> list[float]:
    """When each call began (seconds)."""
    words = (line.split(None, 2) for line in log.read_text(errors="replace").splitlines())
    return [float(when) for _, when, what in words if not what.startswith(("<...", "---", "+++"))]


def delays(folder: Path) -> Iterator[str]:
    """Options by which calls take long that are about outputs, or about files that are open there."""
    yield f"--inject=%file:delay_exit={DELAY * 1000:.0f}ms"
    names = [
        "out",
        *(f"out/{number}-{which}.txt" for number in range(JOBS // 2) for which in ("first", "second")),
    ]
    for name in names:
        yield f"--trace-path={name}"
        yield f"--trace-path={folder / name}"


def traced_run(tmp_path: Path, threads: int, *, slow: bool) -> Traced:
    if shutil.which("strace") is None:
        pytest.skip("needs strace")
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "script.py").write_text(SCRIPT)
    of_jobs, of_script = tmp_path / "jobs.strace", tmp_path / "script.strace"

    def strace(log: Path) -> Sequence[str]:
        return [*STRACE, str(log), *(delays(folder) if slow else ())]

    with running_cluster(tmp_path, 0) as cluster:
        cluster.start_worker(threads, "--no-nanny", machine="traced", before=strace(of_jobs))
        cluster.wait_for_workers(1)
        command = [*strace(of_script), PPG, "run", "--on", cluster.address, "script.py"]
        ran = run_command(command, folder)
    assert (ran.code, ran.counts) == (0, (JOBS, 0, 0, 0)), ran.said
    return Traced(ran, folder, of_jobs, of_script)


def require_few_calls(traced: Traced) -> None:
    there, here = traced.named(traced.of_jobs), traced.named(traced.of_script)
    # Of an output 7: 1 for its folder, 1 by the callback, 5 that complete and describe it. Of each input 3: 1 by the callback.
    assert len(there) <= 9.5 * JOBS, "\n".join(line for line in there if "/7-" in line)
    # The script looks for what is in the place of an output, and whether an input is a link; it never compares what jobs make.
    assert len(here) <= 2 * JOBS, "\n".join(line for line in here if "/7-" in line)


def test_a_job_looks_up_few_names_and_the_script_hardly_any(tmp_path: Path) -> None:
    require_few_calls(traced_run(tmp_path, 2, slow=False))


def test_calls_that_take_50_ms_are_no_more_calls_and_jobs_take_them_side_by_side(tmp_path: Path) -> None:
    threads = 4
    traced = traced_run(tmp_path, threads, slow=True)
    outputs = {path.name: path.read_text() for path in (traced.folder / "out").iterdir()}
    assert outputs == {
        f"{number}-{which}.txt": "text" for number in range(JOBS // 2) for which in ("first", "second")
    }
    require_few_calls(traced)
    there, here = begins(traced.of_jobs), begins(traced.of_script)
    jobs_took, script_took = DELAY * len(there) / threads, DELAY * len(here)
    took = max(*there, *here) - min(*there, *here)
    print(
        f"{len(there)} slow calls of jobs, {len(here)} of the script: {jobs_took:.1f} s + {script_took:.1f} s; all took {took:.1f} s"
    )
    # The script's calls come one after the other. A job has to wait longer for its own.
    assert script_took < jobs_took
    assert jobs_took / 2 < took < 3 * (jobs_took + script_took), (took, jobs_took, script_took)
