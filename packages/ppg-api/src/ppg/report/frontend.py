"""Front end: shows a run on a script's stderr, in `ppg run`'s display, in a notebook or in a test."""

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol, TextIO

from ppg.live.screen import is_capable
from ppg.report.events import Listener
from ppg.report.plain import PlainProgress, PlainWarnings

if TYPE_CHECKING:
    from ppg.graph.declared import DeclaredGraph

__all__ = ["FRONTEND", "CurrentFrontend", "Frontend", "PlainFrontend", "live_or_plain"]


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
    """Plain front end: shows a run on stderr without `ppg run`: live on a terminal, in plain lines elsewhere.

    A quiet pipegraph shows warnings alone.
    """

    def before_run(self, pipegraph: "DeclaredGraph") -> None:
        """Do nothing: every run is allowed."""

    def listeners(self, pipegraph: "DeclaredGraph") -> Sequence[Listener]:
        """Return the listener that suits stderr, or that for warnings if the pipegraph is quiet."""
        if pipegraph.quiet:
            return (PlainWarnings(sys.stderr),)
        return (live_or_plain(sys.stderr, plain=pipegraph.resource_coordinator.inline),)


def live_or_plain(
    stream: TextIO | None, *, plain: bool = False, every_job: bool = False, colours: bool | None = None
) -> Listener:
    """Return the live view if a stream is a terminal that can show it, else the listener that writes plain lines.

    Parameters:
        stream: the output; None if the process has none.
        plain: write plain lines in any case. A live view would overwrite a debugger.
        every_job: see `PlainProgress`.
        colours: see `LiveView`.
    """
    if stream is not None and not plain and is_capable(stream):
        from ppg.report.live_view import LiveView  # noqa: PLC0415 (plain lines do not need it)

        return LiveView(stream, colours=colours)
    return PlainProgress(stream, every_job=every_job)


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
