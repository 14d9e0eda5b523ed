"""Redefinition: pipegraphs for notebooks, in which cells run again, jobs are declared again, and the graph runs again.

The graph keeps the user's declarations (the jobs, and a table of their dependencies) apart from the additions of a
run: the implicit invariants, and the jobs of generators. The next declaration removes these additions. The next access
to `dag` makes the `Dag` from the table.

A cell that runs again repeats its declarations, changed or not. So a job that is declared at another *moment* than
before is redefined: it gets the new function, files, options and kind. A moment is one execution of a cell; without
IPython, the time between two runs. The dependencies that were declared at the moment of the old declaration are
removed, because the new declaration comes with its dependencies. Those that other cells added stay. Within one moment
the rules of all pipegraphs hold, so that two loops which declare one job in two ways are still reported.
"""

import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from ppg.exceptions import JobContractError, PyPipelineGraphError
from ppg.graph.conflicts import load_place, refuse_namesakes, second_load_error
from ppg.graph.cycles import UnwatchedEdges
from ppg.graph.declared import Awaited, DeclaredGraph, Life
from ppg.jobs.job import Job
from ppg_graph import Dag, JobId, NodeId, NodeKind

if TYPE_CHECKING:
    from ppg.paths import PathLike

__all__ = ["RedefinableGraph"]

TAKE_OUT = "If a notebook does not declare the older one any more, take it out with pipegraph.remove(...)"
"""What to do in a notebook about a job that stands in the way."""

Moment = tuple[str, int]
"""The time of a declaration: the number of the cell's execution, or the number of runs before it."""


