"""Front end: shows a run on a script's stderr, in `ppg run`'s display, in a notebook or in a test."""

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol

from ppg.report.events import Listener
from ppg.report.plain import PlainProgress, PlainWarnings

if TYPE_CHECKING:
    from ppg.graph.declared import DeclaredGraph

__all__ = ["FRONTEND", "CurrentFrontend", "Frontend", "PlainFrontend"]


class Frontend(Protocol):
    """Front end: prepares every run of a process, and provides its listeners.

    The parameter of each method is the `ppg.Pipegraph` that runs.

        class Silent:
            def before_run(self, pipegraph: ppg.Pipegraph) -> None:
                print(len(list(pipegraph)), "jobs")

            def listeners(self, pipegraph: ppg.Pipegraph) -> list[ppg.events.Listener]:
                return []

        ppg.file("a.txt")(lambda out: out.write_text("a"))
        ppg.current_pipegraph().run(frontend=Silent())
    """

    def before_run(self, pipegraph: Any) -> None:
        """Prepare the run; called before anything else, and may raise to prevent the run."""

    def listeners(self, pipegraph: Any) -> Sequence[Listener]:
        """Return the listeners for the events of this run."""


class PlainFrontend:
    """Plain front end: shows plain lines on stderr; used without `ppg run`. A quiet pipegraph shows warnings alone."""

    def before_run(self, pipegraph: "DeclaredGraph") -> None:
        """Do nothing: every run is allowed."""

    def listeners(self, pipegraph: "DeclaredGraph") -> Sequence[Listener]:
        """Return the listener for plain progress, or for warnings if the pipegraph is quiet."""
        return (PlainWarnings(sys.stderr) if pipegraph.quiet else PlainProgress(sys.stderr),)


class CurrentFrontend:
    """Current front end: holds the front end for the runs of this process; `ppg run` sets its own.

    Attributes:
        current: the front end.
    """

    current: Frontend

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Restore the front end of a process that has just imported ppg."""
        self.current = PlainFrontend()


FRONTEND = CurrentFrontend()
