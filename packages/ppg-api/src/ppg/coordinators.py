"""Where compute nodes are."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ppg.flags import require_flag

if TYPE_CHECKING:
    from ppg_exec import Executor

__all__ = ["LocalSystem"]


@dataclass(frozen=True, slots=True)
class LocalSystem:
    """This machine.

    Parameters:
        max_cores_to_use: at most so many cores; None for all that the process may use.
        max_memory_to_use: at most so many bytes of memory are given to jobs that state what they need;
            None for what the machine has.
        share_cores: take part in the pool of cores that all ppg runs of a user on a machine share, and in that
            of a `make` above this process. A run that asks for more cores than there are takes no part.
        inline: run every job in the script's own process, one at a time, for debugging: `breakpoint()` works, and
            what jobs print is seen at once. Nothing isolates the jobs then: one that ends the process ends the run,
            what a load sets is set in the script, and timeouts, isolation and memory limits have no effect.
    """

    max_cores_to_use: int | None = None
    max_memory_to_use: int | None = None
    share_cores: bool = True
    inline: bool = False

    def __post_init__(self) -> None:
        for name in ("max_cores_to_use", "max_memory_to_use"):
            value = getattr(self, name)
            if value is None:
                continue
            if not isinstance(value, int) or isinstance(value, bool):
                raise TypeError(f"LocalSystem: {name} must be an int, not {value!r}")
            if value < 1:
                raise ValueError(f"LocalSystem: {name} must be at least 1, not {value}")
        for name in ("share_cores", "inline"):
            require_flag(getattr(self, name), f"LocalSystem: {name}")

    def executor(self) -> "Executor":
        """A new executor for the jobs of one run."""
        from ppg_exec import LocalExecutor, available_cores, given_pool, machine_pool  # noqa: PLC0415 (lean)

        machine = available_cores()
        cores = self.max_cores_to_use or machine
        pool = given_pool() or machine_pool(machine) if self.share_cores and cores <= machine else None
        return LocalExecutor(cores=cores, memory=self.max_memory_to_use, pool=pool)
