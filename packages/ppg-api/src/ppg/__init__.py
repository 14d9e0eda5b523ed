"""ppg: declare jobs, run what changed, know why.

    import ppg

    ppg.new_pipegraph()
    job = ppg.FileGeneratingJob("out.txt", lambda path: path.write_text("hello"))
    ppg.run_pipegraph()

Names are imported at their first use. So a callback that uses `ppg` inside a job process does not load
modules that only the user's script needs.
"""

import importlib
import sys
from typing import TYPE_CHECKING

from ppg.porting.guards import RefusesOldNames, raise_for_name
from ppg.porting.old_modules import resolve_old_modules

if TYPE_CHECKING:
    from ppg import events as events
    from ppg.accept.acceptance import Acceptance
    from ppg.coordinators import DaskCluster, LocalSystem
    from ppg.exceptions import (
        CacheUnreadableError,
        CommandError,
        CycleError,
        InputChangedError,
        InternalError,
        JobContractError,
        JobDiedException,
        JobError,
        PyPipeGraphError,
        PyPipelineGraphError,
        RunFailed,
        UnknownJobError,
    )
    from ppg.exceptions import RuntimeError as RuntimeError  # noqa: A004 (the name is part of pypipegraph's interface)
    from ppg.inspect.forecast import Preview
    from ppg.inspect.leftovers import Leftovers
    from ppg.inspect.plan import Plan
    from ppg.inspect.standing import Standing
    from ppg.inspect.verification import Verification
    from ppg.jobs.callback_job import CallbackJob
    from ppg.jobs.file_jobs import FileGeneratingJob, TempFileGeneratingJob
    from ppg.jobs.folder_invariant import FolderInvariant
    from ppg.jobs.folder_jobs import (
        CachedDirectoryGeneratingJob,
        DirectoryGeneratingJob,
        JobFiles,
        TempDirectoryGeneratingJob,
    )
    from ppg.jobs.generating_jobs import DependencyInjectionJob, JobGeneratingJob
    from ppg.jobs.invariants import (
        FileChecksumInvariant,
        FileInvariant,
        FileTimeInvariant,
        FunctionInvariant,
        ParameterInvariant,
    )
    from ppg.jobs.job import Job, JobFile, JobList, unadmitted
    from ppg.jobs.loading_jobs import AttributeLoadingJob, DataLoadingJob, DictEntryLoadingJob
    from ppg.jobs.multi_file_jobs import MultiFileGeneratingJob, MultiTempFileGeneratingJob
    from ppg.jobs.tool_version import ToolVersionInvariant
    from ppg.kinds.execution import Execution
    from ppg.kinds.kind import JobOutputs, Observing, ProcessCall
    from ppg.launch.slurm import Slurm, Srun
    from ppg.pipegraph import Pipegraph
    from ppg.recipes.cached_jobs import (
        CachedAttributeLoadingJob,
        CachedDataLoadingJob,
        CachedDictEntryLoadingJob,
        CachedJob,
        CacheJob,
    )
    from ppg.recipes.decorators import (
        cached,
        cached_directory,
        data,
        directory,
        file,
        files,
        generator,
        temp_directory,
        temp_file,
        temp_files,
        upstream,
    )
    from ppg.recipes.external_job import ExternalJob, TempExternalJob
    from ppg.recipes.mapped import MapJob
    from ppg.recipes.mapped import map as map  # noqa: A004 (the name is that of Python's)
    from ppg.recipes.plot_job import PlotJob
    from ppg.recipes.stored_job import StoredValueJob, ValueFormat
    from ppg.recipes.value_loading import ValueLoadingJob
    from ppg.report.events import Answered as Answered
    from ppg.report.events import Event as Event
    from ppg.report.events import GraphExtended as GraphExtended
    from ppg.report.events import JobFailed as JobFailed
    from ppg.report.events import JobFinished as JobFinished
    from ppg.report.events import JobQueued as JobQueued
    from ppg.report.events import JobsBlocked as JobsBlocked
    from ppg.report.events import JobsNotNeeded as JobsNotNeeded
    from ppg.report.events import JobStarted as JobStarted
    from ppg.report.events import JobsUpToDate as JobsUpToDate
    from ppg.report.events import Listener as Listener
    from ppg.report.events import RunFinished as RunFinished
    from ppg.report.events import RunResumed as RunResumed
    from ppg.report.events import RunStarted as RunStarted
    from ppg.report.events import RunStopping as RunStopping
    from ppg.report.events import RunSuspended as RunSuspended
    from ppg.report.events import RunWindingDown as RunWindingDown
    from ppg.report.events import StatusRequested as StatusRequested
    from ppg.report.events import Warned as Warned
    from ppg.report.frontend import Frontend
    from ppg.result import JobOutcome, JobState, RunResult
    from ppg.script import current_pipegraph, new_pipegraph, new_pipeline, read, run, run_pipegraph, unwatched
    from ppg.session.namespaces import namespace
    from ppg.shared_cache.cache import SharedCache
    from ppg.shared_cache.upkeep import CachedEntry
    from ppg.worker.command import CORES

