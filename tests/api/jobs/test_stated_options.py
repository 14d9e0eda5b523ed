"""The options of a job in one place: time, cores and memory as numbers and texts, and flags, as keywords and later."""

import os
import pickle
from datetime import timedelta
from pathlib import Path

import pytest

import ppg
from tests.api.callbacks import nothing, write, write_all

# How each kind of job is declared with options; of cached jobs and plots the calculation has the resources.
KINDS = {
    "FileGeneratingJob": lambda **options: ppg.FileGeneratingJob("a", write, **options),
    "TempFileGeneratingJob": lambda **options: ppg.TempFileGeneratingJob("a", write, **options),
    "MultiFileGeneratingJob": lambda **options: ppg.MultiFileGeneratingJob(["a", "b"], write_all, **options),
    "MultiTempFileGeneratingJob": lambda **options: ppg.MultiTempFileGeneratingJob(
        ["a"], write_all, **options
    ),
    "ExternalJob": lambda **options: ppg.ExternalJob("a", ["true"], **options),
    "TempExternalJob": lambda **options: ppg.TempExternalJob("a", ["true"], **options),
    "DataLoadingJob": lambda **options: ppg.DataLoadingJob("a", nothing, **options),
    "AttributeLoadingJob": lambda **options: ppg.AttributeLoadingJob("a", HOLDER, "a", nothing, **options),
    "DictEntryLoadingJob": lambda **options: ppg.DictEntryLoadingJob("a", ENTRIES, "a", nothing, **options),
    "JobGeneratingJob": lambda **options: ppg.JobGeneratingJob("a", nothing, **options),
    "DependencyInjectionJob": lambda **options: ppg.DependencyInjectionJob("a", nothing, **options),
    "file": lambda **options: ppg.file("a", **options)(write),
    "temp_file": lambda **options: ppg.temp_file("a", **options)(write),
    "files": lambda **options: ppg.files(["a"], **options)(write_all),
    "temp_files": lambda **options: ppg.temp_files(["a"], **options)(write_all),
    "data": lambda **options: ppg.data("a", **options)(nothing),
    "generator": lambda **options: ppg.generator("a", **options)(nothing),
}
HALVES = {
    "CachedAttributeLoadingJob": lambda **options: ppg.CachedAttributeLoadingJob(
        "a", HOLDER, "a", nothing, **options
    ),
    "CachedDictEntryLoadingJob": lambda **options: ppg.CachedDictEntryLoadingJob(
        "a", ENTRIES, "a", nothing, **options
    ),
    "CachedDataLoadingJob": lambda **options: ppg.CachedDataLoadingJob("a", nothing, write, **options),
    "PlotJob": lambda **options: ppg.PlotJob("a.png", nothing, write, table_filename="a.tsv", **options),
}
HAVE_FILES = [name for name in KINDS if "File" in name or "file" in name or "External" in name]


class Holder:
    """What attributes are loaded on."""


HOLDER = Holder()
ENTRIES: dict[str, object] = {}


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_job_states_time_cores_memory_and_retries_as_keywords(graph, kind):
    job = KINDS[kind](timeout="10m", cores=4, memory="8GB", retries=2)
    assert (job.execution.timeout, job.execution.retries) == (600, 2)
    assert (job.cores_needed, job.memory_needed) == (4, 8_000_000_000)
    assert KINDS[kind](timeout=600, cores=4, memory=8_000_000_000, retries=2) is job, "it says the same"


@pytest.mark.parametrize("kind", HALVES)
def test_of_a_cached_job_or_plot_the_calculation_has_cores_and_memory(graph, kind):
    job = HALVES[kind](timeout="10m", cores=4, memory="8GB", retries=2, share=True)
    assert (job.cache_job.cores_needed, job.cache_job.memory_needed) == (4, 8_000_000_000)
    assert (job.cores_needed, job.memory_needed) == (1, -1), "the half that uses the value"
    assert [half.execution.timeout for half in (job, job.cache_job)] == [600, 600]
    assert job.cache_job.shares
    assert HALVES[kind](timeout="10m", cores=4, memory="8GB", retries=2, share=True) is job
    if kind == "PlotJob":
        assert (job.shares, job.table_job.shares) == (True, True)
        assert (job.table_job.cores_needed, job.table_job.memory_needed) == (1, -1)


