"""Value loading: a load for functions that take the value as a parameter."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Generic, TypeVar, Unpack

from ppg.jobs.loading_jobs import AttributeLoadingJob
from ppg.kinds.execution import LoadOptions
from ppg.worker.calls import Holder

if TYPE_CHECKING:
    from ppg.kinds.graph_protocol import GraphProtocol

__all__ = ["Value", "ValueLoadingJob"]

Value = TypeVar("Value")


class ValueLoadingJob(AttributeLoadingJob[Value], Generic[Value]):
    """ValueLoadingJob: loads a value into the compute node, for functions of jobs that take it as a parameter.

        numbers = ppg.data("numbers")(lambda: [1, 2])
        assert isinstance(numbers, ppg.ValueLoadingJob)

        @ppg.file("total.txt")
        def total(out: Path, numbers: list[int] = ppg.upstream(numbers)) -> None:
            out.write_text(str(sum(numbers)))

        ppg.run()
        assert Path("total.txt").read_text() == "3"

    Parameters:
        job_id: its name.
        callback: called without arguments; returns the value.
        timeout, retries, cores, memory: see `Execution`.

    Raises:
        TypeError, ValueError: an argument has the wrong type or value.
    """

    __slots__ = ()

    def __init__(
        self,
        job_id: str,
        callback: Callable[[], Value],
        *,
        pipegraph: "GraphProtocol | None" = None,
        **options: Unpack[LoadOptions],
    ) -> None:
        super().__init__(job_id, Holder(), "value", callback, pipegraph=pipegraph, **options)

    def definition(self) -> dict[str, object]:
        """The function and options, without the internal object that keeps the value."""
        kept_in = {"object", "attribute_name"}
        return {name: value for name, value in super().definition().items() if name not in kept_in}

    def read(self, *, stale_ok: bool = False) -> Value:
        """Return the value, in the script, a notebook or a test: the function is called here, with what it needs.

            @ppg.data("primes")
            def primes() -> list[int]:
                return [2, 3, 5]

            assert primes.read() == [2, 3, 5]

        Parameters:
            stale_ok: use the files that it depends on even if they are not up to date.

        Raises:
            PyPipelineGraphError: what it depends on is not up to date, or a file is not there.
            JobContractError: this is the process of a job, which gets the value as a parameter; or the job depends on a
                load that fills an object or calls a function, which only happens in runs.
        """
        value: Value = self.pipegraph._read_value(self, stale_ok=stale_ok)
        return value
