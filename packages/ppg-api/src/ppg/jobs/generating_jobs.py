"""Generating jobs: declare jobs while the graph runs.

The callback runs in a fork of the compute node, which has the loaded data, and declares jobs as a script does. The
main process gets the declarations (`ppg.graph.generated`), and adds all of them to the running graph, or none.
"""

from typing import TYPE_CHECKING, ClassVar, Unpack

from ppg.jobs.callback_job import NamedCallbackJob
from ppg.kinds.execution import ExecutionOptions, execution_of
from ppg.kinds.signature import Callback
from ppg.session.current import SESSION
from ppg.session.namespaces import full_id
from ppg_graph import NodeKind

if TYPE_CHECKING:
    from ppg.kinds.graph_protocol import GraphProtocol

__all__ = ["DependencyInjectionJob", "JobGeneratingJob"]


class JobGeneratingJob(NamedCallbackJob):
    """JobGeneratingJob: declares jobs, every time the graph runs.

    The new jobs run in the same run. The callback may also add dependencies to jobs that depend on this one.
    A change of the generator's code does not make jobs stale that are the same as last time.

        def declare() -> None:
            for name in ("a", "b"):
                ppg.FileGeneratingJob(f"{name}.txt", lambda path, name=name: path.write_text(name))

        ppg.JobGeneratingJob("generator", declare)
        ppg.run()
        assert Path("b.txt").read_text() == "b"

    Parameters:
        job_id: its name.
        callback: called without arguments; declares jobs. It may use loaded data.
        timeout, retries, cores, memory, enforce_memory, isolation, confine: see `Execution`. Jobs of a
            "fresh" generator get separate copies of the objects that they refer to, which no other job has.

    Attributes:
        namespace: the beginning of the names of its jobs: "", or "qc/" (see `ppg.namespace`).

    Raises:
        TypeError, ValueError: an argument has the wrong type or value.
    """

    __slots__ = ("namespace",)
    kind: ClassVar[NodeKind] = NodeKind.GENERATOR

    def __init__(
        self,
        job_id: str,
        callback: Callback,
        *,
        pipegraph: "GraphProtocol | None" = None,
        **options: Unpack[ExecutionOptions],
    ) -> None:
        job_id = full_id(job_id)
        execution = execution_of(options, ExecutionOptions, f"{type(self).__name__} '{job_id}'")
        super().__init__(job_id, callback, pipegraph, execution)
        self.namespace: str = SESSION.namespace

    def definition(self) -> dict[str, object]:
        """Return the function, how it is executed, and the namespace."""
        return super().definition() | {"namespace": self.namespace}


class DependencyInjectionJob(JobGeneratingJob):
    """DependencyInjectionJob: adds dependencies to the jobs that depend on it, while the graph runs.

    The callback calls `job.depends_on(...)` for jobs downstream of this one; it may declare new jobs for that. Jobs
    that it returns, one or a list, become dependencies of all jobs directly downstream.
    The parameters are those of `JobGeneratingJob`.

        total = ppg.file("total.txt")(lambda out: out.write_text(Path("part.txt").read_text()))

        def parts() -> ppg.Job:
            return ppg.file("part.txt")(lambda out: out.write_text("1"))

        total.depends_on(ppg.DependencyInjectionJob("parts", parts))
        ppg.run()
        assert total.path.read_text() == "1"
    """

    __slots__ = ()
    _needs_users: ClassVar[bool] = True
    """Whether it is an oversight if no job depends on it."""
