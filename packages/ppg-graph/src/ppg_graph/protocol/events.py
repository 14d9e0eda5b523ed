"""Events: define what the driver reports to the evaluator."""

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
    """Observed: answers an `Observe` effect, at once or in portions."""

    observations: Mapping[NodeId, Observation]


@dataclass(frozen=True, slots=True)
class Succeeded:
    """Succeeded: reports that a started job ran, and that its outputs were checked.

    `parts` has the fingerprint of each file of a multi-file job. The evaluator ignores the fingerprint of a
    LOAD, because it derives from the upstreams'. `reads` has what the job read without depending on it
    (`ppg_graph.model.reads`); it replaces the reads of the job's former record.
    """

    node: NodeId
    fingerprint: Fingerprint
    parts: Mapping[str, Fingerprint] = field(default_factory=dict)
    reads: Mapping[JobId, Fingerprint] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Failed:
    """Failed: reports that a started job ran and failed, or was killed while it ran."""

    node: NodeId


@dataclass(frozen=True, slots=True)
class Cancelled:
    """Cancelled: reports that a started job never began to run, and will not. Its record stays."""

    node: NodeId


@dataclass(frozen=True, slots=True)
class LeftoverRejected:
    """LeftoverRejected: reports that a started job could not use the leftover files of a LAZY job, and made nothing.

    The LAZY job lies directly upstream. Its files are as its record says, but unusable: for example a cache
    that this version of a library cannot read. They are made again, and then `node` starts once more. If
    `upstream` had run in this run before `node` started, unusable files are a failure, and the driver sends
    `Failed`.
    """

    node: NodeId
    upstream: NodeId


Unusable = LeftoverRejected
"""The former name of `LeftoverRejected`, which scripts and pickles contain."""


@dataclass(frozen=True, slots=True)
class NewJob:
    """NewJob: describes a job that a generator made."""

    job_id: JobId
    kind: NodeKind
    keep: bool = False
    """Whether the files of a LAZY job stay when no job needs them any more."""


@dataclass(frozen=True, slots=True)
class NewEdge:
    """NewEdge: describes an edge that a generator made, between new jobs, old jobs, or a new and an old one."""

    upstream: JobId
    downstream: JobId
    part: str | None = None


@dataclass(frozen=True, slots=True)
class Generated:
    """Generated: reports that a started generator succeeded, and what it made. It replaces `Succeeded`."""

    generator: NodeId
    fingerprint: Fingerprint
    jobs: tuple[NewJob, ...] = ()
    edges: tuple[NewEdge, ...] = ()
    reads: Mapping[JobId, Fingerprint] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Stopped:
    """Stopped: makes the evaluator start no more jobs. The driver still reports the ends of running jobs."""


Event: TypeAlias = Observed | Succeeded | Failed | Cancelled | LeftoverRejected | Generated | Stopped


# -- results of an observation
class FileStatus(Enum):
    """FileStatus: states whether the files of a job are as its record says."""

    INTACT = "intact"
    """All there, with the recorded content."""
    MISSING = "missing"
    """At least one file is not there."""
    EMPTY = "empty"
    """At least one file has no content, and should have."""
    CHANGED = "changed"
    """At least one file has other content than recorded: it was changed outside ppg."""


@dataclass(frozen=True, slots=True)
class Files:
    """Files: compares the files of an OUTPUT or LAZY job with its record. `names` are the files with this status."""

    status: FileStatus
    names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Unobservable:
    """Unobservable: states why an invariant cannot be observed, for example because its file is missing. It fails."""

    reason: str


Observation: TypeAlias = Fingerprint | Files | Unobservable
"""A fingerprint or `Unobservable` for invariants, and `Files` for jobs that make files."""
