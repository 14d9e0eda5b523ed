"""Slurm: says which machines of Slurm a run uses, as batch jobs or in an allocation."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

from ppg.kinds.resources import memory_of, seconds_of

if TYPE_CHECKING:
    from datetime import timedelta

    from ppg_exec import SlurmMachines, SrunMachines

__all__ = ["Slurm", "Srun"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Slurm:
    """Slurm: machines that are started for a run as batch jobs, and end with it.

        ppg.DaskCluster(cluster=ppg.Slurm(machines=4, cores_per_machine=16, memory="64GB", walltime="4h"))

    No machine is asked for before a job is ready, and no more than ready jobs can use. What is asked for stays until the
    run ends; a machine that is lost is replaced.

    Parameters:
        machines: the largest number of machines.
        cores_per_machine: cores of each machine.
        memory: of each machine: a number of bytes, or a text such as "64GB".
        walltime: of each machine: a number of seconds, or a text such as "4h"; None for what the partition says.
        partition: of Slurm; None for the default one.
        account: of Slurm; None for that of the user.
        interface: the name of the network between the machines, such as "ib0"; None for that of the host name.
        port: of the scheduler, which runs beside the script; 0 for a free one.
        options: further options of sbatch, such as ["--qos=long"].
        prologue: lines of shell that each machine executes first, such as ["module load samtools"].
        logs: the folder for what the batch jobs print.
    """

    machines: int
    cores_per_machine: int
    memory: int | str
    walltime: "float | str | timedelta | None" = None
    partition: str | None = None
    account: str | None = None
    interface: str | None = None
    port: int = 0
    options: Sequence[str] = ()
    prologue: Sequence[str] = ()
    logs: str = "slurm-logs"

    def __post_init__(self) -> None:
        for name in ("machines", "cores_per_machine"):
            value: object = getattr(self, name)
            if not isinstance(value, int) or isinstance(value, bool):
                raise TypeError(f"Slurm: {name} must be a whole number, not {value!r}")
            if value < 1:
                raise ValueError(f"Slurm: {name} must be at least 1, not {value}")
        if memory_of(self.memory, "Slurm: memory") < 1:
            raise ValueError("Slurm: memory must be stated, as in memory='64GB'")
        if self.walltime is not None:
            seconds_of(self.walltime, "Slurm: walltime")
        _require_port(self.port, "Slurm")
        for name in ("options", "prologue"):
            lines: object = getattr(self, name)
            if isinstance(lines, str) or not isinstance(lines, Sequence):
                raise TypeError(f"Slurm: {name} must be a list of texts, not {lines!r}")

    def _asked(self) -> "SlurmMachines":
        """Return it as the executor takes it."""
        from ppg_exec import SlurmMachines  # noqa: PLC0415 (lean)

        return SlurmMachines(
            machines=self.machines,
            cores=self.cores_per_machine,
            memory=memory_of(self.memory, "Slurm: memory"),
            walltime=None if self.walltime is None else seconds_of(self.walltime, "Slurm: walltime"),
            partition=self.partition,
            account=self.account,
            interface=self.interface,
            port=self.port,
            options=tuple(self.options),
            prologue=tuple(self.prologue),
            logs=self.logs,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Srun:
    """Srun: the machines of the allocation of Slurm in which the script runs, below `salloc` or in a batch job.

        ppg.DaskCluster(cluster=ppg.Srun())

    `srun` starts a worker on each of them. Cores and memory are those of the allocation.

    Parameters:
        interface: the name of the network between the machines, such as "ib0"; None for that of the host name.
        port: of the scheduler, which runs beside the script; 0 for a free one.
    """

    interface: str | None = None
    port: int = 0

    def __post_init__(self) -> None:
        _require_port(self.port, "Srun")

    def _asked(self) -> "SrunMachines":
        """Return it as the executor takes it."""
        from ppg_exec import SrunMachines  # noqa: PLC0415 (lean)

        return SrunMachines(**{field.name: getattr(self, field.name) for field in fields(self)})


def _require_port(port: object, what: str) -> None:
    if not isinstance(port, int) or isinstance(port, bool) or not 0 <= port <= 65535:
        raise ValueError(f"{what}: port must be a number from 1 to 65535, or 0 for a free one, not {port!r}")
