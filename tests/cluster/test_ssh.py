"""A laptop and two hosts with ssh, by Dask's SSHCluster, as docs/cluster.md shows them."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cluster.machines import HEAD, Site, running_site, until
from tests.cluster.project import GRAPH, Project

pytest.importorskip("asyncssh")

SSHD = shutil.which("sshd") or "/usr/sbin/sshd"
pytestmark = pytest.mark.skipif(not os.path.exists(SSHD), reason="needs Debian's package openssh-server")

DOCUMENTED = Path(__file__).parents[2] / "docs" / "cluster.md"


def start_sshd(site: Site, folder: Path) -> Path:
    """Start a server on each machine, with one key for all; returns the key."""
    key = folder / "key"
    subprocess.run(["ssh-keygen", "-q", "-N", "", "-t", "ed25519", "-f", key], check=True)
    for name, address in site.address.items():
        # It needs a folder there, which this machine may not have.
        site.run(name, ["mount", "-t", "tmpfs", "tmpfs", "/run"])
        site.run(name, ["mkdir", "/run/sshd"])
        options = [
            f"AuthorizedKeysFile={key}.pub",
            "StrictModes=no",
            "UsePAM=no",
            "PidFile=none",
            f"ListenAddress={address}",
        ]
        words = [word for option in options for word in ("-o", option)]
        log = site.folder / f"sshd-{name}.log"
        site.begin(name, [SSHD, "-D", "-e", "-f", "/dev/null", "-h", key, *words], log)
        until(lambda log=log: "Server listening" in log.read_text(), f"sshd listens on {name}")
    return key


def test_a_laptop_and_two_hosts_run_the_jobs_of_a_script(tmp_path: Path) -> None:
    text = DOCUMENTED.read_text()
    blocks = [part.partition("```")[0] for part in text.split("```python\n")]
    (block,) = [block for block in blocks if "import SSHCluster" in block]
    with running_site(2, [tmp_path]) as site:
        key = start_sshd(site, tmp_path)
        project = Project(tmp_path / "project")
        script = project.folder / "script.py"
        jobs = script.read_text().partition(GRAPH)
        assert jobs[2]
        header, _, rest = block.partition("    ppg.new_pipegraph(")
        rest = rest.partition("\n")[0]
        # The hosts of the test, and how their Python is reached; the rest is as documented.
        header = header.replace('"laptop", "host1", "host2"', '"head", "m1", "m2"')
        given = f'connect_options={{"known_hosts": None, "client_keys": [{str(key)!r}]}}, remote_python={sys.executable!r}, '
        header = header.replace("worker_options", f"{given}worker_options")
        assert given in header
        assert '"m1"' in header
        body = f"ppg.new_pipegraph({rest}\n{jobs[2]}".replace("\n", "\n    ")
        script.write_text(f"{jobs[0]}{header}    {body}\n")
        run = project.start(site)
        assert run.wait(timeout=120) == 0, project.words()
        project.check_outputs()
        project.check_nothing_left()
        assert {machine for _, machine in project.lines("end")} == {"m1", "m2"}
        for name in (HEAD, *site.names):
            until(
                lambda name=name: all("sshd" in words for words in site.processes(name).values()),
                f"nothing but sshd is left on {name}",
            )
