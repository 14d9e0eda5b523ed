"""Coordinators: state where compute nodes run, and their limits."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, get_args

from ppg.arguments import require_flag
from ppg.porting.guards import RefusesOldAttributes, refuses_old_keywords
from ppg.porting.pickles import reads_old_pickles

if TYPE_CHECKING:
    from collections.abc import Callable

    from ppg_exec import Executor

__all__ = ["SECONDS_FOR_THREADS", "DaskCluster", "LocalSystem", "StartMethod", "coordinator_of"]

StartMethod = Literal["forkserver", "fork"]
"""Origin of the compute node: a clean interpreter, or the script's process."""

SECONDS_FOR_THREADS = 30.0
_LEAST_LOST_AFTER = 2.0


@reads_old_pickles
@dataclass(frozen=True, slots=True)
class LocalSystem(RefusesOldAttributes):
    """Local system: runs jobs on this machine.

        ppg.new_pipegraph(ppg.LocalSystem(max_cores_to_use=2), quiet=True)
        ppg.file("a.txt")(lambda out: out.write_text("a"))
        ppg.run()

    Parameters:
        max_cores_to_use: the largest number of cores; None for all cores that the process may use.
        max_memory_to_use: the largest number of bytes given to jobs that state how much they need; None for
            the machine's memory.
        share_cores: take part in the pool of cores of all ppg runs of a user on a machine, and in the pool of
            a `make` above this process. A run that asks for more cores than the machine has takes no part. Nor
            does a run if another user can change the folder of the pool; then a warning says so.
        inline: run every job in the script's own process, one at a time, for debugging. `breakpoint()` works,
            and the output of jobs is visible at once. The jobs are not isolated: a job that ends the process
            ends the run, and a load sets its data in the script. Timeouts, isolation and memory limits have
            no effect.
        start_method: "forkserver" starts the compute node from a clean interpreter. "fork" starts it as a
            fork of the script's process, for scripts with jobs that rely on changes of the script in modules of
            Python or of installed packages, or on values that cannot be sent. One fork is made for each run, when its first job starts. "fork" has costs. Each job is
            forked from a process as large as the script's, which takes longer if the script uses more memory.
            Threads of the script are missing in the fork, and locks that they held stay held, so that jobs
            may wait for ever. A job with `isolation="fresh"` has no data of loads, but all data of the
            script.
        seconds_for_threads: how long a job waits, after its callback has returned, for what the callback has
            left running: threads that are no daemons, and children of multiprocessing. Then the job fails. A
            job with a timeout waits until its timeout.
    """

    max_cores_to_use: int | None = None
    max_memory_to_use: int | None = None
    share_cores: bool = True
    inline: bool = False
    start_method: StartMethod = "forkserver"
    seconds_for_threads: float = SECONDS_FOR_THREADS

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

        seconds: object = self.seconds_for_threads
        if not isinstance(seconds, (int, float)) or isinstance(seconds, bool):
            raise TypeError(f"LocalSystem: seconds_for_threads must be a number, not {seconds!r}")
        if not 0 <= seconds < 1e9:
            raise ValueError(
                f"LocalSystem: seconds_for_threads must be at least 0 and less than 1e9, not {seconds}"
            )
        if self.start_method not in get_args(StartMethod):
            raise ValueError(
                f"LocalSystem: start_method must be 'forkserver' or 'fork', not {self.start_method!r}"
            )

    def executor(self, after_fork: "Callable[[], object] | None" = None) -> "Executor":
        """Return a new executor for the jobs of one run.

        Parameters:
            after_fork: called first in a fork of this process, if jobs run in such a fork.
        """
        from ppg_exec import LocalExecutor, available_cores, given_pool, machine_pool  # noqa: PLC0415 (lean)

        machine = available_cores()
        cores = self.max_cores_to_use or machine
        pool, notices = None, []
        if self.share_cores and cores <= machine:
            pool = given_pool()
            if pool is None:
                try:
                    pool = machine_pool(machine)
                except OSError as error:
                    notices = [f"this run shares no cores with other runs: {error}"]
        return LocalExecutor(
            cores=cores,
            memory=self.max_memory_to_use,
            pool=pool,
            start_method=self.start_method,
            after_fork=after_fork,
            notices=notices,
        )


