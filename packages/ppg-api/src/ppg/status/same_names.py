"""Same names: lets names in modules of the project stand for the same in the processes of jobs as in the main process.

Fingerprints contain the values and code that names stand for in the main process. The processes of jobs import the same
modules, later. So they may find other values (the script has set `conf.V`), or other code (a file was edited meanwhile). The
executor compares the names that callbacks read, and sends the values that differ. Where that is impossible, the jobs that
read such a name are no results of what was fingerprinted, and fail.
"""

import os
import sys

from ppg.exceptions import InputChangedError, PyPipelineGraphError
from ppg.graph.declared import DeclaredGraph
from ppg.jobs.invariants import FunctionInvariant
from ppg.jobs.job import Job
from ppg.status.observer import Observer
from ppg_exec import Executor, NameDiffers
from ppg_invariants import CannotFingerprint, Follow, fingerprint_function, is_of_project

__all__ = ["SameNames"]


class SameNames:
    """Same names: gives the executor the names to compare, and holds those that differ, in one run.

    Parameters:
        pipegraph: the jobs.
        observer: has observed their functions.
    """

    def __init__(self, pipegraph: DeclaredGraph, observer: Observer) -> None:
        self._pipegraph = pipegraph
        self._observer = observer
        self._watched: set[tuple[str, str]] = set()
        self._differing: list[NameDiffers] = []

    def watch(self, executor: Executor) -> None:
        """Give the executor the names that functions read which were observed since the last call."""
        names = self._observer.take_names() - self._watched
        if names:
            self._watched |= names
            executor.watch(sorted(names), is_of_project)

    def take(self, event: NameDiffers) -> None:
        """Take in a name that differs in a process of jobs."""
        self._differing.append(event)

    def error_for(self, job: Job) -> PyPipelineGraphError | None:
        """Return the error of a job that reads a name which was not the same in its process; None if there is none."""
        if not self._differing:
            return None
        reads = self._names_read_by(job)
        for event in self._differing:
            owner = event.module, event.name.partition(".")[0]
            # A class that no code names has instances that code reaches in a way that is not known here.
            if owner in reads or (owner not in self._watched and reads):
                return self._edited(job, event) if event.is_edited else _not_sent(job, event)
        return None

    def _names_read_by(self, job: Job) -> set[tuple[str, str]]:
        upstreams = map(self._pipegraph._job_at, self._pipegraph.dag.upstreams(job._node))
        functions = [
            upstream.function
            for upstream in upstreams
            if isinstance(upstream, FunctionInvariant) and upstream.function is not None
        ]
        if job.callback is not None:
            functions.append(job.callback)
        follow = Follow(root=self._pipegraph.root)
        for function in functions:
            try:
                fingerprint_function(function, follow=follow)
            except CannotFingerprint:
                continue  # the invariant of such a function fails for itself
        return follow.names_in_modules()

    def _edited(self, job: Job, event: NameDiffers) -> InputChangedError:
        file = getattr(sys.modules.get(event.module), "__file__", None)
        shown = os.path.relpath(file, self._pipegraph.root) if isinstance(file, str) else event.module
        return InputChangedError(
            f"'{shown}' was edited while the graph ran, before the process of '{job.job_id}' imported it, and "
            f"'{job.job_id}' uses '{event.module}.{event.name}'; run again"
        )


def _not_sent(job: Job, event: NameDiffers) -> PyPipelineGraphError:
    name = f"{event.module}.{event.name}"
    return PyPipelineGraphError(
        f"'{job.job_id}' reads '{name}', which the script has set to a value that {event.problem}. "
        'Use ppg.LocalSystem(start_method="fork"), with which jobs have it; or '
        f"ppg.unwatched('{name}'), if jobs may have the value that the module has when it is imported"
    )
