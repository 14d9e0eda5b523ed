"""Generated: records the declarations of a generator in its job process, for the main process.

In the job process a `GeneratedGraph` takes the place of the pipegraph. It admits new jobs, and records every
dependency as a pair of names, because it has only the names of the existing jobs. The main process turns them into an
event for the evaluator (`ppg.graph.extension`).
"""

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ppg.exceptions import JobContractError, UnknownJobError
from ppg.graph.conflicts import load_place, same_job, second_load_error
from ppg.graph.declared import DeclaredGraph
from ppg.graph.find import is_no_file
from ppg.jobs.job import Job, JobFile, JobPart
from ppg.paths import require_path
from ppg.session.namespaces import NameInNamespace, name_in_namespace
from ppg_graph import NodeId

if TYPE_CHECKING:
    from ppg.paths import PathLike

__all__ = ["GeneratedDependency", "GeneratedGraph", "GeneratedJobs"]


@dataclass(frozen=True, slots=True)
class GeneratedDependency:
    """GeneratedDependency: one dependency that a generator declared.

    Attributes:
        upstream: a job id; or, with `by_file`, a file that a job makes.
        downstream: a job id.
        part: the needed file of the upstream job, or None for all.
        by_file: `upstream` names a file. If no job makes it, it is an input to observe.
        name: the name of that file, if it was given in a namespace.
    """

    upstream: str
    downstream: str
    part: str | None = None
    by_file: bool = False
    name: NameInNamespace | None = None


@dataclass(frozen=True, slots=True)
class GeneratedJobs:
    """GeneratedJobs: all declarations of one generator, in order.

    Attributes:
        jobs: the new jobs.
        dependencies: also those of jobs that the script declares.
        returned: ids of the jobs that the callback returned, each with the one needed file of it, or None.
    """

    jobs: tuple[Job, ...]
    dependencies: tuple[GeneratedDependency, ...]
    returned: tuple[tuple[str, str | None], ...] = ()


class GeneratedGraph(DeclaredGraph):
    """GeneratedGraph: takes the place of the pipegraph while a generator's callback runs.

    Parameters:
        root: the folder that job ids are relative to.
        cache_folder: the folder in which cached jobs keep their data.
        confine: whether the pipegraph confines its jobs.
    """

    def __init__(self, root: str, cache_folder: "PathLike" = "cache", *, confine: bool = False) -> None:
        super().__init__(root=root, cache_folder=cache_folder, quiet=True, confine=confine)
        self._new: dict[str, Job] = {}
        self._dependencies: list[GeneratedDependency] = []

    def _admit(self, job: Job) -> Job:
        """Add a new job; the main process checks whether the script's graph has it already.

        Raises:
            JobContractError: the same generator declared another job with this id or file.
        """
        known = self._new.get(job.job_id)
        if known is not None:
            return same_job(known, job)
        for path in job.files:
            rival = self._multi_file_makers.get(path)
            if rival is not None:
                raise JobContractError(
                    f"Two jobs declare the file '{path}': {rival!r} and {job!r}; give one of them another file"
                )
        self._folders.refuse_rivals(job, self._new.values())
        place = load_place(job)
        if place is not None:
            loader = self._new.get(self._load_places.setdefault(place, job.job_id))
            if loader is not None:
                raise second_load_error(loader, job)
        job._node = NodeId(len(self._new))
        self._new[job.job_id] = job
        self._multi_file_makers.update(dict.fromkeys(job.files, job))
        self._folders.add(job)
        return job

    def _add_dependency(self, upstream: Job, downstream: Job, part: str | None) -> None:
        """Record a dependency."""
        self._dependencies.append(GeneratedDependency(upstream.job_id, downstream.job_id, part))

    def _add_file_dependency(self, filename: "PathLike", downstream: Job) -> None:
        """Record a dependency on a file; the main process finds the job that makes the file."""
        path = self._file_id(require_path(filename, "filename"))
        name = name_in_namespace(filename)
        self._dependencies.append(GeneratedDependency(path, downstream.job_id, by_file=True, name=name))

    def _maker_of(self, filename: "PathLike") -> Job | JobFile | None:
        """Return the new job that makes a file, or its one file; None if no new job makes it."""
        path = self._file_id(require_path(filename, "filename"))
        maker = self._multi_file_makers.get(path)
        if maker is None and (maker := self._folders.maker_of(path)) is not None:
            return JobFile(maker, path)
        if maker is None or maker.files == (path,):
            return maker
        return JobFile(maker, path)

    def _own(self, job: Job | JobPart) -> Job | JobPart | None:
        made = job.job if isinstance(job, JobPart) else job
        return job if self._new.get(made.job_id) is made else None

    def _found(self, name: "PathLike") -> Job | JobFile | None:
        text = os.fspath(name)
        if text in self._new or is_no_file(text):
            return self._new.get(text)
        return self._maker_of(text) or self._new.get(self._file_id(text))

    def _names(self) -> list[str]:
        return list(self._new)

    def _unknown(self, name: object, known: Iterable[str]) -> UnknownJobError:
        """Return the error for a name of no job that the generator has declared."""
        return UnknownJobError(
            f"{super()._unknown(name, known)}. A generator finds only the jobs that it has declared itself: let it refer to "
            "other jobs by variables"
        )

    def generated(self, returned: object) -> GeneratedJobs:
        """Return the declarations of the callback, and the jobs that it returned."""
        return GeneratedJobs(
            tuple(self._new.values()), tuple(self._dependencies), tuple(_jobs_among(returned))
        )


def _jobs_among(returned: object) -> Iterator[tuple[str, str | None]]:
    """Yield the jobs that a callback returned, if any, in the same order in every run."""
    if isinstance(returned, Job):
        yield returned.job_id, None
    elif isinstance(returned, JobPart):
        yield returned.job.job_id, returned._part
    elif isinstance(returned, (set, frozenset)):
        yield from sorted(
            (found for item in returned for found in _jobs_among(item)),
            key=lambda found: (found[0], found[1] or ""),
        )
    elif isinstance(returned, Mapping):
        yield from _jobs_among(list(returned.values()))
    elif isinstance(returned, (list, tuple)):
        for item in returned:
            yield from _jobs_among(item)
