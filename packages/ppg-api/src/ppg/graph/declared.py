"""Declared graph: has the jobs of one script and their dependencies; `ppg.pipegraph` runs it."""

import enum
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

from ppg.arguments import require_flag
from ppg.coordinators import SECONDS_FOR_THREADS, DaskCluster, LocalSystem, coordinator_of
from ppg.exceptions import JobContractError, PyPipelineGraphError
from ppg.graph.catalogue import Catalogue
from ppg.graph.conflicts import load_place, refuse_two_meanings, same_job, second_load_error, shown
from ppg.graph.cycles import circle_of
from ppg.graph.folders import Places
from ppg.jobs.invariants import (
    FileChecksumInvariant,
    Following,
    FunctionInvariant,
    ParameterInvariant,
    readable_name,
    require_following,
    shared_function_name,
)
from ppg.jobs.job import Job, JobFile
from ppg.kinds.confining import require_confinable
from ppg.kinds.execution import NO_DEFAULTS, JobDefaults
from ppg.kinds.graph_protocol import not_in_a_job
from ppg.kinds.signature import Callback
from ppg.kinds.track import Track, require_track
from ppg.kinds.undeclared import Undeclared, require_undeclared
from ppg.paths import PathLike, require_folder, require_path, working_root
from ppg.result import RunResult, state_html
from ppg.session.current import SESSION
from ppg.session.namespaces import NameInNamespace, WholeName, name_in_namespace
from ppg.shared_cache.cache import SharedCache, shared_cache_of
from ppg.source_location import Point, point_in_script
from ppg.text import counted
from ppg_graph import JobId, NodeId, NodeKind
from ppg_invariants import register_encoder

__all__ = ["DEFAULT_STATUS_FILENAME", "Awaited", "DeclaredGraph", "Life"]

DEFAULT_STATUS_FILENAME = ".pypipegraph_status_robust"


class Life(enum.Enum):
    """Life: the stage of a pipegraph; it only moves forward, unless jobs can be redefined."""

    DECLARING = "jobs may be declared"
    RUNNING = "the graph runs"
    RAN = "the graph has run; its jobs have results"


_DECLARING = Life.DECLARING
_LOAD = NodeKind.LOAD
"""Constants, because looking up an Enum member takes as long as the rest of a small check."""


class Awaited(NamedTuple):
    """Awaited: a file that a job needs by its name, and that no job made when that was declared.

    filename: the name that was given. declared_at: where the script gave it.
    """

    filename: PathLike
    declared_at: Point


