"""The public names of `ppg`: all are there, take the arguments that the documentation names, and every job has the same."""

import builtins
import inspect

import pytest

import ppg
from tests.api.callbacks import nothing, write, write_all

NAMES = [
    "new_pipegraph",
    "run_pipegraph",
    "new_pipeline",
    "run",
    "Pipegraph",
    "ParameterInvariant",
    "FileTimeInvariant",
    "FileChecksumInvariant",
    "FunctionInvariant",
    "FileGeneratingJob",
    "MultiFileGeneratingJob",
    "TempFileGeneratingJob",
    "AttributeLoadingJob",
    "DataLoadingJob",
    "JobGeneratingJob",
    "DependencyInjectionJob",
    "PlotJob",
    "CachedJob",
    "CachedAttributeLoadingJob",
    "CachedDataLoadingJob",
    "PyPipelineGraphError",
    "PyPipeGraphError",
    "RuntimeError",
    "JobContractError",
    "CycleError",
    "JobDiedException",
    "LocalSystem",
]


class Genome:
    """What attributes are loaded on."""


GENOME = Genome()


POSITIONAL = {
    "ParameterInvariant": {"job_id": "p", "parameters": (1, 2)},
    "FileTimeInvariant": {"filename": "input"},
    "FileChecksumInvariant": {"filename": "input"},
    "FunctionInvariant": {"job_id": "f", "function": nothing},
    "FileGeneratingJob": {"output_filename": "a", "function": write, "rename_broken": True, "empty_ok": True},
    "MultiFileGeneratingJob": {
        "filenames": ["a", "b"],
        "function": write_all,
        "rename_broken": True,
        "empty_ok": True,
    },
    "TempFileGeneratingJob": {"output_filename": "a", "function": write, "rename_broken": True},
    "AttributeLoadingJob": {
        "job_id": "load",
        "object": GENOME,
        "attribute_name": "sequence",
        "callback": nothing,
    },
    "DataLoadingJob": {"job_id": "load", "callback": nothing},
    "JobGeneratingJob": {"job_id": "generator", "callback": nothing},
    "DependencyInjectionJob": {"job_id": "injector", "callback": nothing},
    "PlotJob": {"output_filename": "a.png", "calc_function": nothing, "plot_function": write},
    "CachedAttributeLoadingJob": {
        "cache_filename": "cache/a",
        "object": GENOME,
        "attribute_name": "sequence",
        "function": nothing,
    },
    "CachedDataLoadingJob": {"cache_filename": "cache/a", "calc_function": nothing, "load_function": write},
}


@pytest.mark.parametrize("name", NAMES)
def test_every_documented_name_can_be_imported(name):
    space = {}
    exec(f"from ppg import {name}", space)
    assert space[name] is getattr(ppg, name)
    # A star import is not to hide the RuntimeError of Python.
    assert name in ppg.__all__ or name == "RuntimeError"
    assert name in dir(ppg)


@pytest.mark.parametrize("kind", POSITIONAL)
def test_every_kind_of_job_takes_its_documented_arguments_in_that_order_and_by_name(folder, kind):
    ppg.new_pipegraph(quiet=True)
    arguments = POSITIONAL[kind]
    job = getattr(ppg, kind)(*arguments.values())
    assert getattr(ppg, kind)(**arguments) is job, "the same declaration is the same job"


def test_the_short_forms_are_the_long_ones():
    assert ppg.new_pipeline is ppg.new_pipegraph
    assert ppg.run is ppg.run_pipegraph


def test_the_current_pipegraph_is_a_convenience_on_top_of_the_explicit_one(folder):
    current = ppg.new_pipegraph(quiet=True)
    assert isinstance(current, ppg.Pipegraph)
    other = ppg.Pipegraph(
        quiet=True, root=folder / "other", invariant_status_filename=folder / "other status"
    )
    (folder / "other").mkdir()
    job = ppg.FileGeneratingJob("a", write, pipegraph=other)
    assert job.pipegraph is other
    assert "a" not in current
    assert other.run().ran == ["a"]
    assert ppg.current_pipegraph() is current
    assert ppg.run_pipegraph().ran == []
    assert (folder / "other" / "a").read_text() == "x"
    given = inspect.signature(ppg.new_pipegraph).parameters
    assert list(given) == list(inspect.signature(ppg.Pipegraph.__init__).parameters)[1:]


