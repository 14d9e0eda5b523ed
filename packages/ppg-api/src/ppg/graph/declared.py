"""A pipegraph: the jobs of one script, declared once and run once.

Data flows one way: jobs are declared into the graph's `Dag` (this module), then a run decides, executes,
records and reports (`ppg.engine`), and leaves a `RunResult`.
"""

import enum
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Self

from ppg.arguments import require_flag
from ppg.coordinators import LocalSystem
from ppg.exceptions import JobContractError, PyPipelineGraphError
from ppg.gc_pause import collected_later
from ppg.graph.catalogue import Catalogue, target_list
from ppg.graph.conflicts import same_job, shown, without_maker
from ppg.graph.cycles import circle_of
from ppg.jobs.invariants import FileChecksumInvariant, FileTimeInvariant, Following, require_following
from ppg.jobs.job import Job, JobFile
from ppg.paths import PathLike, require_folder, require_path, working_root
from ppg.shared_cache.cache import SharedCache, shared_cache_of
from ppg.text import counted
from ppg_graph import NodeId
from ppg_invariants import register_encoder

if TYPE_CHECKING:
    from ppg.accept.acceptance import Acceptance
    from ppg.inspect.forecast import Preview
    from ppg.inspect.verification import Verification
    from ppg.report.frontend import Frontend
    from ppg.result import RunResult

__all__ = ["DEFAULT_STATUS_FILENAME", "Life", "Pipegraph"]

DEFAULT_STATUS_FILENAME = ".pypipegraph_status_robust"


class Life(enum.Enum):
    """Where a pipegraph is in its life; it only moves forward, unless jobs can be redefined."""

    DECLARING = "jobs may be declared"
    RUNNING = "the graph runs"
    RAN = "the graph has run; its jobs tell their story"


_DECLARING = Life.DECLARING
"""Looked up once: an Enum takes as long for it as the rest of a small check."""


