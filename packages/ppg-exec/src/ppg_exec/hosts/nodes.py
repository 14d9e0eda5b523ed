"""Nodes: starts the compute nodes of one executor when needed, and holds the channels to them."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from ppg_exec.hosts.local_host import LocalHost, NodeHandle
from ppg_exec.tasks import RunsIn
from ppg_exec.transport.channel import Channel
from ppg_exec.transport.forkserver_messages import FromForkserver, ToForkserver
from ppg_exec.transport.poller import Poller

__all__ = ["Nodes"]


class Nodes:
    """Nodes: holds at most two nodes: one for loads and the jobs forked from it, and a clean one."""

    def __init__(self, host: LocalHost, poller: Poller) -> None:
        self.host = host
        self._poller = poller
        self._nodes: dict[RunsIn, NodeHandle] = {}

    @property
    def control(self) -> Channel[ToForkserver, FromForkserver] | None:
        """The channel to the forkserver, while there is one."""
        return self.host.channel

    def node(self, place: RunsIn) -> NodeHandle | None:
        """The node for tasks of `place`, if it has been started."""
        return self._nodes.get(_home(place))

    def start(self, place: RunsIn) -> NodeHandle:
        """Start a node for tasks of `place`. Raises ExecutorError if that is impossible."""
        first = self.host.channel is None
        node = self._nodes[_home(place)] = self.host.new_node()
        control = self.host.channel
        assert control is not None
        if first:
            self._poller.watch(control.fileno())
        self._poller.watch(node.channel.fileno())
        return node

    def all(self) -> Collection[NodeHandle]:
        """All nodes, as a copy, because a message of a node may end it."""
        return list(self._nodes.values())

    def drop(self, node: NodeHandle) -> None:
        """Forget a node that is dead, or about to be ended with all others."""
        self._poller.unwatch(node.channel.fileno())
        for place in [place for place, known in self._nodes.items() if known is node]:
            del self._nodes[place]
        node.close()

    def unwatch(self, channel: Channel[Any, Any]) -> None:
        """Stop watching a channel after its other side is gone."""
        self._poller.unwatch(channel.fileno())

    def flush(self) -> None:
        """Write the queued messages; those that the other side does not take now are written when it can."""
        if self.host.channel is not None:
            self._poller.write(self.host.channel)
        for node in self._nodes.values():
            self._poller.write(node.channel)

    def close(self) -> None:
        """End every node and every process beneath."""
        for node in self.all():
            self.drop(node)
        self.host.close()


def _home(place: RunsIn) -> RunsIn:
    return RunsIn.FRESH if place is RunsIn.FRESH else RunsIn.FORK
