"""What compute nodes that are forks of the script's process leave behind (`LocalSystem(start_method="fork")`).

They take along all that the script has in its modules, which is what they are for, and of ppg: the pipegraph, which is
not theirs, the front end, and the status store. The store's lock is let go in every fork, and its connection is never
touched there; the frames of the run, which the fork has too and never returns to, keep it from being closed.
"""

from ppg.graph.declared import DeclaredGraph
from ppg.jobs.current import SESSION
from ppg.report.frontend import FRONTEND

__all__ = ["leave_script_behind"]


def leave_script_behind(pipegraph: DeclaredGraph) -> None:
    """In the fork: be a process in which no pipegraph was ever made.

    Parameters:
        pipegraph: the one that runs. Its jobs, which modules may refer to, are copies here, as those are that travel
            with callbacks; they belong to the graph that a generator declares.
    """
    SESSION.pipegraph = None
    FRONTEND.reset()
    for job in pipegraph:
        job.join(None)
