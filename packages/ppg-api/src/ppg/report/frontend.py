"""Who shows what a run does: a script's stderr, `ppg run`'s display, a notebook, a test."""

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol

from ppg.report.events import Listener
from ppg.report.plain import PlainProgress

if TYPE_CHECKING:
    from ppg.graph.declared import DeclaredGraph

__all__ = ["FRONTEND", "CurrentFrontend", "Frontend", "PlainFrontend"]


class Frontend(Protocol):
    """Front end: is asked by every run of a process what to do around it.

    The parameter of each method is the `ppg.Pipegraph` that runs.
    """

    def before_run(self, pipegraph: Any) -> None:
        """Is called before anything else; may raise to prevent the run."""

    def listeners(self, pipegraph: Any) -> Sequence[Listener]:
        """Who wants to hear the events of this run."""


class PlainFrontend:
    """Plain lines on stderr, unless the pipegraph is quiet: what a script that runs by itself shows."""

    def before_run(self, pipegraph: "DeclaredGraph") -> None:
        """Let it run."""

    def listeners(self, pipegraph: "DeclaredGraph") -> Sequence[Listener]:
        """Plain progress."""
        return () if pipegraph.quiet else (PlainProgress(sys.stderr),)


class CurrentFrontend:
    """Current front end: shows what the runs of this process do; `ppg run` puts its own one here.

    Attributes:
        current: the front end.
    """

    current: Frontend

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Be as in a process that has just imported ppg."""
        self.current = PlainFrontend()


FRONTEND = CurrentFrontend()