class RedefinableGraph(DeclaredGraph):
    """Redefinable graph: redefines jobs that are declared again, and is open again after a run."""

    _pruned: set[NodeId]

    def __init__(self, *arguments: Any, **options: Any) -> None:
        self._dag = Dag()
        self._is_outdated = False
        self._moments: dict[JobId, Moment] = {}
        self._awaited_of: dict[JobId, dict[str, tuple[Awaited, Moment]]] = {}
        self._needs: dict[JobId, dict[tuple[JobId, str | None], Moment]] = {}
        self._declared: int | None = None
        self._is_completing = False
        self._runs = 0
        super().__init__(*arguments, **options)
        # The user corrects cells one after the other, so two of them may contradict each other for a time.
        self._edges = UnwatchedEdges()

    @property
    def dag(self) -> Dag:
        """The structure of the graph."""
        if self._is_outdated:
            self._is_outdated = False
            self._dag = self._structure()
        return self._dag

    @dag.setter
    def dag(self, dag: Dag) -> None:
        self._dag = dag

    @property
    def was_run(self) -> bool:
        """Whether `run` was called."""
        return self._runs > 0

    # -- declaring -----------------------------------------------------------------------------------

    def _require_declaring(self, intent: str) -> None:
        """Open the graph for declarations again if it ran.

        Raises:
            PyPipelineGraphError: the graph runs at this moment.
        """
        if not self._is_completing:
            self._reopen()
        super()._require_declaring(intent)

    def _admit(self, job: Job) -> Job:
        """Add a declared job to the graph, or redefine the job that has its id.

        Raises:
            JobContractError: one of the files belongs to another job, the same cell declares two jobs of one id, or
                another job has the id by accident.
        """
        self._require_declaring(f"declare the job '{job.job_id}'")
        if self._is_completing:
            return super()._admit(job)
        now = self._now()
        before = self._moments.get(job.job_id, now)
        if before != now:
            # The numbers of the jobs are right even if the `Dag` is outdated.
            older = self._jobs[self._dag.node(job.job_id)]
            refuse_namesakes(older, job)
            self._move_load(job)
            self._forget_dependencies(job.job_id, before)
            self._moments[job.job_id] = now
            return self._redefined(older, job)
        try:
            admitted = super()._admit(job)
        except JobContractError as error:
            raise JobContractError(f"{error}. {TAKE_OUT}") from None
        self._moments[job.job_id] = now
        return admitted

    def _add_dependency(self, upstream: Job, downstream: Job, part: str | None) -> None:
        """Make a job depend on another one, or on one file of it.

        Raises:
            PyPipelineGraphError: one of them is not in this graph, or not any more.
        """
        if self._is_completing:
            super()._add_dependency(upstream, downstream, part)
            return
        self._require_own(upstream, downstream)
        if self._life is Life.DECLARING:
            self._require_declared(upstream, downstream)
        if not self._is_outdated:
            super()._add_dependency(upstream, downstream, part)
        self._needs.setdefault(downstream.job_id, {})[upstream.job_id, part] = self._now()

    def _await_file(self, path: str, filename: "PathLike", downstream: Job) -> None:
        super()._await_file(path, filename, downstream)
        if not self._is_completing:
            (awaited,) = super()._take_awaited().values()
            self._awaited_of.setdefault(downstream.job_id, {})[path] = awaited, self._now()

    def _take_awaited(self) -> dict[tuple[str, JobId], Awaited]:
        # What the script needs stays, because each run completes the graph.
        declared = {
            (path, job_id): awaited
            for job_id, files in self._awaited_of.items()
            for path, (awaited, _) in files.items()
        }
        return declared | super()._take_awaited()

    def _observe_awaited(self) -> None:
        """Decide only when a run, or a look, completes the graph, because later cells may declare the jobs."""
        if self._is_completing:
            super()._observe_awaited()

    def remove(self, job: "Job | PathLike") -> None:
        """Remove a job that the notebook does not declare any more; its files stay.

        Jobs that depend on it lose this dependency.

        Parameters:
            job: the job, its id, or a file that it makes.

        Raises:
            PyPipelineGraphError: there is no such job, or the graph runs.
        """
        self._require_declaring("remove a job")
        (node,) = self._nodes_of([job])
        job_id = self._job_at(node).job_id
        pruned = {self._job_at(one).job_id for one in self._pruned} - {job_id}
        self._take_out([self._job_at(node)])
        del self._moments[job_id]
        self._needs.pop(job_id, None)
        self._awaited_of.pop(job_id, None)
        for needs in self._needs.values():
            for need in [need for need in needs if need[0] == job_id]:
                del needs[need]
        self._is_outdated = True
        self._pruned = {self.dag.node(one) for one in pruned}

    def _complete(self) -> None:
        """Add the implicit dependencies of the jobs, until the next declaration."""
        if self._declared is not None:
            return
        self._declared = len(self._jobs)
        self._is_completing = True
        try:
            super()._complete()
        finally:
            self._is_completing = False

    def _open_for_a_run(self) -> None:
        """Remove the additions of the last run, and count the new run."""
        self._reopen()
        self._runs += 1

    # -- changes between runs --------------------------------------------------------------------------

    def _now(self) -> Moment:
        ipython = sys.modules.get("IPython")
        shell = None if ipython is None else ipython.get_ipython()
        return ("run", self._runs) if shell is None else ("cell", shell.execution_count)

    def _reopen(self) -> None:
        """Remove the additions of a run, or of a preview."""
        if self._declared is None or self._life is Life.RUNNING:
            return
        self._take_out(self._jobs[self._declared :])
        self._pruned = {node for node in self._pruned if node < self._declared}
        self._declared = None
        self._completed = 0
        self._life = Life.DECLARING
        self._is_outdated = True

    def _require_declared(self, upstream: Job, downstream: Job) -> None:
        """Refuse jobs that were removed, or that a run added, because variables of a notebook still refer to them."""
        for job in (upstream, downstream):
            if job.job_id not in self._moments:
                raise PyPipelineGraphError(
                    f"'{downstream.job_id}' cannot depend on '{upstream.job_id}': '{job.job_id}' is not in the "
                    "graph any more; declare it again"
                )

    def _take_out(self, jobs: Iterable[Job]) -> None:
        gone = {}
        for job in jobs:
            gone[job.job_id] = job
            self._folders.remove(job)
        self._jobs = [job for job in self._jobs if job.job_id not in gone]
        self._multi_file_makers = {
            path: job for path, job in self._multi_file_makers.items() if job.job_id not in gone
        }

    def _move_load(self, job: Job) -> None:
        """If a job is a load, note the place that it fills by its new definition.

        Raises:
            JobContractError: another load fills it.
        """
        place = load_place(job)
        if place is None:
            return
        rival = self._loader_of(place, job.job_id)
        if rival is not None:
            raise JobContractError(f"{second_load_error(rival, job)}. {TAKE_OUT}")
        self._load_places[place] = job.job_id

    def _forget_dependencies(self, job_id: JobId, moment: Moment) -> None:
        """Remove the dependencies of a job that were declared at that moment."""
        files = self._awaited_of.get(job_id, {})
        for path in [path for path, (_, when) in files.items() if when == moment]:
            del files[path]
        needs = self._needs.get(job_id, {})
        for need in [need for need, when in needs.items() if when == moment]:
            del needs[need]
            self._is_outdated = True

    def _redefined(self, old: Job, new: Job) -> Job:
        """Return the job with its new definition: the same object, unless its kind changed."""
        if type(old) is type(new):
            old._take_over(new)
            return old
        self._is_outdated = True
        new._node = old._node
        self._jobs[old._node] = new
        self._folders.remove(old)
        self._folders.add(new)
        self._multi_file_makers.update(
            {path: new for path, maker in self._multi_file_makers.items() if maker is old}
        )
        return new

    def _structure(self) -> Dag:
        """Return the `Dag` of all jobs, made from the table of their dependencies."""
        dag = Dag()
        for job in self._jobs:
            job._node = dag.add_node(job.job_id, job.kind, keep=job.keeps_files)
        for downstream, needs in self._needs.items():
            below = self._jobs[dag.node(downstream)]
            if below.kind is NodeKind.INVARIANT:
                continue
            for upstream, part in needs:
                above = self._jobs[dag.node(upstream)]
                is_made = part is not None and (part in above.files or above.covers(part))
                dag.add_edge(above._node, below._node, part=part if is_made else None)
        return dag
