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
    from ppg.accept.acceptance import Acceptance
    from ppg.coordinators import LocalSystem
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
        RuntimeError,  # noqa: A004 (the name is part of pypipegraph's interface)
        UnknownJobError,
    )
    from ppg.inspect.forecast import Preview
    from ppg.inspect.verification import Verification
    from ppg.jobs.callback_job import CallbackJob
    from ppg.jobs.file_jobs import (
        FileGeneratingJob,
        MultiFileGeneratingJob,
        MultiTempFileGeneratingJob,
        TempFileGeneratingJob,
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
    from ppg.jobs.namespaces import namespace
    from ppg.jobs.tool_version import ToolVersionInvariant
    from ppg.kinds.execution import Execution
    from ppg.kinds.kind import JobOutputs, Observing, ProcessCall
    from ppg.pipegraph import Pipegraph
    from ppg.recipes.cached_jobs import (
        CachedAttributeLoadingJob,
        CachedDataLoadingJob,
        CachedDictEntryLoadingJob,
        CachedJob,
        CacheJob,
    )
    from ppg.recipes.decorators import (
        data,
        file,
        files,
        generator,
        temp_file,
        temp_files,
        upstream,
    )
    from ppg.recipes.external_job import ExternalJob, TempExternalJob
    from ppg.recipes.plot_job import PlotJob
    from ppg.recipes.value_loading import ValueLoadingJob
    from ppg.report.events import (
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
    from ppg.report.frontend import Frontend
    from ppg.result import JobOutcome, JobState, RunResult
    from ppg.script import current_pipegraph, new_pipegraph, new_pipeline, run, run_pipegraph, unwatched
    from ppg.shared_cache.cache import SharedCache
    from ppg.shared_cache.upkeep import CachedEntry
    from ppg.worker.command import CORES

__all__ = [
    "CORES",
    "Acceptance",
    "Answered",
    "AttributeLoadingJob",
    "CacheJob",
    "CacheUnreadableError",
    "CachedAttributeLoadingJob",
    "CachedDataLoadingJob",
    "CachedDictEntryLoadingJob",
    "CachedEntry",
    "CachedJob",
    "CallbackJob",
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
    "InputChangedError",
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
    "JobOutputs",
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
    "Observing",
    "ParameterInvariant",
    "Pipegraph",
    "PlotJob",
    "Preview",
    "ProcessCall",
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
    "UnknownJobError",
    "ValueLoadingJob",
    "Verification",
    "Warned",
    "current_pipegraph",
    "data",
    "file",
    "files",
    "generator",
    "namespace",
    "new_pipegraph",
    "new_pipeline",
    "run",
    "run_pipegraph",
    "temp_file",
    "temp_files",
    "unadmitted",
    "unwatched",
    "upstream",
]

_MODULES = {
    "ppg.accept.acceptance": ["Acceptance"],
    "ppg.inspect.forecast": ["Preview"],
    "ppg.inspect.verification": ["Verification"],
    "ppg.recipes.cached_jobs": [
        "CacheJob",
        "CachedAttributeLoadingJob",
        "CachedDataLoadingJob",
        "CachedDictEntryLoadingJob",
        "CachedJob",
    ],
    "ppg.worker.command": ["CORES"],
    "ppg.coordinators": ["LocalSystem"],
    "ppg.recipes.value_loading": ["ValueLoadingJob"],
    "ppg.recipes.decorators": [
        "data",
        "file",
        "files",
        "generator",
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
        "RuntimeError",
        "UnknownJobError",
    ],
    "ppg.jobs.callback_job": ["CallbackJob"],
    "ppg.kinds.execution": ["Execution"],
    "ppg.recipes.external_job": ["ExternalJob", "TempExternalJob"],
    "ppg.jobs.file_jobs": [
        "FileGeneratingJob",
        "MultiFileGeneratingJob",
        "MultiTempFileGeneratingJob",
        "TempFileGeneratingJob",
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
    "ppg.jobs.namespaces": ["namespace"],
    "ppg.jobs.loading_jobs": ["AttributeLoadingJob", "DataLoadingJob", "DictEntryLoadingJob"],
    "ppg.pipegraph": ["Pipegraph"],
    "ppg.recipes.plot_job": ["PlotJob"],
    "ppg.result": ["JobOutcome", "JobState", "RunResult"],
    "ppg.report.frontend": ["Frontend"],
    "ppg.shared_cache.cache": ["SharedCache"],
    "ppg.shared_cache.upkeep": ["CachedEntry"],
    "ppg.script": ["current_pipegraph", "new_pipegraph", "new_pipeline", "run", "run_pipegraph", "unwatched"],
    "ppg.jobs.tool_version": ["ToolVersionInvariant"],
}
resolve_old_modules()
_MODULE_OF = {name: module for module, names in _MODULES.items() for name in names}


sys.modules[__name__].__class__ = RefusesOldNames

if not TYPE_CHECKING:  # type checkers must not take a name that is gone for an object

    def __getattr__(name: str) -> object:
        if name not in _MODULE_OF:
            raise_for_name("ppg", name)
        value: object = getattr(importlib.import_module(_MODULE_OF[name]), name)
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    return __all__
