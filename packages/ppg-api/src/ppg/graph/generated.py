"""What a generator declares in its job process, on its way to the script's process.

In the job process a `GeneratedGraph` takes the place of the pipegraph: it takes new jobs in, and writes down every
dependency as a pair of names, because the jobs that exist already are only known by name there. The script's
process turns it into what the evaluator is told (`ppg.graph.extension`).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ppg.exceptions import JobContractError
from ppg.graph.conflicts import same_job
from ppg.graph.declared import DeclaredGraph
from ppg.jobs.job import Job, JobFile
from ppg.paths import require_path
from ppg_graph import NodeId

if TYPE_CHECKING:
    from ppg.paths import PathLike

__all__ = ["GeneratedDependency", "GeneratedGraph", "GeneratedJobs"]


@dataclass(frozen=True, slots=True)
class GeneratedDependency:
    """One dependency that a generator declared.

    Attributes:
        upstream: a job id; or, with `by_file`, a file that some job makes.
        downstream: a job id.
        part: the one file of the upstream job that is meant, or None.
        by_file: `upstream` names a file.
        or_observe: if no job makes that file, it is an input to observe.
    """

    upstream: str
    downstream: str
    part: str | None = None
    by_file: bool = False
    or_observe: bool = False


@dataclass(frozen=True, slots=True)
class GeneratedJobs:
    """All that one generator declared, in order.

    Attributes:
        jobs: the new jobs.
        dependencies: also those of jobs that the script declares.
        returned: ids of the jobs that the callback returned, each with the one file of it that is meant, or None.
    """

    jobs: tuple[Job, ...]
    dependencies: tuple[GeneratedDependency, ...]
    returned: tuple[tuple[str, str | None], ...] = ()


class GeneratedGraph(DeclaredGraph):
    """Stands in for the pipegraph while a generator's callback runs.

    Parameters:
        root: the folder that job ids are relative to.
        cache_folder: where cached jobs keep their data.
    """

    def __init__(self, root: str, cache_folder: "PathLike" = "cache") -> None:
        super().__init__(root=root, cache_folder=cache_folder, quiet=True)
        self._new: dict[str, Job] = {}
        self._dependencies: list[GeneratedDependency] = []

    def admit(self, job: Job) -> Job:
        """Take a new job in; whether it exists already in the script's graph is found out there.

        Raises:
            JobContractError: the same generator declared another job with this id or file.
        """
        known = self._new.get(job.job_id)
        if known is not None:
            return same_job(known, job)
        for path in job.files:
            rival = self._multi_file_makers.get(path)
            if rival is not None:
                raise JobContractError(f"Two jobs declare the file '{path}': {rival!r} and {job!r}")
        job.node = NodeId(len(self._new))
        self._new[job.job_id] = job
        self._multi_file_makers.update(dict.fromkeys(job.files, job))
        return job

    def add_dependency(self, upstream: Job, downstream: Job, part: str | None) -> None:
        """Write a dependency down."""
        self._dependencies.append(GeneratedDependency(upstream.job_id, downstream.job_id, part))

    def add_file_dependency(self, filename: "PathLike", downstream: Job, *, or_observe: bool) -> None:
        """Write down a dependency on a file, whose maker only the script's process may know."""
        path = self.file_id(require_path(filename, "filename"))
        self._dependencies.append(
            GeneratedDependency(path, downstream.job_id, by_file=True, or_observe=or_observe)
        )

    def maker_of(self, filename: "PathLike") -> Job | JobFile | None:
        """The new job that makes a file."""
        path = self.file_id(require_path(filename, "filename"))
        maker = self._multi_file_makers.get(path)
        if maker is None or maker.files == (path,):
            return maker
        return JobFile(maker, path)

    def generated(self, returned: object) -> GeneratedJobs:
        """What the callback declared, and returned."""
        return GeneratedJobs(
            tuple(self._new.values()), tuple(self._dependencies), tuple(_jobs_among(returned))
        )


def _jobs_among(returned: object) -> Iterator[tuple[str, str | None]]:
    """The jobs that a callback returned, if it did; in an order that is the same in every run."""
    if isinstance(returned, Job):
        yield returned.job_id, None
    elif isinstance(returned, JobFile):
        yield returned.job.job_id, returned.part
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
