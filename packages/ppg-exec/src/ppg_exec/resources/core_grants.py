"""Core grants: shares the cores of tasks with other programs, and gives tasks the number of their cores."""

from __future__ import annotations

import os
import time

from ppg_exec.resources.fair_share import FairShare, Holding
from ppg_exec.resources.jobserver import CorePool, MachinePool, make_supports_fifos
from ppg_exec.resources.ledger import Ledger
from ppg_exec.resources.task_tokens import CORES_VARIABLE, OWN_VARIABLE, TOKENS
from ppg_exec.transport.poller import Poller

__all__ = ["CoreEnvironment", "CoreTokens"]

_RETRY_SECONDS = 0.05
_SHARE_SECONDS = 0.1
_LOOK_SECONDS = 1.0
_THREAD_VARIABLES = (
    "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS",
    "POLARS_MAX_THREADS", "RAYON_NUM_THREADS",
)  # fmt: skip


class CoreTokens:
    """CoreTokens: holds a token of a pool for each core that is taken in a ledger, except for the first.

    In the pool of a machine it holds no more than the fair share, while other executors want more (`fair_share`). A task that takes
    more cores than the pool has needs the whole pool, and then runs alone.
    """

    def __init__(self, pool: CorePool | None, ledger: Ledger, poller: Poller) -> None:
        self._pool = pool
        self._shared = pool if isinstance(pool, MachinePool) else None
        self._share = None if self._shared is None else FairShare(self._shared.cores)
        self._look_at = 0.0
        self._wants = False
        self._collects = 0
        self._may_collect = False
        self._ledger = ledger
        self._poller = poller
        self._held = 0
        self._widest = 0
        """the cores of a task that takes more than the pool has, and now runs alone; 0 if there is none"""
        self.retry_at: float | None = None
        """when to ask the pool again (monotonic seconds); None if nothing is missing"""

    def look(self, waiting: int) -> None:
        """See from time to time what other executors have and want; `waiting` tasks wait here for cores."""
        if self._share is None or self._shared is None:
            return
        now = time.monotonic()
        # The caller may not come again for long after its last task, so that is noted at once.
        if now < self._look_at and (waiting or not self._wants):
            return
        self._look_at = now + _SHARE_SECONDS
        self._wants = waiting > 0
        used = max(1, self._taken())
        own = Holding(used, min(self._ledger.cores, used + waiting), self._collects)
        self._share.look(now, own, self._shared.others(own))

    def is_over(self) -> bool:
        """Whether more cores are taken than is fair, so that one should be free when its task ends."""
        return self._share is not None and self._taken() > self._share.allowed

    def suffice(self, claim: int) -> bool:
        """Whether the pool allows the cores that are taken now, of which a task to start takes `claim`; asks it for missing tokens."""
        if self._pool is None:
            return True
        if claim > 1 and self._ledger.cores - self._ledger.free == claim:
            # It would wait for ever for tokens that there are not.
            self._widest = claim if claim > self._most() else 0
        missing = self._needed() - self._held
        if self.is_over() and not self._collect_for(missing):
            self.retry_at = time.monotonic() + _SHARE_SECONDS
            return False
        self._held += self._pool.acquire(missing)
        if self._needed() <= self._held:
            self._stop_collecting()
            return True
        if missing > 1:
            self._collect_for(missing)
        if missing > 1 or self._collects:
            # The few tokens that are there make the fifo readable, so waiting for it would spin. Executors that
            # kept their few tokens until there are more would wait for each other.
            self.retry_at = time.monotonic() + _RETRY_SECONDS
        else:
            self._poller.watch(self._pool.fileno())
            # A holder that dies puts nothing into the fifo. The pool notices the death when it is asked.
            self.retry_at = time.monotonic() + _LOOK_SECONDS
        return False

    def _collect_for(self, missing: int) -> bool:
        """Keep the tokens that there are for a task of several cores, if no other executor does that; returns whether it does."""
        if self._shared is None or self._share is None or not (missing > 1 or self._collects):
            return False
        if not self._collects and (self._share.has_debt or not self._shared.collect()):
            return False
        self._collects = self._needed() + 1
        self._may_collect = True
        return True

    def _stop_collecting(self) -> None:
        if self._collects and self._shared is not None:
            self._collects = 0
            self._shared.stop_collecting()

    def stop_waiting(self) -> None:
        """Stop waiting for tokens, because the next start may need other ones."""
        self.retry_at = None
        self._may_collect = False
        if self._pool is not None:
            self._poller.unwatch(self._pool.fileno())

    def return_spare(self) -> None:
        """Put back the tokens that neither the cores taken now nor a task that tokens are collected for need."""
        if self._collects and not self._may_collect:
            self._stop_collecting()
        needed = max(self._needed(), self._collects - 1)
        if self._pool is not None and self._held > needed:
            self._pool.release(self._held - needed)
            self._held = needed

    def close(self) -> None:
        """Leave the pool."""
        if self._pool is not None:
            self._poller.unwatch(self._pool.fileno())
            self._pool.close()

    def _taken(self) -> int:
        """How many cores are taken, where a task alone takes at most those of the pool."""
        taken = self._ledger.cores - self._ledger.free
        if not self._widest:
            return taken
        if taken < self._widest:
            self._widest = 0
            return taken
        return taken - self._widest + self._most()

    def _most(self) -> int:
        """The cores of the pool; those of the ledger if their number is not known."""
        cores = None if self._pool is None else self._pool.cores
        return self._ledger.cores if cores is None else cores

    def _needed(self) -> int:
        return max(0, self._taken() - 1)


class CoreEnvironment:
    """CoreEnvironment: has the variables by which libraries and build tools in a task see its cores."""

    def __init__(self) -> None:
        # Variables that the user has set stay.
        self._limited = tuple(name for name in _THREAD_VARIABLES if name not in os.environ)
        self._make_supports_fifos: bool | None = None

    def of_one_core(self) -> dict[str, str]:
        """The variables of tasks of one core, and of the processes that they are forked from."""
        return {**dict.fromkeys(self._limited, "1"), "MAKEFLAGS": " -j1", CORES_VARIABLE: "1"}

    def of_task(self, cores: int) -> tuple[tuple[str, str], ...]:
        """The variables that differ for a task of `cores`; its process makes the fifo that they name."""
        if cores <= 1:
            return ()
        if self._make_supports_fifos is None:
            self._make_supports_fifos = make_supports_fifos()
        # An older make gets the number of jobs alone.
        auth = f" --jobserver-auth=fifo:{TOKENS}" if self._make_supports_fifos else ""
        variables = {**dict.fromkeys(self._limited, str(cores)), "MAKEFLAGS": f" -j{cores}{auth}"}
        variables[CORES_VARIABLE] = str(cores)
        return tuple((variables | {OWN_VARIABLE: TOKENS}).items())
