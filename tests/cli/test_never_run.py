"""Scripts that declare jobs and never run them say so; scripts that do anything else with a graph do not."""

import sys

import pytest

DECLARES = "ppg.new_pipegraph(); ppg.FileGeneratingJob('a', writes('A'))\n"
WARNING = "never ran; call run_pipegraph() after the last declaration"


def test_a_plain_script_that_never_runs_its_jobs_says_so_once(project):
    project.script(DECLARES)
    ended = project.command(sys.executable, "script.py")
    assert ended.code == 0
    assert ended.err.count("ppg: warning:") == 1
    assert "the 1 job of the pipegraph of " in ended.err
    assert "/script.py:" in ended.err
    assert WARNING in ended.err


@pytest.mark.parametrize(
    "rest",
    [
        "ppg.run_pipegraph()",
        "ppg.current_pipegraph().preview()",
        "ppg.current_pipegraph().verify()",
        "ppg.current_pipegraph().accept()",
        "raise ValueError('before the run')",
        "import os; os._exit(0)",
        "import os; pid = os.fork(); os.waitpid(pid, 0) if pid else 0; ppg.run_pipegraph() if pid else 0",
    ],
)
def test_a_plain_script_that_runs_or_looks_or_raises_says_nothing_of_it(project, rest):
    project.script(DECLARES + rest)
    assert "never ran" not in project.command(sys.executable, "script.py").err


def test_a_graph_without_jobs_and_one_of_an_imported_module_are_not_mentioned(project):
    project.script(DECLARES, "jobs_of_others.py")
    project.script("import jobs_of_others")
    assert project.command(sys.executable, "script.py").err == ""
    project.script("ppg.new_pipegraph()")
    assert project.command(sys.executable, "script.py").err == ""


def test_a_graph_that_another_one_replaced_is_mentioned(project):
    project.script(DECLARES + DECLARES + "ppg.run_pipegraph()")
    assert project.command(sys.executable, "script.py").err.count("never ran") == 1


def test_the_line_that_replaced_the_graph_is_named(project):
    project.script(f"{DECLARES}{DECLARES}ppg.run_pipegraph()")
    ended = project.command(sys.executable, "script.py")
    assert f"{WARNING}, and before new_pipegraph() makes another one the current one, at " in ended.err
    assert ended.err.count("/script.py:") == 2


def test_a_graph_that_was_replaced_and_ran_by_its_variable_is_not_mentioned(project):
    project.script(
        "first = ppg.new_pipegraph(root='one'); ppg.FileGeneratingJob('a', writes('A'))\n"
        "second = ppg.new_pipegraph(root='two'); ppg.FileGeneratingJob('a', writes('A'))\n"
        "first.run()\nsecond.run()"
    )
    assert "never ran" not in project.command(sys.executable, "script.py").err


def test_a_block_that_never_ran_is_mentioned_and_ppg_run_runs_the_last_one(project):
    block = "with ppg.Pipegraph(root='{0}') as {0}:\n    ppg.FileGeneratingJob('a', writes('A'))\n"
    project.script(block.format("one") + block.format("two"))
    ended = project.command(sys.executable, "script.py")
    assert ended.err.count("never ran; call its run() after the last declaration") == 2
    ended = project.ppg("run", "script.py")
    assert ended.code == 2
    assert ended.err.count("never ran; call its run()") == 1
    assert (project.folder / "two" / "a").exists()
    assert not (project.folder / "one").exists()
    project.script(block.format("one") + block.format("two") + "    two.run()\none.run()\n")
    assert "never ran" not in project.command(sys.executable, "script.py").err
    project.script(DECLARES + block.format("one") + "one.run()\n")
    assert project.ppg("run", "script.py").code == 0
    assert (project.folder / "a").exists(), "the current graph is run"


def test_ppg_run_runs_the_last_graph_and_ends_with_2_if_another_one_never_ran(project):
    project.script(DECLARES)
    ended = project.ppg("run", "script.py")
    assert ended.code == 0
    assert "never ran" not in ended.err
    project.script(DECLARES + DECLARES + "ppg.run_pipegraph()")
    ended = project.ppg("run", "script.py")
    assert ended.code == 2
    assert ended.err.count(WARNING) == 1


@pytest.mark.parametrize("command", [["graph", "dump"], ["verify"], ["accept"]])
def test_commands_that_only_look_at_the_graph_do_not_mention_it(project, command):
    project.script(DECLARES)
    assert "never ran" not in project.ppg(*command, "script.py").err
