"""The examples, lost machines, and what Slurm refuses, with a real Slurm; `just slurm` runs these tests."""

import os
import re
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster.machines import HEAD, running_site, until
from tests.cluster.project import COUNT, PPG, Project
from tests.cluster.slurm import SlurmSite
from tests.end_to_end.ppg_command import EXAMPLES
from tests.end_to_end.test_variants import lay_out, reads, results

__all__ = ["reads"]

pytestmark = pytest.mark.slurm

ON_SLURM = [
    "--on",
    "slurm",
    "--machines",
    "2",
    "--cores-per-machine",
    "2",
    "--memory",
    "2GB",
    "--walltime",
    "1h",
]
PROFILE = """
[profiles.cluster]
on = "slurm"
machines = 2
cores-per-machine = 2
memory = "40GB"
walltime = "1h"
partition = "main"
sbatch = ["--nice=10"]
prologue = ["export OF_THE_PROLOGUE=yes"]
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that all machines of the site see."""
    return tmp_path_factory.mktemp("shared")


@pytest.fixture(scope="module")
def site(folder: Path) -> Iterator[SlurmSite]:
    with running_site(3, [folder, EXAMPLES], SlurmSite) as site:
        yield site


@pytest.fixture(autouse=True)
def nothing_left(request: pytest.FixtureRequest, site: SlurmSite) -> Iterator[None]:
    """Require that each test leaves no batch job, and no process on any machine."""
    yield
    until(lambda: not site.jobs(), "no batch jobs are left", 90)
    for name in (HEAD, *site.names):

        def others(name: str = name) -> list[str]:
            daemons = ("munged", "slurmctld", "slurmd", "slurmscriptd", "slurmstepd")
            return [
                words for words in site.processes(name).values() if not any(each in words for each in daemons)
            ]

        until(lambda others=others: not others(), f"nothing is left on {name}: {others()}", 90)


def require_same(here: dict[str, bytes], there: dict[str, bytes]) -> None:
    assert here.keys() == there.keys()
    assert [name for name in here if here[name] != there[name]] == []


def test_the_phage_example_gives_the_bytes_of_a_local_run(site: SlurmSite, folder: Path) -> None:
    made = {}
    for name, options in (("phage-here", []), ("phage-there", ON_SLURM)):
        project = folder / name
        shutil.copytree(
            EXAMPLES / "phage", project / "phage", ignore=shutil.ignore_patterns("__pycache__", "results")
        )
        (project / "logs").mkdir()
        site.run(HEAD, [PPG, "run", *options, "phage/phage.py"], project)
        results = project / "results"
        made[name] = {
            str(path.relative_to(results)): path.read_bytes() for path in results.rglob("*") if path.is_file()
        }
    require_same(made["phage-here"], made["phage-there"])
    assert len(made["phage-here"]) > 10
    log = (folder / "phage-there/logs/ppg_run.txt").read_text()
    machines = set(re.findall(r"^\S+ \S+ started: .*, on (.+)\)$", log, re.MULTILINE))
    assert machines, log
    assert machines <= set(site.names), "all jobs ran on machines of Slurm"
    again = site.run(HEAD, [PPG, "run", "phage/phage.py"], folder / "phage-there")
    assert "ppg: 0 ran, 45 up to date, 0 failed" in again.stderr, again.stderr


def test_the_variants_example_gives_the_bytes_of_a_local_run(
    site: SlurmSite, folder: Path, reads: Path
) -> None:
    made = []
    for name, options in (("variants-here", []), ("variants-there", ON_SLURM)):
        project = folder / name
        lay_out(project, reads)
        site.run(HEAD, [PPG, "run", *options, "variants/variants.py"], project)
        made.append(results(project))
    require_same(*made)


@pytest.mark.nightly
def test_a_profile_starts_machines_and_a_lost_one_is_replaced(site: SlurmSite, folder: Path) -> None:
    project = Project(folder / "lost", seconds=1.0)
    (project.folder / "ppg.toml").write_text(PROFILE)
    run = project.start(site, "--profile", "cluster")
    project.await_ends(3)
    victim = project.lines("begin")[-1][1]
    site.crash(victim)
    assert run.wait(timeout=300) == 0, project.words()
    project.check_outputs()
    project.check_repeats()
    project.check_nothing_left()
    assert f"{victim} was lost" in project.words()
    assert len({machine for _, machine in project.lines("begin")}) > 1
    site.revive(victim)
    site.await_idle(3)


def test_an_allocation_is_used_by_srun(site: SlurmSite, folder: Path) -> None:
    project = Project(folder / "srun")
    ran = site.run(
        HEAD,
        ["salloc", "-N2", "-n2", "-c2", "--mem=40G", PPG, "run", "--on", "srun", "script.py"],
        project.folder,
    )
    project.check_outputs()
    project.check_nothing_left()
    assert len({machine for _, machine in project.lines("end")}) == 2, ran.stderr


