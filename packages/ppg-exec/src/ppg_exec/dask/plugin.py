"""Plugin: starts agents on the workers of a Dask cluster, and relays their messages.

It runs in the workers. It adds one operation to each of them, under the name of the run. So messages come over the address
that the worker has anyway, with the security of the cluster, and no task of Dask is made for them.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from pathlib import Path
from typing import Any

from distributed import Status
from distributed.diagnostics.plugin import WorkerPlugin

from ppg_exec.links.frames import Frames, framed
from ppg_exec.links.hello import machine_name
from ppg_exec.links.silence import Limits, boot_seconds
from ppg_exec.linux import stat_fields, sweep
from ppg_exec.remote.agent_process import AgentProcess

__all__ = ["AgentPlugin", "host_key"]

_CHUNK = 1 << 18
_FAREWELL_SECONDS = 5.0
"""How long a worker that closes waits until the client knows that the agent has ended."""
_START = 19
"""Where the start of a process is in its stat, behind the name: ticks since the machine has started."""
_PATIENCE = 8.0
"""Seconds that an agent has to end its tasks after it was asked to leave."""


def host_key() -> str:
    """A name for the machine, or the part of it, of which this process sees all processes.

    Two batch jobs of Slurm on one machine are parts of it: an agent in one of them must not use the cores of the other.
    """
    boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    return (
        f"{boot}/{os.stat('/proc/self/ns/pid').st_ino}/{machine_name()}/{os.environ.get('SLURM_JOB_ID', '')}"  # noqa: PTH116 - a link that leads nowhere
    )


def _seconds_left(worker: Any) -> float | None:
    """How long this worker has, by the end of its Slurm job and by its `--lifetime`; None if nothing says so."""
    left = []
    if (of_job := os.environ.get("SLURM_JOB_END_TIME", "")).isdigit():
        left.append(float(of_job) - time.time())
    if worker.lifetime:
        # The process is older than its worker, so this is rather too little.
        started = int(stat_fields(os.getpid())[_START]) / os.sysconf("SC_CLK_TCK")
        left.append(started + worker.lifetime - boot_seconds())
    return max(0.0, min(left)) if left else None


class AgentPlugin(WorkerPlugin):
    """AgentPlugin: lets the client of one run start an agent on a worker.

    Args:
        run: the name of the run, which no other run has.

    """

    def __init__(self, run: str) -> None:
        self.name: str = f"ppg-{run}"

    async def setup(self, worker: Any) -> None:
        """Add the operation to a worker."""
        self._relays: set[_Relay] = set()
        worker.handlers[self.name] = self._serve
        self._worker = worker

    async def teardown(self, worker: Any) -> None:
        """Remove the operation, and end the agents."""
        worker.handlers.pop(self.name, None)
        for relay in list(self._relays):
            await relay.end()

    async def _serve(self, comm: Any, what: str, marker: str = "", lost_after: float = 0.0) -> object:
        """Answer a client: `what` is "about", "sweep" (of `marker`) or "start" (with `lost_after`)."""
        match what:
            case "about":
                return {
                    "host": host_key(),
                    "name": machine_name(),
                    "seconds_left": _seconds_left(self._worker),
                }
            case "sweep":
                # All processes with this marker are on this machine.
                return {"left": await asyncio.to_thread(sweep, marker)}
            case "start":
                relay = _Relay(comm, Limits(lost_after))
                self._relays.add(relay)
                try:
                    await relay.run()
                finally:
                    self._relays.discard(relay)
                return Status.dont_reply
            case _:
                raise ValueError(f"the agents' plugin does not know the operation {what!r}")


class _Relay:
    """_Relay: carries the messages of one agent to a client and back, until one of them is gone."""

    def __init__(self, comm: Any, limits: Limits) -> None:
        self._comm = comm
        self._limits = limits
        self._process: AgentProcess | None = None
        self._writing = asyncio.Lock()
        self._is_over = asyncio.Event()

    async def run(self) -> None:
        """Start the agent, and relay until its end."""
        process = self._process = AgentProcess()
        await self._write({"marker": process.marker, "clock": boot_seconds()})
        tasks = [asyncio.create_task(each()) for each in (self._up, self._down, self._ping)]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            reading = process.reading()
            has_agent_ended = tasks[0].done()
            status = await asyncio.to_thread(process.end, 1.0 if has_agent_ended else 0.0)
            with contextlib.suppress(OSError):
                # Before the other tasks are cancelled, as that closes the connection.
                await self._write({"left": [reading, status, process.words()]})
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            self._process = None
            process.close()
            self._is_over.set()
        self._comm.abort()

    async def end(self) -> None:
        """End the agent and everything beneath it, and report that to the client, which can be certain then."""
        process = self._process
        if process is not None:
            await asyncio.to_thread(process.end)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._is_over.wait(), _FAREWELL_SECONDS)

    async def _write(self, message: dict[str, Any]) -> None:
        async with self._writing:
            await self._comm.write(message)

    async def _up(self) -> None:
        assert self._process is not None
        frames = Frames()
        loop = asyncio.get_running_loop()
        self._process.socket.setblocking(False)
        while True:
            try:
                data = await loop.sock_recv(self._process.socket, _CHUNK)
            except OSError:
                return
            if not data:
                return
            bodies = frames.feed(data)
            if bodies:
                await self._write({"bodies": bodies, "clock": boot_seconds()})

    async def _down(self) -> None:
        assert self._process is not None
        loop = asyncio.get_running_loop()
        waiting: list[bytes] = []
        while True:
            message = await self._comm.read()
            waiting += message["bodies"]
            # The network may hold messages back for long. Then only what answers a recent one shows that the client is there.
            is_fresh = boot_seconds() - message["clock"] <= self._limits.fresh_seconds
            if is_fresh or message.get("leave"):
                await loop.sock_sendall(self._process.socket, b"".join(map(framed, waiting)))
                waiting.clear()
            if message.get("leave"):
                # The agent has the message of it already, and ends when its tasks have.
                await asyncio.sleep(_PATIENCE)
                return

    async def _ping(self) -> None:
        while True:
            await asyncio.sleep(self._limits.ping_seconds)
            await self._write({"bodies": [], "clock": boot_seconds()})
