"""Invariants of parameters and functions are called what the user likes: also what a job or a file is called."""

from pathlib import Path

import pytest

import ppg
from ppg.inspect.why import why_from_graph, why_from_store
from ppg.paths import normalised
from ppg_graph import draw


def declare_b(account, *, parameters, function, other_first=False):
    """The idiom of old scripts: the file, its parameters and a function that it calls have one name."""

    def make(path):
        account.ran("B")
        path.write_text("B")

    def observe():
        return ppg.ParameterInvariant("B", parameters), ppg.FunctionInvariant("B", function)

    if other_first:
        observed = observe()
        return ppg.FileGeneratingJob("B", make).depends_on(observed)
    return ppg.FileGeneratingJob("B", make).depends_on(observe())


def test_parameters_and_a_function_may_be_called_like_the_file_that_depends_on_them(run, account):
    def first():
        return 1

    def second():
        return 2

    run(lambda: declare_b(account, parameters=(1, 2), function=first))
    assert account.taken() == ["B"]
    run(lambda: declare_b(account, parameters=(1, 2), function=first, other_first=True))
    assert account.taken() == []
    changed = run(lambda: declare_b(account, parameters=(1, 3), function=first))
    assert changed["B"].reasons == ("parameters[1]: 2 → 3",)
    changed = run(lambda: declare_b(account, parameters=(1, 3), function=second))
    assert changed["B"].reasons == ("second() changed",)


def test_they_may_be_called_like_any_other_job_too_whichever_comes_first_or_goes(run, account, writer):
    def declare(*, with_loads):
        parameter = ppg.ParameterInvariant("x", 1)
        if with_loads:
            ppg.DataLoadingJob("x", lambda: None)
            ppg.FileGeneratingJob("PI", writer("PI")).depends_on(
                "a" if "a" in ppg.current_pipegraph() else None
            )
        ppg.FileGeneratingJob("a", writer("A")).depends_on(parameter, ppg.FunctionInvariant("a", len))

    run(lambda: declare(with_loads=False))
    assert account.taken() == ["a"]
    run(lambda: declare(with_loads=True))
    assert account.taken() == ["PI"]
    run(lambda: declare(with_loads=False))
    assert account.taken() == []


def test_the_names_of_parameters_and_of_functions_are_two_name_spaces(folder):
    ppg.new_pipegraph(quiet=True)
    parameter, function = ppg.ParameterInvariant("x", 1), ppg.FunctionInvariant("x", len)
    assert (parameter.job_id, function.job_id) == ("PI:x", "function:x")
    assert ppg.ParameterInvariant("x", 1) is parameter
    assert ppg.FunctionInvariant("x", len) is function


def test_the_path_of_a_file_is_a_name_as_well(folder):
    ppg.new_pipegraph(quiet=True)
    assert ppg.ParameterInvariant(Path("out/x"), 1) is ppg.ParameterInvariant("out/x", 1)
    assert ppg.FunctionInvariant(Path("out/x"), len) is ppg.FunctionInvariant("out/x", len)
    with pytest.raises(TypeError, match="job_id must be a str"):
        ppg.ParameterInvariant(3, 1)


def test_other_parameters_of_the_same_name_are_a_contradiction_also_in_the_short_form(folder, account):
    ppg.new_pipegraph(quiet=True)
    job = declare_b(account, parameters=(1, 2), function=len)
    with pytest.raises(ppg.JobContractError, match=r"'PI:B' is declared twice, with another parameters"):
        ppg.ParameterInvariant("B", (1, 3))
    with pytest.raises(ppg.JobContractError, match=r"'PI:B' is declared twice"):
        job.depends_on_params((1, 3))
    job.depends_on_params((1, 2))
    with pytest.raises(ppg.JobContractError, match=r"'function:B' is declared twice, with another function"):
        ppg.FunctionInvariant("B", max)