class Pipegraph(Catalogue):
    """Holds jobs and runs them, once.

    Scripts usually call `new_pipegraph()`, which makes one and keeps it as the current one.

    Parameters:
        resource_coordinator: where jobs run; this machine with all its cores by default.
        invariant_status_filename: the file in which ppg remembers what it has done, relative to `root`.
        cache_folder: where cached jobs keep their data, relative to `root`.
        root: the folder that job ids are relative to; the working directory by default.
        follow: how far FunctionInvariants look, see there; "project" by default, so that an edit of a helper
            function is seen.
        quiet: show no progress (only what a front end like `ppg run` shows).
        shared_cache: where jobs with `share=True` keep outputs for other projects, or None for PPG_SHARED_CACHE.
        redefine: for notebooks: a cell that is executed again redefines its jobs, and the graph can run again. See
            `ppg.graph.redefinition`.
    """

    if not TYPE_CHECKING:  # a checker should see the signature of __init__

        def __new__(cls, *_arguments: object, redefine: bool = False, **_options: object) -> Self:
            """A graph of the class that can do what is wanted."""
            if not require_flag(redefine, "redefine"):
                return object.__new__(cls)
            from ppg.graph.redefinition import RedefinablePipegraph  # noqa: PLC0415 (it is a pipegraph)

            return object.__new__(RedefinablePipegraph)

    def __init__(
        self,
        resource_coordinator: LocalSystem | None = None,
        *,
        invariant_status_filename: PathLike = DEFAULT_STATUS_FILENAME,
        cache_folder: PathLike = "cache",
        root: PathLike | None = None,
        follow: Following = "project",
        quiet: bool = False,
        shared_cache: SharedCache | PathLike | None = None,
        redefine: bool = False,  # noqa: ARG002 (see __new__)
    ) -> None:
        # A captured job or pipegraph counts by what it is called, not by all that hangs on it.
        register_encoder(Job, _name_of_job)
        register_encoder(Pipegraph, _name_of_pipegraph)
        super().__init__(working_root(None if root is None else require_folder(root, "root")))
        if resource_coordinator is not None and not callable(getattr(resource_coordinator, "executor", None)):
            raise TypeError(
                f"resource_coordinator must be, say, LocalSystem(max_cores_to_use=4), not {resource_coordinator!r}"
            )
        self.resource_coordinator: LocalSystem = resource_coordinator or LocalSystem()
        self.status_path: Path = Path(self.root) / require_path(
            invariant_status_filename, "invariant_status_filename"
        )
        self.cache_folder: Path = Path(self.root) / require_folder(cache_folder, "cache_folder")
        self.follow = require_following(follow)
        self.quiet: bool = require_flag(quiet, "quiet")
        self.shared_cache: SharedCache | None = shared_cache_of(shared_cache, self.root)
        self.pruned: set[NodeId] = set()
        self._completed = 0
        self.run_targets: Sequence[Job | PathLike] | None = None
        self._life = Life.DECLARING
        self._result: RunResult | None = None

    def _repr_html_(self) -> str:
        from ppg.html import graph_html  # noqa: PLC0415 (only notebooks show it)

        return graph_html(self)

    def __repr__(self) -> str:
        return f"<Pipegraph in '{self.root}': {counted(len(self._jobs), 'job')}, {self._life.value}>"

    # -- what was done -----------------------------------------------------------------------------------

    @property
    def result(self) -> "RunResult":
        """What the run did.

        Raises:
            PyPipelineGraphError: the pipegraph has not run yet.
        """
        if self._result is None:
            raise PyPipelineGraphError("This pipegraph has not run yet; call run_pipegraph() first")
        return self._result

    @property
    def last_result(self) -> "RunResult | None":
        """What the run did; None if there was none."""
        return self._result

    @property
    def was_run(self) -> bool:
        """Whether `run` was called."""
        return self._life is not Life.DECLARING

    # -- declaring -----------------------------------------------------------------------------------

    def require_declaring(self, intent: str) -> None:
        """Refuse to change a graph that runs or ran.

        Raises:
            PyPipelineGraphError: it is too late for what the user wants to do.
        """
        if self._life is not Life.DECLARING:
            raise PyPipelineGraphError(
                f"Cannot {intent}: {self._life.value}. Make a new pipegraph with new_pipegraph()"
            )

    def admit(self, job: Job) -> Job:
        """Take a newly declared job into the graph; gives the old object if it was declared before.

        Raises:
            JobContractError: the id or one of the files belongs to another job, or the declarations differ.
            PyPipelineGraphError: the graph has run already.
        """
        job_id, files = job.job_id, job.files
        if self._life is not _DECLARING:
            self.require_declaring(f"declare the job '{job_id}'")
        makes_others = files != (job_id,) and bool(files)
        if (makes_others or self._multi_file_makers) and job_id not in self.dag:
            self._refuse_rivals(job)
        try:
            job.node = self.dag.add_node(job_id, job.kind, keep=job.keeps_files)
        except ValueError:
            # It is there already, which is rare: so nothing is asked first.
            older = self.job(job_id)
        else:
            self._jobs.append(job)
            if makes_others:
                self._multi_file_makers.update(dict.fromkeys(files, job))
            return job
        return same_job(older, job)

    def _refuse_rivals(self, job: Job) -> None:
        """Make sure that no job that is there makes a file that a new one makes, or observes.

        Raises:
            JobContractError: one does.
        """
        for path in job.files:
            rival = self._multi_file_makers.get(path)
            if rival is None and path in self.dag:
                rival = self.job(path)
            if rival is not None:
                raise JobContractError(
                    f"Two jobs declare the file '{path}': {rival!r} (declared at {shown(rival.declared_at)}) and "
                    f"{job!r} (declared at {shown(job.declared_at)}); give one of them another file"
                )
        if job.job_id in self._multi_file_makers:
            raise JobContractError(
                f"{job!r} (declared at {shown(job.declared_at)}) observes a file that "
                f"{self._multi_file_makers[job.job_id]!r} makes; depend on that job instead"
            )

    def add_file_dependency(self, filename: PathLike, downstream: Job, *, or_observe: bool) -> None:
        """Let a job depend on the job that makes a file.

        Parameters:
            filename: the file.
            downstream: the job that needs it.
            or_observe: if no job makes it, depend on its content, rather than refuse.

        Raises:
            PyPipelineGraphError: no job makes it, and it is not to be observed.
        """
        maker = self.maker_of(filename)
        if isinstance(maker, JobFile):
            self.add_dependency(maker.job, downstream, maker.path)
        elif maker is not None:
            self.add_dependency(maker, downstream, None)
        elif or_observe:
            path = self.file_id(require_path(filename, "filename"))
            known = self.job(path) if path in self else None
            if not isinstance(known, (FileChecksumInvariant, FileTimeInvariant)):
                known = FileChecksumInvariant(filename, pipegraph=self)
            self.add_dependency(known, downstream, None)
        else:
            raise without_maker(downstream.job_id, filename)

    def complete(self) -> None:
        """Add what the jobs that were declared since the last call depend on implicitly."""
        if self._life is not Life.DECLARING:
            return
        declared = len(self._jobs)
        for job in self._jobs[self._completed : declared]:
            for invariant in job.implicit_invariants():
                self.add_dependency(self.admit(invariant), job, None)
            for path in job.input_files:
                self.add_file_dependency(path, job, or_observe=True)
        self._completed = len(self._jobs)

    def take_generated(self, jobs: Mapping[str, Job], nodes: Sequence[NodeId]) -> None:
        """Give nodes that the evaluator has added for a generator their jobs.

        Parameters:
            jobs: by id.
            nodes: the new nodes, in order; the graph has no others that are without a job.
        """
        for node in nodes:
            job = jobs[self.dag.job_id(node)]
            job.node = node
            self._jobs.append(job)
            if job.files and job.files != (job.job_id,):
                self._multi_file_makers.update(dict.fromkeys(job.files, job))

    def check(self) -> None:
        """Make sure that the graph can run.

        Raises:
            CycleError: jobs depend on each other in a circle.
            JobContractError: a job makes or observes the status file.
        """
        status = self.file_id(str(self.status_path))
        if status in self or status in self._multi_file_makers:
            raise JobContractError(
                f"{self.job(status)!r} (declared at {shown(self.job(status).declared_at)}) uses the file in which ppg "
                "remembers what it has done; give it another file"
            )
        cycle = self.dag.find_cycle()
        if cycle is not None:
            raise circle_of([self.job_at(node) for node in cycle])

    # -- running -------------------------------------------------------------------------------------

    def preview(self, *, targets: Iterable["Job | PathLike"] | None = None) -> "Preview":
        """Say what a run would do now, without running or changing anything.

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
        """Say whether everything is as the last run left it; of generators, the jobs that they made last time.

        Parameters and errors are those of `preview`; with `rehash` every file is read, whatever its stat says.
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
        """Take existing outputs over as if the jobs had just made them, without running anything.

        The claim that they are what the jobs would make is yours; see `ppg.accept.acceptance` for what is taken.

        Parameters:
            jobs: jobs, ids of jobs, or files that jobs make: only these, also those that have a record which does
                not hold any more. By default all outputs of which there is no record.
            changed: without `jobs`: also all outputs whose record does not hold any more.
            dry_run: only say what would be accepted.

        Raises:
            CycleError: jobs depend on each other in a circle.
            PyPipelineGraphError: there is no such job, or a run holds the status file, or it cannot be used.
            KeyboardInterrupt: Ctrl-C was pressed; nothing was accepted, or everything, which a note of it says then.
        """
        from ppg.accept.acceptance import acceptance_of  # noqa: PLC0415 (declaring needs none of it)

        self.complete()
        self.check()
        return acceptance_of(self, jobs, changed=changed, dry_run=dry_run)

    def run(
        self, *, targets: Iterable["Job | PathLike"] | None = None, frontend: "Frontend | None" = None
    ) -> "RunResult":
        """Do everything that is to be done, in parallel, and remember it.

        Parameters:
            targets: jobs, ids of jobs, or files that jobs make: only these are brought up to date, with what they
                need; all jobs by default. Temporary files that are targets are kept.
            frontend: who shows the progress; by default what the process has (`ppg run`'s display, or plain
                lines on stderr).

        Returns:
            What ran, what was up to date, and how long it took.

        Raises:
            RuntimeError: at least one job failed; everything that did not depend on it has been done.
            CycleError: jobs depend on each other in a circle; nothing was done.
            PyPipelineGraphError: the graph ran before, or another run holds the status file.
            KeyboardInterrupt: Ctrl-C was pressed; running jobs were ended, what had finished is remembered.
        """
        from ppg.launch.start import begin  # noqa: PLC0415 (declaring needs none of what running needs)

        if self._life is not Life.DECLARING:
            raise PyPipelineGraphError("A pipegraph runs only once; make a new one with new_pipegraph()")
        targets = self.run_targets = None if targets is None else target_list(targets)
        if frontend is None:
            from ppg.script import SESSION  # noqa: PLC0415 (the session knows pipegraphs)

            frontend = SESSION.frontend
        frontend.before_run(self)
        with collected_later():
            self.complete()
            self.check()
        chosen = None if targets is None else self.nodes_of(targets)
        self._life = Life.RUNNING
        try:
            self._result = begin(self, frontend, chosen)
        finally:
            self._life = Life.RAN
        self._result.raise_for_failures()
        return self._result


def _name_of_job(job: Job) -> str:
    return job.job_id


def _name_of_pipegraph(_pipegraph: Pipegraph) -> str:
    return "pipegraph"
