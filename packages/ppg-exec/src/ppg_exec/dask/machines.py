"""Machines: say what is to be started for a run. Nothing here needs Dask."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["SlurmMachines", "SrunMachines"]


@dataclass(frozen=True, slots=True)
class SlurmMachines:
    """SlurmMachines: are batch jobs of Slurm, one for each machine.

    Args:
        machines: the largest number of machines.
        cores: of each machine.
        memory: of each machine, in bytes.
        walltime: of each machine, in seconds; None for what the partition says.
        partition: None for the default one.
        account: None for that of the user.
        interface: the network between the machines; None for that of the host name.
        port: of the scheduler; 0 for a free one.
        options: further options of sbatch.
        prologue: lines of shell before the worker starts.
        logs: the folder for what the batch jobs print.

    """

    machines: int
    cores: int
    memory: int
    walltime: float | None = None
    partition: str | None = None
    account: str | None = None
    interface: str | None = None
    port: int = 0
    options: tuple[str, ...] = ()
    prologue: tuple[str, ...] = ()
    logs: str = "slurm-logs"


@dataclass(frozen=True, slots=True)
class SrunMachines:
    """SrunMachines: are those of the allocation of Slurm in which this process runs.

    Args:
        interface: the network between the machines; None for that of the host name.
        port: of the scheduler; 0 for a free one.

    """

    interface: str | None = None
    port: int = 0
