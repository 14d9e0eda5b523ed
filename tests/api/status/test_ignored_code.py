"""`ignore_code_changes()` added or taken away: that alone reruns nothing, and a change of the code is found afterwards."""

import pytest

import ppg


class Holder:
    loaded = None


def a_file(version, ignores):
    job = ppg.FileGeneratingJob(
        "a", [lambda path: path.write_text("1"), lambda path: path.write_text("2")][version]
    )
    return job.ignore_code_changes() if ignores else job


def a_temporary_file(version, ignores):
    job = ppg.TempFileGeneratingJob(
        "t", [lambda path: path.write_text("1"), lambda path: path.write_text("2")][version]
    )
    ppg.FileGeneratingJob("a", lambda path: path.write_text("user")).depends_on(job)
    return job.ignore_code_changes() if ignores else job


def a_load(version, ignores):
    job = ppg.DataLoadingJob("load", [lambda: 1, lambda: 2][version])
    ppg.FileGeneratingJob("a", lambda path: path.write_text("user")).depends_on(job)
    return job.ignore_code_changes() if ignores else job


def a_cached_value(version, ignores):
    job = ppg.CachedAttributeLoadingJob("cache/value", Holder, "loaded", [lambda: 1, lambda: 2][version])
    ppg.FileGeneratingJob("a", lambda path: path.write_text("user")).depends_on(job)
    return job.ignore_code_changes() if ignores else job


def a_command(version, ignores):
    job = ppg.ExternalJob("a", ["echo", f"{version}"], stdout="a")
    return job.ignore_code_changes() if ignores else job


def a_generated_file(version, ignores):
    def generate():
        a_file(version, ignores)

    return ppg.JobGeneratingJob("generator", generate)


KINDS = [a_file, a_temporary_file, a_load, a_cached_value, a_command, a_generated_file]


@pytest.fixture
def step(folder):
    """Previews, verifies and runs; gives the jobs that ran, without generators."""

    def run(declare, version, ignores):
        forecasts = []
        for ask in (ppg.Pipegraph.preview, ppg.Pipegraph.verify):
            graph = ppg.new_pipegraph(quiet=True)
            declare(version, ignores)
            forecasts.append(ask(graph))
        graph = ppg.new_pipegraph(quiet=True)
        declare(version, ignores)
        result = graph.run()
        ran = {name for name, outcome in result.items() if outcome.state is ppg.JobState.RAN} - {"generator"}
        if declare is not a_generated_file:  # jobs that a changed generator makes are unknown before
            for forecast in forecasts:
                assert set(forecast.will_run) <= ran <= forecast.will_run.keys() | forecast.may_run.keys()
        return ran

    return run


@pytest.mark.parametrize("declare", KINDS)
@pytest.mark.parametrize("at_first", [True, False])
def test_to_add_or_take_away_ignore_code_changes_alone_reruns_nothing(step, declare, at_first):
    assert step(declare, 0, at_first)
    for ignores in (not at_first, at_first, not at_first):
        assert step(declare, 0, ignores) == set()


@pytest.mark.parametrize("declare", KINDS)
@pytest.mark.parametrize("at_first", [True, False])
def test_code_that_changed_while_it_was_ignored_counts_when_it_is_not_ignored_any_more(
    step, declare, at_first
):
    assert step(declare, 0, at_first)
    assert step(declare, 1, True) == set()
    assert step(declare, 1, False)
    assert step(declare, 1, True) == set()
    assert step(declare, 0, True) == set()
    assert step(declare, 1, False) == set()


def test_an_accepted_output_of_a_job_that_ignores_its_code_stays_when_it_does_not_any_more(step, folder):
    (folder / "a").write_text("1")
    graph = ppg.new_pipegraph(quiet=True)
    a_file(0, True)
    assert graph.accept().accepted
    assert step(a_file, 0, False) == set()
    assert step(a_file, 1, False) == {"a"}
