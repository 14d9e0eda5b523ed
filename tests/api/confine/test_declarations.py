"""Where jobs are declared that are to be confined."""

import shutil
import subprocess
import sys

import pytest

import ppg
from ppg.kinds import confining
from tests.landlock import needs_landlock


def write(path):
    path.write_text("x")


@pytest.fixture
def no_landlock(monkeypatch):
    monkeypatch.setattr(confining, "_problem", lambda: "this kernel has none")


def test_without_landlock_a_confined_job_is_refused_where_it_is_declared(graph, no_landlock):
    with pytest.raises(
        ppg.PyPipelineGraphError, match="FileGeneratingJob 'out': confine=True does not work here: this"
    ):
        ppg.FileGeneratingJob("out", write, confine=True)
    assert "out" not in graph
    ppg.FileGeneratingJob("out", write, confine=False)


def test_without_landlock_a_confined_pipegraph_is_refused(folder, no_landlock):
    with pytest.raises(ppg.PyPipelineGraphError, match="The pipegraph: confine=True does not work here"):
        ppg.new_pipegraph(confine=True)


@pytest.mark.parametrize("value", [1, "yes", []])
def test_other_values_are_refused_by_name(graph, value):
    with pytest.raises(TypeError, match="confine must be True or False"):
        ppg.FileGeneratingJob("out", write, confine=value)
    with pytest.raises(TypeError, match="confine must be True or False"):
        ppg.new_pipegraph(confine=value)


def test_loads_have_no_such_option(graph):
    with pytest.raises(TypeError, match="has no option 'confine'"):
        ppg.DataLoadingJob("load", lambda: None, confine=True)


@needs_landlock
def test_a_job_that_shares_is_not_confined(graph):
    with pytest.raises(ppg.JobContractError, match="cannot write to the shared cache"):
        ppg.FileGeneratingJob("out", write, confine=True, share=True)
    job = ppg.FileGeneratingJob("other", write, confine=True)
    with pytest.raises(ppg.JobContractError, match="cannot write to the shared cache"):
        job.share()
    assert job.share(False).shares is False


@needs_landlock
def test_in_a_confined_pipegraph_a_job_that_shares_says_confine_false(folder):
    ppg.new_pipegraph(confine=True)
    with pytest.raises(ppg.JobContractError, match="cannot write to the shared cache"):
        ppg.FileGeneratingJob("out", write, share=True)
    assert ppg.FileGeneratingJob("out", write, share=True, confine=False).shares


@needs_landlock
def test_a_generator_declares_what_its_pipegraph_could_declare(failing_run):
    def generate():
        ppg.ExternalJob("out", ["docker", "run"], stdout="out")

    error, _ = failing_run(lambda: ppg.JobGeneratingJob("generate", generate), confine=True)
    assert "is confined, but 'docker'" in str(error)


@needs_landlock
def test_a_run_in_the_script_s_own_process_is_not_confined_and_says_so(folder, capfd):
    (folder / "secret").write_text("s")
    graph = ppg.new_pipegraph(ppg.LocalSystem(inline=True), confine=True)
    ppg.FileGeneratingJob("out", lambda path: path.write_text((folder / "secret").read_text()))
    graph.run()
    assert (folder / "out").read_text() == "s"
    assert "'out' is not confined in this run" in capfd.readouterr().err
    (folder / "still free").write_text("the script keeps its rights")


def test_a_run_without_confined_jobs_imports_nothing_for_them(folder):
    script = """
import os, sys
import ppg
def names():
    return sorted(name for name in sys.modules if "confin" in name)
def make(path):
    import sys
    path.write_text(str(sorted(name for name in sys.modules if "confin" in name)))
graph = ppg.new_pipegraph(quiet=True)
ppg.FileGeneratingJob("out", make)
graph.run()
print(names(), open("out").read())
"""
    printed = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=folder
    ).stdout
    assert printed == "['ppg.kinds.confining'] []\n"


@needs_landlock
@pytest.mark.skipif(shutil.which("strace") is None, reason="there is no strace")
@pytest.mark.parametrize("confine", [False, True])
def test_only_a_run_with_confined_jobs_makes_system_calls_for_them(folder, confine):
    script = f"""
import ppg
graph = ppg.new_pipegraph(quiet=True, confine={confine})
ppg.FileGeneratingJob("out", lambda path: path.write_text("x"))
graph.run()
"""
    traced = [
        "strace",
        "-f",
        "-qq",
        "-e",
        "trace=landlock_create_ruleset,landlock_restrict_self",
        "-o",
        "trace",
    ]
    subprocess.run([*traced, sys.executable, "-c", script], check=True, cwd=folder)
    assert ("landlock_restrict_self" in (folder / "trace").read_text()) == confine
    assert ("landlock_create_ruleset" in (folder / "trace").read_text()) == confine
