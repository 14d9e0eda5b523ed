"""Fleet of a Dask cluster: the side of the main thread. Dask's client has a thread of its own."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import secrets
import threading
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ppg_exec.dask.machines import SlurmMachines, SrunMachines
from ppg_exec.links.hello import Settings
from ppg_exec.links.run_files import RunFile
from ppg_exec.links.silence import Limits
from ppg_exec.remote.fleet import FleetEvent, Joined, Problem

if TYPE_CHECKING:
    from ppg_exec.dask.launching import Launcher

__all__ = ["DaskFleet"]

_CONNECT_SECONDS = 30.0
_GOODBYE_SECONDS = 5.0
_SETTLING_SECONDS = 5.0
"""For so long after a machine has joined, others may be about to join."""


class DaskFleet:
    """DaskFleet: runs an agent on each machine of a Dask cluster.

    Args:
        settings: how agents run tasks; their cores and memory are those of the workers, and their silence follows the limits.
        cluster: the address of a scheduler, a cluster object, or what is to be started for this run.
        security: a `distributed.Security`, if the address needs it.
        folder: a folder that every machine has to see; None: none is asked.
        machines: how many machines the cluster object is asked for, at most; None: the user has asked for them.
        limits: how long machines may be silent; None for the usual ones.

    """

    def __init__(
        self,
        settings: Settings,
        cluster: Any,
        security: Any = None,
        folder: str | None = None,
        machines: int | None = None,
        limits: Limits | None = None,
    ) -> None:
        content = secrets.token_hex(16)
        self._proof = None if folder is None else RunFile(folder, content)
        self._folder = "." if folder is None else folder
        if self._proof is not None:
            settings = replace(settings, proof=(str(self._proof.path), content))
        self._limits = limits or Limits()
        self.settings: Settings = replace(settings, silence=self._limits.agent_seconds)
        self.connect_seconds: float = _CONNECT_SECONDS
        """how long to wait for the scheduler"""
        self._cluster = cluster
        self._machines = machines
        self._launcher: Launcher | None = None
        self._growth: Any = None
        self._no_more = False
        self._security = security
        self._operation = secrets.token_hex(8)
        self._client: Any = None
        self._courier: Any = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._events: deque[FleetEvent] = deque()
        self._attention = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        self._connecting: threading.Thread | None = None
        self._has_failed = False
        self._is_closed = False
        self._settled_at = 0.0
        self._dirty: set[str] = set()

    def start(self) -> None:
        """Connect to the cluster, in a thread."""
        if self._connecting is None:
            self._connecting = threading.Thread(target=self._connect, name="ppg-dask-start", daemon=True)
            self._connecting.start()

    def _connect(self) -> None:
        # Importing Dask takes most of a second, and connecting may take long.
        from distributed import Client  # noqa: PLC0415

        from ppg_exec.dask.courier import Courier  # noqa: PLC0415
        from ppg_exec.dask.launching import doubts_about  # noqa: PLC0415
        from ppg_exec.dask.plugin import AgentPlugin  # noqa: PLC0415

        try:
            cluster = self._start_cluster()
        except (OSError, ValueError, TypeError, RuntimeError, ImportError) as error:
            self._fail(f"the machines cannot be started: {error}")
            return
        try:
            client = Client(
                cluster,
                timeout=self.connect_seconds,
                set_as_default=False,
                **({} if self._security is None else {"security": self._security}),
            )
        except (OSError, ValueError, TypeError) as error:
            self._fail(f"the Dask scheduler at {self._cluster} cannot be reached: {error}")
            return
        if self._launcher is None:
            for doubt in doubts_about(client, None if self._growth is not None else cluster):
                self._deliver(Problem(doubt))
        plugin = AgentPlugin(self._operation)
        self._loop = client.loop.asyncio_loop
        self._courier = Courier(client, plugin.name, self._deliver, self._limits)
        self._client = client
        try:
            client.register_plugin(plugin)
        except Exception as error:  # noqa: BLE001 - a worker may raise anything, which ends the run in order
            self._fail(
                f"the workers of {self._cluster} cannot start agents (is ppg installed there?): {error}"
            )
            return
        self._loop.call_soon_threadsafe(self._courier.begin)

    def _start_cluster(self) -> Any:
        """Start what is to be started; returns what the client connects to."""
        asked = self._cluster
        # These modules import dask-jobqueue, or more of Dask.
        if isinstance(asked, SlurmMachines):
            from ppg_exec.dask.slurm import SlurmLauncher  # noqa: PLC0415

            self._launcher = SlurmLauncher(asked)
        elif isinstance(asked, SrunMachines):
            from ppg_exec.dask.srun import SrunLauncher  # noqa: PLC0415

            self._launcher = SrunLauncher(asked)
        if self._launcher is not None:
            return self._launcher.start(self._folder, self._report, self._end_hope)
        if self._machines is not None:
            from ppg_exec.dask.launching import Growth  # noqa: PLC0415

            self._growth = Growth(asked, self._machines)
        return asked

    def _report(self, message: str) -> None:
        self._deliver(Problem(message))

    def _end_hope(self, message: str) -> None:
        """Note that no machine will join any more; those that are there go on."""
        self._no_more = True
        self._report(message)

    def _fail(self, message: str) -> None:
        self._has_failed = True
        self._deliver(Problem(message))

    def _deliver(self, event: FleetEvent) -> None:
        self._events.append(event)
        if not self._is_closed:
            os.eventfd_write(self._attention, 1)

    def fileno(self) -> int:
        """A descriptor that is readable when `receive` has something."""
        return self._attention

    def receive(self) -> list[FleetEvent]:
        """What has happened since the last call."""
        with contextlib.suppress(BlockingIOError):
            os.eventfd_read(self._attention)
        found: list[FleetEvent] = []
        while self._events:
            found.append(self._events.popleft())
            if isinstance(found[-1], Joined):
                self._settled_at = time.monotonic() + _SETTLING_SECONDS
        return found

    def settings_of(self, machine: str) -> Settings:
        """How this agent runs tasks: with the cores and the memory of the workers of its machine."""
        link = None if self._courier is None else self._courier.links.get(machine)
        if link is None:
            return self.settings
        return replace(self.settings, cores=link.start.cores, memory=link.start.memory)

    def send(self, machine: str, body: bytes) -> None:
        """Queue a message for an agent."""
        link = self._courier.links.get(machine)
        if link is not None:
            link.outgoing.append(body)
            self._dirty.add(machine)

    def flush(self, patience: float = 0.0) -> None:
        """Let the other thread send what is queued; waits for that at most so many seconds."""
        if self._loop is None or not self._dirty:
            return
        dirty, self._dirty = self._dirty, set()
        links = [link for name in dirty if (link := self._courier.links.get(name)) is not None]
        self._loop.call_soon_threadsafe(_wake, links)
        deadline = time.monotonic() + patience
        while time.monotonic() < deadline and any(link.outgoing for link in links):
            time.sleep(0.01)

    def next_due(self) -> float | None:
        """Look again in a second while machines may be joining, or none is there."""
        is_quiet = self.is_settled() and self._courier is not None and self._courier.links
        return None if is_quiet else time.monotonic() + 1.0

    def expects_more(self) -> bool:
        """Whether machines may still join."""
        if self._has_failed or self._no_more:
            return False
        return self._courier is None or self._courier.may_get_machines()

    def is_settled(self) -> bool:
        """Whether no machine has joined for a while."""
        return time.monotonic() >= self._settled_at

    def want(self, cores: int) -> None:
        """Ask for more machines, if this run says how many there are."""
        grows = self._growth or self._launcher
        if grows is not None and self._client is not None:
            grows.want(cores)

    def dismiss(self, machine: str) -> None:
        """End an agent that cannot be used."""
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._courier.dismiss, machine)

    def close(self, patience: float) -> None:
        """End all agents, and leave the cluster as it was."""
        if self._connecting is not None:
            self._connecting.join(self.connect_seconds)
        self.flush()
        if self._client is not None:
            try:
                if not self._has_failed and self._loop is not None:
                    left = asyncio.run_coroutine_threadsafe(self._courier.leave(patience), self._loop)
                    with contextlib.suppress(TimeoutError):
                        left.result(patience + 5.0)
                    if not self._courier.is_scheduler_gone:
                        with contextlib.suppress(OSError, TimeoutError):
                            # A worker that is stopped does not answer.
                            self._client.sync(
                                self._client.scheduler.unregister_worker_plugin,
                                name=f"ppg-{self._operation}",
                                callback_timeout=_GOODBYE_SECONDS,
                            )
            finally:
                with _quietly() if self._courier.is_scheduler_gone else contextlib.nullcontext():
                    self._client.close()
        if self._launcher is not None:
            self._launcher.close()
        self._is_closed = True
        os.close(self._attention)
        if self._proof is not None:
            self._proof.close()


@contextlib.contextmanager
def _quietly() -> Iterator[None]:
    """Keep Dask's client from logging that it cannot say goodbye to a scheduler that is gone, which the user knows."""
    log = logging.getLogger("distributed.client")

    def is_worth_it(record: logging.LogRecord) -> bool:
        return record.levelno > logging.ERROR

    log.addFilter(is_worth_it)
    try:
        yield
    finally:
        log.removeFilter(is_worth_it)


def _wake(links: list[Any]) -> None:
    for link in links:
        link.wake.set()
