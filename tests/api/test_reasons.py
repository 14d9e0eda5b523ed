"""What a run says of its reasons, in the terms of the script."""

import functools

import pytest

import ppg
from ppg.status.reason_details import MOST_DETAILED

NESTED = functools.reduce(lambda inner, _: [inner], range(148), 1)


def write(path, text="x"):
    path.write_text(text)


def edited(run, before, after):
    """The reasons of the job `made` after its declaration changed from one function to another."""
    run(before)
    return run(after)["made"].reasons


def makes(function):
    return lambda: ppg.FileGeneratingJob("made", function)


def test_a_new_job_was_never_built_and_one_that_failed_says_so(run, failing_run, folder):
    assert run(makes(write))["made"].reasons == ("new: never built",)

    def fail():
        raise ValueError

    failing_run(lambda: ppg.FileGeneratingJob("other", fail))
    result = run(lambda: ppg.FileGeneratingJob("other", write))
    assert result["other"].reasons == ("it failed last time",)


def test_a_job_with_a_result_that_does_not_count_any_more_is_not_called_new(run, folder):
    run(makes(write))

    def declare():
        ppg.DataLoadingJob("made", write_nothing)
        ppg.FileGeneratingJob("after", write).depends_on(ppg.current_pipegraph().job("made"))

    run(declare)
    assert run(makes(write))["made"].reasons == ("its last result is not valid any more",)


def write_nothing():
    """Loads nothing."""


def test_a_changed_default_names_its_function_and_both_values(run):
    def declare(number):
        def make(path, n=number):
            path.write_text(str(n))

        ppg.FileGeneratingJob("made", make)

    assert edited(run, lambda: declare(1), lambda: declare(2)) == ("default n of make(): 1 → 2",)


def test_a_captured_value_names_its_variable(run):
    def declare(limit):
        def make(path):
            path.write_text(str(limit))

        ppg.FileGeneratingJob("made", make)

    assert edited(run, lambda: declare(3), lambda: declare(4)) == ("limit (captured by make()): 3 → 4",)


def test_a_changed_lambda_is_named_after_its_job(run):
    reasons = edited(run, makes(lambda path: path.write_text("a")), makes(lambda path: path.write_text("b")))
    assert reasons == ("its function changed",)


@pytest.mark.parametrize(
    ("before", "after", "reason"),
    [
        ({"minq": 20}, {"minq": 29}, "minq: 20 → 29"),
        ({"minq": 20}, {"minq": 20, "mode": "fast"}, "mode: added, 'fast'"),
        ({"minq": 20, "mode": 1}, {"minq": 20}, "mode: removed, was 1"),
        ({"a": {"b": 1}}, {"a": {"b": 2}}, "a['b']: 1 → 2"),
        ({"a": 1, "b": 1}, {"a": 2, "b": 2}, "a: 1 → 2, and 1 more change"),
        (1, 2, "parameters: 1 → 2"),
        ("a" * 100, "b", f"parameters: {'a' * 58}… → 'b'".replace("parameters: a", "parameters: 'a")),
    ],
)
def test_changed_parameters_are_reported_by_name_and_value(run, before, after, reason):
    def declare(parameters):
        ppg.FileGeneratingJob("made", write).depends_on_params(parameters)

    assert edited(run, lambda: declare(before), lambda: declare(after)) == (reason,)


def test_other_bytes_of_a_job_and_of_an_input_are_distinguished(run, folder):
    def declare(text):
        (folder / "config.json").write_text(text)
        first = ppg.FileGeneratingJob("first", lambda path, text=text: path.write_text(text))
        ppg.FileGeneratingJob("made", write).depends_on(first).depends_on_file("config.json")

    reasons = edited(run, lambda: declare("1"), lambda: declare("2"))
    assert sorted(reasons) == ["config.json changed", "first came out differently"]


def test_added_and_removed_dependencies_are_called_by_their_names(run):
    def declare(*, is_bare):
        job = ppg.FileGeneratingJob("made", write)
        if not is_bare:
            job.depends_on_params(1)
            job.depends_on(ppg.FunctionInvariant("helper", write))

    reasons = edited(run, lambda: declare(is_bare=True), lambda: declare(is_bare=False))
    assert sorted(reasons) == [
        "it depends on the function helper now",
        "it depends on the parameters made now",
    ]
    assert sorted(run(lambda: declare(is_bare=True))["made"].reasons) == [
        "it depends no longer on the function helper",
        "it depends no longer on the parameters made",
    ]


def test_of_very_many_changes_only_the_first_are_compared_and_all_are_reported(run):
    def declare(value):
        for number in range(MOST_DETAILED + 10):
            ppg.FileGeneratingJob(f"made{number}", write).depends_on_params({"value": value})

    run(lambda: declare(1))
    result = run(lambda: declare(2))
    told = sorted(result[job].reasons[0].partition(" ")[0] for job in result.ran)
    assert told.count("value:") == MOST_DETAILED
    assert len(told) == MOST_DETAILED + 10


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ([0] * 100_000, [1] + [0] * 100_000),
        (NESTED, [NESTED]),
        ({"a": "x" * 100_000}, {"a": "y" * 100_000}),
    ],
    ids=["long", "deep", "large"],
)
def test_values_that_take_long_to_compare_do_not_hold_the_run_up(run, before, after):
    def declare(parameters):
        ppg.FileGeneratingJob("made", write).depends_on_params(parameters)

    (reason,) = edited(run, lambda: declare(before), lambda: declare(after))
    assert reason.startswith("parameters") or reason == "its parameters changed"
