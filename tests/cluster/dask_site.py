"""Dask on the machines of a site: the scheduler on the head, and a worker with its nanny on each machine."""

import os
import signal
import sys
from pathlib import Path

from tests.cluster.machines import HEAD, Site, until

__all__ = ["DaskSite"]


class DaskSite(Site):
    """A site with Dask. `threads`: of each worker; `has_nannies`: whether workers have one, which starts them again."""

    threads: int = 2
    has_nannies: bool = True

    @property
    def dask_address(self) -> str:
        """The address of the scheduler."""
        return f"tcp://{self.address[HEAD]}:8786"

    def start(self) -> None:
        """Start the machines, the scheduler and the workers."""
        super().start()
        self.start_programs()

    def start_programs(self) -> None:
        """Start the scheduler and the workers."""
        self.start_scheduler()
        for name in self.names:
            self.start_worker(name)

    def start_scheduler(self) -> None:
        """Start the scheduler."""
        self._dask(HEAD, "scheduler", "--host", self.address[HEAD], "--port", "8786", "--no-dashboard")
        log = self.folder / "scheduler.log"
        until(lambda: "Scheduler at:" in log.read_text(), "the scheduler begins")

    def start_worker(self, name: str) -> None:
        """Start a worker, with its nanny."""
        self._dask(
            name, "worker", self.dask_address, "--host", self.address[name], "--nthreads", str(self.threads),
            "--name", name, "--no-dashboard", "--death-timeout", "20", "--memory-limit", "2GB",
            *([] if self.has_nannies else ["--no-nanny"]),
        )  # fmt: skip

    def _dask(self, name: str, program: str, *arguments: str) -> None:
        log = self.folder / ("scheduler.log" if program == "scheduler" else f"worker-{name}.log")
        command = [sys.executable, "-m", f"distributed.cli.dask_{program}", *arguments]
        self.begin(name, command, log)

    def find(self, name: str, what: str) -> int:
        """The number of a machine's "nanny", "worker", "scheduler" or "agent" that runs now."""

        def look() -> int | None:
            for number, words in self.processes(name).items():
                is_nanny = "distributed.cli.dask_worker" in words
                kind = {
                    "scheduler": "distributed.cli.dask_scheduler" in words,
                    "nanny": is_nanny,
                    "worker": "multiprocessing.spawn" in words and "spawn_main" in words,
                    "agent": "ppg_exec.agent" in words,
                }
                if kind[what]:
                    return number
            return None

        number: int = until(look, f"there is a {what} on {name}")
        return number

    def kill(self, name: str, what: str) -> None:
        """End a process at once."""
        os.kill(self.find(name, what), signal.SIGKILL)

    def logs(self) -> str:
        """What the programs of Dask have said, for messages of failed tests."""
        return "\n".join(
            f"{path.name}:\n{path.read_text(errors='replace')[-2000:]}"
            for path in sorted(Path(self.folder).glob("*.log"))
        )