@pytest.mark.parametrize("option", ["cores", "memory"])
def test_a_plot_of_data_that_another_job_calculates_has_no_resources_for_the_calculation(graph, option):
    plot = HALVES["PlotJob"](cores=4)
    with pytest.raises(
        TypeError, match=f"'b.png': {option} is an option of the calculation.*{option}_needed"
    ):
        plot.add_another_plot("b.png", write, **{option: 2})
    assert "b.png" not in graph


@pytest.mark.parametrize("kind", HAVE_FILES)
def test_every_kind_of_job_that_makes_files_shares_them_by_keyword(graph, kind):
    assert KINDS[kind](share=True).shares
    assert not KINDS[kind](share=True).share(wanted=False).shares


# -- time


@pytest.mark.parametrize(
    ("time", "seconds"),
    [
        (600, 600),
        (0.25, 0.25),
        ("90s", 90),
        ("10m", 600),
        ("10 min", 600),
        ("1.5h", 5400),
        (" 1H 30M ", 5400),
        ("1h30m", 5400),
        ("2d", 172_800),
        ("0.5s", 0.5),
        (timedelta(minutes=10), 600),
        (None, None),
    ],
)
def test_a_timeout_is_a_number_of_seconds_a_text_or_a_timedelta(graph, time, seconds):
    assert ppg.FileGeneratingJob("a", write, timeout=time).execution.timeout == seconds


@pytest.mark.parametrize(
    "time", ["", "10", "m", "10 parsecs", "-1s", "0s", "1m 1h", "1m 2m", "1e3s", "1.h", "10ms", "10m!"]
)
def test_another_text_is_no_time_and_the_error_shows_the_form(graph, time):
    with pytest.raises(ValueError, match=r"FileGeneratingJob 'a': timeout must be .*(10m|positive number)"):
        ppg.FileGeneratingJob("a", write, timeout=time)


@pytest.mark.parametrize("time", [True, [1], {"hours": 1}, b"10m"])
def test_another_object_is_no_time(graph, time):
    with pytest.raises(
        TypeError, match=r"'a': timeout must be a number of seconds, a text such as '90s'.*None"
    ):
        ppg.FileGeneratingJob("a", write, timeout=time)


@pytest.mark.parametrize("time", [0, -1, float("nan"), float("inf"), timedelta(0), timedelta(-1)])
def test_a_time_is_positive(graph, time):
    with pytest.raises(ValueError, match="'a': timeout must be a positive number of seconds"):
        ppg.FileGeneratingJob("a", write, timeout=time)


def test_a_timeout_as_text_ends_the_job(folder, failing_run):
    def hang(path):
        import time

        time.sleep(1000)

    error, _ = failing_run(lambda: ppg.FileGeneratingJob("a", hang, timeout="0.3s"))
    assert "timeout of 0.3 s" in str(error)


# -- cores


def test_all_cores_are_all_or_minus_one_as_keyword_and_later(graph):
    job = ppg.FileGeneratingJob("a", write, cores="all")
    assert ppg.FileGeneratingJob("a", write, cores=-1) is job
    assert job.cores_needed == -1
    assert job.use_cores(2).cores_needed == 2
    assert job.use_cores("all").cores_needed == -1
    job.cores_needed = 3
    assert job.cores_needed == 3
    job.cores_needed = "all"
    assert job.cores_needed == -1


@pytest.mark.parametrize(
    ("cores", "error", "named"),
    [
        (1.5, TypeError, "a whole number of cores, or 'all', not 1.5"),
        (4.0, TypeError, "a whole number"),
        ("4", TypeError, "a whole number of cores, or 'all', not '4'"),
        (True, TypeError, "a whole number"),
        (None, TypeError, "a whole number"),
        (0, ValueError, "1 or more, or 'all'"),
        (-2, ValueError, "1 or more, or 'all'"),
    ],
)
def test_another_value_is_no_number_of_cores_as_keyword_and_later(graph, cores, error, named):
    with pytest.raises(error, match=f"FileGeneratingJob 'a': cores must be {named}"):
        ppg.FileGeneratingJob("a", write, cores=cores)
    job = ppg.FileGeneratingJob("a", write)
    for change in (job.use_cores, lambda cores: setattr(job, "cores_needed", cores)):
        with pytest.raises(error, match=f"cores_needed of 'a' must be {named}"):
            change(cores)
    assert job.cores_needed == 1


