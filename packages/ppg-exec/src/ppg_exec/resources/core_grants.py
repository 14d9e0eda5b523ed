"""Core grants: shares the cores of tasks with other programs, and gives tasks the number of their cores."""

from __future__ import annotations

import os
import time

from ppg_exec.resources.jobserver import OWN_VARIABLE, CorePool, TaskTokens, make_supports_fifos
from ppg_exec.resources.ledger import Ledger
from ppg_exec.transport.poller import Poller

__all__ = ["CoreEnvironment", "CoreTokens"]

_RETRY_SECONDS = 0.05
_LOOK_SECONDS = 1.0
_CORES = "PPG_CORES"
"""The number of cores, for callbacks that ask; variables of libraries stay as the user has set them."""
_THREAD_VARIABLES = (
    "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS",
    "POLARS_MAX_THREADS", "RAYON_NUM_THREADS",
)  # fmt: skip


class CoreTokens:
    """CoreTokens: holds a token of a pool for each core that is taken in a ledger, except for the first."""

    def __init__(self, pool: CorePool | None, ledger: Ledger, poller: Poller) -> None:
        self._pool = pool
        self._ledger = ledger
        self._poller = poller
        self._held = 0
        self.retry_at: float | None = None
        """when to ask the pool again (monotonic seconds); None if nothing is missing"""

    def suffice(self) -> bool:
        """Whether the pool allows the cores that are taken now; asks it for missing tokens."""
        if self._pool is None:
            return True
        missing = self._needed() - self._held
        self._held += self._pool.acquire(missing)
        if self._needed() <= self._held:
            return True
        if missing > 1:
            # The few tokens that are there make the fifo readable, so waiting for it would spin. Executors that
            # kept their few tokens until there are more would wait for each other.
            self.retry_at = time.monotonic() + _RETRY_SECONDS
        else:
            self._poller.watch(self._pool.fileno())
            # A holder that dies puts nothing into the fifo. The pool notices the death when it is asked.
            self.retry_at = time.monotonic() + _LOOK_SECONDS
        return False

    def stop_waiting(self) -> None:
        """Stop waiting for tokens, because the next start may need other ones."""
        self.retry_at = None
        if self._pool is not None:
            self._poller.unwatch(self._pool.fileno())

    def return_spare(self) -> None:
        """Put back the tokens that the cores taken now do not need."""
        if self._pool is not None and self._held > self._needed():
            self._pool.release(self._held - self._needed())
            self._held = self._needed()

    def close(self) -> None:
        """Leave the pool."""
        if self._pool is not None:
            self._poller.unwatch(self._pool.fileno())
            self._pool.close()

    def _needed(self) -> int:
        return max(0, self._ledger.cores - self._ledger.free - 1)


class CoreEnvironment:
    """CoreEnvironment: has the variables by which libraries and build tools in a task see its cores."""

    def __init__(self) -> None:
        # Variables that the user has set stay.
        self._limited = tuple(name for name in _THREAD_VARIABLES if name not in os.environ)
        self._fifos: dict[int, TaskTokens] = {}
        self._make_supports_fifos: bool | None = None

    def of_one_core(self) -> dict[str, str]:
        """The variables of tasks of one core, and of the processes that they are forked from."""
        return {**dict.fromkeys(self._limited, "1"), "MAKEFLAGS": " -j1", _CORES: "1"}

    def of_task(self, number: int, cores: int) -> tuple[tuple[str, str], ...]:
        """The variables that differ for a task of `cores`. Raises OSError if it can have no fifo."""
        if cores <= 1:
            return ()
        if self._make_supports_fifos is None:
            self._make_supports_fifos = make_supports_fifos()
        tokens = self._fifos[number] = TaskTokens(cores)
        # An older make gets the number of jobs alone.
        auth = f" --jobserver-auth=fifo:{tokens.path}" if self._make_supports_fifos else ""
        variables = {**dict.fromkeys(self._limited, str(cores)), "MAKEFLAGS": f" -j{cores}{auth}"}
        variables[_CORES] = str(cores)
        return tuple((variables | {OWN_VARIABLE: tokens.path}).items())

    def forget_task(self, number: int) -> None:
        """Remove the fifo of a task, if it has one."""
        tokens = self._fifos.pop(number, None)
        if tokens is not None:
            tokens.close()

    def close(self) -> None:
        """Remove the fifos of all tasks."""
        for number in list(self._fifos):
            self.forget_task(number)
