"""When the processes for jobs are started: as soon as it is nearly sure that a job will run, and never in vain."""

import pytest

import ppg
from ppg.launch.start import LateExecutor
from ppg_exec import ExecutorError, LocalExecutor, Task


@pytest.fixture
def prepared(monkeypatch):
    """Grows whenever an executor is told to prepare itself."""
    calls = []
    original = LocalExecutor.prepare

    def prepare(executor, modules):
        calls.append(executor)
        original(executor, modules)

    monkeypatch.setattr(LocalExecutor, "prepare", prepare)
    return calls


def declare(parameter):
    ppg.FileGeneratingJob("a", lambda path: path.write_text("A")).depends_on_params(parameter)


def test_processes_are_started_for_a_first_run_and_for_news_and_not_for_an_idle_run(run, prepared):
    run(lambda: declare(1))
    assert len(set(prepared)) == 1
    run(lambda: declare(1))
    assert len(set(prepared)) == 1
    assert run(lambda: declare(2)).ran == ["a"]
    assert len(set(prepared)) == 2


def test_an_empty_pipegraph_starts_nothing(run, prepared):
    run(lambda: None)
    assert prepared == []


def test_jobs_in_the_scripts_own_process_need_no_other(run, prepared):
    run(lambda: declare(1), resource_coordinator=ppg.LocalSystem(inline=True))
    assert prepared == []


def test_what_cannot_be_prepared_is_complained_about_when_it_is_needed():
    asked = []

    def make():
        asked.append(1)
        raise ExecutorError("no processes today")

    with LateExecutor(make) as executor:
        executor.prepare()
        with pytest.raises(ExecutorError, match="no processes today"):
            executor.submit(Task("a", print))
    assert len(asked) == 2
