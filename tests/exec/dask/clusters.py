"""Schedulers and workers of Dask, started as programs on this machine."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ppg_exec import Settings
from ppg_exec.dask.fleet import DaskFleet
from ppg_exec.links.silence import LOST_AFTER, Limits

__all__ = ["Cluster", "fleet_of", "running_cluster"]


class Cluster:
    """A scheduler, and workers with or without nannies."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._processes: list[subprocess.Popen[bytes]] = []
        self.workers: list[subprocess.Popen[bytes]] = []
        self.address = ""

    def start_scheduler(self) -> None:
        self.scheduler = self._start("scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard")
        self.address = self._word_of("scheduler", r"Scheduler at:\s+(tcp://\S+)")

    def start_worker(
        self, threads: int = 1, *options: str, machine: str = "", before: Sequence[str] = ()
    ) -> subprocess.Popen[bytes]:
        """Start a worker; with a name of a machine it gets an agent of its own. `before`: words before its command."""
        name = f"worker{len(self.workers)}"
        worker = self._start(
            "worker", self.address, "--host", "127.0.0.1", "--nthreads", str(threads), "--no-dashboard",
            "--death-timeout", "60", "--local-directory", str(self._folder), *options,
            log=name, before=before, environment={"PPG_MACHINE_NAME": machine} if machine else {},
        )  # fmt: skip
        self.workers.append(worker)
        return worker

    def _start(
        self,
        program: str,
        *arguments: str,
        log: str = "",
        before: Sequence[str] = (),
        environment: Mapping[str, str] = {},
    ) -> subprocess.Popen[bytes]:
        with open(self._folder / (log or program), "wb") as file:
            process = subprocess.Popen(
                [*before, sys.executable, "-m", "distributed.cli.dask_" + program, *arguments],
                stdout=file, stderr=file, stdin=subprocess.DEVNULL, start_new_session=True,
                env={**os.environ, **environment},
            )  # fmt: skip
        self._processes.append(process)
        return process

    def _word_of(self, log: str, pattern: str) -> str:
        deadline = time.monotonic() + 60
        while not (found := re.search(pattern, (self._folder / log).read_text())):
            assert time.monotonic() < deadline, (self._folder / log).read_text()
            time.sleep(0.02)  # the program writes its log, and sends no signal
        return found[1]

    def wait_for_workers(self, count: int) -> None:
        """Wait until so many workers have joined the scheduler."""
        from distributed import Client

        with Client(self.address, set_as_default=False) as client:
            client.wait_for_workers(count, timeout=60)

    def close(self) -> None:
        for process in reversed(self._processes):
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


@contextmanager
def running_cluster(
    folder: Path, workers: int = 1, threads: int = 2, machines: Sequence[str] = ()
) -> Iterator[Cluster]:
    """A scheduler with workers on this machine, and with one on each of these machines."""
    cluster = Cluster(folder)
    try:
        cluster.start_scheduler()
        for _ in range(workers):
            cluster.start_worker(threads, "--no-nanny")
        for machine in machines:
            cluster.start_worker(threads, "--no-nanny", machine=machine)
        yield cluster
    finally:
        cluster.close()


def fleet_of(cluster: Cluster, lost_after: float = LOST_AFTER, **settings: Any) -> DaskFleet:
    known = {
        "directory": os.getcwd(), "path": tuple(sys.path), "arguments": tuple(sys.argv), "grace": 0.5,
        **settings,
    }  # fmt: skip
    return DaskFleet(Settings(**known), cluster.address, limits=Limits(lost_after))
