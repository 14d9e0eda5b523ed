"""Executor on a Dask cluster: makes a remote executor for the machines of a cluster."""

from __future__ import annotations

import sys
from importlib.util import find_spec
from typing import Any

from ppg_exec.dask.fleet import DaskFleet
from ppg_exec.links.hello import Settings
from ppg_exec.links.silence import LOST_AFTER, Limits
from ppg_exec.remote.environment import imported_packages
from ppg_exec.remote.executor import RemoteExecutor
from ppg_exec.tasks import ExecutorError, working_directory

__all__ = ["dask_executor"]


def dask_executor(
    cluster: Any,
    *,
    machines: int | None = None,
    security: Any = None,
    folder: str | None = None,
    scratch: str | None = None,
    grace: float = 5.0,
    share_cores: bool = True,
    lost_after: float = LOST_AFTER,
) -> RemoteExecutor:
    """An executor that runs tasks on all machines of a Dask cluster.

    Args:
        cluster: the address of a scheduler, a cluster object of Dask, or what is to be started for this run:
            `SlurmMachines`, `SrunMachines`.
        machines: how many machines the cluster object is asked for, at most; None: the caller has asked for them.
        security: a `distributed.Security`, if the address needs it.
        folder: a folder that every machine sees; a file in it shows whether a machine does. None: no machine is asked.
        scratch: where machines put the output of running tasks; by default where they have temporary files.
        grace: seconds between SIGTERM and SIGKILL for tasks that are cancelled.
        share_cores: whether several runs on one machine share its cores.
        lost_after: seconds of silence after which a machine counts as lost.

    Raises ExecutorError if Dask is not installed.

    """
    if find_spec("distributed") is None:
        raise ExecutorError("Dask is not installed: install it with `pip install 'ppg-exec[dask]'`")
    settings = Settings(
        directory=working_directory(),
        scratch=scratch,
        grace=grace,
        path=tuple(sys.path),
        arguments=tuple(sys.argv),
        packages=imported_packages(),
        shares_cores=share_cores,
    )
    return RemoteExecutor(DaskFleet(settings, cluster, security, folder, machines, Limits(lost_after)))
