"""Slurm: starts a scheduler in this process, and machines as batch jobs of Slurm."""

from __future__ import annotations

import asyncio
import os
import shlex
import shutil
import sys
from collections.abc import Callable
from typing import Any

from ppg_exec.dask.batch_jobs import NAME, BatchJobs
from ppg_exec.dask.launching import Certificates, start_scheduler, worker_options
from ppg_exec.dask.machines import SlurmMachines

__all__ = ["SlurmLauncher"]

_PATIENCE = 60.0
_MIB = 1 << 20


class SlurmLauncher:
    """SlurmLauncher: starts machines as batch jobs of Slurm, and cancels them."""

    def __init__(self, asked: SlurmMachines) -> None:
        self._asked = asked
        self._cluster: Any = None
        self._certificates: Certificates | None = None
        self._jobs: BatchJobs | None = None

    def start(self, folder: str, report: Callable[[str], object], fail: Callable[[str], object]) -> Any:
        """Start the scheduler; the machines follow when they are wanted."""
        if shutil.which("sbatch") is None:
            raise OSError(
                "sbatch, a program of Slurm, is not here: start ppg on a machine that submits batch jobs"
            )
        asked = self._asked
        os.makedirs(asked.logs, exist_ok=True)  # noqa: PTH103
        self._certificates = Certificates(folder)
        cluster = self._cluster = start_scheduler(self._certificates.security, asked.interface, asked.port)
        log = os.path.join(os.path.abspath(asked.logs), "%j.txt")  # noqa: PTH100, PTH118
        self._jobs = BatchJobs(
            _sbatch(asked, log),
            _script(asked, cluster.scheduler_address, self._certificates),
            log,
            lambda: {str(worker.name) for worker in cluster.scheduler.workers.values()},
            report,
            fail,
        )
        cluster.loop.add_callback(self._jobs.begin)
        return cluster

    def want(self, cores: int) -> None:
        """Ask for more machines if tasks can use so many cores."""
        if self._jobs is not None:
            count = min(self._asked.machines, -(-cores // self._asked.cores))
            # What was asked for stays: without a task of its own, no machine can be told from one that has many.
            self._jobs.wanted = max(self._jobs.wanted, count)

    def close(self) -> None:
        """Cancel the batch jobs, and end the scheduler."""
        if self._jobs is not None:
            loop = self._cluster.loop.asyncio_loop
            asyncio.run_coroutine_threadsafe(self._jobs.end(), loop).result(_PATIENCE)
        if self._cluster is not None:
            self._cluster.close()
        if self._certificates is not None:
            self._certificates.close()


def _sbatch(asked: SlurmMachines, log: str) -> list[str]:
    command = [
        "sbatch", "--parsable", "--job-name=ppg", "--nodes=1", "--ntasks=1", f"--cpus-per-task={asked.cores}",
        f"--mem={asked.memory // _MIB}M", f"--output={log}",
        # A batch job that has lost its machine is replaced by another one.
        "--no-requeue",
    ]  # fmt: skip
    if asked.walltime is not None:
        minutes, seconds = divmod(round(asked.walltime), 60)
        command.append(f"--time={minutes}:{seconds:02d}")
    if asked.partition is not None:
        command.append(f"--partition={asked.partition}")
    if asked.account is not None:
        command.append(f"--account={asked.account}")
    return [*command, *asked.options]


def _script(asked: SlurmMachines, address: str, certificates: Certificates) -> str:
    words = [sys.executable, "-m", "distributed.cli.dask_worker", address, f"--nthreads={asked.cores}"]
    options = worker_options(certificates.security, asked.interface)
    worker = shlex.join([*words, f"--memory-limit={asked.memory}", *options])
    lines = ["#!/bin/sh", *asked.prologue, f'exec {worker} --name "{NAME}$SLURM_JOB_ID"', ""]
    if asked.walltime is not None:
        # Later versions of Slurm say it themselves. The agent reads it, and the machine gets no jobs shortly before.
        lines.insert(
            1, f"export SLURM_JOB_END_TIME=${{SLURM_JOB_END_TIME:-$(($(date +%s) + {asked.walltime:.0f}))}}"
        )
    return "\n".join(lines)
