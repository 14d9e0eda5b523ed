"""Where a pipegraph is in its life."""

import enum

__all__ = ["Life"]


class Life(enum.Enum):
    """Where a pipegraph is in its life; it only moves forward, unless jobs can be redefined."""

    DECLARING = "jobs may be declared"
    RUNNING = "the graph runs"
    RAN = "the graph has run; its jobs tell their story"
