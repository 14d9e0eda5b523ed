"""Forked node: resets ppg's state in a compute node that is a fork of the script.

`LocalSystem(start_method="fork")` makes such nodes.
The fork has everything that the script has in its modules, which is its purpose. It also has ppg's own state:
the pipegraph, the front end and the status store, which only the main process uses. Every fork releases the
store's lock, and never uses its connection. The fork also has the frames of the run, to which it never
returns. These frames keep the connection from being closed.
"""

from ppg.graph.declared import DeclaredGraph
from ppg.report.frontend import FRONTEND
from ppg.session.current import SESSION

__all__ = ["leave_script_behind"]


def leave_script_behind(pipegraph: DeclaredGraph) -> None:
    """Reset ppg in the fork to the state of a process without a pipegraph.

    Parameters:
        pipegraph: the running pipegraph. Modules may refer to its jobs, which are copies in the fork, like
            the jobs that travel with callbacks. The copies belong to the graph that a generator declares.
    """
    SESSION.set_aside()
    FRONTEND.reset()
    for job in pipegraph:
        job._join(None)
