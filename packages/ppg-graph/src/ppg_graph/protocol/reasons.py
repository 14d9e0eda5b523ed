"""Why a job has to run. Every start carries at least one of these."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias, assert_never

from ppg_graph.model.ids import Fingerprint, JobId

__all__ = [
    "AlwaysRuns",
    "Demanded",
    "FileChanged",
    "FileEmpty",
    "FileMissing",
    "NoRecord",
    "Reason",
    "Targeted",
    "UpstreamAdded",
    "UpstreamChanged",
    "UpstreamRemoved",
    "describe",
]


@dataclass(frozen=True, slots=True)
class NoRecord:
    """The job never succeeded, or failed since, or was of another kind then."""


@dataclass(frozen=True, slots=True)
class FileMissing:
    """Files that the job made are gone, or its record does not know a file that somebody depends on."""

    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class FileEmpty:
    """Files that the job made are empty now."""

    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class FileChanged:
    """Files that the job made have been changed behind ppg's back."""

    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class UpstreamChanged:
    """The job consumed another fingerprint of this upstream when it last succeeded."""

    upstream: JobId
    old: Fingerprint
    new: Fingerprint


@dataclass(frozen=True, slots=True)
class UpstreamAdded:
    """The job did not depend on this upstream when it last succeeded."""

    upstream: JobId


@dataclass(frozen=True, slots=True)
class UpstreamRemoved:
    """The job depended on this upstream when it last succeeded."""

    upstream: JobId


@dataclass(frozen=True, slots=True)
class Demanded:
    """A lazy or loading job is needed by this job, directly downstream, which has to run."""

    by: JobId


@dataclass(frozen=True, slots=True)
class Targeted:
    """A lazy or loading job that the user named as a target of this run."""


@dataclass(frozen=True, slots=True)
class AlwaysRuns:
    """A generator: what it makes is known only once it has run."""


Reason: TypeAlias = (
    NoRecord
    | FileMissing
    | FileEmpty
    | FileChanged
    | UpstreamChanged
    | UpstreamAdded
    | UpstreamRemoved
    | Demanded
    | Targeted
    | AlwaysRuns
)


def describe(reason: Reason) -> str:
    """The reason as half a sentence: the job runs because …"""
    match reason:
        case NoRecord():
            return "new: never built"
        case FileMissing(names):
            return f"{_files(names)} missing"
        case FileEmpty(names):
            return f"{_files(names)} empty"
        case FileChanged(names):
            return f"{_files(names)} not as it was left"
        case UpstreamChanged(upstream):
            return f"{upstream} changed"
        case UpstreamAdded(upstream):
            return f"it depends on {upstream} now"
        case UpstreamRemoved(upstream):
            return f"it depends no longer on {upstream}"
        case Demanded(by):
            return f"needed by {by}"
        case Targeted():
            return "asked for"
        case AlwaysRuns():
            return "generators run every time"
        case _:
            assert_never(reason)


def _files(names: tuple[str, ...]) -> str:
    shown = ", ".join(names[:3]) or "a file"
    if len(names) > 3:
        shown += f" and {len(names) - 3} more"
    return f"{shown} {'are' if len(names) > 1 else 'is'}"
