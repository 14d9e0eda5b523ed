"""One rule for the arguments of every command: a script, jobs, options anywhere before `--`, then the script's own."""

import re
import sys

import pytest
import typer

from ppg_cli.app import app

SCRIPT = """
ppg.new_pipegraph()
ppg.FileGeneratingJob("b.txt", writes("B")).depends_on(ppg.FileGeneratingJob("a.txt", writes("A")))
for name in ["c.txt", *sys.argv[1:]]:
    ppg.FileGeneratingJob(name, writes(name))
ppg.run_pipegraph()
"""

ON_SCRIPTS = [("run",), ("debug",), ("verify",), ("accept",), ("why",), ("graph", "dump"), ("status",)]
OTHERS = [
    ("inputs", "a.txt"),
    ("log",),
    ("doctor",),
    ("cache", "list"),
    ("runs",),
    ("output", "a.txt"),
    ("forget", "a.txt"),
    ("init",),
]
OTHER_NAMES = ("inputs", "log", "doctor", "runs", "diff", "output", "forget", "clean", "init")


@pytest.fixture
def scripted(project):
    project.script(SCRIPT)
    return project


def said(ended):
    """The message of a command, on one line."""
    return re.sub(r"\s+", " ", ended.err)


@pytest.mark.parametrize("command", ON_SCRIPTS, ids=" ".join)
@pytest.mark.parametrize("option", ["--depth", "-x", "--depth=3"])
def test_an_option_that_ppg_does_not_have_is_an_error_that_names_the_place_for_it(scripted, command, option):
    for arguments in (("script.py", option), (option, "script.py"), ("script.py", "a.txt", option, "3")):
        ended = scripted.ppg(*command, *arguments)
        name = option.partition("=")[0]
        assert ended.code == 2
        assert f"'ppg {' '.join(command)}' has no option '{name}'" in said(ended)
        assert f"options of the script come after '--': ppg {' '.join(command)} script.py -- {name}" in said(
            ended
        )
        assert not (scripted / "a.txt").exists()


@pytest.mark.parametrize("command", OTHERS, ids=" ".join)
def test_a_command_without_a_script_refuses_options_and_arguments_of_one(project, command):
    ended = project.ppg(*command, "--depth")
    name = " ".join(word for word in command if word != "a.txt")
    assert (ended.code, f"'ppg {name}' has no option '--depth'; see 'ppg {name} --help'" in said(ended)) == (
        2,
        True,
    )
    ended = project.ppg(*command, "--", "x")
    assert (ended.code, "runs no script, so nothing can follow '--'; leave it out" in said(ended)) == (
        2,
        True,
    )


def test_a_misspelt_option_is_answered_with_the_nearest_one(scripted):
    assert "did you mean '--cores'?" in said(scripted.ppg("run", "script.py", "--core", "3"))
    assert "Option '--cores' requires an argument" in said(scripted.ppg("run", "script.py", "--cores"))


@pytest.mark.parametrize(
    "arguments",
    [
        ("script.py", "-j", "1", "--plain"),
        ("-j1", "script.py", "--plain"),
        ("--plain", "--cores=1", "script.py", "--"),
        ("script.py", "--cores", "1", "--plain", "--", "d", "--plain", "-j", "x", "--"),
    ],
)
def test_the_options_of_ppg_stand_anywhere_before_two_dashes(scripted, arguments):
    ended = scripted.ppg("run", *arguments)
    assert ended.code == 0, ended.err
    theirs = arguments[arguments.index("--") + 1 :] if "--" in arguments else ()
    for name in ("a.txt", "b.txt", "c.txt", *theirs):
        assert (scripted / name).exists()


def test_named_jobs_run_with_what_they_need_and_replace_the_targets_of_the_script(scripted):
    ended = scripted.ppg("run", "script.py", "./b.txt")
    assert ended.summary == (2, 0, 0, 0)
    assert "1 left out" in ended.err
    text = (scripted / "script.py").read_text()
    (scripted / "script.py").write_text(text.replace("run_pipegraph()", "run_pipegraph(targets=['a.txt'])"))
    assert scripted.ppg("run", "c.txt", "script.py").code == 2
    assert scripted.ppg("run", "script.py", "c.txt", "d", "--", "d").summary == (2, 0, 0, 0)
    assert scripted.ppg("run", "script.py").summary == (0, 1, 0, 0)


@pytest.mark.parametrize("command", ON_SCRIPTS, ids=" ".join)
def test_a_name_that_no_job_has_is_an_error_with_the_nearest_ones_and_nothing_happens(scripted, command):
    ended = scripted.ppg(*command, "script.py", "a.tx")
    assert ended.code == 2
    assert "there is no job 'a.tx'; there is 'a.txt'" in ended.err
    assert not (scripted / "a.txt").exists()


def test_a_script_cannot_catch_that_a_named_job_does_not_exist(project):
    project.script(
        SCRIPT.replace("ppg.run_pipegraph()", "try:\n    ppg.run_pipegraph()\nexcept Exception:\n    pass")
    )
    ended = project.ppg("run", "script.py", "a.tx")
    assert (ended.code, "there is no job 'a.tx'" in ended.err) == (2, True)


def test_named_jobs_are_verified_with_what_they_need(scripted):
    assert scripted.ppg("run", "script.py", "b.txt").code == 0
    assert scripted.ppg("verify", "script.py", "b.txt").code == 0
    assert scripted.ppg("verify", "script.py").code == 1


def commands():
    """The names of all commands, as typer knows them."""
    pending = [((), typer.main.get_command(app))]
    while pending:
        name, command = pending.pop()
        below = getattr(command, "commands", {})
        pending += [((*name, word), each) for word, each in below.items()]
        if not below:
            yield name


def test_help_of_each_command_has_an_example_and_its_exit_codes(project):
    names = sorted(commands())
    assert len(names) > 15
    for command in names:
        text = project.ppg(*command, "--help").out
        assert f"Example: ppg {' '.join(command)}" in text, text
        assert "Exit codes:" in text


@pytest.mark.parametrize("command", ["why", "inputs", "status", "output", "forget"])
def test_a_name_that_no_store_has_is_an_error_with_the_nearest_ones(scripted, command):
    assert scripted.ppg("run", "script.py").code == 0
    ended = scripted.ppg(command, "a.tx")
    assert ended.code == 2
    assert "there is no job 'a.tx'; there is 'a.txt'" in ended.err


def test_help_imports_neither_the_engine_nor_rich(project):
    looks = """
        import sys
        from ppg_cli.app import app
        for arguments in (["--help"], ["run", "--help"], ["verify", "--help"], ["debug", "--help"]):
            app(arguments, standalone_mode=False)
        print(sorted({"rich", "bdb", "pdb", "sqlite3", "ppg_graph", "ppg.jobs", "ppg_exec", "ppg_invariants"} & set(sys.modules)))
    """
    project.script(looks, prelude="")
    assert project.command(sys.executable, "script.py").out.splitlines()[-1] == "[]"
