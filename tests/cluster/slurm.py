"""Slurm: a real one on the machines of a site: the controller on the head, and a daemon on each machine; nothing in /etc."""

import os
import shutil
from pathlib import Path

from tests.cluster.machines import HEAD, MISSING, Site, until

__all__ = ["MISSING_SLURM", "SlurmSite"]

PROGRAMS = ("slurmctld", "slurmd", "munged", "sbatch", "srun")

MISSING_SLURM = MISSING or next(
    (
        f"{program} is not here; Debian's packages slurmctld, slurmd, slurm-client and munge have it"
        for program in PROGRAMS
        if shutil.which(program) is None
    ),
    "",
)
"""Why there can be no Slurm; empty if there can."""

CONFIGURATION = """\
ClusterName=ppg
SlurmctldHost={head}({address})
SlurmctldPort=17000
# The default user, slurm, could not write to these folders.
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={run}/munge.socket
CredType=cred/munge
StateSaveLocation={run}/state
SlurmdSpoolDir={run}/spool-%n
SlurmctldPidFile={run}/slurmctld.pid
SlurmdPidFile={run}/slurmd-%n.pid
SlurmctldLogFile={run}/slurmctld.log
SlurmdLogFile={run}/slurmd-%n.log
# No cgroups: in a container they are often read-only.
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
MpiDefault=none
SwitchType=switch/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
# Machines may say that they have more cores than there are.
SlurmdParameters=config_overrides
SchedulerParameters=sched_interval=1
ReturnToService=2
# Short, so that lost machines are noticed within a test.
SlurmdTimeout=10
SlurmctldTimeout=10
InactiveLimit=0
KillWait=2
MinJobAge=60
MessageTimeout=5
UnkillableStepTimeout=10
TreeWidth=50
{nodes}
PartitionName=main Nodes=ALL Default=YES MaxTime=INFINITE State=UP OverSubscribe=NO
"""


class SlurmSite(Site):
    """A site with Slurm. No accounting, so `sacct` never works. `cores` and `memory` (MB) are what each machine says it has."""

    cores: int = 16
    memory: int = 65000

    @property
    def where(self) -> Path:
        """The folder of the daemons."""
        return self.folder / "slurm"

    def environment(self) -> dict[str, str]:
        """The variables of commands, which name the configuration to Slurm's programs."""
        return super().environment() | {"SLURM_CONF": str(self.where / "slurm.conf")}

    def start(self) -> None:
        """Start the machines, then Slurm, and wait until all machines can be used."""
        super().start()
        (self.where / "state").mkdir(parents=True)
        key = self.where / "munge.key"
        key.write_bytes(os.urandom(1024))
        key.chmod(0o400)
        nodes = "\n".join(
            f"NodeName={name} NodeHostname={name} NodeAddr={self.address[name]} Port=17001 CPUs={self.cores} "
            f"CoresPerSocket={self.cores} RealMemory={self.memory} State=UNKNOWN"
            for name in self.names
        )
        text = CONFIGURATION.format(head=HEAD, address=self.address[HEAD], run=self.where, nodes=nodes)
        (self.where / "slurm.conf").write_text(text)
        # Read by some versions, which would else look for cgroups.
        (self.where / "cgroup.conf").write_text("CgroupAutomount=no\n")
        # With --force: munged dislikes folders below a /tmp to which all can write.
        munged = [
            "munged", "--foreground", "--force", f"--key-file={key}", f"--socket={self.where}/munge.socket",
            "--num-threads=2", f"--pid-file={self.where}/munged.pid", f"--log-file={self.where}/munged.log",
            f"--seed-file={self.where}/munged.seed",
        ]  # fmt: skip
        self.begin(HEAD, munged, self.where / "munged.out")
        until(lambda: (self.where / "munge.socket").exists(), "munged begins")
        self.start_controller()
        for name in self.names:
            self._start_daemon(name)
        self.await_idle(len(self.names))

    def start_controller(self) -> None:
        """Start slurmctld, which goes on with the state that it has saved."""
        self.begin(HEAD, ["slurmctld", "-D"], self.where / "slurmctld.out")

    def stop_controller(self) -> None:
        """End slurmctld, by its number."""
        self.run(HEAD, ["kill", (self.where / "slurmctld.pid").read_text().strip()])
        until(lambda: "slurmctld" not in "".join(self.processes(HEAD).values()), "slurmctld ends")

    def _start_daemon(self, name: str) -> None:
        (self.where / f"spool-{name}").mkdir(exist_ok=True)
        log = self.where / f"slurmd-{name}.out"
        self.begin(name, ["slurmd", "-D", "-N", name], log)

    def revive(self, name: str) -> None:
        """Start a machine that has crashed, and its daemon."""
        super().revive(name)
        self._start_daemon(name)

    def await_idle(self, count: int, patience: float = 60.0) -> None:
        """Wait until so many machines wait for jobs."""

        def is_there() -> bool:
            idle = self.run(HEAD, ["sinfo", "-h", "-N", "-t", "idle", "-o", "%N"], check=False).stdout
            return len(idle.split()) >= count

        until(is_there, f"{count} machines are idle", patience)

    def jobs(self) -> list[str]:
        """The jobs that Slurm has, each as its number, state and machine."""
        return self.run(HEAD, ["squeue", "-h", "-o", "%i %T %N"]).stdout.splitlines()