__all__ = [
    "CORES",
    "Acceptance",
    "AttributeLoadingJob",
    "CacheJob",
    "CacheUnreadableError",
    "CachedAttributeLoadingJob",
    "CachedDataLoadingJob",
    "CachedDictEntryLoadingJob",
    "CachedDirectoryGeneratingJob",
    "CachedEntry",
    "CachedJob",
    "CallbackJob",
    "CommandError",
    "CycleError",
    "DaskCluster",
    "DataLoadingJob",
    "DependencyInjectionJob",
    "DictEntryLoadingJob",
    "DirectoryGeneratingJob",
    "Execution",
    "ExternalJob",
    "FileChecksumInvariant",
    "FileGeneratingJob",
    "FileInvariant",
    "FileTimeInvariant",
    "FolderInvariant",
    "Frontend",
    "FunctionInvariant",
    "InputChangedError",
    "InternalError",
    "Job",
    "JobContractError",
    "JobDiedException",
    "JobError",
    "JobFile",
    "JobFiles",
    "JobGeneratingJob",
    "JobList",
    "JobOutcome",
    "JobOutputs",
    "JobState",
    "Leftovers",
    "LocalSystem",
    "MapJob",
    "MultiFileGeneratingJob",
    "MultiTempFileGeneratingJob",
    "Observing",
    "ParameterInvariant",
    "Pipegraph",
    "Plan",
    "PlotJob",
    "Preview",
    "ProcessCall",
    "PyPipeGraphError",
    "PyPipelineGraphError",
    "RunFailed",
    "RunResult",
    "SharedCache",
    "Slurm",
    "Srun",
    "Standing",
    "StoredValueJob",
    "TempDirectoryGeneratingJob",
    "TempExternalJob",
    "TempFileGeneratingJob",
    "ToolVersionInvariant",
    "UnknownJobError",
    "ValueFormat",
    "ValueLoadingJob",
    "Verification",
    "cached",
    "cached_directory",
    "current_pipegraph",
    "data",
    "directory",
    "file",
    "files",
    "generator",
    "namespace",
    "new_pipegraph",
    "new_pipeline",
    "read",
    "run",
    "run_pipegraph",
    "temp_directory",
    "temp_file",
    "temp_files",
    "unadmitted",
    "unwatched",
    "upstream",
]