def test_the_command_lines_of_the_documentation_do_what_they_say(site: SlurmSite, folder: Path) -> None:
    lines = re.findall(
        r"^(?:salloc|ppg run) .*script\.py$", (EXAMPLES.parent / "cluster.md").read_text(), re.MULTILINE
    )
    lines = [line for line in lines if "tcp://" not in line]
    assert len(lines) == 3
    for number, line in enumerate(lines):
        project = Project(folder / f"documented-{number}", seconds=0.1)
        (project.folder / "ppg.toml").write_text(PROFILE)
        site.run(HEAD, ["bash", "-c", line.replace("ppg run", f"{PPG} run")], project.folder)
        project.check_outputs()


def test_two_batch_jobs_on_one_machine_have_agents_of_their_own(site: SlurmSite, folder: Path) -> None:
    project = Project(folder / "packed")
    options = ["--on", "slurm", "--machines", "2", "--cores-per-machine", "2", "--memory", "1GB"]
    (project.folder / "logs").mkdir()
    site.run(HEAD, [PPG, "run", *options, "script.py"], project.folder)
    project.check_outputs()
    assert len({machine for _, machine in project.lines("end")}) == 1, "Slurm fills a machine first"
    assert len(list((project.folder / "slurm-logs").iterdir())) == 2


def test_outside_of_an_allocation_srun_is_refused(site: SlurmSite, folder: Path) -> None:
    project = Project(folder / "no-srun")
    ran = site.run(HEAD, [PPG, "run", "--on", "srun", "script.py"], project.folder, check=False)
    assert ran.returncode == 2
    assert "this is no allocation of Slurm: run ppg in a batch job, or below salloc" in ran.stderr


def test_a_cluster_of_dask_jobqueue_is_asked_for_machines(site: SlurmSite, folder: Path) -> None:
    project = Project(folder / "jobqueue")
    script = project.folder / "script.py"
    of_jobqueue = (
        "from dask_jobqueue import SLURMCluster\n"
        "cluster = SLURMCluster(cores=2, processes=1, memory='40GB', scheduler_options={'dashboard': False},"
        " log_directory='logs')\n"
        "ppg.new_pipegraph(ppg.DaskCluster(cluster=cluster, machines=2))"
    )
    script.write_text(script.read_text().replace("ppg.new_pipegraph()", of_jobqueue))
    assert "SLURMCluster" in script.read_text()
    assert project.start(site).wait(timeout=120) == 0, project.words()
    project.check_outputs()
    assert "warning" not in project.words()


def test_what_sbatch_refuses_ends_the_run_with_its_words(site: SlurmSite, folder: Path) -> None:
    project = Project(folder / "refused")
    (project.folder / "ppg.toml").write_text(PROFILE.replace('"main"', '"nowhere"'))
    ran = site.run(HEAD, [PPG, "run", "--profile", "cluster", "script.py"], project.folder, check=False)
    assert ran.returncode == 2
    assert (
        "Slurm refuses the batch job of a machine: sbatch: error: invalid partition specified: nowhere"
        in ran.stderr
    )


def test_batch_jobs_that_end_at_once_end_the_run_with_what_they_print(site: SlurmSite, folder: Path) -> None:
    project = Project(folder / "ending")
    text = PROFILE.replace('"export OF_THE_PROLOGUE=yes"', '"echo no module samtools", "exit 3"')
    (project.folder / "ppg.toml").write_text(text)
    ran = site.run(HEAD, [PPG, "run", "--profile", "cluster", "script.py"], project.folder, check=False)
    assert ran.returncode == 2
    assert "has ended before its worker came" in ran.stderr
    assert "ends with: no module samtools" in ran.stderr


@pytest.mark.parametrize("seconds", [5, pytest.param(60, marks=pytest.mark.nightly)])
def test_a_run_goes_on_while_the_controller_of_slurm_is_stopped(
    site: SlurmSite, folder: Path, seconds: int
) -> None:
    project = Project(folder / f"stopped-{seconds}", seconds=seconds / 5)
    site.stop_controller()
    run = project.start(site, *ON_SLURM)
    until(
        lambda: "Slurm's controller does not answer, and is asked again" in project.words(),
        "it is noticed",
        120,
    )
    site.start_controller()
    project.await_ends(3)
    assert "Slurm's controller answers again" in project.words()
    site.stop_controller()
    ended = len(project.lines("end"))
    project.await_ends(min(COUNT, ended + 8))
    site.start_controller()
    assert run.wait(timeout=300) == 0, project.words()
    project.check_outputs()
    project.check_repeats()
    project.check_nothing_left()
    assert len(project.lines("begin")) == COUNT


@pytest.mark.parametrize("how", ["SIGINT", pytest.param("SIGKILL", marks=pytest.mark.nightly)])
def test_nothing_is_left_when_the_run_is_ended(site: SlurmSite, folder: Path, how: str) -> None:
    project = Project(folder / how, seconds=5)
    run = project.start(site, *ON_SLURM)
    until(lambda: project.lines("begin"), "a job begins", 60)
    (number,) = [
        pid for pid, words in site.processes(HEAD).items() if "/ppg run" in words and "nsenter" not in words
    ]
    os.kill(number, getattr(signal, how))
    assert run.wait(timeout=120) != 0
    if how == "SIGINT":
        project.check_nothing_left()
