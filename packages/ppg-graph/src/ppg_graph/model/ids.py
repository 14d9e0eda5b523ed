"""The names of things: ids of jobs and nodes, fingerprints, and the five kinds of node."""

from __future__ import annotations

from enum import Enum
from typing import NewType

__all__ = ["Fingerprint", "JobId", "NodeId", "NodeKind"]

JobId = NewType("JobId", str)
"""The name of a job: unique within a pipegraph, the same in every run."""

NodeId = NewType("NodeId", int)
"""The position of a job in one `Dag`: 0, 1, 2, … in the order of declaration. Means nothing in another run."""

Fingerprint = NewType("Fingerprint", bytes)
"""Stands for what a job produced or observed. Opaque: fingerprints are only ever compared with ==."""


class NodeKind(Enum):
    """When a job runs, and what its fingerprint stands for."""

    INVARIANT = "invariant"
    """Never runs; it is observed. Its fingerprint is what was observed."""
    OUTPUT = "output"
    """Makes files that stay. Runs when it is not clean, or its files are not what its record says."""
    LAZY = "lazy"
    """Makes files that somebody else needs for a while. Runs on demand, or when its content decides."""
    LOAD = "load"
    """Puts data in memory. Runs on demand. Its fingerprint derives from its upstreams', never from the data."""
    GENERATOR = "generator"
    """Makes jobs and edges. Runs in every run."""