_MODULES = {
    "ppg.accept.acceptance": ["Acceptance"],
    "ppg.inspect.forecast": ["Preview"],
    "ppg.inspect.leftovers": ["Leftovers"],
    "ppg.inspect.plan": ["Plan"],
    "ppg.inspect.standing": ["Standing"],
    "ppg.inspect.verification": ["Verification"],
    "ppg.recipes.cached_jobs": [
        "CacheJob",
        "CachedAttributeLoadingJob",
        "CachedDataLoadingJob",
        "CachedDictEntryLoadingJob",
        "CachedJob",
    ],
    "ppg.worker.command": ["CORES"],
    "ppg.coordinators": ["DaskCluster", "LocalSystem"],
    "ppg.launch.slurm": ["Slurm", "Srun"],
    "ppg.recipes.value_loading": ["ValueLoadingJob"],
    "ppg.recipes.stored_job": ["StoredValueJob", "ValueFormat"],
    "ppg.recipes.decorators": [
        "cached",
        "cached_directory",
        "data",
        "directory",
        "file",
        "files",
        "generator",
        "temp_directory",
        "temp_file",
        "temp_files",
        "upstream",
    ],
    "ppg.report.events": [
        "Answered",
        "Event",
        "GraphExtended",
        "JobFailed",
        "JobFinished",
        "JobQueued",
        "JobStarted",
        "JobsBlocked",
        "JobsNotNeeded",
        "JobsUpToDate",
        "Listener",
        "RunFinished",
        "RunResumed",
        "RunStarted",
        "RunStopping",
        "RunSuspended",
        "RunWindingDown",
        "StatusRequested",
        "Warned",
    ],
    "ppg.exceptions": [
        "CacheUnreadableError",
        "CommandError",
        "CycleError",
        "InputChangedError",
        "InternalError",
        "JobContractError",
        "JobDiedException",
        "JobError",
        "PyPipeGraphError",
        "PyPipelineGraphError",
        "RunFailed",
        "RuntimeError",
        "UnknownJobError",
    ],
    "ppg.jobs.callback_job": ["CallbackJob"],
    "ppg.kinds.execution": ["Execution"],
    "ppg.recipes.external_job": ["ExternalJob", "TempExternalJob"],
    "ppg.recipes.mapped": ["MapJob", "map"],
    "ppg.jobs.file_jobs": ["FileGeneratingJob", "TempFileGeneratingJob"],
    "ppg.jobs.multi_file_jobs": ["MultiFileGeneratingJob", "MultiTempFileGeneratingJob"],
    "ppg.jobs.folder_invariant": ["FolderInvariant"],
    "ppg.jobs.folder_jobs": [
        "CachedDirectoryGeneratingJob",
        "DirectoryGeneratingJob",
        "JobFiles",
        "TempDirectoryGeneratingJob",
    ],
    "ppg.jobs.generating_jobs": ["DependencyInjectionJob", "JobGeneratingJob"],
    "ppg.jobs.invariants": [
        "FileChecksumInvariant",
        "FileInvariant",
        "FileTimeInvariant",
        "FunctionInvariant",
        "ParameterInvariant",
    ],
    "ppg.jobs.job": ["Job", "JobFile", "JobList", "unadmitted"],
    "ppg.kinds.kind": ["JobOutputs", "Observing", "ProcessCall"],
    "ppg.session.namespaces": ["namespace"],
    "ppg.jobs.loading_jobs": ["AttributeLoadingJob", "DataLoadingJob", "DictEntryLoadingJob"],
    "ppg.pipegraph": ["Pipegraph"],
    "ppg.recipes.plot_job": ["PlotJob"],
    "ppg.result": ["JobOutcome", "JobState", "RunResult"],
    "ppg.report.frontend": ["Frontend"],
    "ppg.shared_cache.cache": ["SharedCache"],
    "ppg.shared_cache.upkeep": ["CachedEntry"],
    "ppg.script": [
        "current_pipegraph",
        "new_pipegraph",
        "new_pipeline",
        "read",
        "run",
        "run_pipegraph",
        "unwatched",
    ],
    "ppg.jobs.tool_version": ["ToolVersionInvariant"],
}
resolve_old_modules()
_MODULE_OF = {name: module for module, names in _MODULES.items() for name in names}


sys.modules[__name__].__class__ = RefusesOldNames

if not TYPE_CHECKING:  # type checkers must not take a name that is gone for an object

    def __getattr__(name: str) -> object:
        if name == "events":
            return importlib.import_module("ppg.events")
        if name not in _MODULE_OF:
            raise_for_name("ppg", name)
        value: object = getattr(importlib.import_module(_MODULE_OF[name]), name)
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    return sorted({*__all__, *_MODULE_OF, "events"})
