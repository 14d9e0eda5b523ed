"""A job runs again if the value of a global that its callback reads has changed, and the user can say that it does not."""

import subprocess
import sys

import pytest

import ppg

VALUES = {"minq": 20}
START = 1.0
CONNECTION = None


def set_global(monkeypatch, name, value):
    monkeypatch.setitem(globals(), name, value)


def reads_values(path):
    path.write_text(str(VALUES))


def reads_start(path):
    path.write_text(str(START))


def reads_connection(path):
    path.write_text(str(CONNECTION is None))


def test_a_changed_value_of_a_global_runs_the_job_again_and_is_the_reason(run, monkeypatch):
    assert run(lambda: ppg.FileGeneratingJob("out", reads_values)).ran == ["out"]
    assert run(lambda: ppg.FileGeneratingJob("out", reads_values)).ran == []
    set_global(monkeypatch, "VALUES", {"minq": 29})
    result = run(lambda: ppg.FileGeneratingJob("out", reads_values))
    assert result.ran == ["out"]
    (reason,) = result["out"].reasons
    assert "VALUES" in reason
    assert "20 → 29" in reason


def test_verify_agrees_with_a_run_about_the_value_of_a_global(run, monkeypatch, folder):
    run(lambda: ppg.FileGeneratingJob("out", reads_values))
    graph = ppg.new_pipegraph(quiet=True)
    ppg.FileGeneratingJob("out", reads_values)
    assert graph.verify().holds
    set_global(monkeypatch, "VALUES", {"minq": 29})
    graph = ppg.new_pipegraph(quiet=True)
    ppg.FileGeneratingJob("out", reads_values)
    assert list(graph.verify().will_run) == ["out"]


@pytest.mark.parametrize("where", ["pipegraph", "job", "name"])
def test_a_value_that_the_user_excludes_does_not_count(run, monkeypatch, where):
    graph_options = {"watch_globals": False} if where == "pipegraph" else {}
    job_options = {"watch_globals": False} if where == "job" else {}
    monkeypatch.setattr("ppg_invariants.objects.watched._unwatched", set())
    if where == "name":
        ppg.unwatched("VALUES")

    def declare():
        ppg.FileGeneratingJob("out", reads_values, **job_options)

    assert run(declare, **graph_options).ran == ["out"]
    set_global(monkeypatch, "VALUES", {"minq": 29})
    assert run(declare, **graph_options).ran == []


def test_a_value_without_content_is_named_once_with_the_job_and_how_to_exclude_it(
    run, monkeypatch, capfd, folder
):
    monkeypatch.setattr("ppg_invariants.objects.watched._unwatched", set())
    set_global(monkeypatch, "CONNECTION", open(folder / "log", "w"))  # noqa: SIM115 (it stays open)

    def declare():
        for name in ("a", "b"):
            ppg.FileGeneratingJob(name, reads_connection)

    # Jobs of forks have the file; others would fail for want of it.
    run(declare, resource_coordinator=ppg.LocalSystem(start_method="fork"))
    CONNECTION.close()
    (line,) = [line for line in capfd.readouterr().err.splitlines() if "CONNECTION" in line]
    assert "the value of 'CONNECTION' is not watched, although the function of a reads it" in line
    assert "ppg.unwatched('CONNECTION')" in line
    ppg.unwatched("CONNECTION")
    run(declare)
    assert "CONNECTION" not in capfd.readouterr().err


def test_unwatched_names_must_be_texts_in_modules_that_are_there():
    with pytest.raises(TypeError, match="a name must be a text, not 1"):
        ppg.unwatched(1)
    with pytest.raises(ppg.PyPipelineGraphError, match=r"there is no module 'nowhere'.*import it before"):
        ppg.unwatched("nowhere.START")
    ppg.unwatched("pytest.NOTHING")


SCRIPT = """
import time

import conf
import ppg

START = time.monotonic_ns()


def make(path):
    path.write_text(str(START > 0))


def read(path):
    path.write_text(str(conf.LIMIT))


ppg.new_pipegraph(quiet=True)
ppg.FileGeneratingJob("made", make)
ppg.FileGeneratingJob("read", read)
result = ppg.run()
print(*(reason for job in ("made", "read") for reason in result[job].reasons), sep="\\n")
"""


def test_a_global_that_differs_although_no_module_was_edited_is_named_with_the_remedy(tmp_path):
    script, conf = tmp_path / "script.py", tmp_path / "conf.py"
    script.write_text(SCRIPT)
    conf.write_text("LIMIT = 1\n")

    def reasons():
        done = subprocess.run(
            [sys.executable, script], cwd=tmp_path, capture_output=True, text=True, check=True
        )
        return done.stdout.splitlines()

    assert len(reasons()) == 2
    (reason,) = reasons()
    assert reason.startswith("START: ")
    assert reason.endswith(
        "(used by make); no module was edited: if START decides no result, call ppg.unwatched('START')"
    )
    # An edit may be the cause, be it in another module.
    conf.write_text("LIMIT = 10\n")
    made, read = reasons()
    assert made.endswith("(used by make)")
    assert read == "conf.LIMIT: 1 → 10 (used by read)"
