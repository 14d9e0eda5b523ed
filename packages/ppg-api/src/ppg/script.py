"""Script: provides the module-level functions, which use the current pipegraph of the process."""

import sys
from collections.abc import Iterable
from types import ModuleType
from typing import Any

from ppg.coordinators import DaskCluster, LocalSystem
from ppg.exceptions import PyPipelineGraphError
from ppg.jobs.invariants import Following
from ppg.jobs.job import Job
from ppg.kinds.graph_protocol import not_in_a_job
from ppg.kinds.track import Track
from ppg.kinds.undeclared import Undeclared
from ppg.paths import PathLike
from ppg.pipegraph import DEFAULT_STATUS_FILENAME, Pipegraph
from ppg.porting.guards import refuses_old_keywords
from ppg.report.never_run import note_graph
from ppg.result import RunResult
from ppg.session.current import SESSION, pipegraph_for
from ppg.shared_cache.cache import SharedCache
from ppg.worker.role import ROLE, Role
from ppg_invariants import unwatch

__all__ = ["current_pipegraph", "new_pipegraph", "new_pipeline", "read", "run", "run_pipegraph", "unwatched"]


def current_pipegraph() -> Pipegraph:
    """Return the current pipegraph.

        job = ppg.file("a.txt")(lambda out: out.write_text("a"))
        assert job in ppg.current_pipegraph()
        ppg.run()

    Raises:
        PyPipelineGraphError: there is none yet.
        JobContractError: this process is the compute node, which runs a load.
    """
    return pipegraph_for()  # type: ignore[return-value]  # in a generator's process it is that process's graph


@refuses_old_keywords("new_pipegraph")
def new_pipegraph(
    resource_coordinator: LocalSystem | DaskCluster | None = None,
    *,
    invariant_status_filename: PathLike = DEFAULT_STATUS_FILENAME,
    cache_folder: PathLike = "cache",
    root: PathLike | None = None,
    follow: Following = "project",
    watch_globals: bool = True,
    undeclared: Undeclared = "warn",
    track: Track = "python",
    quiet: bool = False,
    shared_cache: SharedCache | PathLike | None = None,
    confine: bool = False,
    redefine: bool = False,
    cores: int | None = None,
    inline: bool = False,
) -> Pipegraph:
    """Make a pipegraph and make it the current one; the parameters are those of `Pipegraph`.

        import ppg

        graph = ppg.new_pipegraph(cores=1, inline=True, quiet=True)
        ppg.file("a.txt")(lambda out: out.write_text("a"))
        assert ppg.run_pipegraph().ran == ["a.txt"]
        assert ppg.current_pipegraph() is graph

    In a `with` block of another pipegraph, it is the current one until that block ends.
    """
    pipegraph = Pipegraph(
        resource_coordinator,
        invariant_status_filename=invariant_status_filename,
        cache_folder=cache_folder,
        root=root,
        follow=follow,
        watch_globals=watch_globals,
        undeclared=undeclared,
        track=track,
        quiet=quiet,
        shared_cache=shared_cache,
        confine=confine,
        redefine=redefine,
        cores=cores,
        inline=inline,
    )
    replaced = SESSION.replace(pipegraph)
    if isinstance(replaced, Pipegraph):
        replaced._was_replaced = True
    caller = sys._getframe(2)  # beyond the wrapper that refuses old keywords
    if caller.f_globals.get("__name__") == "__main__" and ROLE.now is Role.SCRIPT:
        note_graph(pipegraph, (caller.f_code.co_filename, caller.f_lineno))
    return pipegraph


def unwatched(*names: str) -> None:
    """Let the values of global names not count as part of the functions that read them.

    By default, a job runs again if the value of a global name that its function reads has changed. This is for values
    that decide no result, such as the time at which the script was started.

        START = time.time()
        ppg.unwatched("START")
        ppg.file("a.txt")(lambda out: out.write_text(f"begun at {START}"))
        ppg.run()

    Parameters:
        names: global names of the module that calls this function, or of a module of the project that it imports:
            "conf.START".

    Raises:
        TypeError: a name is not a text.
        PyPipelineGraphError: "conf.START", and there is no module `conf` in the calling module.
    """
    calling = sys._getframe(1).f_globals
    for name in names:
        if not isinstance(name, str):
            raise TypeError(f"ppg.unwatched: a name must be a text, not {name!r}")
        *modules, last = name.split(".")
        namespace = calling
        for module in modules:
            found = namespace.get(module)
            if not isinstance(found, ModuleType):
                raise PyPipelineGraphError(
                    f"ppg.unwatched: there is no module '{module}' in '{namespace.get('__name__')}', so '{name}' names "
                    "nothing; import it before, or call ppg.unwatched in the module itself"
                )
            namespace = vars(found)
        unwatch(str(namespace.get("__name__")), [last])


@refuses_old_keywords("run_pipegraph")
def run_pipegraph(
    *,
    targets: Iterable[Job | PathLike] | None = None,
    until: Iterable[Job | PathLike] | None = None,
    force: Iterable[Job | PathLike] | None = None,
    fail_fast: bool = False,
) -> RunResult:
    """Run the current pipegraph; see `Pipegraph.run`.

        ppg.file("a.txt")(lambda out: out.write_text("a"))
        assert ppg.run().ran == ["a.txt"]

    Parameters:
        targets: bring only these jobs up to date, with the jobs they need.
        until: end with these jobs: the jobs downstream of them do not run.
        force: run these jobs although nothing has changed.
        fail_fast: start no more jobs after the first failure.

    Raises:
        PyPipelineGraphError: there is no pipegraph, or it ran before.
        RuntimeError: jobs failed.
    """
    pipegraph = SESSION.pipegraph
    if not isinstance(pipegraph, Pipegraph):
        raise PyPipelineGraphError(
            "There is no pipegraph to run; call ppg.new_pipegraph() and declare jobs first"
        )
    return pipegraph.run(targets=targets, until=until, force=force, fail_fast=fail_fast)


def read(name: str, *, stale_ok: bool = False) -> Any:
    """Return a value that `@ppg.cached` has stored, by its name, without running anything.

        @ppg.cached("counts")
        def counts() -> dict[str, int]:
            return {"reads": 3}

        ppg.run()
        assert ppg.read("counts") == {"reads": 3}

    If the current pipegraph declares the job, this is its `read()`, also for `@ppg.data`. Else, as in a notebook beside
    the script, the file is read if it is the one that the last run recorded. Whether code and inputs are still those
    of that run is then not known.

    Parameters:
        name: of the value; or, of a declared job, its id.
        stale_ok: see `StoredValueJob.read`.

    Raises:
        PyPipelineGraphError: there is no such value; or see `StoredValueJob.read`.
        CacheUnreadableError: the file cannot be read.
    """
    from ppg.inspect.stored import value_named  # noqa: PLC0415 (declaring needs none of it)

    if ROLE.now is not Role.SCRIPT:
        raise not_in_a_job(str(name))
    declared = SESSION.pipegraph
    return value_named(declared if isinstance(declared, Pipegraph) else Pipegraph(), name, stale_ok=stale_ok)


new_pipeline = new_pipegraph
run = run_pipegraph
