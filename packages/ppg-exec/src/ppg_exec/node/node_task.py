"""Node tasks: holds a task in the compute node, and the calls that it can stand for."""

from __future__ import annotations

import pickle

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ppg_exec.node.output_files import OutputFiles

__all__ = ["CallThatRaises", "LateCall", "NodeJob", "call_of"]


class NodeJob:
    """NodeJob: holds one task of the node, from its message to its end."""

    __slots__ = (
        "call", "cores", "directory", "ended", "environment", "expected", "has_lost_prefork", "number",
        "output", "pid", "place", "report", "started", "status", "timeout", "usage", "warnings",
    )  # fmt: skip

    def __init__(self, number: int, place: str, call: Any, cores: int, timeout: float | None) -> None:
        self.number: int = number
        self.place: str = place
        self.call: Any = call
        self.cores: int = cores
        self.timeout: float | None = timeout
        self.directory: str | None = None
        self.environment: tuple[tuple[str, str], ...] = ()
        self.pid: int = 0
        self.output: OutputFiles | None = None
        self.started: float = 0.0
        self.ended: float = 0.0
        self.report: bytes | int | None = None
        self.status: int = 0
        self.usage: tuple[float, float, int] = (0.0, 0.0, 0)
        self.has_lost_prefork: bool = False
        self.expected: str = ""
        self.warnings: tuple[str, ...] = ()


class CallThatRaises:
    """CallThatRaises: raises what reading a task has raised; a job process reports it like any failure."""

    def __init__(self, error: BaseException) -> None:
        self._error = error

    def __call__(self) -> None:
        """Raise the exception."""
        raise self._error


class LateCall:
    """LateCall: reads its task only in the job process, so that a fresh job leaves nothing in the node."""

    def __init__(self, payload: bytes) -> None:
        self._payload = payload

    def __call__(self) -> Any:
        """Read the task and call it."""
        function, arguments, after = pickle.loads(self._payload)  # noqa: S301 - from the controller
        return call_of(function, arguments, after)()


def call_of(function: Any, arguments: tuple[Any, ...], after: Any) -> Any:
    """One call for the two functions of a task; `after`, if there is one, gives the result."""

    def call() -> Any:
        value = function(*arguments)
        return value if after is None else after()

    return call
