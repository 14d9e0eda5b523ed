"""A budget of calls that look up names on the file system of a run: each may take 50 ms there."""

import re
import shutil
from pathlib import Path

import pytest

pytest.importorskip("distributed")

from tests.end_to_end.ppg_command import PPG, run_command
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
STRACE = ("strace", "-f", "-qq", "--seccomp-bpf", "-e", "trace=%file", "-o")


def calls(log: Path, folder: Path) -> list[str]:
    """The calls that name something in a folder of outputs."""
    inside = re.compile(rf'"(?:{re.escape(str(folder))}/)?out(?:/|")')
    return [
        line.split(None, 1)[1] for line in log.read_text(errors="replace").splitlines() if inside.search(line)
    ]


def test_a_job_looks_up_few_names_and_the_script_hardly_any(tmp_path: Path) -> None:
    if shutil.which("strace") is None:
        pytest.skip("needs strace")
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "script.py").write_text(SCRIPT)
    of_jobs, of_script = tmp_path / "jobs.strace", tmp_path / "script.strace"
    with running_cluster(tmp_path, 0, 2, ()) as cluster:
        cluster.start_worker(2, "--no-nanny", machine="traced", before=[*STRACE, str(of_jobs)])
        cluster.wait_for_workers(1)
        command = [*STRACE, str(of_script), PPG, "run", "--on", cluster.address, "script.py"]
        ran = run_command(command, folder)
    assert (ran.code, ran.counts) == (0, (JOBS, 0, 0, 0)), ran.said
    there, here = calls(of_jobs, folder), calls(of_script, folder)
    # Of an output 7: 1 for its folder, 1 by the callback, 5 that complete and describe it. Of each input 3: 1 by the callback.
    assert len(there) <= 9.5 * JOBS, "\n".join(line for line in there if "/7-" in line)
    # The script looks for what is in the place of an output, and whether an input is a link; it never compares what jobs make.
    assert len(here) <= 2 * JOBS, "\n".join(line for line in here if "/7-" in line)
