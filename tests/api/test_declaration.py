"""Declaring jobs: identity, names of files, dependencies, and the errors that say what is wrong."""

import functools
import pickle
from pathlib import Path

import pytest

import ppg


@pytest.fixture(autouse=True)
def graph(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return ppg.new_pipegraph(quiet=True)


def write(path):
    path.write_text("x")


def write_all(paths):
    for path in paths:
        path.write_text("x")


def test_a_job_before_new_pipegraph_is_an_error_that_says_to_call_it(monkeypatch):
    monkeypatch.setattr(ppg.jobs.current.SESSION, "pipegraph", None)
    with pytest.raises(ppg.PyPipelineGraphError, match="new_pipegraph"):
        ppg.FileGeneratingJob("a", write)
    with pytest.raises(ppg.PyPipelineGraphError, match="new_pipegraph"):
        ppg.run_pipegraph()


def test_all_spellings_of_a_path_are_one_job(tmp_path):
    job = ppg.FileGeneratingJob("a", write)
    for spelling in ("./a", "x/../a", str(tmp_path / "a"), Path("a"), f"../{tmp_path.name}/a"):
        assert ppg.FileGeneratingJob(spelling, write) is job
    assert job.job_id == "a"


def test_a_file_outside_of_the_root_has_one_id_too(tmp_path):
    job = ppg.FileGeneratingJob("../b", write)
    assert ppg.FileGeneratingJob(tmp_path.parent / "b", write) is job
    assert job.job_id == "../b"


def test_the_same_job_declared_again_is_the_same_object():
    def declare(text):
        return ppg.FileGeneratingJob("a", lambda path: path.write_text(text))

    assert declare("x") is declare("x")


def test_the_same_job_with_another_function_is_an_error_that_shows_both_places():
    ppg.FileGeneratingJob("a", lambda path: path.write_text("x"))
    with pytest.raises(ppg.JobContractError, match="function") as caught:
        ppg.FileGeneratingJob("a", lambda path: path.write_text("y"))
    assert str(caught.value).count("test_declaration.py:") == 2


def test_the_same_job_with_other_options_is_an_error_that_names_the_option():
    ppg.FileGeneratingJob("a", write)
    with pytest.raises(ppg.JobContractError, match="empty_ok"):
        ppg.FileGeneratingJob("a", write, empty_ok=True)


def test_two_jobs_of_different_kinds_for_one_file_are_an_error_naming_both():
    ppg.FileChecksumInvariant("a")
    with pytest.raises(ppg.JobContractError, match=r"FileChecksumInvariant.*FileGeneratingJob"):
        ppg.FileGeneratingJob("a", write)


def test_two_jobs_that_declare_one_file_are_an_error_naming_both():
    ppg.MultiFileGeneratingJob(["a", "b"], write)
    with pytest.raises(ppg.JobContractError, match=r"'b'.*MultiFileGeneratingJob.*FileGeneratingJob"):
        ppg.FileGeneratingJob("b", write)
    ppg.FileGeneratingJob("c", write)
    with pytest.raises(ppg.JobContractError, match=r"'c'.*FileGeneratingJob.*MultiFileGeneratingJob"):
        ppg.MultiFileGeneratingJob(["c", "d"], write)


def test_observing_a_file_that_a_multi_file_job_makes_is_an_error():
    ppg.MultiFileGeneratingJob(["a", "b"], write)
    with pytest.raises(ppg.JobContractError, match="depend on that job"):
        ppg.FileChecksumInvariant("a")


def test_a_function_invariant_with_the_same_id_and_another_function_is_an_error():
    ppg.FunctionInvariant("f", lambda: 1)
    with pytest.raises(ppg.JobContractError, match="function"):
        ppg.FunctionInvariant("f", lambda: 2)


def test_bound_methods_compare_by_their_function_not_by_the_instance():
    class Sample:
        def method(self):
            return 1

    first = ppg.FunctionInvariant("f", Sample().method)
    assert ppg.FunctionInvariant("f", Sample().method) is first


def test_a_parameter_invariant_with_the_same_id_and_another_value_is_an_error():
    ppg.ParameterInvariant("p", 1)
    with pytest.raises(ppg.JobContractError, match="parameters"):
        ppg.ParameterInvariant("p", 2)


def test_depends_on_takes_jobs_names_nested_iterables_and_none():
    a, b, c, d = (ppg.FileGeneratingJob(name, write) for name in "abcd")
    assert d.depends_on(a, [None, (b, iter(["c"]))], None) is d
    assert list(d.upstreams) == [a, b, c]
    assert list(a.downstreams) == [d]


def test_a_set_of_jobs_is_taken_in_the_order_of_declaration():
    jobs = [ppg.FileGeneratingJob(f"in{i}", write) for i in range(20)]
    assert list(ppg.FileGeneratingJob("out", write).depends_on(set(jobs)).upstreams) == jobs


def test_jobs_and_iterables_of_jobs_add_up():
    a, b, c = (ppg.FileGeneratingJob(name, write) for name in "abc")
    assert a + b == [a, b]
    assert a + [b, c] == [a, b, c]
    assert [a, b] + c == [a, b, c]
    assert a + b + c == [a, b, c]
    assert list(ppg.FileGeneratingJob("d", write).depends_on(a + b).upstreams) == [a, b]


def test_a_file_that_no_job_makes_suggests_a_file_invariant():
    with pytest.raises(ppg.PyPipelineGraphError, match="no job makes it") as caught:
        ppg.FileGeneratingJob("a", write).depends_on("input")
    for remedy in ("declare that job first", "FileChecksumInvariant('input')", "depends_on_file('input')"):
        assert remedy in str(caught.value)


def test_depends_on_file_takes_the_job_that_makes_it_or_observes_the_file():
    a = ppg.FileGeneratingJob("a", write)
    b = ppg.FileGeneratingJob("b", write).depends_on_file("a").depends_on_file("input")
    assert b.upstreams[0] is a
    assert isinstance(b.upstreams[1], ppg.FileChecksumInvariant)


def test_a_job_of_another_pipegraph_is_refused():
    old = ppg.FileGeneratingJob("a", write)
    ppg.new_pipegraph(quiet=True)
    with pytest.raises(ppg.PyPipelineGraphError, match="another pipegraph"):
        ppg.FileGeneratingJob("b", write).depends_on(old)


def test_an_invariant_cannot_depend_on_anything():
    a = ppg.FileGeneratingJob("a", write)
    with pytest.raises(ppg.JobContractError, match="only observes"):
        ppg.ParameterInvariant("p", 1).depends_on(a)


def test_contradictory_parameters_are_told_with_the_lines_of_the_script():
    a = ppg.FileGeneratingJob("a", write).depends_on_params([1])
    with pytest.raises(ppg.JobContractError) as caught:
        a.depends_on_params([2])
    assert str(caught.value).count(f"{Path(__file__).name}:") == 2


def test_a_job_cannot_depend_on_itself():
    a = ppg.FileGeneratingJob("a", write)
    for depend in (lambda: a.depends_on(a), lambda: a.depends_on("./a"), lambda: a.depends_on_file("a")):
        with pytest.raises(ppg.CycleError, match="itself: a → a;") as caught:
            depend()
        assert caught.value.path == ("a", "a")
        assert f"'a' is declared at {__file__}:" in str(caught.value)
    assert list(a.upstreams) == []


@pytest.mark.parametrize("younger_first", [True, False])
def test_two_jobs_that_depend_on_each_other_are_refused_at_the_second_dependency(graph, younger_first):
    a = ppg.FileGeneratingJob("a", write).depends_on_params(1)
    b = ppg.MultiFileGeneratingJob(["b", "c"], write_all)
    ppg.FileGeneratingJob("d", write).depends_on(a, b).depends_on(a)
    one, other = (b, a) if younger_first else (a, b)
    other.depends_on(one)
    with pytest.raises(ppg.CycleError, match="remove one of these dependencies") as caught:
        one.depends_on(other, None)
    path = caught.value.path
    assert path == (other.job_id, one.job_id, other.job_id)
    assert " → ".join(path) in str(caught.value)
    for job in (a, b):
        assert f"'{job.job_id}' is declared at {__file__}:{job.declared_at[1]}" in str(caught.value)
    if one is a:
        with pytest.raises(ppg.CycleError, match="b:c → a"):
            a.depends_on(b["c"])
        with pytest.raises(ppg.CycleError, match="b:c → a"):
            a.depends_on("c")
    assert list(one.upstreams) == [job for job in one.upstreams if isinstance(job, ppg.ParameterInvariant)]
    assert graph.run().ran == ["a", "b:c", "d"]


def test_a_cycle_error_survives_a_process():
    error = pickle.loads(pickle.dumps(ppg.CycleError(["a", "b", "a"], {"a": "script.py:1"})))
    assert (error.path, error.places) == (("a", "b", "a"), {"a": "script.py:1"})
    assert "'a' is declared at script.py:1" in str(error)


@pytest.mark.parametrize(
    ("declare", "error", "named"),
    [
        (lambda: ppg.FileGeneratingJob(1, write), TypeError, "output_filename"),
        (lambda: ppg.FileGeneratingJob(b"a", write), TypeError, "output_filename"),
        (lambda: ppg.FileGeneratingJob("", write), ValueError, "output_filename"),
        (lambda: ppg.FileGeneratingJob("folder/", write), ValueError, "output_filename"),
        (lambda: ppg.FileGeneratingJob("\ud800", write), ValueError, "output_filename"),
        (lambda: ppg.FileGeneratingJob("a", "write"), TypeError, "callable"),
        (lambda: ppg.FileGeneratingJob("a", Path), TypeError, "class Path"),
        (lambda: ppg.FileGeneratingJob("a", lambda x, y: None), TypeError, "2 arguments"),
        (lambda: ppg.FileGeneratingJob("a", passing_on(lambda x, y: None)), TypeError, "2 arguments"),
        (lambda: ppg.MultiFileGeneratingJob("a", write), TypeError, "filenames"),
        (lambda: ppg.MultiFileGeneratingJob([], write), ValueError, "filenames"),
        (lambda: ppg.MultiFileGeneratingJob(["a", "./a"], write), ValueError, "twice"),
        (lambda: ppg.ParameterInvariant(1, 2), TypeError, "job_id"),
        (lambda: ppg.ParameterInvariant("p", object()), TypeError, "parameters"),
        (lambda: ppg.FunctionInvariant("f", 1), TypeError, "callable"),
        (lambda: ppg.FileGeneratingJob("a", write).depends_on(1), TypeError, "int"),
        (lambda: ppg.FileGeneratingJob("a", write).use_cores(0), ValueError, "cores_needed"),
        (lambda: ppg.FileGeneratingJob("a", write).use_cores(1.5), TypeError, "cores_needed"),
    ],
)
def test_a_wrong_argument_is_named_at_the_definition(declare, error, named):
    with pytest.raises(error, match=named):
        declare()


def test_the_file_of_a_multi_file_job_is_found_by_name_and_by_path():
    job = ppg.MultiFileGeneratingJob({"x": "out/x", "y": "out/y"}, write)
    assert job["x"].path == "out/x"
    assert job["out/y"].path == "out/y"
    with pytest.raises(KeyError, match="out/z"):
        job["out/z"]


def test_a_cycle_is_shown_before_any_callback_runs(tmp_path):
    a, b, c = (ppg.FileGeneratingJob(name, write) for name in "abc")
    a.depends_on(c)
    b.depends_on(a)
    c.depends_on(b)
    with pytest.raises(ppg.CycleError) as caught:
        ppg.run_pipegraph()
    path = caught.value.path
    assert path[0] == path[-1]
    assert set(path) == {"a", "b", "c"}
    assert not (tmp_path / "a").exists()


def test_a_cycle_of_many_jobs_hits_no_recursion_limit():
    jobs = [ppg.FileGeneratingJob(f"{i}", write) for i in range(100_000)]
    for upstream, downstream in zip(jobs, jobs[1:], strict=False):
        downstream.depends_on(upstream)
    jobs[0].depends_on(jobs[-1])
    with pytest.raises(ppg.CycleError) as caught:
        ppg.run_pipegraph()
    assert len(caught.value.path) == 100_001
    assert len(str(caught.value)) < 2_000


def passing_on(function):
    @functools.wraps(function)
    def wrapper(*arguments, **options):
        return function(*arguments, **options)

    return wrapper


def passing_nothing_on(function):
    @functools.wraps(function)
    def wrapper():
        return function("a")

    return wrapper


@pytest.mark.parametrize(
    "callback",
    [
        lambda: None,
        lambda *rest: None,
        passing_on(lambda name="x": None),
        passing_nothing_on(write),
        lambda name="x": None,
        functools.partial(write, Path("a")),
        print,
    ],
)
def test_a_callback_without_required_arguments_is_called_without(callback):
    assert ppg.FileGeneratingJob("a", callback).callback_arguments == ()


class Writer:
    def method(self, path):
        write(path)

    def __call__(self, path):
        write(path)


@pytest.mark.parametrize(
    "callback",
    [
        write,
        lambda path, name="x": None,
        Writer().method,
        Writer(),
        functools.partial(lambda a, path: None, 1),
        passing_on(write),
        functools.partial(passing_on(lambda a, path: None), 1),
    ],
)
def test_a_callback_with_one_required_argument_gets_the_path(callback):
    assert ppg.FileGeneratingJob("a", callback).callback_arguments == (Path("a"),)


def test_a_multi_file_callback_gets_what_filenames_was():
    listed = ppg.MultiFileGeneratingJob(["b", "a"], write)
    named = ppg.MultiFileGeneratingJob({"x": "c", "y": "d"}, write)
    assert listed.callback_arguments == ([Path("b"), Path("a")],)
    assert named.callback_arguments == ({"x": Path("c"), "y": Path("d")},)


def test_every_callback_has_its_function_invariant_unless_code_changes_are_ignored(graph):
    a = ppg.FileGeneratingJob("a", write)
    b = ppg.FileGeneratingJob("b", write).ignore_code_changes()
    graph.complete()
    (function,) = a.upstreams
    assert isinstance(function, ppg.FunctionInvariant)
    assert not b.upstreams


def test_asking_for_the_story_of_a_job_before_the_run_is_an_error():
    with pytest.raises(ppg.PyPipelineGraphError, match="not run yet"):
        _ = ppg.FileGeneratingJob("a", write).failed