def test_every_error_is_a_pypipelinegrapherror():
    assert ppg.PyPipeGraphError is ppg.PyPipelineGraphError
    for error in (ppg.RuntimeError, ppg.JobContractError, ppg.CycleError, ppg.JobDiedException):
        assert issubclass(error, ppg.PyPipelineGraphError)
    assert issubclass(ppg.RuntimeError, builtins.RuntimeError)


def test_a_cached_job_is_known_by_its_kind(folder):
    ppg.new_pipegraph(quiet=True)
    assert isinstance(ppg.CachedDataLoadingJob("a", nothing, write), ppg.CachedJob)
    assert isinstance(ppg.CachedAttributeLoadingJob("b", GENOME, "b", nothing), ppg.CachedJob)


def test_a_local_system_is_limited_in_cores(run, writer):
    def declare():
        ppg.FileGeneratingJob("a", writer("A")).use_cores(-1)

    assert run(declare, resource_coordinator=ppg.LocalSystem(max_cores_to_use=1)).ran == ["a"]


# -- on every job


def jobs_of_all_kinds():
    """One job of each kind, and `last`, which needs all of them that make something."""
    genome = Genome()
    ppg.ParameterInvariant("p", 1)
    ppg.FileChecksumInvariant("input")
    ppg.FileTimeInvariant("other input")
    ppg.FunctionInvariant("f", nothing)
    made = [
        ppg.FileGeneratingJob("file", write),
        ppg.MultiFileGeneratingJob(["m1", "m2"], write_all),
        ppg.TempFileGeneratingJob("temp", write),
        ppg.AttributeLoadingJob("attribute", genome, "a", nothing),
        ppg.DataLoadingJob("data", nothing),
        ppg.JobGeneratingJob("generator", nothing),
        ppg.DependencyInjectionJob("injector", nothing),
        ppg.CachedAttributeLoadingJob("c1", genome, "b", lambda: 1),
        ppg.CachedDataLoadingJob("c2", lambda: 1, lambda value: None),
    ]
    ppg.FileGeneratingJob("last", write).depends_on(made)


def test_every_job_has_its_result_after_a_run(folder, account):
    (folder / "input").touch()
    (folder / "other input").touch()
    graph = ppg.new_pipegraph(quiet=True)
    jobs_of_all_kinds()
    graph.run()
    for job in graph:
        assert (job.failed, job.exception, job.traceback, job.stdout, job.stderr) == (
            False,
            None,
            None,
            "",
            "",
        ), job
        observes = isinstance(
            job,
            (ppg.ParameterInvariant, ppg.FileChecksumInvariant, ppg.FileTimeInvariant, ppg.FunctionInvariant),
        )
        assert job.was_run is not observes, job
        assert bool(job.reasons) is not observes, job
        assert (job.runtime is None) is observes, job
        assert (job.peak_memory is None) is observes, job


def test_a_failed_job_has_its_exception_its_traceback_and_what_was_written(failing_run):
    def fail(path):
        import os

        os.write(1, b"to stdout")
        os.write(2, b"to stderr")
        raise KeyError("no luck")

    _error, graph = failing_run(lambda: ppg.FileGeneratingJob("a", fail))
    job = graph.job("a")
    assert (job.failed, job.was_run) == (True, True)
    assert isinstance(job.exception, KeyError)
    assert 'raise KeyError("no luck")' in job.traceback
    assert (job.stdout, job.stderr) == ("to stdout", "to stderr")
    assert job.runtime > 0


@pytest.mark.parametrize("kind", POSITIONAL)
def test_every_job_can_be_given_resources_and_left_out_of_the_run(folder, kind):
    ppg.new_pipegraph(quiet=True)
    job = getattr(ppg, kind)(**POSITIONAL[kind])
    assert (job.cores_needed, job.memory_needed) == (1, -1)
    assert job.use_cores(3) is job
    if hasattr(job, "cache_job"):
        assert (job.cores_needed, job.cache_job.cores_needed) == (1, 3), "the calculation has them"
        job.cores_needed = 3
    job.memory_needed = 10_000_000
    assert (job.cores_needed, job.memory_needed) == (3, 10_000_000)
    job.cores_needed = -1
    assert job.cores_needed == -1
    assert job.prune() is job
    assert job.unprune() is job
    for wrong in (0, -2):
        with pytest.raises(ValueError, match="memory_needed"):
            job.memory_needed = wrong
        with pytest.raises(ValueError, match="cores_needed"):
            job.cores_needed = wrong
    with pytest.raises(TypeError, match="memory_needed"):
        job.memory_needed = 1.5
    job.memory_needed = "1.5 GB"
    assert job.memory_needed == 1_500_000_000