class DeclaredGraph(Catalogue):
    """Declared graph: has the jobs of a script, and the stage of its life.

    The parameters are those of `ppg.Pipegraph`.
    """

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
        cores: int | None = None,
        inline: bool = False,
    ) -> None:
        # A captured job or pipegraph counts by its name, not by all objects that it refers to.
        register_encoder(Job, _name_of_job)
        register_encoder(DeclaredGraph, _name_of_pipegraph)
        super().__init__(working_root(None if root is None else require_folder(root, "root")))
        self._has_own_root = root is not None
        self.resource_coordinator: LocalSystem | DaskCluster = coordinator_of(
            resource_coordinator, cores, inline
        )
        self.status_path: Path = Path(self.root) / require_path(
            invariant_status_filename, "invariant_status_filename"
        )
        self._store_name: str = self._file_id(str(self.status_path))
        self.cache_folder: Path = Path(self.root) / require_folder(cache_folder, "cache_folder")
        self.follow = require_following(follow)
        self.watch_globals: bool = require_flag(watch_globals, "watch_globals")
        self.undeclared: Undeclared = require_undeclared(undeclared, "undeclared")
        self.track: Track = require_track(track, "track")
        self.quiet: bool = require_flag(quiet, "quiet")
        self.confine: bool = require_flag(confine, "confine")
        if confine:
            require_confinable("The pipegraph")
        self.shared_cache: SharedCache | None = shared_cache_of(shared_cache, self.root)
        self._pruned: set[NodeId] = set()
        self._completed = 0
        self._awaited: dict[tuple[str, JobId], Awaited] = {}
        self._inputs_by_name: set[str] = set()
        self._names_in_namespaces: dict[tuple[str, JobId], NameInNamespace] = {}
        self._run_targets: Sequence[Job | PathLike] | None = None
        self._run_until: Sequence[Job | PathLike] = ()
        self._run_forced: Sequence[Job | PathLike] = ()
        self._fail_fast: bool = False
        self._places = Places(self.root)
        self._job_defaults: JobDefaults = NO_DEFAULTS
        self._life = Life.DECLARING
        self._result: RunResult | None = None
        self._was_replaced: bool = False
        """Whether a later `new_pipegraph()` took the place of this graph as the current one."""

    def _repr_html_(self) -> str:
        return _graph_html(self)

    def __repr__(self) -> str:
        return f"<Pipegraph in '{self.root}': {counted(len(self._jobs), 'job')}, {self._life.value}>"

    # -- with blocks ---------------------------------------------------------------------------------------

    def __enter__(self) -> Self:
        # A graph that runs is entered in the process of a job, which has a copy. A generator's jobs belong to its own graph.
        SESSION.enter(SESSION.pipegraph if self._life is Life.RUNNING else self, self)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        SESSION.leave(self)

    @property
    def _seconds_for_threads(self) -> float:
        """The longest time to wait for threads and children that a callback leaves."""
        # A coordinator of another class may have no such limit of its own.
        return getattr(self.resource_coordinator, "seconds_for_threads", SECONDS_FOR_THREADS)

    # -- results of the last run -------------------------------------------------------------------------

    @property
    def result(self) -> RunResult:
        """The result of the run.

        Raises:
            PyPipelineGraphError: the pipegraph has not run yet.
        """
        if self._result is None:
            raise PyPipelineGraphError("This pipegraph has not run yet; call run_pipegraph() first")
        return self._result

    @property
    def _last_result(self) -> RunResult | None:
        """The result of the run; None if there was none."""
        return self._result

    @property
    def _has_results(self) -> bool:
        """Whether there are results, and they are those of the jobs as they are declared now."""
        return self._life is Life.RAN and self._result is not None

    @property
    def was_run(self) -> bool:
        """Whether `run` was called."""
        return self._life is not Life.DECLARING

    @property
    def _was_completed(self) -> bool:
        """Whether a run, a preview, a verification or another look has completed the graph."""
        return self._completed > 0

    def _read_value(self, job: Job, *, stale_ok: bool) -> object:  # noqa: ARG002 (of Pipegraph, which reads)
        """Raise JobContractError: only the pipegraph of a script reads values."""
        raise not_in_a_job(job.job_id)

    # -- declaring -----------------------------------------------------------------------------------

    def _require_declaring(self, intent: str) -> None:
        """Refuse to change a graph that runs or ran.

        Raises:
            PyPipelineGraphError: the graph runs or ran; the message begins with the intent.
        """
        if self._life is not Life.DECLARING:
            raise PyPipelineGraphError(
                f"Cannot {intent}: {self._life.value}. Make a new pipegraph with new_pipegraph(), or make one that runs "
                "several times with new_pipegraph(redefine=True)"
            )

    def _admit(self, job: Job) -> Job:
        """Add a newly declared job to the graph; return the old object if it was declared before.

        Raises:
            JobContractError: the id or one of the files belongs to another job, or the declarations differ.
            PyPipelineGraphError: the graph has run already.
        """
        job_id, files = job.job_id, job.files
        if self._life is not _DECLARING:
            self._require_declaring(f"declare the job '{job_id}'")
        makes_others = files != (job_id,) and bool(files)
        if (makes_others or self._multi_file_makers) and job_id not in self.dag:
            self._refuse_rivals(job)
        self._refuse_rivals_of_folders(job)
        if job.kind is _LOAD:
            self._note_load(job)
        try:
            job._node = self.dag.add_node(job_id, job.kind, keep=job.keeps_files)
        except ValueError:
            # A second declaration is rare, so `add_node` finds it, and no check comes first.
            older = self.job(job_id)
            self._refuse_late_maker(older, job)
        else:
            self._jobs.append(job)
            self._folders.add(job)
            if makes_others:
                self._multi_file_makers.update(dict.fromkeys(files, job))
            return job
        return same_job(older, job)

    def _refuse_rivals(self, job: Job) -> None:
        """Require that no job in the graph makes a file that a new job makes or observes.

        Raises:
            JobContractError: a job does.
        """
        for path in job.files:
            rival = self._multi_file_makers.get(path)
            if rival is None and path in self.dag:
                rival = self.job(path)
            if rival is not None:
                self._refuse_late_maker(rival, job)
                raise JobContractError(
                    f"Two jobs declare the file '{path}': {rival!r} (declared at {shown(rival.declared_at)}) and "
                    f"{job!r} (declared at {shown(job.declared_at)}); give one of them another file"
                )
        if job.job_id in self._multi_file_makers:
            raise JobContractError(
                f"{job!r} (declared at {shown(job.declared_at)}) observes a file that "
                f"{self._multi_file_makers[job.job_id]!r} makes; depend on that job instead"
            )

    def _refuse_late_maker(self, known: Job, job: Job) -> None:
        """Refuse a job that makes a file which counts as an input, because the graph was looked at without that job.

        Raises:
            JobContractError: it does.
        """
        if known.job_id in self._inputs_by_name and known.job_id in job.files:
            raise JobContractError(
                f"{job!r} (declared at {shown(job.declared_at)}) makes the file '{known.job_id}', which jobs need by its name "
                f"(at {shown(known.declared_at)}). No job made it when the graph was looked at, by `upstreams`, a preview or "
                f"a verification, so it counts as an input since then; declare {job!r} before that look"
            )

    def _note_load(self, job: Job) -> None:
        """Note the place that a load fills.

        Raises:
            JobContractError: another load fills it.
        """
        place = load_place(job)
        if place is None:
            return
        rival = self._loader_of(place, job.job_id)
        if rival is not None:
            raise second_load_error(rival, job)
        if job.job_id not in self.dag:
            self._load_places[place] = job.job_id

    def _add_file_dependency(self, filename: PathLike, downstream: Job) -> None:
        """Make a job depend on a file: on the job that makes it, or on its content.

        While no job makes it, and none observes it, that is decided when the graph is complete.

        Parameters:
            filename: the file.
            downstream: the job that needs it.
        """
        maker = self._maker_of(filename)
        if (name := name_in_namespace(filename)) is not None:
            self._names_in_namespaces[self._file_id(name.name), downstream.job_id] = name
        if maker is None:
            path = self._file_id(require_path(filename, "filename"))
            maker = self.job(path) if path in self.dag else None
            if maker is None or not maker.observes_file:
                self._await_file(path, filename, downstream)
                return
        if isinstance(maker, JobFile):
            self._add_dependency(maker.job, downstream, str(maker.path))
        else:
            self._add_dependency(maker, downstream, None)

    def _await_file(self, path: str, filename: PathLike, downstream: Job) -> None:
        self._awaited.setdefault((path, downstream.job_id), Awaited(filename, point_in_script()))

    def _take_awaited(self) -> dict[tuple[str, JobId], Awaited]:
        """Return the awaited files, by their id and that of the job that needs them."""
        awaited, self._awaited = self._awaited, {}
        return awaited

    def _observe_awaited(self) -> None:
        """Decide for each file that a job needs by name whether it depends on another job, or on the content."""
        for (path, job_id), awaited in self._take_awaited().items():
            known = self.job(path) if path in self.dag else None
            if self._maker_of(path) is None and (known is None or not known.observes_file):
                FileChecksumInvariant(awaited.filename, pipegraph=self)._declared_at = awaited.declared_at
                self._inputs_by_name.add(path)
            self._add_file_dependency(path, self.job(job_id))

    def _add_parameter_dependency(self, parameters: object, downstream: Job) -> None:
        """Make a job run again when these parameters change.

        Raises:
            TypeError: a parameter cannot be fingerprinted; the message has the path to the value.
            JobContractError: the job already has other parameters.
        """
        downstream.depends_on(ParameterInvariant(WholeName(downstream.job_id), parameters, pipegraph=self))

    def _add_function_dependency(self, function: Callback, downstream: Job, name: str | None) -> None:
        """Make a job run again when the code of a function changes.

        Parameters:
            function: the function.
            downstream: the job.
            name: ends the name of the invariant; None for the function's own name.
        """
        name = shared_function_name(function) if name is None else f"{downstream.job_id}_{name}"
        if name is None:
            name = f"{downstream.job_id}:{getattr(function, '__qualname__', 'function')}"
        downstream.depends_on(FunctionInvariant(WholeName(name), function, pipegraph=self))

    def _labels(self) -> dict[JobId, str]:
        """Names to show instead of ids in drawings: `the function of a.txt` for `FI:a.txt`."""
        dag = self.dag
        invariants = (
            job_id for job_id, kind in zip(dag.job_ids, dag.kinds, strict=True) if kind is NodeKind.INVARIANT
        )
        return {job_id: name for job_id in invariants if (name := readable_name(job_id)) != job_id}

    def _complete(self) -> None:
        """Add the implicit dependencies of the jobs that were declared since the last call."""
        if self._life is not Life.DECLARING:
            return
        self._observe_awaited()
        declared = len(self._jobs)
        for job in self._jobs[self._completed : declared]:
            for invariant in job.implicit_invariants():
                self._add_dependency(self._admit(invariant), job, None)
            for path in job.input_files:
                self._add_file_dependency(path, job)
            self._names_in_namespaces.update(
                {(self._file_id(named.name), job.job_id): named for named in job._named_inputs}
            )
        self._observe_awaited()
        self._completed = len(self._jobs)
        self._refuse_two_meanings()

    def _refuse_two_meanings(self) -> None:
        """Refuse files that jobs need by names in namespaces, if these names could mean what other jobs make there.

        Raises:
            JobContractError: a name could.
        """
        for (path, job_id), name in self._names_in_namespaces.items():
            maker = self._maker_of(path)
            needed = maker.job if isinstance(maker, JobFile) else maker
            if needed is None and path in self.dag:
                needed = self._job_at(self.dag.node(JobId(path)))
            # A cell may have redefined the job since, or removed it.
            if needed is not None and job_id in self.dag:
                user = self.job(job_id)
                if self.dag.has_edge(needed._node, user._node):
                    refuse_two_meanings(name, user, path, self._maker_of)

    def _take_generated(self, jobs: Mapping[str, Job], nodes: Sequence[NodeId]) -> None:
        """Give the nodes that the evaluator added for a generator their jobs.

        Parameters:
            jobs: by id.
            nodes: the new nodes, in order; all other nodes of the graph have a job.
        """
        for node in nodes:
            job = jobs[self.dag.job_id(node)]
            job._node = node
            self._jobs.append(job)
            self._folders.add(job)
            if (place := load_place(job)) is not None:
                self._load_places[place] = job.job_id
            if job.files and job.files != (job.job_id,):
                self._multi_file_makers.update(dict.fromkeys(job.files, job))

    def _add_read(self, read: Job, reader: Job, makers: Iterable[Job]) -> Job:
        """Add an invariant that stands for what a job read without depending on it; return the one that is there.

        Parameters:
            read: not admitted yet.
            reader: the job that read it.
            makers: the job that makes the file, or the generators that may make such a job.
        """
        if read.job_id in self.dag:
            read = self.job(read.job_id)
        else:
            read._node = self.dag.add_node(read.job_id, read.kind)
            self._jobs.append(read)
        for maker in makers:
            self.dag.add_edge(maker._node, read._node)
        self.dag.add_edge(read._node, reader._node)
        return read

    def _is_own(self, path: str) -> bool:
        """Whether ppg itself writes the file of this normalised name: the store with what belongs to it, and the logs."""
        return path.startswith((self._store_name, "logs/ppg_"))

    def _check(self) -> None:
        """Require that the graph can run.

        Raises:
            CycleError: jobs depend on each other in a circle.
            JobContractError: a job makes or observes the status file, or two jobs make one file under two names.
        """
        status = self._store_name
        if status in self.dag or status in self._multi_file_makers:
            raise JobContractError(
                f"{self.job(status)!r} (declared at {shown(self.job(status).declared_at)}) uses the file in which ppg "
                "remembers what it has done; give it another file"
            )
        cycle = self.dag.find_cycle()
        if cycle is not None:
            raise circle_of([self._job_at(node) for node in cycle])
        # Links may have changed since the last time.
        self._places = Places(self.root)
        self._places.refuse_rivals(self._jobs, self._jobs)