def test_the_keyword_gives_the_job_its_cores(run, folder):
    def count(path):
        import os

        path.write_text(os.environ["OMP_NUM_THREADS"])

    run(lambda: ppg.FileGeneratingJob("a", count, cores=2), resource_coordinator=ppg.LocalSystem(2))
    assert (folder / "a").read_text() == "2"


# -- memory


@pytest.mark.parametrize("memory", ["8 G", "8", "lots", "", "0 GB"])
def test_a_text_that_is_no_memory_names_the_job_and_the_form(graph, memory):
    with pytest.raises(ValueError, match=r"DataLoadingJob 'a': memory must be .*byte"):
        ppg.DataLoadingJob("a", nothing, memory=memory)


@pytest.mark.parametrize(
    ("memory", "error"), [(8e9, TypeError), (True, TypeError), (0, ValueError), (-2, ValueError)]
)
def test_another_value_is_no_memory(graph, memory, error):
    with pytest.raises(error, match="'a': memory must be"):
        ppg.FileGeneratingJob("a", write, memory=memory)


@pytest.mark.parametrize("memory", [None, -1])
def test_memory_need_not_be_stated(graph, memory):
    job = ppg.FileGeneratingJob("a", write)
    assert ppg.FileGeneratingJob("a", write, memory=memory) is job
    assert job.memory_needed == -1


def test_the_keyword_limits_the_job_as_the_attribute_does(run):
    with pytest.raises(ppg.RuntimeError) as caught:
        run(lambda: ppg.FileGeneratingJob("too large", write, memory="900 TB"))
    assert list(caught.value.exceptions) == ["too large"]


# -- both places


@pytest.mark.parametrize("options", [{"cores": 4}, {"memory": "1 GB"}, {"timeout": "1m"}, {"retries": 1}])
def test_a_second_declaration_with_another_option_is_an_error_that_names_it(graph, options):
    ppg.FileGeneratingJob("a", write, **options)
    (name,) = options
    with pytest.raises(ppg.JobContractError, match=f"declared twice, with another {name}"):
        ppg.FileGeneratingJob("a", write)


def test_what_was_set_later_is_no_part_of_the_declaration(graph):
    job = ppg.FileGeneratingJob("a", write).use_cores(4)
    job.memory_needed = "1 GB"
    assert ppg.FileGeneratingJob("a", write) is job
    assert (job.cores_needed, job.memory_needed) == (4, 1_000_000_000)


def test_generated_jobs_have_their_keywords_too(run, folder):
    def count(path):
        import os

        path.write_text(os.environ["OMP_NUM_THREADS"])

    def declare():
        ppg.JobGeneratingJob("generator", lambda: ppg.FileGeneratingJob("a", count, cores=2, memory="1 MB"))

    run(declare, resource_coordinator=ppg.LocalSystem(2))
    assert (folder / "a").read_text() == "2"


def test_options_are_no_change(run):
    run(lambda: ppg.FileGeneratingJob("a", write))
    changed = {"timeout": "10m", "cores": 2, "memory": "1 MB", "retries": 2}
    assert run(lambda: ppg.FileGeneratingJob("a", write, **changed)).ran == []


# -- flags


@pytest.mark.parametrize("name", ["rename_broken", "empty_ok", "cutoff", "shares"])
@pytest.mark.parametrize("kind", [*HAVE_FILES, "PlotJob"])
def test_a_flag_can_be_set_later_to_true_and_false_only(graph, kind, name):
    job = (KINDS | HALVES)[kind]()
    before = getattr(job, name)
    for wrong in ("yes", 1, None):
        with pytest.raises(TypeError, match=f"{name} of '{job.job_id}' must be True or False, not {wrong!r}"):
            setattr(job, name, wrong)
    assert getattr(job, name) is before
    setattr(job, name, not before)
    assert getattr(job, name) is not before


def test_a_misspelt_option_is_refused_and_the_error_lists_the_options(graph):
    with pytest.raises(TypeError, match=r"'a' has no option 'core'.*timeout, retries, cores, memory"):
        ppg.FileGeneratingJob("a", write, core=4)
    job = ppg.FileGeneratingJob("a", write)
    with pytest.raises(AttributeError):
        job.empty_okay = True


