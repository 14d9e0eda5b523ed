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
from ppg_exec.links.silence import Limits, boot_seconds
from ppg_exec.remote.fleet import Arrived, FleetEvent, Joined, Leaving, Left
from ppg_exec.transport.messages import encode

__all__ = ["Link"]

_ALIVE = encode(KeepAlive())[0]
_MOST_AT_ONCE = 8 << 20
"""Bytes of messages that are sent as one."""


class Link:
    """Link: starts an agent on a worker and carries messages.

    Args:
        name: of the agent.
        start: where it runs.
        operation: the name of the plugin's operation.
        security: arguments for the connection.
        deliver: takes what happens.
        sweep: ends the processes with a marker by way of another worker; returns whether it could.
        limits: how long the machine may be silent.

    """

    def __init__(
        self,
        name: str,
        start: StartHere,
        operation: str,
        security: dict[str, Any],
        deliver: Callable[[FleetEvent], object],
        sweep: Callable[[str, str], Awaitable[bool]],
        limits: Limits,
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
        self._limits = limits
        self._heard = boot_seconds()
        self._clock = 0.0
        self._marker = ""

    async def run(self) -> None:
        """Carry messages until it is certain that nothing of the agent runs any more."""
        try:
            comm = await connect(self.start.worker, deserialize=False, **self._security)
            await comm.write(
                {
                    "op": self._operation,
                    "what": "start",
                    "reply": False,
                    "lost_after": self._limits.lost_after,
                }
            )
            first = await comm.read()
            self._marker, self._clock = first["marker"], first["clock"]
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
            try:
                message = await self._next(comm)
            except OSError:
                return None
            if message is None:
                return None
            self._heard = boot_seconds()
            if "left" in message:
                reading, status, words = message["left"]
                return Left(self.name, words, reading, status)
            self._clock = message["clock"]
            bodies = [bytes(body) for body in message["bodies"]]
            if bodies:
                self.messages += len(bodies)
                self._deliver(Arrived(self.name, bodies))
            else:
                self.wake.set()  # it waits for an answer

    async def _next(self, comm: Any) -> dict[str, Any] | None:
        """The next message; None if none has come for too long."""
        reading = asyncio.ensure_future(comm.read())
        try:
            lost, ping = self._heard + self._limits.lost_after, self._limits.ping_seconds
            while not reading.done():
                began = boot_seconds()
                await asyncio.wait({reading}, timeout=min(lost - began, ping) if began < lost else ping)
                # If this process was stopped meanwhile, what has come is yet to be read.
                was_stopped = boot_seconds() - began > 2 * ping
                if not reading.done() and boot_seconds() >= lost and not was_stopped:
                    return None
            message: dict[str, Any] = reading.result()
            return message
        finally:
            if not reading.done():
                reading.cancel()
                await asyncio.gather(reading, return_exceptions=True)

    async def _write(self, comm: Any) -> None:
        while True:
            await self.wake.wait()
            self.wake.clear()
            bodies: list[bytes] = []
            size = 0
            while self.outgoing and size < _MOST_AT_ONCE:
                bodies.append(self.outgoing.popleft())
                size += len(bodies[-1])
            if self.outgoing:
                self.wake.set()
            message: dict[str, Any] = {"bodies": bodies or [_ALIVE], "clock": self._clock}
            if self.is_leaving and not self.outgoing:
                message["leave"] = True
            try:
                await comm.write(message)
            except OSError:
                return  # the reader notices it, too

    async def _make_certain(self) -> Left:
        self._deliver(Leaving(self.name, "its connection has broken"))
        while (left := self._heard + self._limits.lost_after - boot_seconds()) > 0:
            with contextlib.suppress(TimeoutError):
                if await asyncio.wait_for(self._sweep(self.start.host, self._marker), left):
                    return Left(self.name, "its connection has broken, and its processes were ended")
                await asyncio.sleep(min(1.0, left))
        return Left(self.name, f"nothing was heard of it for {self._limits.lost_after:g} s")
