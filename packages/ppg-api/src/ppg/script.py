"""The one place that knows which pipegraph is current, and who shows what happens.

Everything else in ppg takes its pipegraph and its front end as arguments.
"""

from collections.abc import Iterable
from pathlib import Path

from ppg.coordinators import LocalSystem
from ppg.exceptions import JobContractError, PyPipelineGraphError
from ppg.graph.declared import DEFAULT_STATUS_FILENAME, Pipegraph
from ppg.graph.generated import GeneratedGraph
from ppg.jobs.invariants import Following
from ppg.jobs.job import Job
from ppg.paths import PathLike
from ppg.report.frontend import Frontend, PlainFrontend
from ppg.result import RunResult
from ppg.shared_cache.cache import SharedCache
from ppg.worker.role import WHEREABOUTS, Whereabouts

__all__ = ["SESSION", "Session", "current_pipegraph", "new_pipegraph", "new_pipeline", "run", "run_pipegraph"]


class Session:
    """The state of a process that uses ppg through its module-level functions.

    Attributes:
        pipegraph: the current pipegraph, or None before the first `new_pipegraph()`.
        frontend: who shows what a run does; `ppg run` puts its own one here.
    """

    pipegraph: Pipegraph | None
    frontend: Frontend

    def __init__(self) -> None:
        self.begin_anew()

    def begin_anew(self) -> None:
        """Be as in a process that has just imported ppg."""
        self.pipegraph = None
        self.frontend = PlainFrontend()


SESSION = Session()


_IN_A_SCRIPT = Whereabouts.SCRIPT
"""Looked up once: it would be half of the time that finding the pipegraph takes."""


def current_pipegraph(intent: str = "use it", job_id: str | None = None) -> Pipegraph:
    """The current pipegraph.

    Parameters:
        intent: what it is wanted for, as messages say it.
        job_id: the job that it is wanted for, if there is one.

    Raises:
        PyPipelineGraphError: there is none yet.
        JobContractError: this is the compute node, and it loads data.
    """
    if WHEREABOUTS.now is _IN_A_SCRIPT and SESSION.pipegraph is not None:
        return SESSION.pipegraph
    if job_id is not None:
        intent = f"{intent} '{job_id}'"
    if WHEREABOUTS.now is Whereabouts.LOAD:
        raise JobContractError(f"A load cannot {intent}: only scripts and JobGeneratingJobs declare jobs")
    if SESSION.pipegraph is None and WHEREABOUTS.now is Whereabouts.JOB:
        # What a job declares leads nowhere; it must not fail for having shared code with the script.
        SESSION.pipegraph = GeneratedGraph(str(Path.cwd()))
    if SESSION.pipegraph is None:
        raise PyPipelineGraphError(f"There is no pipegraph to {intent}; call ppg.new_pipegraph() first")
    return SESSION.pipegraph


def new_pipegraph(
    resource_coordinator: LocalSystem | None = None,
    *,
    invariant_status_filename: PathLike = DEFAULT_STATUS_FILENAME,
    cache_folder: PathLike = "cache",
    root: PathLike | None = None,
    follow: Following = "project",
    quiet: bool = False,
    shared_cache: SharedCache | PathLike | None = None,
    redefine: bool = False,
) -> Pipegraph:
    """Make a pipegraph and make it the current one; the parameters are those of `Pipegraph`."""
    SESSION.pipegraph = Pipegraph(
        resource_coordinator,
        invariant_status_filename=invariant_status_filename,
        cache_folder=cache_folder,
        root=root,
        follow=follow,
        quiet=quiet,
        shared_cache=shared_cache,
        redefine=redefine,
    )
    return SESSION.pipegraph


def run_pipegraph(*, targets: Iterable[Job | PathLike] | None = None) -> RunResult:
    """Run the current pipegraph; see `Pipegraph.run`.

    Parameters:
        targets: bring only these jobs up to date, with what they need.

    Raises:
        PyPipelineGraphError: there is no pipegraph, or it ran before.
        RuntimeError: jobs failed.
    """
    if SESSION.pipegraph is None:
        raise PyPipelineGraphError(
            "There is no pipegraph to run; call ppg.new_pipegraph() and declare jobs first"
        )
    return SESSION.pipegraph.run(targets=targets)


new_pipeline = new_pipegraph
run = run_pipegraph