def test_a_file_that_is_called_like_the_id_of_an_invariant_is_reported_as_a_clash(folder, writer):
    ppg.new_pipegraph(quiet=True)
    ppg.ParameterInvariant("B", 1)
    with pytest.raises(ppg.JobContractError, match=r"'PI:B'.*ParameterInvariant"):
        ppg.FileGeneratingJob("PI:B", writer("B"))


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (["a:b", "c"], ["a", "b:c"]),
        (["a:b"], ["a", "b"]),
        (["FI", "a", "b"], ["a:b"]),  # the function of the job of one file
        (["FI:a"], ["a"]),
    ],
)
@pytest.mark.parametrize("turned", [False, True])
def test_two_jobs_with_ids_that_clash_by_accident_are_an_error_with_both_and_the_remedy(
    folder, first, second, turned
):
    def make(files):
        files[0].write_text("x")

    pipegraph = ppg.new_pipegraph(quiet=True)

    def declare_and_complete():
        for files in (second, first) if turned else (first, second):
            ppg.MultiFileGeneratingJob(files, make)
        pipegraph._complete()

    with pytest.raises(ppg.JobContractError, match="Two jobs would have the id") as caught:
        declare_and_complete()
    told = str(caught.value)
    assert all(f"'{name}'" in told for name in (*first, *second))
    assert told.count("test_names_of_invariants.py:") == 2
    assert told.endswith("give one of these files another name")


@pytest.mark.parametrize(
    ("first", "second"), [(["a:b", "c"], ["a", "b:c"]), (["x", "y"], "x:y"), ("x:y", ["x", "y"])]
)
def test_a_notebook_does_not_take_another_job_with_the_same_id_for_a_redefinition(folder, first, second):
    def make(files):
        for path in files if isinstance(files, list) else [files]:
            path.write_text("x")

    def declare(files):
        kind = ppg.FileGeneratingJob if isinstance(files, str) else ppg.MultiFileGeneratingJob
        return kind(files, make)

    pipegraph = ppg.new_pipegraph(quiet=True, redefine=True)
    job = declare(first)
    pipegraph.run()
    with pytest.raises(ppg.JobContractError, match="Two jobs would have the id"):
        declare(second)
    assert declare(first) is job
    assert pipegraph.run().ran == []


def test_a_function_is_shared_by_all_that_depend_on_it_by_name(folder, writer):
    ppg.new_pipegraph(quiet=True)
    for name in "ab":
        ppg.FileGeneratingJob(name, writer(name)).depends_on_func(normalised)
    shared = ppg.FunctionInvariant("ppg.paths.normalised", normalised)
    assert [str(job) for job in shared.downstreams] == ["a", "b"]


def test_inside_a_generator_they_are_called_what_the_user_likes_as_well(run, account):
    def generate(value):
        declare_b(account, parameters=value, function=len)

    for value, expected in ((1, ["B"]), (1, []), (2, ["B"])):
        run(lambda value=value: ppg.JobGeneratingJob("B generator", lambda: generate(value)))
        assert account.taken() == expected


def test_why_and_the_drawing_distinguish_them_and_find_them_by_their_own_name(run, account, folder):
    run(lambda: declare_b(account, parameters=1, function=len))
    graph = ppg.new_pipegraph(quiet=True)
    declare_b(account, parameters=2, function=len)
    ppg.ParameterInvariant("only", 1)
    graph._complete()
    told = "\n".join(why_from_graph(graph, "B"))
    assert "because parameters: 1 → 2" in told
    assert "1 → 2" in told
    assert why_from_graph(graph, "only")[0].startswith("PI:only: nothing is known")
    ids = draw(graph.dag, "text")
    assert all(name in ids for name in ("PI:B", "function:B", "FI:B"))
    graph.run()
    status = graph.status_path
    assert why_from_store(status, "B")[0].startswith("B ran last")
    assert why_from_store(status, "PI:B") == ["PI:B is an invariant: it is looked at, and never runs"]