def _name_of_job(job: Job) -> str:
    return job.job_id


def _name_of_pipegraph(_pipegraph: DeclaredGraph) -> str:
    return "pipegraph"


_NEIGHBOURS = 5
"""The number of upstream jobs that notebooks show for a job."""


def _graph_html(pipegraph: DeclaredGraph) -> str:
    """Return a table of a graph's working jobs: id, kind, dependencies, and state after the last run."""
    from ppg.html import ROWS, as_code, as_text, table  # noqa: PLC0415 (only notebooks show it)

    jobs = [job for job in pipegraph if job.kind is not NodeKind.INVARIANT]
    result = pipegraph._last_result
    rows = []
    for job in jobs[:ROWS]:
        # Showing the graph must not decide which names are inputs, as `upstreams` does.
        above = map(pipegraph._job_at, pipegraph.dag.upstreams(job._node))
        upstreams = [str(upstream) for upstream in above if upstream.kind is not NodeKind.INVARIANT]
        more = f", and {len(upstreams) - _NEIGHBOURS} more" if len(upstreams) > _NEIGHBOURS else ""
        state = result[job.job_id].state if result is not None and job.job_id in result else None
        rows.append(
            (
                as_code(job.job_id),
                as_text(type(job).__name__),
                ", ".join(map(as_code, upstreams[:_NEIGHBOURS])) + more,
                "" if state is None else state_html(state),
            )
        )
    kinds = f"{counted(len(jobs), 'job')}, {counted(len(pipegraph) - len(jobs), 'invariant')}"
    summary = f"Pipegraph in {as_code(pipegraph.root)}: {kinds}"
    if result is not None:
        summary += f". Last run: {as_text(result.summary())}"
    return table(summary, ("job", "kind", "depends on", "last run"), rows, len(jobs))
