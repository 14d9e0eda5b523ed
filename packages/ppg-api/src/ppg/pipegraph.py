"""Pipegraph: declares jobs like a `DeclaredGraph`, and runs them; users hold this object."""

import sys
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, Self

from ppg.arguments import require_flag
from ppg.control.gc_pause import collected_later
from ppg.coordinators import DaskCluster, LocalSystem
from ppg.exceptions import PyPipelineGraphError
from ppg.graph.catalogue import Request, target_list
from ppg.graph.declared import DEFAULT_STATUS_FILENAME, DeclaredGraph, Life
from ppg.graph.redefinition import RedefinableGraph
from ppg.graph.referred import require_no_referred_jobs
from ppg.jobs.invariants import Following
from ppg.jobs.job import Job
from ppg.kinds.track import Track
from ppg.kinds.undeclared import Undeclared
from ppg.paths import PathLike, make_folder
from ppg.porting.guards import refuses_old_keywords
from ppg.report.frontend import FRONTEND
from ppg.report.never_run import note_graph
from ppg.session.current import SESSION
from ppg.shared_cache.cache import SharedCache
from ppg.worker.role import ROLE, Role
from ppg_graph import NodeId, NodeKind

if TYPE_CHECKING:
    from ppg.accept.acceptance import Acceptance
    from ppg.inspect.forecast import Preview
    from ppg.inspect.leftovers import Leftovers
    from ppg.inspect.plan import Plan
    from ppg.inspect.standing import Standing
    from ppg.inspect.verification import Verification
    from ppg.report.frontend import Frontend
    from ppg.result import RunResult

__all__ = ["DEFAULT_STATUS_FILENAME", "Pipegraph", "RedefinablePipegraph"]


