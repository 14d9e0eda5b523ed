"""Courier: finds the workers of a cluster and holds the links to their agents. It lives in the thread of Dask's client."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections.abc import Callable, Coroutine
from typing import Any

from distributed.comm import connect

from ppg_exec.dask.hosts import DRAIN_SECONDS, Hosts, StartHere, WorkerFacts
from ppg_exec.dask.link import Link
from ppg_exec.links.silence import Limits, boot_seconds
from ppg_exec.remote.fleet import FleetEvent, Leaving, Left, Problem

__all__ = ["Courier"]

_LOOK_SECONDS = 1.0
_ANSWER_SECONDS = 5.0
"""How long the scheduler may take to answer."""


class Courier:
    """Courier: starts an agent on each machine that has workers.

    Args:
        client: of the cluster.
        operation: the name of the plugin's operation.
        deliver: takes what happens; it is called in this thread.
        limits: how long machines may be silent.

    """

    def __init__(
        self, client: Any, operation: str, deliver: Callable[[FleetEvent], object], limits: Limits
    ) -> None:
        self._client = client
        self._operation = operation
        self._deliver = deliver
        self._limits = limits
        self._hosts = Hosts()
        self._abouts: dict[str, tuple[str, str, float | None]] = {}
        self._names = itertools.count(1)
        self.links: dict[str, Link] = {}
        self.is_scheduler_gone: bool = False
        self._has_left = asyncio.Event()
        self._tasks: set[asyncio.Task[Any]] = set()

    def begin(self) -> None:
        """Look for workers from now on; call it in the thread of the client."""
        self._keep(self._look())

    def _keep(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._has_ended)

    def _has_ended(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        error = None if task.cancelled() else task.exception()
        if error is not None:
            self._deliver(Problem(f"the connection to the Dask cluster has failed: {error!r}"))
            self.is_scheduler_gone = True

    async def _look(self) -> None:
        # The scheduler may be away for as long as an agent waits, and less when all links to agents have ended.
        heard = looked = boot_seconds()
        while True:
            previous, looked = looked, boot_seconds()
            if looked - previous > 2 * (_ANSWER_SECONDS + _LOOK_SECONDS):
                heard = looked  # this process was stopped, so it is not the scheduler that was silent
            try:
                identity = await asyncio.wait_for(self._identity(), _ANSWER_SECONDS)
                heard = boot_seconds()
            except (TimeoutError, OSError):
                patience = self._limits.agent_seconds if self.links else self._limits.ping_seconds
                if boot_seconds() - heard >= patience or self._client.status in {"closed", "closing"}:
                    self.is_scheduler_gone = True
                    self._deliver(
                        Problem("the Dask scheduler is gone: start the cluster again, and then the run")
                    )
                    return
                await asyncio.sleep(_LOOK_SECONDS)
                continue
            workers = await self._facts(identity["workers"])
            for start in self._hosts.update(workers, boot_seconds()):
                self._start(start)
            self._drain()
            await asyncio.sleep(_LOOK_SECONDS)

    async def _identity(self) -> dict[str, Any]:
        """What the scheduler knows; raises OSError while the client has no connection to it."""
        scheduler = self._client.scheduler
        if scheduler is None or self._client.status == "connecting":
            raise OSError("the client is not connected to the scheduler")
        identity: dict[str, Any] = await scheduler.identity(n_workers=-1)
        return identity

    def _drain(self) -> None:
        """Give no more tasks to machines with a time that is about to end."""
        for link in self.links.values():
            ends = link.start.ends
            if ends is not None and not link.is_draining and ends - boot_seconds() < DRAIN_SECONDS:
                link.is_draining = True
                self._deliver(Leaving(link.name, f"its time ends in {max(0.0, ends - boot_seconds()):.0f} s"))

    async def _facts(self, workers: dict[str, Any]) -> dict[str, WorkerFacts]:
        self._abouts = {address: about for address, about in self._abouts.items() if address in workers}
        new = [address for address in workers if address not in self._abouts]
        for address, answer in zip(new, await asyncio.gather(*map(self._about, new)), strict=True):
            if answer is not None:
                self._abouts[address] = answer
        return {
            address: _facts_of(self._abouts[address], facts)
            for address, facts in workers.items()
            if address in self._abouts and facts["status"] in {"running", "paused"}
        }

    async def _about(self, address: str) -> tuple[str, str, float | None] | None:
        try:
            answer = await self._call(address, what="about")
        except (TimeoutError, OSError):
            return None  # it has just gone, or has not got the plugin yet
        if not isinstance(answer, dict) or "host" not in answer:
            return None
        left = answer["seconds_left"]
        return answer["host"], answer["name"], None if left is None else boot_seconds() + left

    async def _call(self, address: str, **arguments: Any) -> Any:
        comm = await asyncio.wait_for(connect(address, timeout=5, deserialize=False, **self._security()), 6.0)
        try:
            await comm.write({"op": self._operation, "reply": True, **arguments})
            return await asyncio.wait_for(comm.read(), 15.0)
        finally:
            comm.abort()

    def _security(self) -> dict[str, Any]:
        arguments: dict[str, Any] = self._client.security.get_connection_args("client")
        return arguments

    # ---- links

    def _start(self, start: StartHere) -> None:
        name = f"{start.name}#{next(self._names)}"
        link = Link(
            name, start, self._operation, self._security(), self._deliver_of_link, self._sweep, self._limits
        )
        self.links[name] = link
        self._keep(self._run(link))

    async def _run(self, link: Link) -> None:
        await link.run()

    def _deliver_of_link(self, event: FleetEvent) -> None:
        if isinstance(event, Left):
            link = self.links.pop(event.machine)
            self._has_left.set()
            if not self._hosts.ended(link.start.host, has_worked=link.messages > 1) and not link.is_leaving:
                why = event.why.splitlines()[-1] if event.why else "its agent ends at once"
                self._deliver(Problem(f"{link.start.name} cannot run jobs: {why}"))
        self._deliver(event)

    async def _sweep(self, host: str, marker: str) -> bool:
        for address in self._hosts.workers_of(host):
            calling = asyncio.ensure_future(self._call(address, what="sweep", marker=marker))
            try:
                # Connecting to a worker that has ended takes long; the scheduler knows that sooner.
                while not calling.done() and address in self._hosts.workers_of(host):
                    await asyncio.wait({calling}, timeout=_LOOK_SECONDS / 4)
                answer = calling.result() if calling.done() else None
            except (TimeoutError, OSError):
                continue
            finally:
                calling.cancel()
            if isinstance(answer, dict) and answer.get("left") in ([], ()):
                return True
        return False

    def dismiss(self, name: str) -> None:
        """Do without the machine of an agent."""
        link = self.links.get(name)
        if link is not None:
            self._hosts.give_up(link.start.host)
            link.is_leaving = True
            link.wake.set()

    def may_get_machines(self) -> bool:
        """Whether a machine may still join."""
        return not self.is_scheduler_gone

    async def leave(self, patience: float) -> None:
        """Let all agents leave, and wait for that."""
        for link in self.links.values():
            link.is_leaving = True
            link.wake.set()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(patience):
                while self.links:
                    self._has_left.clear()
                    await self._has_left.wait()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


def _facts_of(about: tuple[str, str, float | None], facts: dict[str, Any]) -> WorkerFacts:
    host, name, ends = about
    return WorkerFacts(host, name, int(facts["nthreads"]), facts["memory_limit"] or None, ends)
