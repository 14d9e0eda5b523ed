"""Never run: warns of graphs that a script has declared, and neither run nor looked at when it ends.

Only graphs count that the script itself makes by `new_pipegraph()`, or enters by a `with` block. Modules, notebooks and tests may make graphs for
other purposes. After an exception there is no warning: the script did not come to its run.
"""

import atexit
import os
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ppg.graph.declared import DeclaredGraph
from ppg.graph.redefinition import RedefinableGraph
from ppg.report.frontend import FRONTEND, PlainFrontend
from ppg.session.current import SESSION
from ppg.source_location import Place
from ppg.text import counted
from ppg.worker.role import ROLE, Role

__all__ = ["forgotten_graphs", "last_graph", "note_graph"]


@dataclass(slots=True)
class _Noted:
    """_Noted: is a graph that the script has made, and that may have jobs which never ran.

    Attributes:
        pipegraph: the graph.
        place: where it was made, or first entered by a block.
        by_block: whether a `with` block entered it.
        replaced_at: where `new_pipegraph()` made another one the current one, or None.
    """

    pipegraph: DeclaredGraph
    place: Place
    by_block: bool
    replaced_at: Place | None = None

    @property
    def is_forgotten(self) -> bool:
        """Whether the graph has jobs that never ran, and that no preview or command looked at."""
        return len(self.pipegraph) > 0 and not self.is_settled

    @property
    def is_settled(self) -> bool:
        """Whether there was a run, or a look."""
        return self.pipegraph.was_run or self.pipegraph._was_completed


class _Notes:
    """_Notes: the graphs that the script of this process has made.

    Attributes:
        graphs: those of which no run is known yet.
        process: the id of the process that warns at its end; None before the first graph.
    """

    def __init__(self) -> None:
        self.graphs: list[_Noted] = []
        self.process: int | None = None


_NOTES = _Notes()


def note_graph(pipegraph: DeclaredGraph, place: Place, *, by_block: bool = False) -> None:
    """Note a graph that the script has made, or entered by a block, at this place.

    In a notebook, which has no end, the warning about the graph that this one replaces comes at once. Elsewhere graphs
    that can run again do not count.
    """
    is_interactive = _is_interactive()
    if isinstance(pipegraph, RedefinableGraph) and not is_interactive:
        return
    _NOTES.graphs = [noted for noted in _NOTES.graphs if not noted.is_settled]
    if any(noted.pipegraph is pipegraph for noted in _NOTES.graphs):
        return
    if not by_block:
        for noted in _NOTES.graphs:
            if noted.pipegraph._was_replaced and noted.replaced_at is None:
                noted.replaced_at = place
        if is_interactive:
            _tell_replaced()
    _NOTES.graphs.append(_Noted(pipegraph, place, by_block))
    if _NOTES.process is None:
        _NOTES.process = os.getpid()
        atexit.register(_warn_at_exit)


def forgotten_graphs() -> Sequence[str]:
    """Return a warning for each graph with jobs that never ran, and that no preview or command looked at."""
    return [_forgotten(noted) for noted in _NOTES.graphs if noted.is_forgotten]


def last_graph() -> DeclaredGraph | None:
    """Return the graph that a script means when it ends: the current one, or else the last that a block entered."""
    graph: object = SESSION.last
    return graph if isinstance(graph, DeclaredGraph) else None


def _forgotten(noted: _Noted) -> str:
    jobs = f"the {counted(len(noted.pipegraph), 'job')} of the pipegraph of {_shown(noted.place)} never ran"
    if noted.by_block:
        return f"{jobs}; call its run() after the last declaration"
    said = f"{jobs}; call run_pipegraph() after the last declaration"
    if noted.replaced_at is None:
        return said
    return f"{said}, and before new_pipegraph() makes another one the current one, at {_shown(noted.replaced_at)}"


def _tell_replaced() -> None:
    """Tell of the replaced graphs with jobs that have not run, and forget them."""
    told = [noted for noted in _NOTES.graphs if noted.replaced_at is not None]
    _NOTES.graphs = [noted for noted in _NOTES.graphs if noted.replaced_at is None]
    _write(
        f"the {counted(len(noted.pipegraph), 'job')} of the pipegraph of {_shown(noted.place)} did not run, and are not in "
        "the new one; declare them again, or run that pipegraph by its variable"
        for noted in told
        if noted.is_forgotten
    )


def _shown(place: Place) -> str:
    return f"{place[0]}:{place[1]}"


def _warn_at_exit() -> None:
    is_script = os.getpid() == _NOTES.process and ROLE.now is Role.SCRIPT
    # `ppg run` and the other commands set a front end, and report this in their own way.
    if not is_script or type(FRONTEND.current) is not PlainFrontend or _is_interactive():
        return
    if getattr(sys, "last_value", None) is not None:
        return  # Python has printed the traceback of the exception that ended the script
    _write(forgotten_graphs())


def _write(messages: Iterable[str]) -> None:
    text = "".join(f"ppg: warning: {message}\n" for message in messages)
    if not text or sys.stderr is None:
        return
    try:
        sys.stderr.write(text)
        sys.stderr.flush()
    except (OSError, ValueError):
        pass  # the stream is closed, and the process ends


def _is_interactive() -> bool:
    notebook = sys.modules.get("IPython")
    in_notebook = notebook is not None and notebook.get_ipython() is not None
    return in_notebook or hasattr(sys, "ps1") or bool(sys.flags.interactive)
