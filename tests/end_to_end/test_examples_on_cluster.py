"""The examples give the same bytes on this machine and on two machines of a Dask cluster, with one option and unchanged scripts."""

import re
import shutil
from pathlib import Path

import pytest

pytest.importorskip("distributed")

from ppg_exec import available_cores
from tests.end_to_end.ppg_command import EXAMPLES, PPG, log_of, run_command
from tests.end_to_end.project_files import contents
from tests.end_to_end.test_variants import SCRIPT as VARIANTS
from tests.end_to_end.test_variants import lay_out, reads, results
from tests.exec.dask.clusters import running_cluster

__all__ = ["reads"]

MACHINES = ("left", "right")
PLACES = re.compile(r"^\S+ \S+ started: (.+) \(pid \d+, on (.+)\)$", re.MULTILINE)


def places(folder: Path) -> dict[str, str]:
    """The machine of each job that the last run in a folder has started."""
    return dict(PLACES.findall((folder / "logs" / "ppg_run.txt").read_text()))


def test_phage_is_the_same_on_two_machines(tmp_path: Path) -> None:
    for name in ("here", "there"):
        shutil.copytree(
            EXAMPLES / "phage", tmp_path / name / "phage", ignore=shutil.ignore_patterns("__pycache__")
        )
    here, there = tmp_path / "here", tmp_path / "there"
    local = run_command([PPG, "run", "phage/phage.py"], here)
    assert (local.code, local.counts) == (0, (45, 0, 0, 0)), local.said
    with running_cluster(tmp_path, 0, available_cores(), MACHINES) as cluster:
        cluster.wait_for_workers(2)
        log_of(there)
        first = run_command([PPG, "run", "--on", cluster.address, "phage/phage.py"], there)
        assert (first.code, first.counts) == (0, (45, 0, 0, 0)), first.said
        assert set(places(there).values()) == set(MACHINES)
        assert contents(there) == contents(here)
        again = run_command([PPG, "run", "--on", cluster.address, "phage/phage.py"], there)
        assert (again.code, again.counts) == (0, (0, 45, 0, 0)), again.said
    # Records made there hold here.
    last = run_command([PPG, "run", "phage/phage.py"], there)
    assert (last.code, last.counts) == (0, (0, 45, 0, 0)), last.said


@pytest.mark.tools
def test_variants_are_the_same_on_two_machines(tmp_path: Path, reads: Path) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    for folder in (here, there):
        lay_out(folder, reads)
    local = run_command([PPG, "run", VARIANTS], here)
    assert (local.code, local.counts) == (0, (38, 0, 0, 0)), local.said
    with running_cluster(tmp_path, 0, available_cores(), MACHINES) as cluster:
        cluster.wait_for_workers(2)
        log_of(there)
        first = run_command([PPG, "run", "--on", cluster.address, VARIANTS], there)
        assert (first.code, first.counts) == (0, (38, 0, 0, 0)), first.said
        assert set(places(there).values()) == set(MACHINES)
        assert results(there) == results(here)
    last = run_command([PPG, "run", VARIANTS], there)
    assert (last.code, last.counts) == (0, (0, 38, 0, 0)), last.said
