"""Graph protocol: the methods of a graph that its jobs call; and the graph that ignores jobs."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol, Self

from ppg.exceptions import JobContractError, PyPipelineGraphError
from ppg.kinds.execution import NO_DEFAULTS, JobDefaults
from ppg.paths import PathLike, normalised, require_path
from ppg.result import RunResult
from ppg.worker.calls import working_directory
from ppg_graph import Dag, JobId, NodeId

__all__ = ["GraphProtocol", "NowhereGraph", "not_in_a_job"]


def not_in_a_job(job_id: str) -> JobContractError:
    """Return the error for a callback that reads a value by itself."""
    return JobContractError(
        f"A callback cannot read the value of '{job_id}': read() is for the script, after the run; let the function take "
        "the value as a parameter that has the job as its default"
    )


class GraphProtocol(Protocol):
    """Graph protocol: a pipegraph as its jobs use it. Jobs are `Any` here, because `Job` needs this module.

    Attributes:
        root: the folder that job ids are relative to, absolute.
        cache_folder: the folder of cached jobs.
        dag: the structure.
        _pruned: the nodes that runs leave out.
        confine: whether jobs are confined that do not say it themselves.
        _job_defaults: what holds for jobs that do not say it themselves.
    """

    root: str
    cache_folder: Path
    _pruned: "set[NodeId]"
    confine: bool
    _job_defaults: JobDefaults

    @property
    def dag(self) -> "Dag":
        """The structure of the graph."""

    @property
    def result(self) -> "RunResult":
        """The result of the run."""

    @property
    def _seconds_for_threads(self) -> float:
        """The longest time to wait for threads and children that a callback leaves."""

    def __iter__(self) -> Iterator[Any]:
        """All jobs, in the order of declaration."""

    def __len__(self) -> int:
        """The number of jobs."""

    def __contains__(self, job_id: object) -> bool:
        """Whether there is a job of this id."""

    def job(self, name: "PathLike") -> Any:
        """Return the job with this id, or the job that makes this file."""

    def _job_at(self, node: "NodeId") -> Any:
        """Return the job of a node."""

    def _file_id(self, path: str) -> "JobId":
        """Return the job id of a file."""

    def _maker_of(self, filename: "PathLike") -> Any:
        """Return the job that makes a file, or the one file of a multi-file job; None if no job makes it."""

    def _makes(self, path: str) -> bool:
        """Whether a job makes the file of this normalised name."""

    def _is_own(self, path: str) -> bool:
        """Whether ppg itself writes the file of this normalised name."""

    def _read_value(self, job: Any, *, stale_ok: bool) -> Any:
        """Return the value that a job has stored, or would load."""

    def _require_declaring(self, intent: str) -> None:
        """Refuse to change a graph that runs or ran."""

    def _admit(self, job: Any) -> Any:
        """Add a job; return the one declared before, if there is one."""

    def _add_dependency(self, upstream: Any, downstream: Any, part: str | None) -> None:
        """Make a job depend on another one, or on one file of it."""

    def _add_file_dependency(self, filename: "PathLike", downstream: Any) -> None:
        """Make a job depend on a file."""

    def _observe_awaited(self) -> None:
        """Decide which of the files that jobs need by name are inputs."""

    def _add_parameter_dependency(self, parameters: object, downstream: Any) -> None:
        """Make a job depend on parameters."""

    def _add_function_dependency(self, function: Any, downstream: Any, name: str | None) -> None:
        """Make a job depend on the code of a function."""


class NowhereGraph:
    """Nowhere graph: admits jobs in a job process and ignores their dependencies.

    A callback must not fail because it shares code with the script that declares jobs.
    """

    def __init__(self) -> None:
        self.root: str = working_directory() or "/"
        self.cache_folder: Path = Path(self.root) / "cache"
        self.dag: Dag = Dag()
        self._pruned: set[NodeId] = set()
        self.confine: bool = False
        self._job_defaults: JobDefaults = NO_DEFAULTS
        self._seconds_for_threads: float = 0.0
        self._jobs: dict[str, Any] = {}

    @property
    def result(self) -> RunResult:
        """Raise PyPipelineGraphError, because jobs that a callback declares never run."""
        raise PyPipelineGraphError(
            "A job's callback cannot run jobs, so it has no result of them; ask the script's pipegraph, after its run"
        )

    def __iter__(self) -> Iterator[Any]:
        return iter(self._jobs.values())

    def __len__(self) -> int:
        """The number of jobs."""
        return len(self._jobs)

    def __contains__(self, job_id: object) -> bool:
        return job_id in self._jobs

    def job(self, name: PathLike) -> Any:
        """Return the job with this id, or the job that makes this file."""
        found = self._jobs.get(str(name)) or self._maker_of(name)
        if found is None:
            raise PyPipelineGraphError(
                f"There is no job '{name}' among those that this callback declared; declare it first"
            )
        return found

    def __getitem__(self, name: PathLike) -> Any:
        """Return the job with this id, or the job that makes this file."""
        return self.job(name)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *ending: object) -> None:
        """Do nothing, as there is no other graph in a job process."""

    def _job_at(self, node: NodeId) -> Any:
        """Return the job of a node."""
        return list(self._jobs.values())[node]

    def _file_id(self, path: str) -> JobId:
        """Return the job id of a file."""
        return normalised(path, self.root)  # type: ignore[return-value]

    def _maker_of(self, filename: PathLike) -> Any:
        """Return the job that makes a file; None if no job makes it."""
        path = self._file_id(require_path(filename, "filename"))
        for job in self._jobs.values():
            if path in job.files:
                return job
        return None

    def _makes(self, path: str) -> bool:
        """Whether a job makes the file of this normalised name."""
        return any(path in job.files for job in self._jobs.values())

    def _is_own(self, path: str) -> bool:
        """Whether ppg itself writes the file of this normalised name; there is no run here."""
        return False

    def _read_value(self, job: Any, *, stale_ok: bool) -> Any:
        """Raise JobContractError, because what a job reads must be a dependency."""
        raise not_in_a_job(job.job_id)

    def _require_declaring(self, intent: str) -> None:
        """Allow every change."""

    def _admit(self, job: Any) -> Any:
        """Add a job; return the one declared before, if there is one."""
        known = self._jobs.get(job.job_id)
        if known is not None:
            return known
        job._node = self.dag.add_node(job.job_id, job.kind, keep=job.keeps_files)
        self._jobs[job.job_id] = job
        return job

    def _add_dependency(self, upstream: Any, downstream: Any, part: str | None) -> None:
        """Ignore the dependency."""

    def _add_file_dependency(self, filename: PathLike, downstream: Any) -> None:
        """Ignore the dependency."""

    def _observe_awaited(self) -> None:
        """Do nothing: nothing runs here."""

    def _add_parameter_dependency(self, parameters: object, downstream: Any) -> None:
        """Ignore the dependency."""

    def _add_function_dependency(self, function: object, downstream: Any, name: str | None) -> None:
        """Ignore the dependency."""