@pytest.mark.parametrize(
    "kind", [name for name in POSITIONAL if "Invariant" not in name and not name.startswith("Cached")]
)
def test_every_job_that_works_takes_dependencies_and_gives_itself_back(folder, kind):
    ppg.new_pipegraph(quiet=True)
    upstream = ppg.FileGeneratingJob("upstream", write)
    job = getattr(ppg, kind)(**POSITIONAL[kind])
    assert job.depends_on(upstream, [upstream, (None, iter([upstream]))], None) is job
    assert job.depends_on_params({"x": 1}) is job
    assert job.depends_on_file("input") is job
    assert job.depends_on_func(nothing) is job
    assert job.ignore_code_changes() is job
    needing = job.cache_job if kind == "PlotJob" else job
    assert [type(one).__name__ for one in needing.upstreams] == [
        "FileGeneratingJob",
        "ParameterInvariant",
        "FunctionInvariant",
        "FileChecksumInvariant",
    ]
    user = ppg.FileGeneratingJob("user", write)
    assert list(user.depends_on(job + upstream, [upstream] + job, job + [upstream]).upstreams) == [
        job,
        upstream,
    ]


def test_a_star_import_hides_no_name_of_python_and_no_class_of_events():
    names: dict[str, object] = {}
    exec("from ppg import *", names)
    assert not (names.keys() - {"__builtins__"}) & vars(builtins).keys()
    assert not names.keys() & set(ppg.events.__all__)
    assert names["RunFailed"] is ppg.RuntimeError


def test_the_classes_of_events_have_their_old_names_too():
    for name in ppg.events.__all__:
        assert getattr(ppg, name) is getattr(ppg.events, name)


INTERNAL = {
    "Job": "node join take_over named_inputs",
    "CallbackJob": "pass_to_callback callback_arguments",
    "FileGeneratingJob": "absolute_files file_names reading",
    "MultiFileGeneratingJob": "declared_path",
    "StoredValueJob": "code_of_reading",
    "FileChecksumInvariant": "is_chosen",
    "JobFile": "part",
    "Pipegraph": (
        "admit take_generated add_dependency add_file_dependency add_parameter_dependency add_function_dependency add_read "
        "observe_awaited read_value require_declaring require_member require_own nodes_of job_at loader_of id_of unknown "
        "has makes maker_of file_id labels complete was_completed has_results last_result run_targets pruned"
    ),
}


@pytest.mark.parametrize("name", INTERNAL)
def test_what_only_ppg_itself_uses_is_no_public_attribute(graph, name):
    """Neither of the class, nor of its objects; the private one is there, so nothing is asserted of a misspelt name."""
    job = ppg.FileGeneratingJob("a", write)
    several = ppg.MultiFileGeneratingJob(["b", "c"], write_all)
    objects = {
        "Job": job,
        "CallbackJob": job,
        "FileGeneratingJob": job,
        "MultiFileGeneratingJob": several,
        "StoredValueJob": ppg.StoredValueJob("v", lambda: 1),
        "FileChecksumInvariant": ppg.FileChecksumInvariant("input"),
        "JobFile": several["b"],
        "Pipegraph": graph,
    }
    for attribute in INTERNAL[name].split():
        assert hasattr(objects[name], f"_{attribute}"), attribute
        assert attribute not in dir(objects[name])
        assert not hasattr(getattr(ppg, name), attribute), attribute


def test_a_job_of_an_older_ppg_is_unpickled_with_its_attributes_that_were_public():
    kept = ppg.unadmitted(ppg.FileChecksumInvariant, "input", pipegraph=ppg.Pipegraph(quiet=True))
    _, state = kept.__getstate__()
    older = {name.removeprefix("_") if name == "_is_chosen" else name: value for name, value in state.items()}
    assert "is_chosen" in older
    again = object.__new__(ppg.FileChecksumInvariant)
    again.__setstate__((None, {**older, "node": 3}))
    assert (again._is_chosen, again._node, again.job_id) == (False, 3, "input")


def test_a_kind_of_the_users_own_may_have_attributes_that_ppg_had_once():
    class Own(ppg.FileGeneratingJob):
        __slots__ = ("node",)

    own = ppg.unadmitted(Own, "a", write, pipegraph=ppg.Pipegraph(quiet=True))
    own.node = "of the user"
    again = object.__new__(Own)
    again.__setstate__(own.__getstate__())
    assert again.node == "of the user"
