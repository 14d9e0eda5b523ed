"""Ids: defines the ids of jobs and nodes, fingerprints, and the five kinds of node."""

from __future__ import annotations

from enum import Enum
from typing import NewType

__all__ = ["Fingerprint", "JobId", "NodeId", "NodeKind"]

JobId = NewType("JobId", str)
"""The name of a job: unique within a pipegraph, the same in every run."""

NodeId = NewType("NodeId", int)
"""The position of a job in one `Dag`: 0, 1, 2, … in the order of declaration. It is not valid in another run."""

Fingerprint = NewType("Fingerprint", bytes)
"""Stands for the content that a job produced or ppg observed. Fingerprints are opaque, and compared with == only."""


class NodeKind(Enum):
    """NodeKind: determines when a job runs, and what its fingerprint stands for."""

    INVARIANT = "invariant"
    """Never runs; it is observed. Its fingerprint stands for the observed value."""
    OUTPUT = "output"
    """Makes files that stay. Runs when it is not clean, or when its files differ from its record."""
    LAZY = "lazy"
    """Makes files that other jobs need for a while. Runs on demand, or when a decision needs its content."""
    LOAD = "load"
    """Puts data in memory. Runs on demand. Its fingerprint derives from its upstreams', never from the data."""
    GENERATOR = "generator"
    """Makes jobs and edges. Runs in every run of the graph."""
