"""Schedulers and workers of Dask, started as programs on this machine."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ppg_exec import Settings
from ppg_exec.dask.fleet import DaskFleet

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

    def start_worker(self, threads: int = 1, *options: str) -> subprocess.Popen[bytes]:
        name = f"worker{len(self.workers)}"
        worker = self._start(
            "worker", self.address, "--host", "127.0.0.1", "--nthreads", str(threads), "--no-dashboard",
            "--death-timeout", "60", "--local-directory", str(self._folder), *options, log=name,
        )  # fmt: skip
        self.workers.append(worker)
        return worker

    def _start(self, program: str, *arguments: str, log: str = "") -> subprocess.Popen[bytes]:
        with open(self._folder / (log or program), "wb") as file:
            process = subprocess.Popen(
                [sys.executable, "-m", "distributed.cli.dask_" + program, *arguments],
                stdout=file, stderr=file, stdin=subprocess.DEVNULL, start_new_session=True,
            )  # fmt: skip
        self._processes.append(process)
        return process

    def _word_of(self, log: str, pattern: str) -> str:
        deadline = time.monotonic() + 60
        while not (found := re.search(pattern, (self._folder / log).read_text())):
            assert time.monotonic() < deadline, (self._folder / log).read_text()
            time.sleep(0.02)  # the program writes its log, and sends no signal
        return found[1]

    def close(self) -> None:
        for process in reversed(self._processes):
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


@contextmanager
def running_cluster(folder: Path, workers: int = 1, threads: int = 2) -> Iterator[Cluster]:
    cluster = Cluster(folder)
    try:
        cluster.start_scheduler()
        for _ in range(workers):
            cluster.start_worker(threads, "--no-nanny")
        yield cluster
    finally:
        cluster.close()


def fleet_of(cluster: Cluster, **settings: Any) -> DaskFleet:
    known = {
        "directory": os.getcwd(), "path": tuple(sys.path), "arguments": tuple(sys.argv), "silence": 30.0, "grace": 0.5,
        **settings,
    }  # fmt: skip
    return DaskFleet(Settings(**known), cluster.address)