class Pipegraph(DeclaredGraph):
    """Pipegraph: holds jobs and runs them, once.

    `new_pipegraph()` makes a pipegraph and sets it as the current one of the process. In a `with` block, a pipegraph is
    the current one until the block ends, also by an exception; then the one before is current again:

        import ppg

        with ppg.Pipegraph(root="plots", quiet=True) as graph:
            total = ppg.file("total.txt")(lambda out: out.write_text("3"))
        graph.run()
        assert graph["total.txt"] is total
        assert total in graph and total in graph.result

    A block does not run the graph. Blocks can be nested, and a graph can be entered again to declare more jobs. A block
    counts for its own thread. Decorated functions, and commands and plots that are given jobs, belong to the graph of
    these jobs.

    Parameters:
        resource_coordinator: where jobs run; this machine with all its cores by default.
        invariant_status_filename: the file with the records of earlier runs, relative to `root`.
        cache_folder: the folder for the data of cached jobs, relative to `root`.
        root: the folder that job ids are relative to; the working directory by default. A run makes it.
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
        cores, inline: of this machine, without a `resource_coordinator`: see `LocalSystem`, where `cores` is called
            `max_cores_to_use`.
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
        cores: int | None = None,
        inline: bool = False,
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
            cores=cores,
            inline=inline,
        )

    def __enter__(self) -> Self:
        caller = sys._getframe(1)
        if caller.f_globals.get("__name__") == "__main__" and ROLE.now is Role.SCRIPT:
            note_graph(self, (caller.f_code.co_filename, caller.f_lineno), by_block=True)
        return super().__enter__()

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

        with SESSION.whole_names():
            self._complete()
            self._check()
            return preview_of(self, None if targets is None else self._nodes_of(targets))

    def plan(
        self,
        *,
        targets: Iterable["Job | PathLike"] | None = None,
        until: Iterable["Job | PathLike"] | None = None,
        force: Iterable["Job | PathLike"] | None = None,
    ) -> "Plan":
        """Return what `run` with the same arguments would do now, with the jobs that generators made last time.

        Nothing runs, and nothing changes. In contrast to `preview`, the jobs of generators are included.

        Raises:
            CycleError: jobs depend on each other in a circle.
            PyPipelineGraphError: the status file cannot be read, or a job does not exist.
        """
        from ppg.inspect.plan import plan_of  # noqa: PLC0415 (declaring needs none of what running needs)

        with SESSION.whole_names():
            self._complete()
            self._check()
        self._ask(targets, until, force, fail_fast=False)
        return plan_of(self, self._request())

    def _ask(
        self,
        targets: Iterable["Job | PathLike"] | None,
        until: Iterable["Job | PathLike"] | None,
        force: Iterable["Job | PathLike"] | None,
        *,
        fail_fast: bool,
    ) -> None:
        """Note what is asked of the next run; a front end may still change it."""
        self._run_targets: Sequence[Job | PathLike] | None = None if targets is None else target_list(targets)
        self._run_until: Sequence[Job | PathLike] = () if until is None else target_list(until)
        self._run_forced: Sequence[Job | PathLike] = () if force is None else target_list(force)
        self._fail_fast: bool = require_flag(fail_fast, "fail_fast")

    def _request(self) -> Request:
        """Return what is asked of the next run, as nodes."""
        return Request(
            None if self._run_targets is None else tuple(self._nodes_of(self._run_targets)),
            tuple(self._nodes_of(self._run_until)),
            tuple(map(self._forced, self._nodes_of(self._run_forced))),
            self._fail_fast,
        )

    def _forced(self, node: NodeId) -> NodeId:
        """Return the node that a user means by forcing a job: of a cached job, its calculation."""
        job = self._job_at(node)
        job = getattr(job, "cache_job", job)
        if job.kind not in (NodeKind.OUTPUT, NodeKind.LAZY):
            raise PyPipelineGraphError(
                f"'{job.job_id}' makes no files, so it cannot be forced: loads and generators run whenever they are "
                "needed; force the job that makes the file"
            )
        return job._node

    def standing(self, *, targets: Iterable["Job | PathLike"] | None = None) -> "Standing":
        """Return which jobs are up to date, stale, failed, or never built, without running or changing anything.

        Parameters and errors are those of `preview`.
        """
        from ppg.inspect.standing import standing_of  # noqa: PLC0415 (declaring needs none of it)

        self._complete()
        self._check()
        return standing_of(self, Request(None if targets is None else tuple(self._nodes_of(targets))))

    def leftovers(self) -> "Leftovers":
        """Return what earlier runs left that no job makes any more; nothing is removed."""
        from ppg.inspect.leftovers import leftovers_of  # noqa: PLC0415 (declaring needs none of it)

        self._complete()
        self._check()
        return leftovers_of(self)

    def verify(
        self, *, targets: Iterable["Job | PathLike"] | None = None, rehash: bool = False
    ) -> "Verification":
        """Return whether everything is as the last run left it, including jobs that generators made then.

        Parameters and errors are those of `preview`; with `rehash` every file is read, even if its stat is
        unchanged.
        """
        from ppg.inspect.verification import verification_of  # noqa: PLC0415 (declaring needs none of it)

        with SESSION.whole_names():
            self._complete()
            self._check()
            return verification_of(self, None if targets is None else self._nodes_of(targets), rehash=rehash)

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

        with SESSION.whole_names():
            self._complete()
            self._check()
            return acceptance_of(self, jobs, changed=changed, dry_run=dry_run)

    def _read_value(self, job: Job, *, stale_ok: bool) -> object:
        """Return the value that a job has stored, or would load; for `read` of such a job, which says more."""
        from ppg.inspect.stored import value_of  # noqa: PLC0415 (declaring needs none of it)

        with SESSION.whole_names():
            return value_of(self, job, stale_ok=stale_ok)

    @refuses_old_keywords("run_pipegraph")
    def run(
        self,
        *,
        targets: Iterable["Job | PathLike"] | None = None,
        until: Iterable["Job | PathLike"] | None = None,
        force: Iterable["Job | PathLike"] | None = None,
        fail_fast: bool = False,
        frontend: "Frontend | None" = None,
    ) -> "RunResult":
        """Run all stale jobs, in parallel, and record their successes.

        Parameters:
            targets: jobs, ids of jobs, or files that jobs make: only these are brought up to date, with the
                jobs they need; all jobs by default. Temporary files that are targets are kept.
            until: jobs with which the run ends: they are brought up to date, and the jobs downstream of them do
                not run. Temporary files among them are kept.
            force: jobs that run although nothing has changed; of a cached job, its calculation. The jobs downstream
                of them run only if the results differ. With `targets`, the jobs of `until` and `force` are targets, too.
            fail_fast: after the first failure no more jobs start; running jobs end as usual.
            frontend: shows the progress; by default the front end of the process (`ppg run`'s display, or
                plain lines on stderr).

        Returns:
            The outcome of every job, and the duration.

        Raises:
            RuntimeError: at least one job failed; all jobs that did not depend on it have been done.
            CycleError: jobs depend on each other in a circle; nothing was done.
            JobContractError: with `undeclared="fail"`, a function refers to a job on which its job does not depend.
            PyPipelineGraphError: the graph ran before, or another run holds the status file, or its folder cannot be made.
            KeyboardInterrupt: Ctrl-C was pressed; running jobs were ended, finished jobs stay recorded.
        """
        from ppg.launch.start import start_run  # noqa: PLC0415 (declaring needs none of what running needs)

        if self._life is not Life.DECLARING:
            raise PyPipelineGraphError(
                "A pipegraph runs only once; make a new one with new_pipegraph(), or make one that runs several times "
                "with new_pipegraph(redefine=True)"
            )
        self._ask(targets, until, force, fail_fast=fail_fast)
        if frontend is None:
            frontend = FRONTEND.current
        frontend.before_run(self)
        with collected_later(), SESSION.whole_names():
            self._complete()
            self._check()
            require_no_referred_jobs(self)
        # The front end may have asked for something else: `ppg run script.py a.txt`.
        request = self._request()
        if self._has_own_root:
            make_folder(self.root)
        self._life = Life.RUNNING
        try:
            with SESSION.whole_names():
                self._result = start_run(self, frontend, request)
        finally:
            self._life = Life.RAN
        self._result.raise_for_failures()
        return self._result


class RedefinablePipegraph(RedefinableGraph, Pipegraph):
    """Redefinable pipegraph: can change and run again; `Pipegraph(redefine=True)` makes one."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)

    def run(
        self,
        *,
        targets: "Iterable[Job | PathLike] | None" = None,
        until: "Iterable[Job | PathLike] | None" = None,
        force: "Iterable[Job | PathLike] | None" = None,
        fail_fast: bool = False,
        frontend: "Frontend | None" = None,
    ) -> "RunResult":
        """Run the graph, as often as you like; see `Pipegraph.run`."""
        self._open_for_a_run()
        return super().run(targets=targets, until=until, force=force, fail_fast=fail_fast, frontend=frontend)
