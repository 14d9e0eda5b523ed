"""Current: the current pipegraph of a process. All other modules of ppg take their pipegraph as an argument."""

from typing import TYPE_CHECKING

from ppg.exceptions import JobContractError, PyPipelineGraphError
from ppg.worker.role import ROLE, Role

if TYPE_CHECKING:
    from ppg.kinds.graph_protocol import GraphProtocol

__all__ = ["SESSION", "Session", "pipegraph_for"]


class Session:
    """Session: has the state of a process that uses ppg through its module-level functions.

    Attributes:
        pipegraph: the current pipegraph, or None before the first `new_pipegraph()`.
    """

    pipegraph: "GraphProtocol | None"

    def __init__(self) -> None:
        self.pipegraph = None


SESSION = Session()

_IN_A_SCRIPT = Role.SCRIPT
"""A constant, because looking it up would take half of the time of finding the pipegraph."""


def pipegraph_for(intent: str = "use it", job_id: str | None = None) -> "GraphProtocol":
    """Return the current pipegraph.

    Parameters:
        intent: what the caller wants to do with it, for messages.
        job_id: the job for which the caller needs it, if there is one.

    Raises:
        PyPipelineGraphError: there is none yet.
        JobContractError: this is the compute node, and it loads data.
    """
    if ROLE.now is _IN_A_SCRIPT and SESSION.pipegraph is not None:
        return SESSION.pipegraph
    if job_id is not None:
        intent = f"{intent} '{job_id}'"
    if ROLE.now is Role.LOAD:
        raise JobContractError(f"A load cannot {intent}: only scripts and JobGeneratingJobs declare jobs")
    if SESSION.pipegraph is None and ROLE.now is Role.JOB:
        # Jobs that a job declares never run, but it must not fail for sharing code with the script.
        from ppg.kinds.graph_protocol import NowhereGraph  # noqa: PLC0415 (few jobs declare jobs)

        SESSION.pipegraph = NowhereGraph()
    if SESSION.pipegraph is None:
        raise PyPipelineGraphError(f"There is no pipegraph to {intent}; call ppg.new_pipegraph() first")
    return SESSION.pipegraph
