"""Pipegraph: declares jobs like a `DeclaredGraph`, and runs them; users hold this object."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, Self

from ppg.arguments import require_flag
from ppg.control.gc_pause import collected_later
from ppg.coordinators import DaskCluster, LocalSystem
from ppg.exceptions import PyPipelineGraphError
from ppg.graph.catalogue import target_list
from ppg.graph.declared import DEFAULT_STATUS_FILENAME, DeclaredGraph, Life
from ppg.graph.redefinition import RedefinableGraph
from ppg.graph.referred import require_no_referred_jobs
from ppg.jobs.invariants import Following
from ppg.jobs.job import Job
from ppg.kinds.track import Track
from ppg.kinds.undeclared import Undeclared
from ppg.paths import PathLike
from ppg.porting.guards import refuses_old_keywords
from ppg.report.frontend import FRONTEND
from ppg.shared_cache.cache import SharedCache

if TYPE_CHECKING:
    from ppg.accept.acceptance import Acceptance
    from ppg.inspect.forecast import Preview
    from ppg.inspect.verification import Verification
    from ppg.report.frontend import Frontend
    from ppg.result import RunResult

__all__ = ["DEFAULT_STATUS_FILENAME", "Pipegraph", "RedefinablePipegraph"]


class Pipegraph(DeclaredGraph):
    """Pipegraph: holds jobs and runs them, once.

    Scripts usually call `new_pipegraph()`, which makes a pipegraph and sets it as the current one.

    Parameters:
        resource_coordinator: where jobs run; this machine with all its cores by default.
        invariant_status_filename: the file with the records of earlier runs, relative to `root`.
        cache_folder: the folder for the data of cached jobs, relative to `root`.
        root: the folder that job ids are relative to; the working directory by default.
        follow: how far FunctionInvariants follow names (see `FunctionInvariant`); "project" by default, so
            that an edit of a helper function is observed.
        undeclared: what happens if a job reads a file that another job makes, without depending on it: "warn", "fail"
            (the job fails), or "ignore" (no read is noted or recorded). An option of that name of a job comes first.
        track: which reads are noted: "python" for those of Python code, "strace" also for those of native code and
            programs, where strace is installed and permitted. An option of that name of a job comes first.
        quiet: show warnings, and no progress, unless a front end like `ppg run` shows it.
        shared_cache: where jobs with `share=True` keep outputs for other projects, or None for
            PPG_SHARED_CACHE.
        confine: whether jobs read and write only what they declare, if they do not say it themselves; loads are not
            confined. See `Execution`.
        redefine: for notebooks: a cell that is executed again redefines its jobs, and the graph can run
            again. See `ppg.graph.redefinition`.
    """

    if not TYPE_CHECKING:  # type checkers must use the signature of __init__

        def __new__(cls, *_arguments: object, redefine: bool = False, **_options: object) -> Self:
            """Return a new object of this class, or of `RedefinablePipegraph` if `redefine` is True."""
            if not require_flag(redefine, "redefine"):
                return object.__new__(cls)
            return object.__new__(RedefinablePipegraph)

    @refuses_old_keywords("new_pipegraph")
    def __init__(
        self,
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
        redefine: bool = False,  # noqa: ARG002 (see __new__)
    ) -> None:
        super().__init__(
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
        )

    # -- running -------------------------------------------------------------------------------------

    def preview(self, *, targets: Iterable["Job | PathLike"] | None = None) -> "Preview":
        """Return what a run would do now, without running or changing anything.

        Parameters:
            targets: see `run`.

        Raises:
            CycleError: jobs depend on each other in a circle.
            PyPipelineGraphError: the status file cannot be read.
        """
        from ppg.inspect.forecast import preview_of  # noqa: PLC0415 (declaring needs none of what running needs)

        self.complete()
        self.check()
        return preview_of(self, None if targets is None else self.nodes_of(targets))

    def verify(
        self, *, targets: Iterable["Job | PathLike"] | None = None, rehash: bool = False
    ) -> "Verification":
        """Return whether everything is as the last run left it, including jobs that generators made then.

        Parameters and errors are those of `preview`; with `rehash` every file is read, even if its stat is
        unchanged.
        """
        from ppg.inspect.verification import verification_of  # noqa: PLC0415 (declaring needs none of it)

        self.complete()
        self.check()
        return verification_of(self, None if targets is None else self.nodes_of(targets), rehash=rehash)

    def accept(
        self,
        jobs: Iterable["Job | PathLike"] | None = None,
        *,
        changed: bool = False,
        dry_run: bool = False,
    ) -> "Acceptance":
        """Record existing outputs as if the jobs had just made them, without running anything.

        You claim that the files are what the jobs would make; see `ppg.accept.acceptance` for the outputs
        that are accepted.

        Parameters:
            jobs: jobs, ids of jobs, or files that jobs make: only these, also if their record no longer
                holds. By default all outputs without a record.
            changed: without `jobs`: also all outputs with a record that no longer holds.
            dry_run: only return what would be accepted; write nothing.

        Raises:
            CycleError: jobs depend on each other in a circle.
            PyPipelineGraphError: a job does not exist, or a run holds the status file, or the file cannot be
                used.
            KeyboardInterrupt: Ctrl-C was pressed; either nothing was accepted, or everything, and then a note
                of the exception says so.
        """
        from ppg.accept.acceptance import acceptance_of  # noqa: PLC0415 (declaring needs none of it)

        self.complete()
        self.check()
        return acceptance_of(self, jobs, changed=changed, dry_run=dry_run)

    def read_value(self, job: Job, *, stale_ok: bool) -> object:
        """Return the value that a job has stored, or would load; for `read` of such a job, which says more."""
        from ppg.inspect.stored import value_of  # noqa: PLC0415 (declaring needs none of it)

        return value_of(self, job, stale_ok=stale_ok)

    @refuses_old_keywords("run_pipegraph")
    def run(
        self, *, targets: Iterable["Job | PathLike"] | None = None, frontend: "Frontend | None" = None
    ) -> "RunResult":
        """Run all stale jobs, in parallel, and record their successes.

        Parameters:
            targets: jobs, ids of jobs, or files that jobs make: only these are brought up to date, with the
                jobs they need; all jobs by default. Temporary files that are targets are kept.
            frontend: shows the progress; by default the front end of the process (`ppg run`'s display, or
                plain lines on stderr).

        Returns:
            The outcome of every job, and the duration.

        Raises:
            RuntimeError: at least one job failed; all jobs that did not depend on it have been done.
            CycleError: jobs depend on each other in a circle; nothing was done.
            JobContractError: with `undeclared="fail"`, a function refers to a job on which its job does not depend.
            PyPipelineGraphError: the graph ran before, or another run holds the status file.
            KeyboardInterrupt: Ctrl-C was pressed; running jobs were ended, finished jobs stay recorded.
        """
        from ppg.launch.start import start_run  # noqa: PLC0415 (declaring needs none of what running needs)

        if self._life is not Life.DECLARING:
            raise PyPipelineGraphError(
                "A pipegraph runs only once; make a new one with new_pipegraph(), or make one that runs several times "
                "with new_pipegraph(redefine=True)"
            )
        if targets is not None:
            targets = target_list(targets)
            self.run_targets: Sequence[Job | PathLike] | None = targets
        if frontend is None:
            frontend = FRONTEND.current
        frontend.before_run(self)
        with collected_later():
            self.complete()
            self.check()
            require_no_referred_jobs(self)
        chosen = None if targets is None else self.nodes_of(targets)
        self._life = Life.RUNNING
        try:
            self._result = start_run(self, frontend, chosen)
        finally:
            self._life = Life.RAN
        self._result.raise_for_failures()
        return self._result


class RedefinablePipegraph(RedefinableGraph, Pipegraph):
    """Redefinable pipegraph: can change and run again; `Pipegraph(redefine=True)` makes one."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)

    def run(
        self, *, targets: "Iterable[Job | PathLike] | None" = None, frontend: "Frontend | None" = None
    ) -> "RunResult":
        """Run the graph, as often as you like; see `Pipegraph.run`."""
        self.open_for_a_run()
        return super().run(targets=targets, frontend=frontend)
