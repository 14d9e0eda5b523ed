"""Declarations without an effect are said: pruned targets, generated jobs without a user."""

import pytest

import ppg
from tests.fakes import RecordingFrontend


def warnings_of(declare, targets=None):
    graph = ppg.new_pipegraph(quiet=True)
    declare(graph)
    shown = RecordingFrontend()
    result = graph.run(targets=targets, frontend=shown)
    return shown.warnings, result


def write(path):
    path.write_text(path.name)


def test_a_target_that_is_pruned_is_named_and_left_out(folder):
    warnings, result = warnings_of(lambda _: ppg.FileGeneratingJob("a", write).prune(), ["a"])
    assert warnings == ["the target 'a' is pruned, so it does not run; call its unprune()"]
    assert result["a"].state is ppg.JobState.LEFT_OUT


def test_a_target_below_a_pruned_job_is_named_with_that_job(folder):
    def declare(_):
        upstream = ppg.FileGeneratingJob("a", write).prune()
        ppg.FileGeneratingJob("b", write).depends_on(upstream)
        ppg.FileGeneratingJob("c", write)

    warnings, result = warnings_of(declare, ["b", "c"])
    assert warnings == [
        "the target 'b' does not run: it depends on 'a', which is pruned; call unprune() of that job"
    ]
    assert result["c"].state is ppg.JobState.RAN


def test_pruned_jobs_that_are_no_targets_are_not_mentioned(folder):
    warnings, _ = warnings_of(lambda _: ppg.FileGeneratingJob("a", write).prune())
    assert warnings == []


def test_a_generated_load_or_temporary_file_that_no_job_needs_is_named(folder):
    def generate():
        ppg.DataLoadingJob("load", lambda: None)
        ppg.TempFileGeneratingJob("temporary", write)
        used = ppg.TempFileGeneratingJob("used", write)
        ppg.FileGeneratingJob("a", write).depends_on(used)

    warnings, _ = warnings_of(lambda _: ppg.JobGeneratingJob("generator", generate))
    message = (
        "the generator 'generator' made 'load', 'temporary', on which no job depends, so it does not run; "
        "let a job depend on it, or do not make it"
    )
    assert warnings == [message]


def test_an_injection_on_which_no_job_depends_is_named(folder):
    def inject():
        return ppg.DataLoadingJob("load", lambda: None)

    warnings, _ = warnings_of(lambda _: ppg.DependencyInjectionJob("inject", inject))
    assert warnings[0] == (
        "the DependencyInjectionJob 'inject' injects nothing: no job depends on it; "
        "let the jobs that use its jobs depend on it"
    )
    assert "'load'" in warnings[1]


def test_an_injection_that_failed_is_not_said_to_inject_nothing(folder):
    frontend = RecordingFrontend()
    graph = ppg.new_pipegraph(quiet=True)
    ppg.DependencyInjectionJob("inject", lambda: 1 / 0)
    with pytest.raises(ppg.RuntimeError):
        graph.run(frontend=frontend)
    assert frontend.warnings == []


def test_an_injected_job_that_is_used_is_not_mentioned_even_if_it_need_not_run(folder):
    def declare(_):
        def inject():
            return ppg.DataLoadingJob("load", lambda: None)

        ppg.FileGeneratingJob("a", write).depends_on(ppg.DependencyInjectionJob("inject", inject))

    assert warnings_of(declare)[0] == []
    warnings, result = warnings_of(declare)
    assert warnings == []
    assert result["load"].state is ppg.JobState.NOT_NEEDED
