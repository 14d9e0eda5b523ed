"""Who shows what a run does: a script's stderr, `ppg run`'s display, a notebook, a test."""

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

from ppg.report.events import Listener
from ppg.report.plain import PlainProgress

if TYPE_CHECKING:
    from ppg.graph.declared import Pipegraph

__all__ = ["Frontend", "PlainFrontend"]


class Frontend(Protocol):
    """Is asked by every run of a process what to do around it."""

    def before_run(self, pipegraph: "Pipegraph") -> None:
        """Is called before anything else; may raise to prevent the run."""

    def listeners(self, pipegraph: "Pipegraph") -> Sequence[Listener]:
        """Who wants to hear the events of this run."""


class PlainFrontend:
    """Plain lines on stderr, unless the pipegraph is quiet: what a script that runs by itself shows."""

    def before_run(self, pipegraph: "Pipegraph") -> None:
        """Let it run."""

    def listeners(self, pipegraph: "Pipegraph") -> Sequence[Listener]:
        """Plain progress."""
        return () if pipegraph.quiet else (PlainProgress(sys.stderr),)
