"""Jobs that declare jobs while the graph runs.

The callback runs in a fork of the compute node, where loaded data is at hand, and declares jobs as a script
does. What it declared comes back to the script's process as definitions (`GeneratedGraph`), and all of it
becomes part of the running graph, or nothing.
"""

from typing import TYPE_CHECKING, ClassVar, Unpack

from ppg.jobs.callback_job import NamedCallbackJob
from ppg.jobs.execution import ExecutionOptions, execution_of
from ppg.jobs.signature import Callback
from ppg_graph import NodeKind

if TYPE_CHECKING:
    from ppg.jobs.graph_protocol import GraphProtocol

__all__ = ["DependencyInjectionJob", "JobGeneratingJob"]


class JobGeneratingJob(NamedCallbackJob):
    """Declares jobs, every time the graph runs.

    The new jobs run in the same run. The callback may also let jobs that depend on this one depend on more.
    Jobs that are the same as last time are not stale because the generator's code changed.

    Parameters:
        job_id: its name.
        callback: called without arguments; declares jobs. Data that was loaded may be used.
        timeout, retries, enforce_memory, isolation: see `Execution`. Objects that the jobs of a "fresh"
            generator refer to are copies of their own, which no other job sees.

    Raises:
        TypeError, ValueError: an argument is not what it should be.
    """

    __slots__ = ()
    kind: ClassVar[NodeKind] = NodeKind.GENERATOR

    def __init__(
        self,
        job_id: str,
        callback: Callback,
        *,
        pipegraph: "GraphProtocol | None" = None,
        **options: Unpack[ExecutionOptions],
    ) -> None:
        execution = execution_of(options, ExecutionOptions, f"{type(self).__name__} '{job_id}'")
        super().__init__(job_id, callback, pipegraph, execution)


class DependencyInjectionJob(JobGeneratingJob):
    """Adds dependencies to the jobs that depend on it, once it is known what they need.

    The callback says `job.depends_on(...)` for jobs downstream of this one; it may declare new jobs for that. Jobs
    that it returns, one or a list, become dependencies of all jobs directly downstream.
    The parameters are those of `JobGeneratingJob`.
    """

    __slots__ = ()
