"""The machines of a site are apart from each other, and nothing of them is left."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster.machines import HEAD, Site, running_site, until
from tests.cluster.slurm import SlurmSite

ASK = """
import socket, sys
try:
    socket.create_connection((sys.argv[1], 9), timeout=2)
except OSError as error:
    print(type(error).__name__)
"""


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    with running_site(2) as site:
        yield site


def answer(site: Site, asking: str, asked: str) -> str:
    return site.run(asking, [sys.executable, "-c", ASK, asked]).stdout.strip()


def test_machines_have_names_addresses_and_folders_of_their_own(site: Site) -> None:
    for name in (HEAD, *site.names):
        assert site.run(name, ["hostname"]).stdout.strip() == name
        assert site.run(name, ["hostname", "-I"]).stdout.strip() == site.address[name]
        site.run(name, ["touch", f"/tmp/of-{name}"])
        assert [each for each in site.run(name, ["ls", "/tmp"]).stdout.split() if each.startswith("of-")] == [
            f"of-{name}"
        ]
        assert (site.folder / name / f"of-{name}").exists()


def test_a_cut_link_is_silent_and_can_be_mended(site: Site) -> None:
    assert answer(site, "m1", "m2") == "ConnectionRefusedError"
    site.cut("m2")
    assert answer(site, "m1", "m2") in {"TimeoutError", "OSError"}
    assert answer(site, HEAD, "m1") == "ConnectionRefusedError", "the others still see each other"
    site.mend("m2")
    until(lambda: answer(site, "m1", "m2") == "ConnectionRefusedError", "the link works again")


def test_a_crash_ends_all_processes_of_one_machine(site: Site, tmp_path: Path) -> None:
    sleeping = site.begin("m1", ["sleep", "1000"], tmp_path / "log")
    until(lambda: list(site.processes("m1").values()) == ["sleep 1000"], "it runs")
    site.crash("m1")
    sleeping.wait()
    assert not site.processes("m1")
    assert answer(site, HEAD, "m2") == "ConnectionRefusedError"
    site.revive("m1")
    assert answer(site, "m2", "m1") == "ConnectionRefusedError"


def test_nothing_is_left_when_the_process_is_killed_that_has_started_the_site() -> None:
    script = (
        "from tests.cluster.machines import *\nimport time\n"
        "with running_site(1) as site:\n"
        "    site.begin('m1', ['sleep', '1000'], site.folder / 'log')\n"
        "    until(lambda: site.processes('m1'), 'it runs')\n"
        "    print(*site.processes('m1'), site.folder, flush=True)\n    time.sleep(1000)\n"
    )
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        number, folder = process.stdout.readline().split()
        process.kill()
    until(lambda: not os.path.exists(f"/proc/{number}"), "what ran on the machine ends")
    subprocess.run(["rm", "-r", folder], check=True)


@pytest.mark.slurm
def test_a_real_slurm_runs_jobs_on_all_machines_and_leaves_nothing(tmp_path: Path) -> None:
    with running_site(2, [tmp_path], SlurmSite) as site:
        assert site.run(HEAD, ["srun", "-N2", "--ntasks-per-node=1", "hostname"]).stdout.split() in (
            ["m1", "m2"],
            ["m2", "m1"],
        )
        site.run(HEAD, ["sbatch", "--wait", "-o", tmp_path / "out", "--wrap", "hostname"], tmp_path)
        assert (tmp_path / "out").read_text().strip() in site.names
        assert site.run(HEAD, ["sacct"], check=False).returncode != 0, "there is no accounting"
        site.crash("m2")
        site.revive("m2")
        site.await_idle(2)
        daemons = [number for name in (HEAD, *site.names) for number in site.processes(name)]
        assert len(daemons) > 3
    assert not [number for number in daemons if os.path.exists(f"/proc/{number}")]
