"""ppg: declare jobs, run what changed, know why.

    import ppg

    ppg.new_pipegraph()
    job = ppg.FileGeneratingJob("out.txt", lambda path: path.write_text("hello"))
    ppg.run_pipegraph()

Names are imported when they are first used: a callback that uses `ppg` inside a job process does not load
there what only the user's script needs.
"""

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ppg.cached_jobs import (
        CachedAttributeLoadingJob,
        CachedDataLoadingJob,
        CachedDictEntryLoadingJob,
        CachedJob,
        CacheJob,
    )
    from ppg.command import CORES
    from ppg.coordinators import LocalSystem
    from ppg.decorators import ValueLoadingJob, data, file, files, generator, temp_file, temp_files, upstream
    from ppg.engine.frontend import Frontend
    from ppg.events import (
        Answered,
        Event,
        GraphExtended,
        JobFailed,
        JobFinished,
        JobQueued,
        JobsBlocked,
        JobsNotNeeded,
        JobStarted,
        JobsUpToDate,
        Listener,
        RunFinished,
        RunResumed,
        RunStarted,
        RunStopping,
        RunSuspended,
        RunWindingDown,
        StatusRequested,
        Warned,
    )
    from ppg.exceptions import (
        CacheUnreadableError,
        CommandError,
        CycleError,
        InternalError,
        JobContractError,
        JobDiedException,
        JobError,
        PyPipeGraphError,
        PyPipelineGraphError,
        RuntimeError,  # noqa: A004 (the name is part of pypipegraph's interface)
    )
    from ppg.execution import Execution
    from ppg.external_job import ExternalJob, TempExternalJob
    from ppg.file_jobs import (
        FileGeneratingJob,
        MultiFileGeneratingJob,
        MultiTempFileGeneratingJob,
        TempFileGeneratingJob,
    )
    from ppg.generating_jobs import DependencyInjectionJob, JobGeneratingJob
    from ppg.invariants import (
        FileChecksumInvariant,
        FileInvariant,
        FileTimeInvariant,
        FunctionInvariant,
        ParameterInvariant,
    )
    from ppg.job import Job, JobFile
    from ppg.job_list import JobList
    from ppg.loading_jobs import AttributeLoadingJob, DataLoadingJob, DictEntryLoadingJob
    from ppg.pipegraph import Pipegraph
    from ppg.plot_job import PlotJob
    from ppg.result import JobOutcome, JobState, RunResult
    from ppg.session import current_pipegraph, new_pipegraph, new_pipeline, run, run_pipegraph
    from ppg.shared_cache import CachedEntry, SharedCache
    from ppg.tool_version import ToolVersionInvariant

__all__ = [
    "CORES",
    "Answered",
    "AttributeLoadingJob",
    "CacheJob",
    "CacheUnreadableError",
    "CachedAttributeLoadingJob",
    "CachedDataLoadingJob",
    "CachedDictEntryLoadingJob",
    "CachedEntry",
    "CachedJob",
    "CommandError",
    "CycleError",
    "DataLoadingJob",
    "DependencyInjectionJob",
    "DictEntryLoadingJob",
    "Event",
    "Execution",
    "ExternalJob",
    "FileChecksumInvariant",
    "FileGeneratingJob",
    "FileInvariant",
    "FileTimeInvariant",
    "Frontend",
    "FunctionInvariant",
    "GraphExtended",
    "InternalError",
    "Job",
    "JobContractError",
    "JobDiedException",
    "JobError",
    "JobFailed",
    "JobFile",
    "JobFinished",
    "JobGeneratingJob",
    "JobList",
    "JobOutcome",
    "JobQueued",
    "JobStarted",
    "JobState",
    "JobsBlocked",
    "JobsNotNeeded",
    "JobsUpToDate",
    "Listener",
    "LocalSystem",
    "MultiFileGeneratingJob",
    "MultiTempFileGeneratingJob",
    "ParameterInvariant",
    "Pipegraph",
    "PlotJob",
    "PyPipeGraphError",
    "PyPipelineGraphError",
    "RunFinished",
    "RunResult",
    "RunResumed",
    "RunStarted",
    "RunStopping",
    "RunSuspended",
    "RunWindingDown",
    "RuntimeError",
    "SharedCache",
    "StatusRequested",
    "TempExternalJob",
    "TempFileGeneratingJob",
    "ToolVersionInvariant",
    "ValueLoadingJob",
    "Warned",
    "current_pipegraph",
    "data",
    "file",
    "files",
    "generator",
    "new_pipegraph",
    "new_pipeline",
    "run",
    "run_pipegraph",
    "temp_file",
    "temp_files",
    "upstream",
]

_MODULES = {
    "ppg.cached_jobs": [
        "CacheJob",
        "CachedAttributeLoadingJob",
        "CachedDataLoadingJob",
        "CachedDictEntryLoadingJob",
        "CachedJob",
    ],
    "ppg.command": ["CORES"],
    "ppg.coordinators": ["LocalSystem"],
    "ppg.decorators": [
        "ValueLoadingJob",
        "data",
        "file",
        "files",
        "generator",
        "temp_file",
        "temp_files",
        "upstream",
    ],
    "ppg.events": [
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
        "InternalError",
        "JobContractError",
        "JobDiedException",
        "JobError",
        "PyPipeGraphError",
        "PyPipelineGraphError",
        "RuntimeError",
    ],
    "ppg.execution": ["Execution"],
    "ppg.external_job": ["ExternalJob", "TempExternalJob"],
    "ppg.file_jobs": [
        "FileGeneratingJob",
        "MultiFileGeneratingJob",
        "MultiTempFileGeneratingJob",
        "TempFileGeneratingJob",
    ],
    "ppg.generating_jobs": ["DependencyInjectionJob", "JobGeneratingJob"],
    "ppg.invariants": [
        "FileChecksumInvariant",
        "FileInvariant",
        "FileTimeInvariant",
        "FunctionInvariant",
        "ParameterInvariant",
    ],
    "ppg.job": ["Job", "JobFile"],
    "ppg.job_list": ["JobList"],
    "ppg.loading_jobs": ["AttributeLoadingJob", "DataLoadingJob", "DictEntryLoadingJob"],
    "ppg.pipegraph": ["Pipegraph"],
    "ppg.plot_job": ["PlotJob"],
    "ppg.result": ["JobOutcome", "JobState", "RunResult"],
    "ppg.engine.frontend": ["Frontend"],
    "ppg.shared_cache": ["CachedEntry", "SharedCache"],
    "ppg.session": ["current_pipegraph", "new_pipegraph", "new_pipeline", "run", "run_pipegraph"],
    "ppg.tool_version": ["ToolVersionInvariant"],
}
_MODULE_OF = {name: module for module, names in _MODULES.items() for name in names}


def __getattr__(name: str) -> object:
    if name not in _MODULE_OF:
        raise AttributeError(f"module 'ppg' has no attribute '{name}'")
    value: object = getattr(importlib.import_module(_MODULE_OF[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
