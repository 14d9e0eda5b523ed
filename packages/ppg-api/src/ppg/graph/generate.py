"""Generate: calls a generator's callback in its job process."""

from collections.abc import Callable

from ppg.graph.generated import GeneratedGraph
from ppg.session.current import SESSION
from ppg.worker.calls import note_directory, working_directory

__all__ = ["generate"]


def generate(
    callback: Callable[..., object], root: str, cache_folder: str, confine: bool, namespace: str
) -> object:
    """Call a generator's callback; return its declarations as `ppg.graph.generated.GeneratedJobs`."""
    graph = GeneratedGraph(root, cache_folder, confine=confine)
    SESSION.pipegraph = graph
    SESSION.namespace = namespace
    __tracebackhide__ = True
    home = working_directory()
    try:
        returned = callback()
    except Exception as error:
        note_directory(error, home)
        raise
    return graph.generated(returned)
