"""Inherited graphs: a job that is declared with jobs as its arguments belongs to the pipegraph of these jobs."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from ppg.exceptions import PyPipelineGraphError
from ppg.graph.generated import GeneratedGraph
from ppg.jobs.job import Job, JobPart
from ppg.session.current import SESSION
from ppg.worker.role import ROLE, Role

if TYPE_CHECKING:
    from ppg.kinds.graph_protocol import GraphProtocol

__all__ = ["graph_for"]


def graph_for(given: "GraphProtocol | None", needed: Iterable[object], what: str) -> "GraphProtocol | None":
    """Return the pipegraph of a job that is to be declared; None for the current one.

    Jobs of a generator belong to the generator's graph. A graph that a later `new_pipegraph()` replaced is not inherited: a
    variable of a former cell, or of a former part of the script, would add new jobs to a graph that the script does not run.

    Parameters:
        given: the graph in the declaration, which comes first.
        needed: arguments of the declaration; jobs, and files of jobs, among them count.
        what: names the new job in messages.

    Raises:
        PyPipelineGraphError: the jobs belong to different graphs, or to one that cannot take any more jobs.
    """
    if given is not None or ROLE.now is not Role.SCRIPT:
        return given
    current = SESSION.pipegraph
    if isinstance(current, GeneratedGraph):
        return None
    first: Job | None = None
    for one in needed:
        job = one.job if isinstance(one, JobPart) else one
        if not isinstance(job, Job) or job._pipegraph is None:
            continue
        if first is None:
            first = job
        elif job._pipegraph is not first._pipegraph:
            raise PyPipelineGraphError(
                f"{what} depends on '{first.job_id}' of {first.pipegraph!r}, and on '{job.job_id}', which belongs to another "
                f"pipegraph: {job.pipegraph!r}. Declare both in one pipegraph, or pass the file of one of them by its name"
            )
    if first is None:
        return None
    inherited = first.pipegraph
    if inherited is current:
        return inherited
    if getattr(inherited, "_was_replaced", False):
        raise PyPipelineGraphError(
            f"{what} depends on '{first.job_id}', which belongs to another pipegraph: new_pipegraph() has made a new one "
            f"since. Declare '{first.job_id}' again in the new one, or declare both within `with graph:`"
        )
    inherited._require_declaring(f"declare {what} in {inherited!r}, to which '{first.job_id}' belongs")
    return inherited
