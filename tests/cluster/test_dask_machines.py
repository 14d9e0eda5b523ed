"""Workers, nannies, schedulers and links that are lost on machines with addresses of their own, with a real Dask on them.

After each: outputs as of a local run, nothing twice without a printed reason, nothing left anywhere.
"""

import os
import random
import re
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.cluster.dask_site import DaskSite
from tests.cluster.machines import HEAD, running_site, until
from tests.cluster.project import COUNT, Project

ROUNDS = [1, *(pytest.param(number, marks=pytest.mark.nightly) for number in range(2, 6))]
"""Each round has ten faults, at moments that its number decides."""
FAULTS = 10
JOBS = 600
"""More than machines can run before the last fault. What is left then takes no time."""
LOST_AFTER = 10.0
NEW = 10
"""A machine that has begun so many more jobs has got new ones meanwhile: its link works."""


@contextmanager
def dask_site(count: int, folder: Path) -> Iterator[DaskSite]:
    with running_site(count, [folder], DaskSite) as site:
        try:
            yield site
        except AssertionError as error:
            error.add_note(site.logs())
            raise


Fault = Callable[[Project], object]


def run_with(site: DaskSite, folder: Path, seed: int, *faults: Fault) -> Project:
    """Run the project to its end, with faults at moments in between."""
    chance = random.Random(seed)
    project = Project(folder / "project", count=JOBS if faults else COUNT, lost_after=LOST_AFTER)
    run = project.start(site, address=site.dask_address)
    for fault in faults:
        project.await_ends(len(project.lines("end")) + chance.randint(1, 4))
        fault(project)
    if faults:
        assert run.poll() is None, project.words()
        project.hurry()
    if run.wait(timeout=300) != 0:
        # A job that lost three machines has failed, and says so; the next run goes on.
        assert "its machine was lost 3 times" in project.words(), project.words()
        assert project.start(site, address=site.dask_address).wait(timeout=300) == 0, project.words()
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


def await_begins(project: Project, name: str, count: int) -> None:
    """Wait until so many more jobs have begun on a machine."""

    def begins() -> int:
        return [machine for _, machine in project.lines("begin")].count(name)

    wanted = begins() + count
    until(lambda: begins() >= wanted, f"{name} runs jobs")


def in_turns(site: DaskSite, fault: Callable[[str], object]) -> list[Fault]:
    """Faults of one machine after the other, each of which runs jobs again before it is its turn again."""

    def on(name: str) -> Fault:
        def happen(project: Project) -> None:
            await_begins(project, name, 1)
            fault(name)

        return happen

    return [on(site.names[number % len(site.names)]) for number in range(FAULTS)]


@pytest.mark.parametrize("seed", ROUNDS)
def test_workers_are_killed(tmp_path: Path, seed: int) -> None:
    with dask_site(2, tmp_path) as site:
        project = run_with(site, tmp_path, seed, *in_turns(site, lambda name: site.kill(name, "worker")))
        assert project.losses().total() >= FAULTS
        require_nothing_left(site)


@pytest.mark.parametrize("seed", ROUNDS)
def test_nannies_are_killed_and_their_machines_end_by_themselves(tmp_path: Path, seed: int) -> None:
    with dask_site(2, tmp_path) as site:

        def kill(name: str) -> None:
            site.kill(name, "nanny")
            until(lambda: not site.processes(name), f"all that runs on {name} ends")
            site.start_worker(name)

        project = run_with(site, tmp_path, seed, *in_turns(site, kill))
        assert project.losses().total() >= FAULTS
        require_nothing_left(site)


@pytest.mark.parametrize("seed", ROUNDS)
def test_links_are_cut_for_a_while_or_until_the_machine_is_lost(tmp_path: Path, seed: int) -> None:
    chance = random.Random(-seed)
    with dask_site(2, tmp_path) as site:

        def cut_for_a_while(name: str) -> Fault:
            def happen(project: Project) -> None:
                await_begins(project, name, NEW)
                site.cut(name)
                time.sleep(chance.uniform(0.1, 1.0))
                site.mend(name)

            return happen

        def cut_until_lost(name: str, *meanwhile: Fault) -> Fault:
            def happen(project: Project) -> None:
                await_begins(project, name, NEW)
                before = project.losses()[name]
                site.cut(name)
                for each in meanwhile:
                    each(project)
                until(
                    lambda: not [each for each in site.processes(name).values() if "ppg" in each],
                    f"{name} ends its jobs",
                )
                until(lambda: project.losses()[name] > before, f"{name} is lost")
                site.mend(name)

            return happen

        m1, m2 = cut_for_a_while("m1"), cut_for_a_while("m2")
        faults = [m1, cut_until_lost("m1", m2, m2, m2), m2, cut_until_lost("m2", m1, m1), m1]
        project = run_with(site, tmp_path, seed, *faults)
        assert project.losses() == {"m1": 1, "m2": 1}
        assert project.words().count(f"nothing was heard of it for {LOST_AFTER:g} s") == 2
        require_nothing_left(site)


@pytest.mark.parametrize("seed", ROUNDS)
def test_a_machine_loses_its_power_and_comes_back(tmp_path: Path, seed: int) -> None:
    with dask_site(2, tmp_path) as site:

        def crash_and_revive(project: Project) -> None:
            await_begins(project, "m1", 1)
            site.crash("m1")
            site.revive("m1")
            site.start_worker("m1")

        project = run_with(site, tmp_path, seed, crash_and_revive, crash_and_revive)
        assert project.losses()["m1"] >= 2
        require_nothing_left(site)


@pytest.mark.parametrize("seed", ROUNDS)
def test_the_scheduler_is_killed_and_the_next_run_goes_on(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    with dask_site(2, tmp_path) as site:
        project = Project(tmp_path / "project", count=JOBS, lost_after=LOST_AFTER)
        site.has_nannies = False  # from the second round on, as those end and start more slowly
        for _ in range(FAULTS):
            run = project.start(site, address=site.dask_address)
            project.await_ends(len(project.lines("end")) + chance.randint(3, 9))
            site.kill(HEAD, "scheduler")
            assert run.wait(timeout=300) != 0
            assert "the Dask scheduler is gone: start the cluster again" in project.words()
            assert "Traceback" not in project.words()
            until(lambda: not any(map(site.processes, (HEAD, *site.names))), "all programs end", 120)
            project.check_nothing_left()
            site.start_programs()
        project.hurry()
        run = project.start(site, address=site.dask_address)
        assert run.wait(timeout=300) == 0, project.words()
        project.check_outputs()
        assert not project.lines("twice")
        running = 2 * site.threads
        assert len(project.lines("begin")) <= JOBS + FAULTS * running, "only what was running begins again"
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
