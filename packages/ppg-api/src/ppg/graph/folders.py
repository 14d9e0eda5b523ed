"""Folders of jobs: finds the job that makes the folder of a file, and refuses two jobs for one place, also by links."""

import os
import stat
from collections.abc import Iterable, Iterator

from ppg.exceptions import JobContractError
from ppg.graph.conflicts import shown
from ppg.jobs.job import Job
from ppg.paths import absolute
from ppg_graph import NodeKind

__all__ = ["FoldersOfJobs", "Places"]


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


class Places:
    """Places: has the places of the files that jobs make, as links lead to them at this moment.

    Ids compare names, and do not see links. Jobs for one place would overwrite or remove the files of each other, and run
    again each time. The file system is asked once for each folder.

    Parameters:
        root: of the pipegraph.
    """

    def __init__(self, root: str) -> None:
        self._root = root
        self._real: dict[str, str] = {}
        """Folders without links, by their absolute names."""
        self._by_name: dict[str, str] = {}
        """Places of the folders of files, by the names that ids have."""
        self._folders: dict[str, str] = {}
        """The first name of each place."""
        self._have_links = False
        # What follows is known only where links lead from one folder to another.
        self._entered = False
        self._makers: dict[str, tuple[Job, str]] = {}
        self._observers: dict[str, tuple[Job, str]] = {}
        self._folders_made: dict[str, Job] = {}
        self._below: dict[str, tuple[Job, str]] = {}
        """Of each folder one file in it, or further below, that a job makes or observes."""

    def refuse_rivals(self, jobs: Iterable[Job], new: Iterable[Job]) -> None:
        """Refuse jobs with files in the place of another job.

        Parameters:
            jobs: all jobs of the graph; read only if links lead from one folder to another.
            new: those of them, and other ones, that were not looked at before.

        Raises:
            JobContractError: two jobs make one file, or a file in the folder that another job makes, or a job observes
                such a file as an input.
        """
        new = list(new)
        for job in new:
            for path in _files(job):
                folder = path.rpartition("/")[0]
                if folder not in self._by_name:
                    self._add(folder)
                if job.observes_file and not self._have_links and _is_link(absolute(path, self._root)):
                    self._have_links = True
            if _makes_folder(job) and job.job_id not in self._by_name:
                self._add(job.job_id)
        if self._have_links:
            if not self._entered:
                self._entered = True
                new = list({job.job_id: job for job in (*jobs, *new)}.values())
            for job in new:
                self._enter(job)

    def _add(self, folder: str) -> None:
        name = absolute(folder, self._root) if folder else self._root
        place = self._by_name[folder] = self._folder(name)
        root = self._folder(self._root)
        is_second_name = self._folders.setdefault(place, folder) != folder
        # The root may be reached by a link; that alone gives no file a second name, if all names begin there.
        is_outside = folder.startswith(("/", ".."))
        has_links = place != name if is_outside else place != f"{root.rstrip('/')}/{folder}".rstrip("/")
        if is_second_name or has_links or (is_outside and root != self._root):
            self._have_links = True

    def _folder(self, name: str) -> str:
        """The name of a folder without links; also of one that does not exist yet."""
        real = self._real.get(name)
        if real is None:
            above, _, last = name.rpartition("/")
            if not above or not last or _is_link(name):
                real = os.path.realpath(name)
            else:
                real = f"{self._folder(above).rstrip('/')}/{last}"
            self._real[name] = real
        return real

    def _place(self, job: Job, path: str) -> str:
        if job.observes_file and _is_link(name := absolute(path, self._root)):
            # A job replaces a link in the place of its output; an input is what the link leads to.
            return os.path.realpath(name)
        folder, _, last = path.rpartition("/")
        return f"{self._by_name[folder].rstrip('/')}/{last}"

    def _enter(self, job: Job) -> None:
        if _makes_folder(job):
            place = self._by_name[job.job_id]
            self._folders_made[place] = job
            if place in self._below:
                self._refuse((job, job.job_id), self._below[place])
        for path in _files(job):
            place = self._place(job, path)
            entry = (job, path)
            (self._observers if job.observes_file else self._makers).setdefault(place, entry)
            if place in self._makers:
                self._refuse(self._makers[place], self._observers.get(place, entry))
                self._refuse(self._makers[place], entry)
            for folder in _above(place):
                if folder in self._folders_made:
                    maker = self._folders_made[folder]
                    self._refuse((maker, maker.job_id), entry)
                self._below.setdefault(folder, entry)

    @staticmethod
    def _refuse(made: tuple[Job, str], other: tuple[Job, str]) -> None:
        if made[0] is not other[0]:
            raise _two_names(*made, *other)


def _makes_folder(job: Job) -> bool:
    return job.kind is not NodeKind.INVARIANT and job.whole_folder is not None


def _files(job: Job) -> tuple[str, ...]:
    """Return the files that a job makes, or the one that it observes."""
    if job.kind is NodeKind.INVARIANT:
        return (job.job_id,) if job.observes_file else ()
    return job.files


def _paths(job: Job) -> tuple[str, ...]:
    """Return the same, and of a job that observes a folder a file in it."""
    folder = job.whole_folder if job.kind is NodeKind.INVARIANT else None
    return _files(job) if folder is None else (f"{folder}/?",)


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


def _is_link(path: str) -> bool:
    try:
        return stat.S_ISLNK(os.lstat(path).st_mode)
    except OSError:
        # What does not exist yet is no link.
        return False


def _two_names(maker: Job, name: str, other: Job, path: str) -> JobContractError:
    what = "in the folder that" if maker.whole_folder is not None else "which is the file that"
    made = f"{what} {maker!r} (declared at {shown(maker.declared_at)}) makes as '{name}'"
    because = "because a link leads from one name to the other"
    if other.observes_file:
        return JobContractError(
            f"{other!r} (declared at {shown(other.declared_at)}) observes '{path}', {made}, {because}; depend on that "
            "job instead"
        )
    return JobContractError(
        f"Two jobs make one file under two names: {other!r} (declared at {shown(other.declared_at)}) makes '{path}', "
        f"{made}, {because}; give one of them another place"
    )
