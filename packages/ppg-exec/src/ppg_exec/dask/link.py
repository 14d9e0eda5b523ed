"""Link: is the connection of a client to one agent on a worker. It lives in the thread of Dask's client.

A connection that has broken says nothing about the tasks of the agent. They run no more when another worker of that machine
has ended every process of the agent, or when the agent has heard nothing for so long that it has ended itself.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any

from distributed.comm import connect

from ppg_exec.dask.hosts import StartHere
from ppg_exec.links.messages import KeepAlive
from ppg_exec.links.silence import AGENT_SECONDS, CONTROLLER_SECONDS, PING_SECONDS, boot_seconds
from ppg_exec.remote.fleet import Arrived, FleetEvent, Joined, Leaving, Left
from ppg_exec.transport.messages import encode

__all__ = ["Link"]

_ALIVE = encode(KeepAlive())[0]
_MOST_AT_ONCE = 8 << 20
"""Bytes of messages that are sent as one."""
_HOPE_SECONDS = CONTROLLER_SECONDS - AGENT_SECONDS - 2 * PING_SECONDS
"""For so long an agent that is not heard still gets messages. Then it hears nothing, and ends in time."""


class Link:
    """Link: starts an agent on a worker and carries messages.

    Args:
        name: of the agent.
        start: where it runs.
        operation: the name of the plugin's operation.
        security: arguments for the connection.
        deliver: takes what happens.
        sweep: ends the processes with a marker by way of another worker; returns whether it could.

    """

    def __init__(
        self,
        name: str,
        start: StartHere,
        operation: str,
        security: dict[str, Any],
        deliver: Callable[[FleetEvent], object],
        sweep: Callable[[str, str], Awaitable[bool]],
    ) -> None:
        self.name: str = name
        self.start: StartHere = start
        self.outgoing: deque[bytes] = deque()
        """messages that wait; the main thread adds to them"""
        self.wake: asyncio.Event = asyncio.Event()
        self.is_leaving: bool = False
        self.is_draining: bool = False
        """whether its time is about to end"""
        self.messages: int = 0
        """how many have come; with the second one the agent is ready"""
        self._operation = operation
        self._security = security
        self._deliver = deliver
        self._sweep = sweep
        self._heard = boot_seconds()
        self._marker = ""

    async def run(self) -> None:
        """Carry messages until it is certain that nothing of the agent runs any more."""
        try:
            comm = await connect(self.start.worker, deserialize=False, **self._security)
            await comm.write({"op": self._operation, "what": "start", "reply": False})
            self._marker = (await comm.read())["marker"]
        except (OSError, KeyError) as error:
            self._deliver(Left(self.name, f"its worker {self.start.worker} cannot be reached: {error}"))
            return
        self._heard = boot_seconds()
        self._deliver(Joined(self.name))
        writer = asyncio.create_task(self._write(comm))
        try:
            left = await self._read(comm)
        finally:
            writer.cancel()
            await asyncio.gather(writer, return_exceptions=True)
            comm.abort()
        if left is None:
            left = await self._make_certain()
        self._deliver(left)

    async def _read(self, comm: Any) -> Left | None:
        """Read until the agent has left; None if the connection has broken before."""
        while True:
            patience = self._heard + CONTROLLER_SECONDS - boot_seconds()
            try:
                message = await asyncio.wait_for(comm.read(), max(0.0, patience))
            except (TimeoutError, OSError):
                return None
            self._heard = boot_seconds()
            if "left" in message:
                reading, status, words = message["left"]
                return Left(self.name, words, reading, status)
            bodies = [bytes(body) for body in message["bodies"]]
            if bodies:
                self.messages += len(bodies)
                self._deliver(Arrived(self.name, bodies))

    async def _write(self, comm: Any) -> None:
        while True:
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self.wake.wait(), PING_SECONDS)
            self.wake.clear()
            if boot_seconds() - self._heard > _HOPE_SECONDS:
                continue
            bodies: list[bytes] = []
            size = 0
            while self.outgoing and size < _MOST_AT_ONCE:
                bodies.append(self.outgoing.popleft())
                size += len(bodies[-1])
            if self.outgoing:
                self.wake.set()
            message: dict[str, Any] = {"bodies": bodies or [_ALIVE]}
            if self.is_leaving and not self.outgoing:
                message["leave"] = True
            try:
                await comm.write(message)
            except OSError:
                return  # the reader notices it, too

    async def _make_certain(self) -> Left:
        self._deliver(Leaving(self.name, "its connection has broken"))
        while (left := self._heard + CONTROLLER_SECONDS - boot_seconds()) > 0:
            if await self._sweep(self.start.host, self._marker):
                return Left(self.name, "its connection has broken, and its processes were ended")
            await asyncio.sleep(min(1.0, left))
        return Left(self.name, f"nothing was heard of it for {CONTROLLER_SECONDS:.0f} s")