def test_a_flag_that_was_set_later_counts(run, folder):
    def declare():
        ppg.FileGeneratingJob("a", lambda path: path.touch()).empty_ok = True

    assert run(declare).ran == ["a"]
    assert run(declare).ran == []


# -- paths


def test_jobs_of_one_file_are_paths(graph, folder):
    plot = HALVES["PlotJob"]()
    jobs = {
        "out/a": ppg.FileGeneratingJob(folder / "out" / "a", write),
        "b": ppg.TempFileGeneratingJob("b", write),
        "c": ppg.ExternalJob("c", ["true"]),
        "a.png": plot,
        "a.tsv": plot.table_job,
        "cache/a.png.pickle": plot.cache_job,
        "d": ppg.FileChecksumInvariant("d"),
        "e": ppg.FileTimeInvariant("e"),
        "f": ppg.MultiFileGeneratingJob(["f", "g"], write_all)["f"],
    }
    for name, job in jobs.items():
        assert isinstance(job, os.PathLike)
        assert (os.fspath(job), Path(job), job.path) == (name, Path(name), Path(name))


def test_a_file_of_a_job_counts_and_is_pickled_with_its_path_as_a_text(graph):
    file = ppg.MultiFileGeneratingJob({"x": "a", "y": "b"}, nothing)["x"]
    assert file.__reduce_ex__(2)[2] == (None, {"job": file.job, "path": "a"}), "fingerprints contain it"
    assert pickle.loads(pickle.dumps(file)).path == Path("a")


def test_a_job_of_one_file_is_opened_as_its_file(run, folder):
    job = run(lambda: ppg.FileGeneratingJob("a", write)) and ppg.current_pipegraph().job("a")
    with open(job) as file:
        assert file.read() == Path(job).read_text()


def test_a_program_of_several_files_is_no_path(graph):
    job = ppg.ExternalJob({"x": "a", "y": "b"}, ["true"])
    with pytest.raises(TypeError, match=r'makes 2 files, so name one: job\["x"\]'):
        os.fspath(job)
    with pytest.raises(AttributeError, match=r'makes 2 files, so name one: job\["x"\]'):
        _ = job.path


def test_a_job_is_depended_on_as_the_job_that_it_is_and_not_as_its_path(graph):
    job = ppg.FileGeneratingJob("a", write)
    assert list(ppg.FileGeneratingJob("b", write).depends_on_file(job).upstreams) == [job]
    assert list(
        ppg.FileGeneratingJob("c", write).depends_on_file(ppg.ExternalJob(["x", "y"], ["true"])).upstreams
    )
    ppg.new_pipegraph(quiet=True)
    ppg.FileGeneratingJob("a", write)
    with pytest.raises(ppg.PyPipelineGraphError, match="another pipegraph"):
        ppg.FileGeneratingJob("b", write).depends_on(job)


@pytest.mark.parametrize(
    ("declare", "named"),
    [
        (lambda job: ppg.FileGeneratingJob(job, write), "output_filename"),
        (lambda job: ppg.MultiFileGeneratingJob([job], write_all), "filenames"),
        (lambda job: ppg.ExternalJob(job, ["true"]), "filenames"),
        (lambda job: ppg.FileChecksumInvariant(job), "filename"),
        (lambda job: ppg.PlotJob("a.png", nothing, write, table_filename=job), "table_filename"),
        (lambda job: ppg.ExternalJob("x", ["true"], environment={"INDEX": job}), "environment: INDEX"),
        (lambda job: ppg.ExternalJob("x", ["true"], working_directory=job), "working_directory"),
        (lambda job: ppg.ToolVersionInvariant([job, "--version"]), "command"),
        (lambda job: ppg.new_pipegraph(cache_folder=job), "cache_folder"),
    ],
)
def test_a_job_is_no_name_of_a_file_where_no_dependency_would_come_of_it(graph, declare, named):
    job = ppg.FileGeneratingJob("a", write)
    with pytest.raises(
        TypeError, match=f"{named} must .*not the job <FileGeneratingJob 'a'>; depend on that job"
    ):
        declare(job)
