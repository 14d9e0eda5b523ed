"""Never run: warns of graphs that a script has declared, and neither run nor looked at when it ends.

Only graphs count that the script itself makes by `new_pipegraph()`. Modules, notebooks and tests may make graphs for
other purposes. After an exception there is no warning: the script did not come to its run.
"""

import atexit
import os
import sys
from collections.abc import Sequence

from ppg.graph.declared import DeclaredGraph
from ppg.report.frontend import FRONTEND, PlainFrontend
from ppg.source_location import Place
from ppg.text import counted
from ppg.worker.role import ROLE, Role

__all__ = ["forgotten_graphs", "note_graph"]


class _Noted:
    """_Noted: the graphs that the script of this process has made.

    Attributes:
        last: the last graph, and the place where it was made.
        forgotten: the warnings about the graphs before it.
        process: the id of the process that warns at its end; None before the first graph.
    """

    def __init__(self) -> None:
        self.last: tuple[DeclaredGraph, Place] | None = None
        self.forgotten: list[str] = []
        self.process: int | None = None


_NOTED = _Noted()


def note_graph(pipegraph: DeclaredGraph, place: Place) -> None:
    """Note a graph that the script has made at this place; the one before it cannot be the last one any more."""
    _NOTED.forgotten = list(forgotten_graphs())
    _NOTED.last = pipegraph, place
    if _NOTED.process is None:
        _NOTED.process = os.getpid()
        atexit.register(_warn_at_exit)


def forgotten_graphs() -> Sequence[str]:
    """Return a warning for each graph with jobs that never ran, and that no preview or command looked at."""
    if _NOTED.last is None:
        return _NOTED.forgotten
    pipegraph, (file, line) = _NOTED.last
    if not len(pipegraph) or pipegraph.was_run or pipegraph.was_completed:
        return _NOTED.forgotten
    message = (
        f"the {counted(len(pipegraph), 'job')} of the pipegraph of {file}:{line} never ran; call run_pipegraph() "
        "after the last declaration"
    )
    return [*_NOTED.forgotten, message]


def _warn_at_exit() -> None:
    is_script = os.getpid() == _NOTED.process and ROLE.now is Role.SCRIPT
    # `ppg run` and the other commands set a front end, and report this in their own way.
    if not is_script or type(FRONTEND.current) is not PlainFrontend or _is_interactive():
        return
    if getattr(sys, "last_value", None) is not None:
        return  # Python has printed the traceback of the exception that ended the script
    forgotten = forgotten_graphs()
    if not forgotten or sys.stderr is None:
        return
    try:
        sys.stderr.write("".join(f"ppg: warning: {message}\n" for message in forgotten))
        sys.stderr.flush()
    except (OSError, ValueError):
        pass  # the stream is closed, and the process ends


def _is_interactive() -> bool:
    notebook = sys.modules.get("IPython")
    in_notebook = notebook is not None and notebook.get_ipython() is not None
    return in_notebook or hasattr(sys, "ps1") or bool(sys.flags.interactive)
