"""Relay: lets a local executor run the tasks of another process, and pass on what comes of them unread."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass

from ppg_exec.controller.run_names import Entry, Name
from ppg_exec.pickling.receive import IdentityTable

__all__ = ["Relay"]


@dataclass(frozen=True, slots=True)
class Relay:
    """Relay: says for which process a local executor runs tasks.

    Args:
        table: the objects that this process has from that one. They keep their numbers in the nodes, too. So what a task
            has returned can be read where the task comes from, and nothing of it is read here: it is a `SentValue`.
        ask: returns the values of watched names of that process, and the names with values that cannot be sent.
        marker: the value of PPG_EXECUTOR in the environment of every process beneath.

    """

    table: IdentityTable
    ask: Callable[[Collection[Name]], tuple[list[Entry], list[Name]]]
    marker: str
