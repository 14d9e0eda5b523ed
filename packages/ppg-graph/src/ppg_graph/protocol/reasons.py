"""Reasons: define why a job must run. Every `Start` has at least one reason."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias, assert_never

from ppg_graph.model.ids import Fingerprint, JobId
from ppg_graph.model.reads import ABSENT, UNCERTAIN, is_read, link_id, listing_id, path_of_read

__all__ = [
    "AlwaysRuns",
    "Demanded",
    "FileChanged",
    "FileEmpty",
    "FileMissing",
    "Forced",
    "NoRecord",
    "ReadChanged",
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
    """Files that the job made are gone, or its record lacks a file that another job depends on."""

    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class FileEmpty:
    """Files that the job made are empty now."""

    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class FileChanged:
    """Files that the job made were changed outside ppg."""

    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class UpstreamChanged:
    """The job consumed another fingerprint of this upstream when it last succeeded."""

    upstream: JobId
    old: Fingerprint
    new: Fingerprint


@dataclass(frozen=True, slots=True)
class ReadChanged:
    """What the job read without depending on it is not as it was: a file, its absence, or the names in a folder."""

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
    """The job `by`, directly downstream, must run and needs this LAZY or LOAD job."""

    by: JobId


@dataclass(frozen=True, slots=True)
class Targeted:
    """The user named this LAZY or LOAD job as a target of this run."""


@dataclass(frozen=True, slots=True)
class Forced:
    """The user forced this OUTPUT or LAZY job, so its record does not hold in this run."""


@dataclass(frozen=True, slots=True)
class AlwaysRuns:
    """The job is a generator, and its jobs are unknown until it has run."""


Reason: TypeAlias = (
    NoRecord
    | FileMissing
    | FileEmpty
    | FileChanged
    | UpstreamChanged
    | ReadChanged
    | UpstreamAdded
    | UpstreamRemoved
    | Demanded
    | Targeted
    | Forced
    | AlwaysRuns
)


def describe(reason: Reason) -> str:
    """Describe the reason as half a sentence: the job runs because …"""
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
        case ReadChanged():
            return _what_was_read(reason)
        case UpstreamAdded(upstream):
            if is_read(upstream):
                return f"it read {path_of_read(upstream)}, which is made from its results now"
            return f"it depends on {upstream} now"
        case UpstreamRemoved(upstream):
            return f"it depends no longer on {upstream}"
        case Demanded(by):
            return f"needed by {by}"
        case Targeted():
            return "asked for"
        case Forced():
            return "it was forced to run"
        case AlwaysRuns():
            return "generators run every time"
        case _:
            assert_never(reason)


def _what_was_read(reason: ReadChanged) -> str:
    path = path_of_read(reason.upstream)
    if reason.upstream == listing_id(path):
        return f"the names in {path}, which it listed, changed"
    if reason.upstream == link_id(path):
        return f"the link {path}, by which it read a file, leads elsewhere"
    if reason.old == UNCERTAIN:
        return f"{path}, which it read, may have changed just before or while it ran"
    if reason.old == ABSENT:
        return f"{path}, which it looked for, is there now"
    if reason.new == ABSENT:
        return f"{path}, which it read, is gone"
    return f"{path}, which it read, changed"


def _files(names: tuple[str, ...]) -> str:
    shown = ", ".join(names[:3]) or "a file"
    if len(names) > 3:
        shown += f" and {len(names) - 3} more"
    return f"{shown} {'are' if len(names) > 1 else 'is'}"
