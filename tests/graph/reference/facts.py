"""What the reference evaluator is given and answers: past successes, and the steps of a run."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Mapping
from dataclasses import dataclass, field

__all__ = ["INTACT", "Edges", "Past", "Print", "Step", "below", "gone_from", "is_of"]

Print = Hashable
Edges = Mapping[tuple[str, str], frozenset[str] | None]

INTACT = "INTACT"


def below(jobs: Collection[str], edges: Edges) -> set[str]:
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
    """What only the record has. The job's own code does not count: the job ignores its changes now."""
    return past.consumed.keys() - ups - {f"FI:{job}", f"command:{job}"}
