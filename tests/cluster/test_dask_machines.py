"""Workers, nannies, schedulers and links that are lost on machines with addresses of their own, with a real Dask on them.

After each: outputs as of a local run, nothing twice without a printed reason, nothing left anywhere.
"""

import os
import random
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.cluster.dask_site import DaskSite
from tests.cluster.machines import HEAD, running_site, until
from tests.cluster.project import COUNT, Project

ROUNDS = [1, *(pytest.param(number, marks=pytest.mark.nightly) for number in range(2, 6))]
"""Each round has two kills, at moments that its number decides."""
LONG_ROUNDS = [pytest.param(number, marks=pytest.mark.nightly) for number in range(1, 6)]
"""Those of tests that wait for a minute, until a machine that is silent is taken for lost."""


@contextmanager
def dask_site(count: int, folder: Path) -> Iterator[DaskSite]:
    with running_site(count, [folder], DaskSite) as site:
        try:
            yield site
        except AssertionError as error:
            error.add_note(site.logs())
            raise


def run_with(site: DaskSite, folder: Path, seed: int, *faults: Callable[[], object]) -> Project:
    """Run the project to its end, with faults at moments in between."""
    chance = random.Random(seed)
    project = Project(folder / "project")
    run = project.start(site, "--on", site.dask_address)
    ended = 0
    for fault in faults:
        ended += chance.randint(3, COUNT // (2 * len(faults)))
        project.await_ends(ended)
        fault()
    assert run.wait(timeout=300) == 0, project.words()
    project.check_outputs()
    project.check_repeats()
    project.check_nothing_left()
    return project


def require_nothing_left(site: DaskSite, *, lost: tuple[str, ...] = ()) -> None:
    """Require that only the processes of Dask are on the machines, and none where they were lost."""
    assert all("distributed.cli.dask_scheduler" in words for words in site.processes(HEAD).values())
    for name in site.names:
        words = list(site.processes(name).values())
        assert not [
            each
            for each in words
            if name in lost or ("dask_worker" not in each and "multiprocessing" not in each)
        ]
        folder = site.folder / name
        left = [
            path.name for path in folder.iterdir() if path.is_file() or path.name.startswith("ppg-executor")
        ]
        assert not left, f"on {name}: {left}"


@pytest.mark.parametrize("seed", ROUNDS)
def test_workers_are_killed(tmp_path: Path, seed: int) -> None:
    with dask_site(2, tmp_path) as site:
        run_with(site, tmp_path, seed, lambda: site.kill("m1", "worker"), lambda: site.kill("m2", "worker"))
        require_nothing_left(site)


@pytest.mark.parametrize("seed", LONG_ROUNDS)
def test_nannies_are_killed_and_their_machines_end_by_themselves(tmp_path: Path, seed: int) -> None:
    with dask_site(3, tmp_path) as site:
        project = run_with(
            site, tmp_path, seed, lambda: site.kill("m1", "nanny"), lambda: site.kill("m2", "nanny")
        )
        # Its nanny may have been killed before the run had given it any job.
        assert "m1 was lost" in project.words() or " on m1" not in project.words()
        require_nothing_left(site, lost=("m1", "m2"))


@pytest.mark.parametrize("seed", LONG_ROUNDS)
def test_one_link_is_cut_for_a_while_and_another_one_for_good(tmp_path: Path, seed: int) -> None:
    with dask_site(3, tmp_path) as site:

        def cut_and_mend() -> None:
            site.cut("m2")
            before = len(project_log(tmp_path))
            until(lambda: len(project_log(tmp_path)) > before, "the other machines go on")
            site.mend("m2")

        project = run_with(site, tmp_path, seed, cut_and_mend, lambda: site.cut("m1"))
        assert "m1 was lost" in project.words()
        assert "m2 was lost" not in project.words()
        until(
            lambda: not [each for each in site.processes("m1").values() if "ppg" in each], "m1 ends its jobs"
        )
        require_nothing_left(site, lost=("m1",) if not site.processes("m1") else ())


def project_log(folder: Path) -> list[str]:
    return (folder / "project" / "log").read_text().splitlines()


@pytest.mark.parametrize("seed", LONG_ROUNDS)
def test_a_machine_loses_its_power_and_comes_back(tmp_path: Path, seed: int) -> None:
    with dask_site(2, tmp_path) as site:

        def crash_and_revive() -> None:
            site.crash("m1")
            site.revive("m1")
            site.start_worker("m1")

        project = run_with(site, tmp_path, seed, crash_and_revive)
        assert "m1 was lost" in project.words()
        require_nothing_left(site)


@pytest.mark.parametrize("seed", ROUNDS)
def test_the_scheduler_is_killed_and_the_next_run_goes_on(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    with dask_site(2, tmp_path) as site:
        project = Project(tmp_path / "project")
        ended = 0
        for _ in range(2):
            run = project.start(site, "--on", site.dask_address)
            ended += chance.randint(3, COUNT // 4)
            project.await_ends(ended)
            site.kill(HEAD, "scheduler")
            assert run.wait(timeout=300) != 0
            assert "the Dask scheduler is gone: start the cluster again" in project.words()
            assert "Traceback" not in project.words()
            until(lambda: not any(map(site.processes, (HEAD, *site.names))), "all programs end", 120)
            project.check_nothing_left()
            ended = len(project.lines("end"))
            site.start_programs()
        run = project.start(site, "--on", site.dask_address)
        assert run.wait(timeout=300) == 0, project.words()
        project.check_outputs()
        assert not project.lines("twice")
        assert len(project.lines("begin")) <= COUNT + 2 * 4 + 4, "only what was running begins again"
        require_nothing_left(site)


def test_two_machines_give_the_bytes_of_a_local_run(tmp_path: Path) -> None:
    with dask_site(2, tmp_path) as site:
        there = run_with(site, tmp_path, 1)
        assert {machine for _, machine in there.lines("end")} == {"m1", "m2"}
        here = Project(tmp_path / "here")
        assert here.start(site).wait(timeout=300) == 0
        names = sorted(os.listdir(here.folder / "out"))
        assert names == sorted(os.listdir(there.folder / "out"))
        for name in names:
            assert (here.folder / "out" / name).read_bytes() == (there.folder / "out" / name).read_bytes()


def test_the_command_lines_of_the_documentation_start_a_cluster_within_a_range_of_ports(
    tmp_path: Path,
) -> None:
    text = (Path(__file__).parents[2] / "docs" / "cluster.md").read_text()
    (scheduler,) = re.findall(r"^dask (scheduler .*)$", text, re.MULTILINE)
    (worker,) = re.findall(r"^dask (worker .*)$", text, re.MULTILINE)
    (ports,) = re.findall(r"`dask worker (--worker-port .*?)`", text)
    dask = Path(sys.executable).with_name("dask")
    with running_site(1, [tmp_path]) as site:
        site.begin(HEAD, [dask, *scheduler.split()], tmp_path / "scheduler")
        until(lambda: "Scheduler at:" in (tmp_path / "scheduler").read_text(), "the scheduler begins")
        words = worker.replace("10.0.0.1", site.address[HEAD]).split()
        site.begin("m1", [dask, *words, *ports.split()], tmp_path / "worker")
        until(lambda: "Registered to:" in (tmp_path / "worker").read_text(), "the worker is there")
        project = Project(tmp_path / "project")
        assert project.start(site, "--on", f"tcp://{site.address[HEAD]}:8786").wait(timeout=120) == 0, (
            project.words()
        )
        project.check_outputs()
        (listens,) = re.findall(
            r"Start worker at:\s+tcp://10.77.0.11:(\d+)", (tmp_path / "worker").read_text()
        )
        assert 9000 <= int(listens) <= 9100
