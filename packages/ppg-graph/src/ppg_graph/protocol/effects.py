"""Effects: define what the driver must do for the evaluator. Their order depends only on the events."""

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
    """SkipReason: states why a job did not run, in a run that did not stop early."""

    CLEAN = "clean"
    """The job's record holds: another run would make the same content."""
    NOT_NEEDED = "not needed"
    """No job in this run needed it."""


@dataclass(frozen=True, slots=True)
class Observe:
    """Observe these invariants, and compare the files of these jobs with their records. Answer with `Observed`."""

    nodes: tuple[NodeId, ...]


@dataclass(frozen=True, slots=True)
class Start:
    """Run this job when resources allow. All its inputs are there."""

    node: NodeId
    reasons: tuple[Reason, ...]


@dataclass(frozen=True, slots=True)
class Skip:
    """Report that these jobs do not run."""

    nodes: tuple[NodeId, ...]
    why: SkipReason


@dataclass(frozen=True, slots=True)
class Block:
    """Report that these jobs cannot run, because `cause` failed. Their files and records stay as they are."""

    nodes: tuple[NodeId, ...]
    cause: NodeId


@dataclass(frozen=True, slots=True)
class CleanUp:
    """Remove the files of this LAZY job, or unload what this LOAD job loaded."""

    node: NodeId


@dataclass(frozen=True, slots=True)
class Commit:
    """Store this record of the job, in place of any older record."""

    node: NodeId
    record: Record


@dataclass(frozen=True, slots=True)
class Forget:
    """Remove the record of the job, if there is one."""

    node: NodeId


@dataclass(frozen=True, slots=True)
class Extended:
    """Take in that the graph contains the jobs and edges that the generator made. `nodes` are the new jobs."""

    generator: NodeId
    nodes: tuple[NodeId, ...]


@dataclass(frozen=True, slots=True)
class Rejected:
    """Report that the generator failed, because the graph cannot contain all that it made. Nothing was added."""

    generator: NodeId
    message: str


@dataclass(frozen=True, slots=True)
class NonDeterministic:
    """Report that a clean LAZY job ran again and made other content. Its recorded fingerprint stays."""

    node: NodeId


Effect: TypeAlias = (
    Observe | Start | Skip | Block | CleanUp | Commit | Forget | Extended | Rejected | NonDeterministic
)
