"""Script: provides the module-level functions, which use the current pipegraph of the process."""

import sys
from collections.abc import Iterable

from ppg.coordinators import LocalSystem
from ppg.exceptions import PyPipelineGraphError
from ppg.jobs.current import SESSION, pipegraph_for
from ppg.jobs.invariants import Following
from ppg.jobs.job import Job
from ppg.paths import PathLike
from ppg.pipegraph import DEFAULT_STATUS_FILENAME, Pipegraph
from ppg.report.never_run import note_graph
from ppg.result import RunResult
from ppg.shared_cache.cache import SharedCache
from ppg.worker.role import ROLE, Role

__all__ = ["current_pipegraph", "new_pipegraph", "new_pipeline", "run", "run_pipegraph"]


def current_pipegraph() -> Pipegraph:
    """Return the current pipegraph.

    Raises:
        PyPipelineGraphError: there is none yet.
        JobContractError: this process is the compute node, which runs a load.
    """
    return pipegraph_for()  # type: ignore[return-value]  # in a generator's process it is that process's graph


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
    pipegraph = Pipegraph(
        resource_coordinator,
        invariant_status_filename=invariant_status_filename,
        cache_folder=cache_folder,
        root=root,
        follow=follow,
        quiet=quiet,
        shared_cache=shared_cache,
        redefine=redefine,
    )
    SESSION.pipegraph = pipegraph
    caller = sys._getframe(1)
    if caller.f_globals.get("__name__") == "__main__" and ROLE.now is Role.SCRIPT and not redefine:
        note_graph(pipegraph, (caller.f_code.co_filename, caller.f_lineno))
    return pipegraph


def run_pipegraph(*, targets: Iterable[Job | PathLike] | None = None) -> RunResult:
    """Run the current pipegraph; see `Pipegraph.run`.

    Parameters:
        targets: bring only these jobs up to date, with the jobs they need.

    Raises:
        PyPipelineGraphError: there is no pipegraph, or it ran before.
        RuntimeError: jobs failed.
    """
    pipegraph = SESSION.pipegraph
    if not isinstance(pipegraph, Pipegraph):
        raise PyPipelineGraphError(
            "There is no pipegraph to run; call ppg.new_pipegraph() and declare jobs first"
        )
    return pipegraph.run(targets=targets)


new_pipeline = new_pipegraph
run = run_pipegraph
