"""Names: the names in the predecessors' modules that ppg does not have. `docs/porting.md` shows this table.

A name without a dot was imported from the package itself; `util.CPUs` was in its module `util`. A module is listed
under its own name, and its row is the remedy for all names of the module that have no row.
"""

from ppg.porting.row import Row

__all__ = ["NAMES"]

NAMES = (
    Row("__version__", "__version__", 'call `importlib.metadata.version("ppg-api")` of Python'),
    # Graphs and runs
    Row("", "new", "call `ppg.new_pipegraph()`"),
    Row("", "PyPipeGraph graph.PyPipeGraph", "it is `ppg.Pipegraph`"),
    Row("graph.Pipegraph", "", "it is `ppg.Pipegraph`"),
    Row("graph.new_pipegraph", "", "it is `ppg.new_pipegraph`"),
    Row("graph.run_pipegraph", "", "it is `ppg.run_pipegraph`"),
    Row(
        "graph.invariant_status_filename_default",
        "",
        "the name of the status file is `.pypipegraph_status_robust`; `invariant_status_filename=` changes it",
    ),
    Row(
        "util.global_pipegraph",
        "global_pipegraph change_global_pipegraph",
        "call `ppg.current_pipegraph()`; `ppg.new_pipegraph()` replaces it",
    ),
    Row(
        "inside_ppg util.inside_ppg",
        "inside_ppg",
        "call `ppg.current_pipegraph()`, and catch the `ppg.PyPipelineGraphError`",
    ),
    Row(
        "resource_coordinators.LocalSystem",
        "",
        "it is `ppg.LocalSystem`: `ppg.new_pipegraph(ppg.LocalSystem(4))`",
    ),
    Row(
        "resource_coordinators",
        "",
        "its `LocalSystem` is `ppg.LocalSystem`; the other names were internal, remove them",
    ),
    Row("", "ALL_CORES graph.ALL_CORES", "leave it out: all cores are the default"),
    Row("", "default reuse_last_or_default", "leave the argument out, and repeat those that you changed"),
    Row(
        "",
        "DirConfig graph.DirConfig",
        "write `ppg.new_pipegraph(invariant_status_filename=..., cache_folder=...)`; logs go to the folder `logs` "
        "if there is one",
    ),
    Row(
        "",
        "RunMode enums.RunMode",
        "leave it out: ppg detects whether there is a terminal. `RunMode.NOTEBOOK` is "
        "`ppg.new_pipegraph(redefine=True)`",
    ),
    Row(
        "",
        "Resources enums.Resources",
        "set the number of cores: `job.use_cores(4)`; `job.use_cores(-1)` for all of them",
    ),
    Row(
        "",
        "enable_rust_logging",
        "leave it out: with a folder `logs`, the logs are in it",
    ),
    Row("", "replace_ppg1 unreplace_ppg1", "write `import ppg as pypipegraph`"),
    Row(
        "assert_uniqueness_of_object util.assert_uniqueness_of_object",
        "assert_uniqueness_of_object util.assert_uniqueness_of_object",
        "leave it out: two objects of one name declare jobs of one id, and that is an error if the jobs differ",
    ),
    Row(
        "util.job_or_filename",
        "util.job_or_filename",
        "call `job.depends_on_file(filename)`: the job that makes the file, or else its content",
    ),
    Row("util.checksum_file job.checksum_file", "hashers.hash_file", "use `hashlib.file_digest` of Python"),
    Row("", "hashers", "use `hashlib` of Python"),
    Row("util.CPUs util.cpu_count", "util.CPUs util.cpu_count", "use `os.cpu_count()` of Python"),
    Row(
        "util.output_file_exists util.file_exists util.stat", "", "use `exists` and `stat` of `pathlib.Path`"
    ),
    Row(
        "util.flatten_jobs",
        "util.flatten_jobs",
        "leave it out: `depends_on` takes nested lists",
    ),
    Row("util.freeze", "", "leave it out: `ppg.ParameterInvariant` takes nested values"),
    Row(
        "util.load_invariant_stati",
        "",
        "`ppg why` and `ppg verify` show what the status file has recorded",
    ),
    Row(
        "util.is_remote", "", "leave it out: a callback always runs in a job process, or in the compute node"
    ),
    Row("", "util.wrap_for_function_invariant", "use `functools.partial`: its function and arguments count"),
    Row("util", "util", "the other names were internal; remove them"),
    # Jobs
    Row(
        "TempFilePlusGeneratingJob",
        "",
        "let a second job depend on a `ppg.TempFileGeneratingJob`, and write what is to stay",
    ),
    Row(
        "",
        "ValuePlusHash UseInputHashesForOutput",
        "return the value alone: loads count by what they depend on",
    ),
    Row(
        "MemMappedDataLoadingJob",
        "",
        "write the array in a `ppg.FileGeneratingJob`, and open it with `numpy.memmap` in a `ppg.DataLoadingJob`",
    ),
    Row(
        "CombinedPlotJob",
        "",
        "declare a `ppg.PlotJob` that depends on the `cache_job` of the other plots",
    ),
    Row("FinalJob", "", "write code after `ppg.run()` in the script, or let a job depend on all others"),
    Row(
        "NotebookJob",
        "NotebookJob NotebookInvariant",
        "declare a `ppg.ExternalJob` that calls `jupyter nbconvert --execute`, with the notebook as a `Path` in its "
        "command",
    ),
    Row(
        "",
        "SharedMultiFileGeneratingJob",
        "declare a job that makes files with `share=True`, in `ppg.new_pipegraph(shared_cache=...)`",
    ),
    Row("", "ExternalOutputPath", "write a `Path` in the command of the `ppg.ExternalJob`"),
    Row("", "ShellJob", "declare `ppg.ExternalJob(files, line, shell=True)`"),
    Row(
        "",
        "CachedJobTuple",
        "a cached job is one job: the load is the job itself, and the calculation is `job.cache_job`",
    ),
    Row(
        "",
        "PlotJobTuple",
        "a plot is one job, with `job.cache_job` and `job.table_job`",
    ),
    Row(
        "",
        "DependsOnInvariant",
        "`depends_on_params`, `depends_on_func` and `depends_on_file` return the job",
    ),
    # Invariants
    Row(
        "RobustFileChecksumInvariant",
        "",
        "it is `ppg.FileInvariant`. A file that has moved is another file, and a `.md5sum` beside it does not count",
    ),
    Row(
        "MultiFileInvariant",
        "",
        "write `[ppg.FileInvariant(file) for file in files]`; a file more or less is a change. "
        '`ppg.FolderInvariant(path, "*.txt")` observes the files of a folder',
    ),
    Row(
        "NothingChanged",
        "",
        "`ppg accept script.py JOB` takes the existing output over",
    ),
    Row("", "_FunctionInvariant", "it is `ppg.FunctionInvariant`"),
    # Errors
    Row("", "PPGException FatalGraphException", "it is `ppg.PyPipelineGraphError`"),
    Row("", "JobsFailed", "it is `ppg.RuntimeError`"),
    Row(
        "RuntimeException",
        "RunFailedInternally JobEvaluationFailed",
        "it is `ppg.InternalError`, a defect of ppg",
    ),
    Row("", "JobOutputConflict JobRedefinitionError", "it is `ppg.JobContractError`"),
    Row("", "NotADag", "it is `ppg.CycleError`"),
    Row("", "JobDied", "it is `ppg.JobDiedException`"),
    Row("", "exceptions.JobCanceled", "leave it out: a run that the user ends raises `KeyboardInterrupt`"),
    Row(
        "",
        "HistoryLoadingFailed",
        "leave it out: a damaged status file is moved aside with a warning",
    ),
    Row(
        "",
        "FunctionUsesUndeclaredNonLocalsError",
        "leave it out: captured values count by their content, and need no permission",
    ),
    Row("ppg_exceptions.CommunicationFailure", "", "it is `ppg.InternalError`, a defect of ppg"),
    Row(
        "ppg_exceptions",
        "",
        "the exceptions are in ppg itself: `ppg.CycleError`, `ppg.JobContractError`, `ppg.RuntimeError`",
    ),
    # Other modules
    Row("job", "", "the jobs are in ppg itself: `ppg.FileGeneratingJob`; the other names were internal"),
    Row("", "jobs", "the jobs are in ppg itself: `ppg.FileGeneratingJob`; the other names were internal"),
    Row("graph", "graph", "the names are in ppg itself: `ppg.new_pipegraph`, `ppg.Pipegraph`"),
    Row(
        "",
        "exceptions",
        "the exceptions are in ppg itself: `ppg.CycleError`, `ppg.JobContractError`, `ppg.RuntimeError`",
    ),
    Row("", "enums.JobOutcome", "it is `ppg.JobState`; `ppg.JobOutcome` has all of the outcome"),
    Row("", "enums", "its `JobOutcome` is `ppg.JobState`; `job.use_cores(4)` stands for `Resources`"),
    Row("", "job_status", "its `RecordedJobOutcome` is `ppg.JobOutcome`"),
    Row(
        "interactive",
        "interactive",
        "the commands at the terminal are listed by `help`; a `ppg.Listener` gets events",
    ),
    Row(
        "testing",
        "testing",
        "call `ppg.new_pipegraph()` in a fixture of your own, in a folder of its own such as `tmp_path`",
    ),
    Row("", "parallel", "let a job state its cores with `job.use_cores(4)`; the rest was internal"),
    Row(
        "utils",
        "history_comparisons runner ppg_traceback ppg1_compatibility localscope cli entry_points pypipegraph2",
        "it was internal, or a command of its own: `ppg --help` lists those of ppg",
    ),
)
