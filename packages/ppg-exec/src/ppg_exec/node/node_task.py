"""Node tasks: holds a task in the compute node, and the calls that it can stand for."""

from __future__ import annotations

import os
import sys

from ppg_exec.pickling.receive import IdentityTable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, NoReturn

    from ppg_exec.job_output.output_files import OutputFiles
    from ppg_exec.job_output.report_socket import ReportSocket
    from ppg_exec.names.node_names import NodeNames
    from ppg_exec.tracking.hook import TrackedTask

__all__ = ["CallThatRaises", "LateCall", "NodeJob", "call_of", "end_copy", "names_of_own_files"]


class NodeJob:
    """NodeJob: holds one task of the node, from its message to its end."""

    __slots__ = (
        "call", "cause", "cores", "differing", "directory", "ended", "environment", "expected", "has_lost_prefork", "number",
        "output", "pid", "place", "report", "reports", "started", "status", "temporary", "timeout", "tracked", "usage", "uses", "warnings",
    )  # fmt: skip

    def __init__(self, number: int, place: str, call: Any, cores: int, timeout: float | None) -> None:
        self.number: int = number
        self.place: str = place
        self.call: Any = call
        self.cores: int = cores
        self.timeout: float | None = timeout
        self.directory: str | None = None
        self.environment: tuple[tuple[str, str], ...] = ()
        self.temporary: str | None = None
        self.pid: int = 0
        self.output: OutputFiles | None = None
        self.started: float = 0.0
        self.ended: float = 0.0
        self.reports: ReportSocket | None = None
        self.report: bytes | int | None = None
        self.tracked: TrackedTask | None = None
        self.uses: bytes | int = b""
        self.cause: str | None = None
        self.differing: tuple[tuple[str, str], ...] = ()
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

    def __init__(
        self, payload: bytes, names: NodeNames | None, tracked: TrackedTask | None, own: frozenset[str]
    ) -> None:
        self._payload = payload
        self._tracked = tracked
        self._own = own
        self._names = names

    def __call__(self) -> Any:
        """Read the task and call it."""
        names, table = self._names, IdentityTable()
        if names is not None:
            names.begin()
        function, arguments, after, values = table.load(self._payload, ())
        if names is not None:
            names.take_values(values)
            names.end()
        return call_of(function, arguments, after, self._tracked, self._own)()


def call_of(
    function: Any,
    arguments: tuple[Any, ...],
    after: Any,
    tracked: TrackedTask | None,
    own: frozenset[str] = frozenset(),
) -> Any:
    """One call for the two functions of a task; `after`, if there is one, gives the result.

    `tracked` notes the files that the first function uses, but those with the names `own`.
    """

    def call() -> Any:
        process = os.getpid()
        try:
            value = function(*arguments) if tracked is None else tracked.call(function, arguments, own)
        finally:
            if os.getpid() != process:
                end_copy()
        return value if after is None else after()

    return call


def names_of_own_files(files: tuple[str, ...], directory: str | None) -> frozenset[str]:
    """The absolute names of the files that a task makes, and those from the folder in which it begins."""
    if not files:
        return frozenset()
    folder = f"{directory or os.getcwd()}/"  # noqa: PTH109 - lean
    return frozenset((*files, *(each[len(folder) :] for each in files if each.startswith(folder))))


def end_copy() -> NoReturn:
    """End this process: a callback has made it by a fork, and it has come back from the callback."""
    error = sys.exc_info()[1]
    if error is not None and not isinstance(error, SystemExit):
        sys.excepthook(type(error), error, error.__traceback__)
    os.write(
        2,
        b"ppg: a process that the callback has forked came back from the callback, and was ended. "
        b"End such a process with os._exit()\n",
    )
    code = 1 if error is not None else 0
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    finally:
        os._exit(code)
