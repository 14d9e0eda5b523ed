"""Hosts: says on which worker of each machine an agent is to be started. It is pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

__all__ = ["DRAIN_SECONDS", "Hosts", "StartHere", "WorkerFacts"]

_MOST_FAILURES = 3
DRAIN_SECONDS = 60.0
"""So long before its time ends a machine gets no more jobs."""


class WorkerFacts(NamedTuple):
    """WorkerFacts: says what the scheduler knows of a worker, and what the worker says of its machine."""

    host: str
    name: str
    cores: int
    memory: int | None
    ends: float | None = None
    """when its time ends (boot seconds), if that is known"""


class StartHere(NamedTuple):
    """StartHere: says where an agent is to be started, with the cores and the memory of all workers of that machine."""

    host: str
    name: str
    worker: str
    cores: int
    memory: int | None
    ends: float | None = None
    """when the time of the first of these workers ends, as in `WorkerFacts`"""


@dataclass(slots=True)
class _Host:
    has_agent: bool = False
    failures: int = 0


class Hosts:
    """Hosts: holds the workers by their machines, of which each has one agent."""

    def __init__(self) -> None:
        self._workers: dict[str, WorkerFacts] = {}
        self._hosts: dict[str, _Host] = {}

    def update(self, workers: Mapping[str, WorkerFacts], now: float = 0.0) -> list[StartHere]:
        """Take in the workers that there are; returns where agents are to be started, which then count as started.

        A machine with a time that is about to end gets none.
        """
        self._workers = dict(workers)
        by_host: dict[str, list[str]] = {}
        for address, facts in workers.items():
            by_host.setdefault(facts.host, []).append(address)
        started = []
        for host, addresses in by_host.items():
            known = self._hosts.setdefault(host, _Host())
            if known.has_agent or known.failures >= _MOST_FAILURES:
                continue
            there = [workers[address] for address in addresses]
            ends = min((each.ends for each in there if each.ends is not None), default=None)
            if ends is not None and ends - now < DRAIN_SECONDS:
                continue
            known.has_agent = True
            limits = [each.memory for each in there if each.memory]
            started.append(
                StartHere(
                    host,
                    there[0].name,
                    # After failures, another worker of the machine may do.
                    addresses[known.failures % len(addresses)],
                    sum(each.cores for each in there),
                    sum(limits) if len(limits) == len(there) else None,
                    ends,
                )
            )
        return started

    def ended(self, host: str, *, has_worked: bool) -> bool:
        """Note that the agent of a machine has gone; returns whether another one may be tried there."""
        known = self._hosts[host]
        known.has_agent = False
        known.failures = 0 if has_worked else known.failures + 1
        return known.failures < _MOST_FAILURES

    def give_up(self, host: str) -> None:
        """Do without a machine."""
        self._hosts[host].failures = _MOST_FAILURES

    def workers_of(self, host: str) -> list[str]:
        """The addresses of the workers of a machine."""
        return [address for address, facts in self._workers.items() if facts.host == host]

    def is_any_left(self) -> bool:
        """Whether a machine has an agent, or may get one."""
        return any(host.has_agent or host.failures < _MOST_FAILURES for host in self._hosts.values())
