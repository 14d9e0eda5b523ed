"""Jobs that call a function of the user."""

import functools
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, ClassVar, Self

from ppg.exceptions import JobContractError
from ppg.jobs.execution import Execution
from ppg.jobs.job import Job, require_id
from ppg.jobs.signature import Callback, wants_argument
from ppg.worker.calls import call_passing

if TYPE_CHECKING:
    from ppg.jobs.graph_protocol import GraphProtocol
    from ppg.jobs.invariants import OwnFunctionInvariant

__all__ = ["CallbackJob", "NamedCallbackJob"]

NOTHING: Mapping[str, Any] = {}
"""What nearly all jobs get by name; shared by them."""


@functools.cache
def _own_invariants() -> "type[OwnFunctionInvariant]":
    from ppg.jobs.invariants import OwnFunctionInvariant  # noqa: PLC0415 (invariants are jobs)

    return OwnFunctionInvariant


class CallbackJob(Job):
    """What all jobs with a callback have in common: it is known, and a change of its code is seen."""

    __slots__ = ("_callback", "_execution", "_ignores_code_changes", "_loaded", "_values")

    def __init__(
        self, job_id: str, callback: Callback, pipegraph: "GraphProtocol | None", execution: Execution
    ) -> None:
        super().__init__(job_id, pipegraph)
        self._callback = callback
        self._execution = execution
        self._ignores_code_changes = False
        self._values: Mapping[str, object] = NOTHING
        self._loaded: Mapping[str, Callable[[], object]] = NOTHING

    def pass_to_callback(
        self, values: Mapping[str, object], loaded: Mapping[str, Callable[[], object]]
    ) -> None:
        """Let the callback get parameters by name: values, and what is found only where the job runs.

        Raises:
            JobContractError: loaded data cannot get to where the job runs.
        """
        if loaded and self._execution.isolation == "fresh":
            raise JobContractError(
                f"The job '{self.job_id}' gets loaded data by its parameters {', '.join(loaded)}, which a process "
                'with isolation="fresh" does not have: read the data in the job itself, or leave the option out'
            )
        self._values = values
        self._loaded = loaded

    @property
    def call(self) -> "Callback":
        """What is called where the job runs: the callback, with the parameters that it gets by name."""
        if not self._values and not self._loaded:
            return self._callback
        return functools.partial(call_passing, self._callback, self._values, self._loaded)

    @property
    def callback(self) -> Callback:
        """The user's function."""
        return self._callback

    @property
    def execution(self) -> Execution:
        """Its timeout, retries, isolation and the like."""
        return self._execution

    def definition(self) -> dict[str, object]:
        """The function, and how it is executed."""
        return {"function": self._callback, **asdict(self._execution)}

    def implicit_invariants(self) -> Iterable[Job]:
        """Its function's code, unless changes of that are ignored."""
        if self._ignores_code_changes:
            return ()
        return (_own_invariants().of(self, self._callback),)

    @property
    def ignores_code_changes(self) -> bool:
        """Whether the job has no implicit FunctionInvariant."""
        return self._ignores_code_changes

    def ignore_code_changes(self) -> Self:
        """Do not rerun the job when its function's code changes; returns the job."""
        self.pipegraph.require_declaring(f"change '{self.job_id}'")
        self._ignores_code_changes = True
        return self


class NamedCallbackJob(CallbackJob):
    """A job that makes no file, so the user names it, and its callback is called without arguments.

    Raises:
        TypeError, ValueError: the name or the callback is not what it should be.
    """

    __slots__ = ()
    takes_argument: ClassVar[bool] = False

    def __init__(
        self, job_id: str, callback: Callback, pipegraph: "GraphProtocol | None", execution: Execution
    ) -> None:
        what = type(self).__name__
        require_id(job_id, what)
        wants = wants_argument(callback, f"{what} '{job_id}'")
        if self.takes_argument and not wants:
            raise TypeError(
                f"{what} '{job_id}': the callback is called with the value, but takes no argument"
            )
        if wants and not self.takes_argument:
            raise TypeError(f"{what} '{job_id}': the callback is called without arguments, but needs one")
        super().__init__(job_id, callback, pipegraph, execution)
