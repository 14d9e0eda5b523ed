"""Folders of jobs: finds the job that makes the folder of a file, and refuses two jobs for one place."""

from collections.abc import Iterable, Iterator

from ppg.exceptions import JobContractError
from ppg.graph.conflicts import shown
from ppg.jobs.job import Job
from ppg_graph import NodeKind

__all__ = ["FoldersOfJobs"]


class FoldersOfJobs:
    """Folders of jobs: has the folders that the jobs of a graph make."""

    def __init__(self) -> None:
        self._makers: dict[str, Job] = {}
        # Only a graph with such a job has to know which folders lead to the files of the other jobs.
        self._leading_to: dict[str, Job] | None = None

    def maker_of(self, path: str) -> Job | None:
        """Return the job that makes the folder in which a file is; `path` is the file's normalised name."""
        if not self._makers:
            return None
        return next((self._makers[folder] for folder in _above(path) if folder in self._makers), None)

    def add(self, job: Job) -> None:
        """Take in a job that the graph has admitted."""
        if _makes_folder(job):
            self._makers[job.job_id] = job
        if self._leading_to is not None:
            self._lead_to(job, self._leading_to)

    def remove(self, job: Job) -> None:
        """Forget the folder of a job that the graph has no more."""
        self._makers.pop(job.job_id, None)
        self._leading_to = None

    def refuse_rivals(self, job: Job, others: Iterable[Job]) -> None:
        """Refuse a job that makes or observes a file in the folder of another job, or the folder of such a file.

        Parameters:
            job: the new job.
            others: all jobs of the graph.

        Raises:
            JobContractError: it does.
        """
        is_folder = _makes_folder(job)
        if not is_folder and not self._makers:
            return
        for path in _paths(job):
            maker = self.maker_of(path)
            if maker is not None and maker.job_id != job.job_id:
                if job.kind is NodeKind.INVARIANT:
                    raise JobContractError(
                        f"{job!r} (declared at {shown(job.declared_at)}) observes a file in the folder that {maker!r} "
                        "makes; depend on that job instead"
                    )
                raise _rivals(path, maker, job)
        if not is_folder:
            return
        if self._leading_to is None:
            self._leading_to = {}
            for other in others:
                self._lead_to(other, self._leading_to)
        rival = self._leading_to.get(job.job_id)
        if rival is not None and rival.job_id != job.job_id:
            path = next(path for path in _paths(rival) if path.startswith(f"{job.job_id}/"))
            raise _rivals(path, job, rival)

    @staticmethod
    def _lead_to(job: Job, leading_to: dict[str, Job]) -> None:
        for path in _paths(job):
            for folder in _above(path):
                if folder in leading_to:
                    break
                leading_to[folder] = job


def _makes_folder(job: Job) -> bool:
    return job.kind is not NodeKind.INVARIANT and job.whole_folder is not None


def _paths(job: Job) -> tuple[str, ...]:
    """Return the files that a job makes, or the file or folder that it observes."""
    if job.kind is NodeKind.INVARIANT:
        folder = job.whole_folder
        if folder is not None:
            return (f"{folder}/?",)
        return (job.job_id,) if job.observes_file else ()
    return job.files


def _above(path: str) -> Iterator[str]:
    """Yield the folders above a file, the nearest one first."""
    folder = path.rpartition("/")[0]
    while folder:
        yield folder
        folder = folder.rpartition("/")[0]


def _rivals(path: str, maker: Job, other: Job) -> JobContractError:
    return JobContractError(
        f"Two jobs declare the file '{path}': {other!r} (declared at {shown(other.declared_at)}) and {maker!r} "
        f"(declared at {shown(maker.declared_at)}), which makes the whole folder and empties it before; give one of "
        "them another place"
    )
