"""Forkserver messages: defines what the controller and the forkserver send to each other."""

from __future__ import annotations

from ppg_exec.transport.messages import Descriptor, Message, table_of

__all__ = [
    "FROM_FORKSERVER",
    "TO_FORKSERVER",
    "Close",
    "FromForkserver",
    "InterruptNode",
    "KillNode",
    "MemoryGrown",
    "NodeDied",
    "Pause",
    "Resume",
    "SignalJob",
    "StartNode",
    "ToForkserver",
]


# ---- controller → forkserver


class StartNode(Message):
    """StartNode: makes the forkserver fork a compute node."""

    __slots__ = ()
    node: int
    """its number, which no other node of the executor gets"""
    directory: str
    """where unlinked files go"""
    huge_pages: bool
    """whether the node puts huge pages under what was loaded"""
    connection: Descriptor
    """the node's end of its socket to the controller"""
    logbook: Descriptor
    """where the node writes what it does"""


class KillNode(Message):
    """KillNode: ends a node and everything beneath it."""

    __slots__ = ()
    node: int


class InterruptNode(Message):
    """InterruptNode: raises an exception in the load that a node runs."""

    __slots__ = ()
    node: int


class SignalJob(Message):
    """SignalJob: signals the process group of a job that has not ended, past its node."""

    __slots__ = ()
    node: int
    pid: int
    signal: int


class Pause(Message):
    """Pause: stops the nodes and all beneath them."""

    __slots__ = ()


class Resume(Message):
    """Resume: lets the nodes and all beneath them go on."""

    __slots__ = ()


class Close(Message):
    """Close: ends everything, the forkserver at last."""

    __slots__ = ()


# ---- forkserver → controller


class NodeDied(Message):
    """NodeDied: says that a node has ended, and that everything beneath it is gone, too."""

    __slots__ = ()
    node: int
    status: int
    """wait status"""


class MemoryGrown(Message):
    """MemoryGrown: names the jobs that have clearly more memory than ever before."""

    __slots__ = ()
    sizes: dict[int, int]
    """bytes of all processes of a job together, by the job's pid"""


# ---- by direction

ToForkserver = StartNode | KillNode | InterruptNode | SignalJob | Pause | Resume | Close
FromForkserver = NodeDied | MemoryGrown

TO_FORKSERVER: dict[str, type[ToForkserver]] = table_of("controller → forkserver", ToForkserver)
FROM_FORKSERVER: dict[str, type[FromForkserver]] = table_of("forkserver → controller", FromForkserver)
