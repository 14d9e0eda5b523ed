"""The current pipegraph of a process. Everything else in ppg takes its pipegraph as an argument."""

from typing import TYPE_CHECKING

from ppg.exceptions import JobContractError, PyPipelineGraphError
from ppg.worker.role import ROLE, Role

if TYPE_CHECKING:
    from ppg.jobs.graph_protocol import GraphProtocol

__all__ = ["SESSION", "Session", "pipegraph_for"]


class Session:
    """Session: the state of a process that uses ppg through its module-level functions.

    Attributes:
        pipegraph: the current pipegraph, or None before the first `new_pipegraph()`.
    """

    pipegraph: "GraphProtocol | None"

    def __init__(self) -> None:
        self.pipegraph = None


SESSION = Session()

_IN_A_SCRIPT = Role.SCRIPT
"""Looked up once: it would be half of the time that finding the pipegraph takes."""


def pipegraph_for(intent: str = "use it", job_id: str | None = None) -> "GraphProtocol":
    """The current pipegraph.

    Parameters:
        intent: what it is wanted for, as messages say it.
        job_id: the job that it is wanted for, if there is one.

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
        # What a job declares leads nowhere; it must not fail for having shared code with the script.
        from ppg.jobs.graph_protocol import NowhereGraph  # noqa: PLC0415 (few jobs declare jobs)

        SESSION.pipegraph = NowhereGraph()
    if SESSION.pipegraph is None:
        raise PyPipelineGraphError(f"There is no pipegraph to {intent}; call ppg.new_pipegraph() first")
    return SESSION.pipegraph
