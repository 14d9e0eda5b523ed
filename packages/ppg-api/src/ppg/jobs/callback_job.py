"""Callback jobs: call a function of the user."""

import functools
import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, ClassVar, Self

from ppg.exceptions import JobContractError
from ppg.jobs.job import Job, require_id
from ppg.kinds.execution import AS_USUAL, Execution
from ppg.kinds.resources import NOT_STATED
from ppg.kinds.signature import Callback, wants_argument
from ppg.session.namespaces import full_id
from ppg.worker.calls import call_passing
from ppg.worker.role import ROLE, Role

if TYPE_CHECKING:
    from ppg.jobs.invariants import OwnFunctionInvariant
    from ppg.kinds.graph_protocol import GraphProtocol

__all__ = ["CallbackJob", "NamedCallbackJob"]

NOTHING: Mapping[str, Any] = {}
"""The parameters by name of nearly all jobs, as one shared object."""


@functools.cache
def _own_invariants() -> "type[OwnFunctionInvariant]":
    from ppg.jobs.invariants import OwnFunctionInvariant  # noqa: PLC0415 (invariants are jobs)

    return OwnFunctionInvariant


class CallbackJob(Job):
    """CallbackJob: the base of jobs with a callback; it observes the code of the callback.

    For example:

        job = ppg.file("a.txt", timeout="10m")(lambda out: out.write_text("a"))
        assert isinstance(job, ppg.CallbackJob)
        job.ignore_code_changes()
        ppg.run()
    """

    __slots__ = ("_callback", "_execution", "_ignores_code_changes", "_loaded", "_values")

    def __init__(
        self, job_id: str, callback: Callback, pipegraph: "GraphProtocol | None", execution: Execution
    ) -> None:
        super().__init__(job_id, pipegraph)
        self._callback = callback
        self._execution = execution
        if execution is not AS_USUAL:
            self._cores_needed = execution.cores
            self._memory_needed = NOT_STATED if execution.memory is None else execution.memory
        self._ignores_code_changes = False
        self._values: Mapping[str, object] = NOTHING
        self._loaded: Mapping[str, Callable[[], object]] = NOTHING

    def _pass_to_callback(
        self,
        values: Mapping[str, object],
        late: Mapping[str, Callable[[], object]],
        loaded: Sequence[str],
    ) -> None:
        """Set parameters that the callback gets by name.

        Parameters:
            values: what is known already.
            late: functions that return the value in the job process, by parameter.
            loaded: those parameters among them with loaded values.

        Raises:
            JobContractError: loaded data is not in the process in which the job runs.
        """
        if loaded and self._execution.isolation == "fresh":
            raise JobContractError(
                f"The job '{self.job_id}' gets loaded data by its parameters {', '.join(loaded)}, which a process "
                'with isolation="fresh" does not have: read the data in the job itself, or leave the option out'
            )
        self._values = values
        self._loaded = late

    @property
    def call(self) -> "Callback":
        """The function for the job process: the callback, with the parameters that it gets by name."""
        if not self._values and not self._loaded:
            return self._callback
        return functools.partial(call_passing, self._callback, self._values, self._loaded)

    def __call__(self, /, *arguments: Any, **named: Any) -> Any:
        """Call the function of the job here and now, as if there were no job; for the script, and for tests.

        Parameters:
            arguments, named: those of the function. It gets bound values, and the paths of other jobs, by default.

        Raises:
            TypeError: the function does not take these arguments, or lacks a value that only jobs of a run get.
            JobContractError: another job calls it, which would not run again when this function changes.
        """
        if ROLE.now is not Role.SCRIPT:
            raise JobContractError(
                f"The function of the job '{self.job_id}' was called within a job, which would not run again when that "
                "function changes; let both call a plain function, and make this job of it by ppg.file(...)(function)"
            )
        given = inspect.signature(self._callback).bind_partial(*arguments, **named).arguments
        missing = [name for name in self._loaded if name not in given]
        if missing:
            raise TypeError(
                f"'{self.job_id}' was called without '{missing[0]}', which only jobs of a run get: pass the value"
            )
        values = {name: value for name, value in self._values.items() if name not in given}
        return self._callback(*arguments, **values, **named)

    @property
    def callback(self) -> Callback:
        """The user's function."""
        return self._callback

    @property
    def execution(self) -> Execution:
        """The execution of the job, as its declaration states it."""
        return self._execution

    def definition(self) -> dict[str, object]:
        """Return the function, and how it is executed."""
        return {"function": self._callback, **asdict(self._execution)}

    def implicit_invariants(self) -> Iterable[Job]:
        """Return the invariant of the function's code, unless the job ignores changes of it."""
        if self._ignores_code_changes:
            return ()
        return (self._own_invariant(),)

    def ignored_invariant(self) -> Job | None:
        """Return the invariant that the job would have if it did not ignore changes of its code."""
        return self._own_invariant() if self._ignores_code_changes else None

    def _own_invariant(self) -> "OwnFunctionInvariant":
        return _own_invariants().of(self, self._callback, self._files_with_names())

    def _files_with_names(self) -> tuple[object, ...]:
        """Return the files as the function gets them, if the job's id does not tell that."""
        return ()

    @property
    def ignores_code_changes(self) -> bool:
        """Whether the job has no implicit FunctionInvariant."""
        return self._ignores_code_changes

    def ignore_code_changes(self) -> Self:
        """Do not rerun the job when its function's code changes; return the job.

        The code of each run is recorded nevertheless. So the job does not rerun when this call is added, or taken away
        again with the same code.
        """
        self.pipegraph._require_declaring(f"change '{self.job_id}'")
        self._ignores_code_changes = True
        return self


class NamedCallbackJob(CallbackJob):
    """NamedCallbackJob: makes no file, so the user names it, and its callback is called without arguments.

    Raises:
        TypeError, ValueError: the name or the callback has the wrong type or value.
    """

    __slots__ = ()
    _takes_argument: ClassVar[bool] = False

    def __init__(
        self, job_id: str, callback: Callback, pipegraph: "GraphProtocol | None", execution: Execution
    ) -> None:
        what = type(self).__name__
        job_id = full_id(job_id)
        require_id(job_id, what)
        wants = wants_argument(callback, f"{what} '{job_id}'")
        if self._takes_argument and not wants:
            raise TypeError(
                f"{what} '{job_id}': the callback is called with the value, but takes no argument; give it a parameter"
            )
        if wants and not self._takes_argument:
            raise TypeError(
                f"{what} '{job_id}': the callback is called without arguments, but needs one; give its parameter a default"
            )
        super().__init__(job_id, callback, pipegraph, execution)
