"""ppg_exec: runs callables in forked, isolated processes, and reports exactly how each ended.

Names are imported when they are first used. The compute node is part of this package and needs few of them,
and every fork of the node pays for what is loaded.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ppg_exec.confinement.confine import confine_process
    from ppg_exec.confinement.landlock import LEAST_ABI, landlock_abi, why_not_confinable
    from ppg_exec.confinement.system import CommonAccess, common_access
    from ppg_exec.controller.local import LocalExecutor
    from ppg_exec.dask.executor import dask_executor
    from ppg_exec.dask.machines import SlurmMachines, SrunMachines
    from ppg_exec.executor import Event, Executor
    from ppg_exec.inline import InlineExecutor
    from ppg_exec.links.hello import Settings
    from ppg_exec.node.loads import Interrupted
    from ppg_exec.node.temporary_folders import TEMPORARY_FOLDER
    from ppg_exec.pickling.culprit import CannotPickle, find_culprit
    from ppg_exec.remote.executor import RemoteExecutor
    from ppg_exec.remote.local_fleet import LocalFleet
    from ppg_exec.resources.jobserver import CorePool, MachinePool, given_pool, machine_pool
    from ppg_exec.resources.ledger import Ledger, Unsatisfiable, WaitingLine
    from ppg_exec.resources.machine import available_cores, available_memory
    from ppg_exec.resources.private_folder import UnsafeFolderError, open_runtime_folder
    from ppg_exec.resources.private_sockets import (
        connected_socket,
        listening_socket,
        peer_of,
        remove_left_sockets,
    )
    from ppg_exec.sent_exceptions import SentException, opens_exception, unopened_exception
    from ppg_exec.stats.packed import DOUBTFUL
    from ppg_exec.tasks import (
        ALL_CORES,
        Cancelled,
        Died,
        End,
        ExecutorError,
        LoadRepeated,
        NameDiffers,
        Notice,
        Outcome,
        Output,
        Raised,
        Refused,
        RunsIn,
        Started,
        Succeeded,
        Task,
        TimedOut,
        Unpicklable,
        Usage,
    )
    from ppg_exec.tracking.places import interpreter_folders, system_folders
    from ppg_exec.tracking.received import uses_so_far
    from ppg_exec.tracking.uses import UNTRACED, FileUse, Tracking, UseKind

__all__ = [
    "ALL_CORES",
    "DOUBTFUL",
    "LEAST_ABI",
    "TEMPORARY_FOLDER",
    "UNTRACED",
    "Cancelled",
    "CannotPickle",
    "CommonAccess",
    "CorePool",
    "Died",
    "End",
    "Event",
    "Executor",
    "ExecutorError",
    "FileUse",
    "InlineExecutor",
    "Interrupted",
    "Ledger",
    "LoadRepeated",
    "LocalExecutor",
    "LocalFleet",
    "MachinePool",
    "NameDiffers",
    "Notice",
    "Outcome",
    "Output",
    "Raised",
    "Refused",
    "RemoteExecutor",
    "RunsIn",
    "SentException",
    "Settings",
    "SlurmMachines",
    "SrunMachines",
    "Started",
    "Succeeded",
    "Task",
    "TimedOut",
    "Tracking",
    "Unpicklable",
    "UnsafeFolderError",
    "Unsatisfiable",
    "Usage",
    "UseKind",
    "WaitingLine",
    "available_cores",
    "available_memory",
    "common_access",
    "confine_process",
    "connected_socket",
    "dask_executor",
    "find_culprit",
    "given_pool",
    "interpreter_folders",
    "landlock_abi",
    "listening_socket",
    "machine_pool",
    "open_runtime_folder",
    "opens_exception",
    "peer_of",
    "remove_left_sockets",
    "system_folders",
    "unopened_exception",
    "uses_so_far",
    "why_not_confinable",
]

_HOME = {
    "confinement.confine": ("confine_process",),
    "confinement.landlock": ("LEAST_ABI", "landlock_abi", "why_not_confinable"),
    "confinement.system": ("CommonAccess", "common_access"),
    "node.temporary_folders": ("TEMPORARY_FOLDER",),
    "dask.executor": ("dask_executor",),
    "dask.machines": ("SlurmMachines", "SrunMachines"),
    "executor": ("Event", "Executor"),
    "inline": ("InlineExecutor",),
    "resources.ledger": ("Ledger", "Unsatisfiable", "WaitingLine"),
    "node.loads": ("Interrupted",),
    "controller.local": ("LocalExecutor",),
    "links.hello": ("Settings",),
    "remote.executor": ("RemoteExecutor",),
    "remote.local_fleet": ("LocalFleet",),
    "resources.machine": ("available_cores", "available_memory"),
    "resources.jobserver": ("CorePool", "MachinePool", "given_pool", "machine_pool"),
    "resources.private_folder": ("UnsafeFolderError", "open_runtime_folder"),
    "resources.private_sockets": ("connected_socket", "listening_socket", "peer_of", "remove_left_sockets"),
    "sent_exceptions": ("SentException", "opens_exception", "unopened_exception"),
    "pickling.send": ("CannotPickle",),
    "pickling.culprit": ("find_culprit",),
    "stats.packed": ("DOUBTFUL",),
    "tracking.places": ("interpreter_folders", "system_folders"),
    "tracking.received": ("uses_so_far",),
    "tracking.uses": ("UNTRACED", "FileUse", "Tracking", "UseKind"),
    "tasks": (
        "ALL_CORES", "Cancelled", "Died", "End", "ExecutorError", "LoadRepeated", "NameDiffers", "Notice", "Outcome", "Output", "RunsIn",
        "Place", "Raised", "Refused", "Started", "Succeeded", "Task", "TimedOut", "Unpicklable", "Usage",
    ),
}  # fmt: skip


def __getattr__(name: str) -> object:
    import importlib  # noqa: PLC0415 - see above

    for module, names in _HOME.items():
        if name in names:
            return getattr(importlib.import_module(f".{module}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
