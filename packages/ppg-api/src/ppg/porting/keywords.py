"""Keywords: the parameters of the predecessors that ppg's functions and classes do not have.

`docs/porting.md` shows this table. The key of an entry is the function or class of ppg; its subclasses are without
these parameters as well. The first row that fits, from the class up, has the remedy.
"""

from ppg.porting.row import Row

__all__ = ["KEYWORDS"]

_NO_TERMINAL = "leave it out: ppg detects whether there is a terminal"
_LOGS = "leave it out: with a folder `logs`, the logs are in it"
_NO_CHECK = "leave it out: there is no such check"
_CAPTURED = "leave it out: captured values count by their content, and need no permission"
_GRAPH = "leave it out: `ppg graph dump script.py` draws the graph, as does `logs/ppg_graph.txt`"

KEYWORDS: dict[str, tuple[Row, ...]] = {
    "new_pipegraph": (
        Row("dump_graph", "", _GRAPH),
        Row("interactive", "", _NO_TERMINAL),
        Row("log_file log_level", "log_level log_retention", _LOGS),
        Row("", "run_mode", "leave it out, or write `redefine=True` in notebooks"),
        Row("", "dir_config paths", "write `invariant_status_filename=` and `cache_folder=`"),
        Row("", "cache_dir", "it is `cache_folder=`"),
        Row("", "allow_short_filenames prevent_absolute_paths report_done_filter", _NO_CHECK),
        Row("", "push_events", "leave it out: a `ppg.Listener` gets the events"),
    ),
    "run_pipegraph": (
        Row("dry_run", "", "call `graph.preview()`"),
        Row("", "print_failures", "write `ppg.new_pipegraph(quiet=True)`"),
        Row("", "raise_on_job_error", "catch `ppg.RuntimeError`; the outcomes are in `graph.result`"),
        Row("", "event_timeout", "leave it out: a run waits for events without a limit"),
        Row("", "dump_graphml", "leave it out: `ppg graph dump script.py` draws the graph"),
    ),
    "LocalSystem": (
        Row("profile", "", "leave it out: `job.runtime` and `job.peak_memory` show what jobs cost"),
        Row("interactive", "", _NO_TERMINAL),
    ),
    "Job": (
        Row("", "resources", "call `.use_cores(4)`; `.use_cores(-1)` is for all cores"),
        Row("", "depend_on_function", "call `.ignore_code_changes()`"),
        Row("", "always_capture_output", "leave it out: `stdout` and `stderr` always have the output"),
        Row(
            "",
            "allowed_non_locals allowed_non_locals_calc allowed_non_locals_load allowed_non_locals_plot "
            "allowed_non_locals_cache check_non_locals",
            _CAPTURED,
        ),
    ),
    "FileGeneratingJob": (Row("", "generating_function", "it is `function=`"),),
    "MultiFileGeneratingJob": (
        Row("", "files", "it is `filenames=`"),
        Row("", "generating_function", "it is `function=`"),
    ),
    "FileChecksumInvariant": (Row("", "file", "it is `filename=`"),),
    "FunctionInvariant": (
        Row("", "name", "it is `job_id=`"),
        Row("absolute_path", "", "leave it out: the code of a function counts, not its file"),
    ),
    "ParameterInvariant": (
        Row("accept_as_unchanged_func", "", "`ppg accept script.py JOB` takes the existing output over"),
    ),
    "DependencyInjectionJob": (
        Row("check_for_dependency_injections", "", "leave it out: ppg always checks"),
    ),
    "DataLoadingJob": (Row("", "load_function", "it is `callback=`"),),
    "AttributeLoadingJob": (Row("", "data_function", "it is `callback=`"),),
    "DictEntryLoadingJob": (
        Row("", "object", "it is `dictionary=`"),
        Row("", "attribute_name", "it is `key=`"),
        Row("", "data_function", "it is `callback=`"),
    ),
    "CachedAttributeLoadingJob": (
        Row("target_object", "", "it is `object=`"),
        Row("target_attribute", "", "it is `attribute_name=`"),
        Row("calculating_function", "data_function", "it is `function=`"),
    ),
    "CachedDictEntryLoadingJob": (
        Row("", "object", "it is `dictionary=`"),
        Row("", "attribute_name", "it is `key=`"),
        Row("", "data_function", "it is `function=`"),
    ),
    "CachedDataLoadingJob": (
        Row("calculating_function", "", "it is `calc_function=`"),
        Row("loading_function", "", "it is `load_function=`"),
    ),
    "PlotJob": (
        Row("skip_table", "create_table", 'there is a table if you name it: `table_filename="plot.png.tsv"`'),
        Row(
            "skip_caching",
            "cache_calc",
            "leave it out: the data is always kept. Or declare a `ppg.FileGeneratingJob`",
        ),
        Row("", "cache_dir", "write `cache_filename=`, or `ppg.new_pipegraph(cache_folder=...)`"),
    ),
    "ExternalJob": (
        Row("", "output_path additional_created_files", "name all files in `filenames=`"),
        Row("", "cmd_or_cmd_func", "it is `command=`, a list with a `Path` for each file"),
        Row("", "allowed_return_codes", "it is `success=`"),
        Row("", "cwd", "it is `working_directory=`"),
        Row("", "env", "it is `environment=`"),
        Row("", "std_prefix", "write `stdout=` and `stderr=`"),
        Row(
            "",
            "call_before call_after",
            "let a job before or after it do that, or call the program in a `ppg.MultiFileGeneratingJob`",
        ),
        Row("", "job_cls", "temporary files are those of `ppg.TempExternalJob`"),
        Row("", "start_new_session", "leave it out: the program ends with its job, as do its processes"),
    ),
    "Job.use_cores": (Row("cores_needed n", "", "it is `cores=`"),),
    "Job.depends_on": (Row("", "other_job", "pass the job without a keyword"),),
    "Job.depends_on_params": (
        Row("params", "params", "it is `parameters=`"),
        Row("", "job_name_postfix", "declare a `ppg.ParameterInvariant` of that name"),
    ),
    "Job.depends_on_func": (Row("func", "", "it is `function=`"),),
}
