"""What the evaluator asks the driver to do. Effects come in an order that depends on nothing but the events."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TypeAlias

from ppg_graph.model.ids import NodeId
from ppg_graph.model.records import Record
from ppg_graph.protocol.reasons import Reason

__all__ = [
    "Block",
    "CleanUp",
    "Commit",
    "Effect",
    "Extended",
    "Forget",
    "NonDeterministic",
    "Observe",
    "Rejected",
    "Skip",
    "SkipReason",
    "Start",
]


class SkipReason(Enum):
    """Why a job did not run in a run that did not stop early."""

    CLEAN = "clean"
    """Its record holds: running it again would make the same."""
    NOT_NEEDED = "not needed"
    """Nothing in this run asked for it."""


@dataclass(frozen=True, slots=True)
class Observe:
    """Look at these invariants, and at the files of these jobs beside their records; answer with `Observed`."""

    nodes: tuple[NodeId, ...]


@dataclass(frozen=True, slots=True)
class Start:
    """Run this job when resources allow; everything upstream of it is there."""

    node: NodeId
    reasons: tuple[Reason, ...]


@dataclass(frozen=True, slots=True)
class Skip:
    """These jobs do not run."""

    nodes: tuple[NodeId, ...]
    why: SkipReason


@dataclass(frozen=True, slots=True)
class Block:
    """These jobs cannot run, because `cause` failed. Their files and records stay as they are."""

    nodes: tuple[NodeId, ...]
    cause: NodeId


@dataclass(frozen=True, slots=True)
class CleanUp:
    """Remove the files of this LAZY job, or unload what this LOAD job loaded."""

    node: NodeId


@dataclass(frozen=True, slots=True)
class Commit:
    """Store this record of the job, in place of any older one."""

    node: NodeId
    record: Record


@dataclass(frozen=True, slots=True)
class Forget:
    """Remove the record of the job, if there is one."""

    node: NodeId


@dataclass(frozen=True, slots=True)
class Extended:
    """What the generator made is part of the graph now; `nodes` are the new jobs."""

    generator: NodeId
    nodes: tuple[NodeId, ...]


@dataclass(frozen=True, slots=True)
class Rejected:
    """What the generator made cannot be part of the graph. Nothing of it was added, and the generator failed."""

    generator: NodeId
    message: str


@dataclass(frozen=True, slots=True)
class NonDeterministic:
    """A clean LAZY job was made again and came out differently. Its recorded fingerprint stays."""

    node: NodeId


Effect: TypeAlias = (
    Observe | Start | Skip | Block | CleanUp | Commit | Forget | Extended | Rejected | NonDeterministic
)