@dataclass(frozen=True, slots=True)
class DaskCluster:
    """Dask cluster: runs jobs on the machines of a Dask cluster. [cluster.md](cluster.md) has the details.

        ppg.new_pipegraph(ppg.DaskCluster(address="tcp://10.0.0.1:8786"), quiet=True)

    All machines need the same environment of Python, and see the same files under the same names. Each uses the cores and the
    memory of its workers. Jobs have the variables of the environment that the script has, but for those of its machine.

    Parameters:
        address: that of the scheduler, such as `tcp://10.0.0.1:8786`.
        cluster: a cluster object of Dask, such as `dask_jobqueue.SLURMCluster(...)`, in the place of an address; or what is
            started for each run: `ppg.Slurm(...)`, `ppg.Srun()`.
        machines: the largest number of machines that the cluster object is asked for, as soon as jobs can use them. None
            if the script has asked for them, by `scale` or `adapt`.
        security: a `distributed.Security`, if the scheduler needs it.
        scratch: a folder on each machine for the output of running jobs; None for that of temporary files.
        share_cores: share the cores of each machine with other ppg runs of the user there.
        seconds_for_threads: as for `ppg.LocalSystem`.
        lost_after: seconds of silence after which a machine counts as lost, so that its jobs start elsewhere. It ends them
            itself after half of that time. A smaller number finds lost machines earlier. It also takes a machine for
            lost when its network fails for a moment, or when it is too busy to answer.
    """

    address: str | None = None
    cluster: "object | None" = None
    machines: int | None = None
    security: "object | None" = None
    scratch: str | None = None
    share_cores: bool = True
    seconds_for_threads: float = SECONDS_FOR_THREADS
    lost_after: float = 60.0

    def __post_init__(self) -> None:
        if (self.address is None) == (self.cluster is None):
            raise TypeError("DaskCluster: state either address or cluster")
        address: object = self.address
        if address is not None and (not isinstance(address, str) or "://" not in address):
            raise ValueError(
                f"DaskCluster: address must be that of a scheduler, such as 'tcp://10.0.0.1:8786', not {self.address!r}"
            )
        machines: object = self.machines
        if machines is not None:
            if not isinstance(machines, int) or isinstance(machines, bool) or machines < 1:
                raise ValueError(
                    f"DaskCluster: machines must be a whole number of at least 1, not {machines!r}"
                )
            if not callable(getattr(self.cluster, "adapt", None)):
                raise TypeError(
                    "DaskCluster: machines is for a cluster object that can adapt; leave it out with an address"
                )
        require_flag(self.share_cores, "DaskCluster: share_cores")
        lost_after: object = self.lost_after
        if not isinstance(lost_after, int | float) or isinstance(lost_after, bool):
            raise TypeError(
                f"DaskCluster: lost_after must be a number of seconds, such as 60, not {lost_after!r}"
            )
        if not _LEAST_LOST_AFTER <= lost_after < float("inf"):
            raise ValueError(
                f"DaskCluster: lost_after must be at least {_LEAST_LOST_AFTER:g} seconds and finite, not {lost_after!r}, "
                "as machines that are busy answer late; 60 is usual"
            )

    @property
    def inline(self) -> bool:
        """Whether jobs run in the script's own process, which they never do."""
        return False

    def executor(self, after_fork: "Callable[[], object] | None" = None) -> "Executor":  # noqa: ARG002 (of the protocol)
        """Return a new executor for the jobs of one run. The working directory is a folder that every machine has to see."""
        from ppg_exec import dask_executor  # noqa: PLC0415 (lean)

        asked = getattr(self.cluster, "_asked", None)
        return dask_executor(
            self.address or (self.cluster if asked is None else asked()),
            machines=self.machines,
            security=self.security,
            folder=".",
            scratch=self.scratch,
            share_cores=self.share_cores,
            lost_after=self.lost_after,
        )


def coordinator_of(
    given: LocalSystem | DaskCluster | None, cores: object, inline: bool
) -> LocalSystem | DaskCluster:
    """Return the coordinator of a pipegraph: the given one, or this machine with these cores.

    Raises:
        TypeError, ValueError: an argument has the wrong type or value, or both forms are used.
    """
    if given is not None and not callable(getattr(given, "executor", None)):
        raise TypeError(f"resource_coordinator must be, say, LocalSystem(max_cores_to_use=4), not {given!r}")
    if cores is not None:
        if not isinstance(cores, int) or isinstance(cores, bool):
            raise TypeError(f"cores must be an int, or None for all cores, not {cores!r}")
        if cores < 1:
            raise ValueError(f"cores must be at least 1, or None for all cores, not {cores}")
    if given is None:
        return LocalSystem(cores, inline=require_flag(inline, "inline"))
    if require_flag(inline, "inline") or cores is not None:
        raise TypeError(
            "cores= and inline= are for a pipegraph without a resource_coordinator; write "
            "LocalSystem(max_cores_to_use=..., inline=...) in the one that is given"
        )
    return given


if not TYPE_CHECKING:
    LocalSystem.__init__ = refuses_old_keywords("LocalSystem")(LocalSystem.__init__)
