"""Graph protocol: what jobs ask of the graph that they are declared into."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from ppg.paths import PathLike
    from ppg.result import RunResult
    from ppg_graph import Dag, JobId, NodeId

__all__ = ["GraphProtocol"]


class GraphProtocol(Protocol):
    """Graph protocol: a pipegraph as its jobs see it. Jobs are `Any` here, because `Job` needs this module.

    Attributes:
        root: the folder that job ids are relative to, absolute.
        cache_folder: the folder of cached jobs.
        dag: the structure.
        pruned: the nodes that runs leave out.
    """

    root: str
    cache_folder: Path
    pruned: "set[NodeId]"

    @property
    def dag(self) -> "Dag":
        """The structure of the graph."""

    @property
    def result(self) -> "RunResult":
        """The result of the run."""

    def __iter__(self) -> Iterator[Any]:
        """All jobs, in the order of declaration."""

    def __contains__(self, job_id: object) -> bool:
        """Whether there is a job of this id."""

    def job(self, name: "PathLike") -> Any:
        """The job with this id, or that makes this file."""

    def job_at(self, node: "NodeId") -> Any:
        """The job that stands for a node."""

    def file_id(self, path: str) -> "JobId":
        """The job id of a file."""

    def maker_of(self, filename: "PathLike") -> Any:
        """The job that makes a file, or the one file of a multi-file job; None if no job makes it."""

    def require_declaring(self, intent: str) -> None:
        """Refuse to change a graph that runs or ran."""

    def admit(self, job: Any) -> Any:
        """Take a job in; gives the one that was declared before, if there is one."""

    def add_dependency(self, upstream: Any, downstream: Any, part: str | None) -> None:
        """Let a job depend on another one, or on one file of it."""

    def add_file_dependency(self, filename: "PathLike", downstream: Any, *, or_observe: bool) -> None:
        """Let a job depend on a file."""

    def add_parameter_dependency(self, parameters: object, downstream: Any) -> None:
        """Let a job depend on parameters."""

    def add_function_dependency(self, function: Any, downstream: Any) -> None:
        """Let a job depend on the code of a function."""
