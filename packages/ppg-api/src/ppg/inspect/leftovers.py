"""Leftovers: finds the files and records of jobs that no script declares and no generator makes any more."""

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ppg.exceptions import PyPipelineGraphError
from ppg.graph.declared import DeclaredGraph
from ppg.inspect.forecast import ReadOnlyHistory, read_only_history
from ppg.inspect.remembered_graph import RememberedGraph
from ppg.jobs.job import unadmitted
from ppg.jobs.multi_file_jobs import MultiFileGeneratingJob
from ppg.paths import absolute
from ppg.status.observer import Observer
from ppg_graph import Files, FileStatus, JobId, NodeId, is_read
from ppg_invariants import StatusStore, StoreError

__all__ = ["Leftovers", "forget_records", "leftovers_of", "remove_leftovers"]


@dataclass(frozen=True, slots=True)
class Leftovers:
    """Leftovers: what earlier runs left of jobs that are not declared any more.

        ppg.file("old.txt")(lambda out: out.write_text("a"))
        ppg.run()
        graph = ppg.new_pipegraph(quiet=True)
        ppg.file("new.txt")(lambda out: out.write_text("a"))
        assert "old.txt" in graph.leftovers().files

    Attributes:
        files: the files that are still as these jobs left them, by job.
        altered: the files that were changed since, or are not whole, by job; ppg does not remove them.
        records: the jobs with a record.
    """

    files: Mapping[str, tuple[str, ...]]
    altered: Mapping[str, tuple[str, ...]]
    records: tuple[str, ...]


def leftovers_of(pipegraph: DeclaredGraph) -> Leftovers:
    """Find what a complete graph does not make any more.

    Raises:
        PyPipelineGraphError: the status store cannot be read.
    """
    with read_only_history(pipegraph.status_path) as memory:
        graph = RememberedGraph(pipegraph, memory)
        known = {*graph.dag.job_ids, *(job for jobs in graph.made.values() for job in jobs or ())}
        records = [job_id for job_id in sorted(memory.history) if job_id not in known and not is_read(job_id)]
        files: dict[str, tuple[str, ...]] = {}
        altered: dict[str, tuple[str, ...]] = {}
        for job_id in records:
            left = _left(pipegraph, memory, job_id)
            if left:
                (files if _is_intact(pipegraph, memory, job_id) else altered)[job_id] = left
    return Leftovers(files, altered, tuple(records))


def _left(pipegraph: DeclaredGraph, memory: ReadOnlyHistory, job_id: JobId) -> tuple[str, ...]:
    """Return the files of a former job that are there, and that no job of the graph makes."""
    return tuple(
        name
        for name in memory.files(job_id)
        if os.path.isfile(absolute(name, pipegraph.root)) and not pipegraph._makes(name)  # noqa: PTH113
    )


def _is_intact(pipegraph: DeclaredGraph, memory: ReadOnlyHistory, job_id: JobId) -> bool:
    names = [name for name in memory.files(job_id) if not pipegraph._makes(name)]
    stand_in = unadmitted(MultiFileGeneratingJob, names, _never_run, pipegraph=pipegraph)
    stand_in.job_id = job_id
    stand_in._node = NodeId(0)
    (observation,) = Observer(pipegraph, memory).look_at([stand_in]).values()
    return isinstance(observation, Files) and observation.status is FileStatus.INTACT


def _never_run() -> None:
    raise AssertionError("a job that stands for a former one was run")


def remove_leftovers(pipegraph: DeclaredGraph, leftovers: Leftovers) -> int:
    """Remove these files and the records, and return the number of removed files.

    Raises:
        PyPipelineGraphError: a run holds the status file, or a file cannot be removed.
    """
    removed = 0
    try:
        for name in (name for names in leftovers.files.values() for name in names):
            os.unlink(absolute(name, pipegraph.root))  # noqa: PTH108
            removed += 1
    except OSError as error:
        raise PyPipelineGraphError(
            f"A file cannot be removed: {error}; remove it yourself, or correct its mode"
        ) from error
    forget_records(pipegraph.status_path, leftovers.records)
    return removed


def forget_records(status_path: os.PathLike[str], job_ids: Iterable[str]) -> None:
    """Remove the records of jobs, so that these jobs run again.

    Raises:
        PyPipelineGraphError: a run holds the status file, or the file cannot be used.
    """
    try:
        with StatusStore.open(status_path) as store:
            for job_id in job_ids:
                store.forget(JobId(job_id))
    except StoreError as error:
        raise PyPipelineGraphError(str(error)) from error
