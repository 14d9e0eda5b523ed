"""Attributes: the attributes and methods of the predecessors' objects that ppg's objects do not have.

`docs/porting.md` shows this table. The key of an entry is the class of ppg: its subclasses are without these attributes
as well. The first row that fits, from the class of the object up, has the remedy.
"""

from ppg.porting.row import Row

__all__ = ["ATTRIBUTES"]

_INTERNAL = "leave it out: it was internal"

ATTRIBUTES: dict[str, tuple[Row, ...]] = {
    "Job": (
        Row(
            "", "prune_reason", "`job.outcome.state` is `ppg.JobState.LEFT_OUT` for what pruning has left out"
        ),
        Row("prerequisites", "", "it is `upstreams`"),
        Row("dependants", "", "it is `downstreams`"),
        Row("filenames", "outputs org_files", "it is `files`"),
        Row("", "stack_trace", "it is `traceback`"),
        Row(
            "error_reason",
            "",
            "`job.outcome.state` has the end of a job, `job.outcome.error` its error, `job.outcome.cause` the job that "
            "blocked it",
        ),
        Row("", "resources use_resources", "call `use_cores(4)`; `use_cores(-1)` is for all cores"),
        Row("do_ignore_code_changes", "depend_on_function", "call `ignore_code_changes()`"),
        Row("inject_auto_invariants", "func_invariant", "the invariants are among `upstreams` after the run"),
        Row("", "generating_function", "it is `callback`"),
        Row("", "always_capture_output", "leave it out: `stdout` and `stderr` always have the output"),
        Row("", "dump_subgraph_for_debug", "`ppg graph dump script.py` draws the graph"),
        Row("start_time stop_time", "", "`job.runtime` has the duration in seconds"),
        Row("was_done_on", "", "leave it out: jobs run on this machine"),
        Row(
            "was_loaded load is_loadable",
            "load",
            "leave it out: jobs run loads, in the compute node, for the jobs that depend on them",
        ),
        Row(
            "was_invalidated invalidation_count invalidated distribute_invalidation is_done calc_is_done",
            "output_needed",
            "`job.reasons` has the reasons for which a job ran, `graph.preview()` what would run",
        ),
        Row(
            "is_in_dependency_chain",
            "",
            "`upstreams` has the direct ones; `ppg graph dump script.py` draws them all",
        ),
        Row("cleanup was_cleaned_up", "cleanup", "leave it out: a temporary file goes when no job needs it"),
        Row("is_temp_job", "", "ask `isinstance(job, ppg.TempFileGeneratingJob)`"),
        Row("is_final_job", "", "leave it out: there is no final job"),
        Row(
            "always_runs do_cleanup_if_was_never_run do_cache",
            "do_cleanup",
            "leave it out: the graph decides what runs",
        ),
        Row("run", "run", "call `ppg.run(targets=[job])`"),
        Row("", "readd", "leave it out: a job stays in the pipegraph that it was declared in"),
        Row("", "pid kill_if_running", "type `running` or `kill` while the graph runs"),
        Row("", "annotate", "leave it out: nothing showed the text"),
        Row(
            "verify_job_id verify_arguments",
            "",
            "leave it out: a job checks its arguments when it is declared",
        ),
        Row(
            "",
            "invariant self",
            "`depends_on_params`, `depends_on_func` and `depends_on_file` return the job, and its `upstreams` have the "
            "invariant",
        ),
        Row(
            "",
            "calc",
            "only cached jobs have a calculation, and it is `cache_job`",
        ),
        Row("lfg", "", "only cached jobs have a calculation, and it is `cache_job`"),
        Row(
            "dependency_callbacks",
            "dependency_callbacks",
            "call the function yourself before the run: `job.depends_on(function())`",
        ),
        Row(
            "invariant_cache job_no get_invariant runs_in_worker modifies_jobgraph can_run_now list_blocks "
            "check_prerequisites_for_cleanup data_loading_job",
            "historical que_priority compare_hashes extract_strict_hash eval_job_kind get_input job_number "
            "did_hash_last_run last_run_id all_files_exist calculate usage_counter",
            _INTERNAL,
        ),
    ),
    "FileGeneratingJob": (
        Row("get_was_run set_was_run", "", "it is `was_run`"),
        Row("output_filename", "", "it is `path`"),
    ),
    "FileChecksumInvariant": (
        Row("input_file", "file", "it is `job_id`"),
        Row("checksum", "", "use `hashlib.file_digest` of Python"),
    ),
    "ParameterInvariant": (
        Row(
            "parameters", "parameters", "keep the parameters in a variable: the invariant has their encoding"
        ),
        Row("accept_as_unchanged_func", "", "`ppg accept script.py JOB` takes the existing output over"),
        Row("", "freeze", "leave it out: `ppg.ParameterInvariant` takes nested values"),
    ),
    "FunctionInvariant": (
        Row("absolute_path", "", "leave it out: the code of a function counts, not its file"),
        Row(
            "dis_code extract_closure get_cython_source inner_code_object_re",
            "dis_code extract_closure get_cython_source inner_code_object_re get_cython_filename_and_line_no "
            "func_to_name functions_equal function_to_str debug_function_differences get_dis get_source "
            "get_source_file_name is_python_function",
            "`ppg why script.py JOB` shows what has changed in a function",
        ),
    ),
    "DataLoadingJob": (Row("", "load_function", "it is `callback`"),),
    "AttributeLoadingJob": (
        Row("", "get_value store", "use the attribute of the object in a job that depends on the load"),
        Row("", "get_hash store_hash", "leave it out: loads count by what they depend on"),
    ),
    "DictEntryLoadingJob": (
        Row("", "object", "it is `dictionary`"),
        Row("", "attribute_name", "it is `key`"),
        Row("", "get_value store", "use the entry of the dictionary in a job that depends on the load"),
        Row("", "get_hash store_hash", "leave it out: loads count by what they depend on"),
    ),
    "DependencyInjectionJob": (
        Row("check_for_dependency_injections", "", "leave it out: ppg always checks"),
    ),
    "CachedJob": (
        Row("lfg", "calc", "it is `cache_job`"),
        Row("", "load", "it is the job itself"),
        Row("calculating_function", "", "it is `cache_job.callback`"),
        Row("loading_function", "", "it is `callback`"),
    ),
    "CacheJob": (Row("cache_filename", "", "it is `path`"),),
    "PlotJob": (
        Row("", "plot", "it is the job itself"),
        Row("", "cache", "it is `cache_job`"),
        Row("", "table", "it is `table_job`"),
        Row("", "add_plot", "it is `add_another_plot`"),
        Row("add_fiddle", "", "change the plot in plot_function, which alone runs again then"),
        Row("get_data", "", "depend on `cache_job`, and read its file"),
        Row("output_filename", "", "it is `path`"),
        Row("table_filename skip_table", "", "`table_job.path` is the table, if table_filename names one"),
        Row("cache_filename skip_caching", "", "it is `cache_job.path`"),
        Row("calc_function", "", "it is `cache_job.callback`"),
        Row("plot_function", "", "it is `callback`"),
        Row("render_args", "", "keep them in a variable: the plot has their encoding"),
    ),
    "JobList": (Row("jobs", "", "leave it out: a `ppg.JobList` is a list"),),
    "Catalogue": (
        Row("rc", "cores", "it is `resource_coordinator`"),
        Row("", "last_run_result", "it is `result`, a mapping of job ids to `ppg.JobOutcome`"),
        Row("add_job", "add", "leave it out: declaring a job adds it"),
        Row("", "find_job find_job_from_file outputs_to_job_ids", "call `graph.job(name)`"),
        Row("", "add_edge has_edge job_dag job_inputs", "use `depends_on` and `upstreams` of the jobs"),
        Row("", "run_for_these", "call `graph.run(targets=[job])`"),
        Row(
            "prune prune_job",
            "prune_all_but prune_all_unrelated_to",
            "call `job.prune()`, or `graph.run(targets=[job])`",
        ),
        Row("dry_run", "", "call `graph.preview()`"),
        Row(
            "restart_afterwards",
            "restart_afterwards",
            "start the script again, or use `ppg.new_pipegraph(redefine=True)` for several runs of one graph",
        ),
        Row("invariant_status_filename", "get_history_filename history_dir", "it is `status_path`"),
        Row(
            "dump_graph do_dump_graph dump_pid",
            "dump_subgraph_for_debug dump_subgraph_for_debug_at_run",
            "`ppg graph dump script.py` draws the graph, as does `logs/ppg_graph.txt`",
        ),
        Row("dump_runtimes", "", "`graph.result.rows()` has the runtimes"),
        Row("get_error_count print_failed_job", "", "`graph.result.failed` has the failed jobs"),
        Row("print_running_jobs running_jobs", "", "type `running` while the graph runs"),
        Row("running", "running", "`graph.was_run` says whether it runs or has run"),
        Row(
            "logger",
            "log_dir log_file log_file_lookup log_level log_retention",
            "leave it out: with a folder `logs`, the logs are in it",
        ),
        Row(
            "",
            "dir_config dir_absolute",
            "`graph.root`, `graph.status_path` and `graph.cache_folder` are the folders",
        ),
        Row("", "run_mode", "leave it out: ppg detects whether there is a terminal"),
        Row(
            "",
            "allow_short_filenames prevent_absolute_paths report_done_filter",
            "leave it out: there is no such check",
        ),
        Row(
            "",
            "push_events create_event_socket close_event_socket post_event",
            "a `ppg.Listener` gets the events",
        ),
        Row(
            "possible_execution_order check_cycles connect_graph",
            "",
            "`graph.preview()` shows what would run; a run looks for circles",
        ),
        Row(
            "new_jobs object_uniquifier stat_cache invariant_loading_issues job_uniquifier filename_collider_check "
            "func_hashes file_hashes job_id_cache chdir invariant_status jobs_to_run_count jobs_done_count workers "
            "jobs_by_worker inject_auto_invariants fill_dependency_callbacks destroy_job_connections "
            "apply_topological_order load_invariant_status dump_invariant_status distribute_invariant_changes "
            "build_todo_list spawn_workers check_all_jobs_can_be_executed execute_jobs cleanup_jobs_that_requested_it "
            "start_jobs job_executed new_jobs_generated_during_runtime tranfer_new_jobs install_signals "
            "restore_signals signal_finished",
            "run_id next_job_number next_job_number_lock func_cache time_str start_time do_raise runner",
            _INTERNAL,
        ),
    ),
    "LocalSystem": (
        Row("cores_available", "", "it is `max_cores_to_use`"),
        Row("profile", "", "`job.runtime` and `job.peak_memory` show what jobs cost"),
        Row("interactive", "", "leave it out: ppg detects whether there is a terminal"),
        Row("physical_memory swap_memory get_resources", "", "it is `max_memory_to_use`"),
        Row(
            "worker timeout que pipegraph spawn_workers enter_loop see_if_output_is_requested abort kill_job get_job_pid",
            "",
            _INTERNAL,
        ),
    ),
    "JobOutcome": (
        Row("", "outcome", "it is `state`"),
        Row("", "payload", "`error` is the text of the failure, `exception` and `traceback` have the rest"),
    ),
}
