"""What the driver tells the evaluator."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import TypeAlias

from ppg_graph.model.ids import Fingerprint, JobId, NodeId, NodeKind

__all__ = [
    "Cancelled",
    "Event",
    "Failed",
    "FileStatus",
    "Files",
    "Generated",
    "LeftoverRejected",
    "NewEdge",
    "NewJob",
    "Observation",
    "Observed",
    "Stopped",
    "Succeeded",
    "Unobservable",
]


@dataclass(frozen=True, slots=True)
class Observed:
    """The answer to an `Observe` effect, all at once or in portions."""

    observations: Mapping[NodeId, Observation]


@dataclass(frozen=True, slots=True)
class Succeeded:
    """A started job ran, and its outputs were checked.

    `parts` has the fingerprint of each file of a multi-file job. A LOAD's fingerprint is ignored: it is derived.
    """

    node: NodeId
    fingerprint: Fingerprint
    parts: Mapping[str, Fingerprint] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Failed:
    """A started job ran and failed, or was killed while it ran."""

    node: NodeId


@dataclass(frozen=True, slots=True)
class Cancelled:
    """A started job never began to run, and will not. Nothing is forgotten."""

    node: NodeId


@dataclass(frozen=True, slots=True)
class LeftoverRejected:
    """A started job could not use what an earlier run left of a LAZY job directly upstream, and made nothing.

    The files are what their record says, and yet of no use: a cache, say, that this version of a library cannot
    read. They are made again, and then `node` is started once more. Only for a job that was started before
    `upstream` ran in this run: files that are fresh from this run and of no use are a failure.
    """

    node: NodeId
    upstream: NodeId


Unusable = LeftoverRejected
"""The former name of `LeftoverRejected`, which scripts and pickles contain."""


@dataclass(frozen=True, slots=True)
class NewJob:
    """A job that a generator made."""

    job_id: JobId
    kind: NodeKind
    keep: bool = False
    """Whether the files of a LAZY job stay when nobody needs them any more."""


@dataclass(frozen=True, slots=True)
class NewEdge:
    """An edge that a generator made, between new jobs, old ones, or one of each."""

    upstream: JobId
    downstream: JobId
    part: str | None = None


@dataclass(frozen=True, slots=True)
class Generated:
    """A started generator succeeded, and this is what it made. The only success a generator has."""

    generator: NodeId
    fingerprint: Fingerprint
    jobs: tuple[NewJob, ...] = ()
    edges: tuple[NewEdge, ...] = ()


@dataclass(frozen=True, slots=True)
class Stopped:
    """Start no more. What runs already is still reported."""


Event: TypeAlias = Observed | Succeeded | Failed | Cancelled | LeftoverRejected | Generated | Stopped


# -- What the driver saw when it looked at an invariant, or at the files of a job.
class FileStatus(Enum):
    """Whether the files of a job are what its record says."""

    INTACT = "intact"
    """All there, with the recorded content."""
    MISSING = "missing"
    """At least one is not there."""
    EMPTY = "empty"
    """At least one has no content, and should have."""
    CHANGED = "changed"
    """At least one has other content than recorded: somebody changed it behind ppg's back."""


@dataclass(frozen=True, slots=True)
class Files:
    """The files of an OUTPUT or LAZY job beside its record; `names` are those that have the status."""

    status: FileStatus
    names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Unobservable:
    """An invariant that cannot be observed, say, because its file is missing. It fails, with this reason."""

    reason: str


Observation: TypeAlias = Fingerprint | Files | Unobservable
"""A fingerprint or `Unobservable` for invariants, `Files` for jobs that make files."""
