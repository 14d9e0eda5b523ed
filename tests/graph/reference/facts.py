"""What the reference evaluator is given and answers: past successes, and the steps of a run."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Mapping
from dataclasses import dataclass, field

__all__ = [
    "INTACT",
    "NONE",
    "Edges",
    "Past",
    "Print",
    "Prints",
    "Step",
    "below",
    "gone_from",
    "is_among",
    "is_of",
    "path_read",
    "reads_of",
]

Print = Hashable
Prints = Mapping[str, Print]
Edges = Mapping[tuple[str, str], frozenset[str] | None]

INTACT = "INTACT"
NONE: Prints = {}


def below(jobs: Collection[str], edges: Collection[tuple[str, str]]) -> set[str]:
    """What can be reached downstream of `jobs`: without them, unless there is a cycle."""
    found: set[str] = set()
    while True:
        more = {down for up, down in edges if up in found or up in jobs} - found
        if not more:
            return found
        found |= more


def is_of(name: str, job: str) -> bool:
    """May a job with this id make the file `name`?"""
    return name == job or f":{name}:" in f":{job}:"


def path_read(job: str) -> str | None:
    """The path that this stands for, if it is no job but something that was read and not declared."""
    for word in ("read://", "listed://"):
        if job.startswith(word):
            return job.removeprefix(word)
    return None


@dataclass(frozen=True, slots=True)
class Past:
    """A job's last success: its kind, its print, and the print of everything that it consumed."""

    kind: str
    print: Print
    consumed: Mapping[str, Print]
    parts: Mapping[str, Print]


@dataclass(slots=True)
class Step:
    """What one event led to."""

    starts: list[str] = field(default_factory=list)
    removable: list[str] = field(default_factory=list)
    commits: dict[str, Past] = field(default_factory=dict)
    forgotten: list[str] = field(default_factory=list)
    surprises: list[str] = field(default_factory=list)
    rejected: bool = False

    def add(self, later: Step) -> None:
        """Both steps as one; what can be removed is what can be removed after the second."""
        self.starts += later.starts
        self.removable = later.removable
        self.commits.update(later.commits)
        self.forgotten += later.forgotten
        self.surprises += later.surprises
        self.rejected |= later.rejected


def gone_from(past: Past, job: str, ups: set[str]) -> set[str]:
    """What only the record has. Reads do not count, nor the job's own code: the job ignores its changes now."""
    return past.consumed.keys() - ups - reads_of(past).keys() - {f"FI:{job}", f"command:{job}"}


def reads_of(past: Past) -> dict[str, Print]:
    """What the job read and did not declare."""
    return {name: print_ for name, print_ in past.consumed.items() if path_read(name) is not None}


def is_among(name: str, past: Past, gone: Collection[str]) -> bool:
    """May the record have this file, as something that was read or under one of these ids?"""
    return any(name == path_read(read) for read in reads_of(past)) or any(is_of(name, one) for one in gone)
