"""Srun: starts a scheduler in this process, and workers on the machines of the allocation of Slurm in which it runs."""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from typing import IO, Any

from ppg_exec.dask.launching import Certificates, start_scheduler, worker_options
from ppg_exec.dask.machines import SrunMachines

__all__ = ["SrunLauncher"]

_PATIENCE = 20.0
_MOST_WORDS = 4096
_WORKER = """
memory=auto
[ "${{SLURM_MEM_PER_CPU:-0}}" = 0 ] || memory=$((SLURM_MEM_PER_CPU * SLURM_CPUS_ON_NODE))MiB
[ "${{SLURM_MEM_PER_NODE:-0}}" = 0 ] || memory=${{SLURM_MEM_PER_NODE}}MiB
exec {worker} --name "$SLURMD_NODENAME" --nthreads "$SLURM_CPUS_ON_NODE" --memory-limit "$memory"
"""


class SrunLauncher:
    """SrunLauncher: starts a worker on each machine of the allocation."""

    def __init__(self, asked: SrunMachines) -> None:
        self._asked = asked
        self._cluster: Any = None
        self._step: subprocess.Popen[bytes] | None = None
        self._words: IO[bytes] | None = None
        self._certificates: Certificates | None = None
        self._is_ending = False

    def start(self, folder: str, report: Callable[[str], object], fail: Callable[[str], object]) -> Any:  # noqa: ARG002 - of the protocol
        """Start the scheduler, and the workers by srun."""
        count = os.environ.get("SLURM_JOB_NUM_NODES")
        if count is None or shutil.which("srun") is None:
            raise OSError("this is no allocation of Slurm: run ppg in a batch job, or below salloc")
        self._certificates = Certificates(folder)
        security = self._certificates.security
        self._cluster = start_scheduler(security, self._asked.interface, self._asked.port)
        words = [sys.executable, "-m", "distributed.cli.dask_worker", self._cluster.scheduler_address]
        worker = shlex.join([*words, *worker_options(security, self._asked.interface)])
        self._words = tempfile.TemporaryFile()  # noqa: SIM115 - it is closed with the cluster
        self._step = subprocess.Popen(
            ["srun", f"--nodes={count}", f"--ntasks={count}", "--ntasks-per-node=1", "--overlap", "--no-kill",
             "--kill-on-bad-exit=0", "--export=ALL", "sh", "-c", _WORKER.format(worker=worker)],
            stdin=subprocess.DEVNULL, stdout=self._words, stderr=self._words, start_new_session=True,
        )  # fmt: skip
        threading.Thread(target=self._await_end, args=(self._step, fail), daemon=True).start()
        return self._cluster

    def _await_end(self, step: subprocess.Popen[bytes], fail: Callable[[str], object]) -> None:
        step.wait()
        if not self._is_ending and self._words is not None:
            words = os.pread(self._words.fileno(), _MOST_WORDS, 0).decode(errors="replace").split()
            fail(f"srun has ended, and the workers with it: {' '.join(words)}")

    def want(self, cores: int) -> None:
        """Do nothing: the allocation says how many machines there are."""

    def close(self) -> None:
        """End the workers and the scheduler."""
        self._is_ending = True
        if self._cluster is not None:
            self._cluster.close()
        if self._step is not None:
            try:
                # The workers end with their scheduler.
                self._step.wait(_PATIENCE)
            except subprocess.TimeoutExpired:
                os.killpg(self._step.pid, signal.SIGTERM)
                self._step.wait()
        if self._words is not None:
            self._words.close()
        if self._certificates is not None:
            self._certificates.close()
