"""`ppg run script.py`: the script sees what it would see under plain Python, and exit codes say how it went."""

import sys

import pytest


def test_a_script_is_main_as_under_plain_python(project):
    shown = """
        print(__name__, __file__, sys.argv, sys.path[0], __spec__, __package__)
        print(sys.modules["__main__"].__dict__ is globals())
    """
    project.script(shown, "scripts/show.py")
    arguments = ["--cores", "3", "-x", "--", "--plain", "--help", ""]
    plain = project.command(sys.executable, "scripts/show.py", *arguments)
    under_ppg = project.ppg("run", "scripts/show.py", "--", *arguments)
    assert (plain.code, under_ppg.code) == (0, 2), "no graph was run"
    assert under_ppg.out == plain.out
    assert "True" in plain.out


@pytest.mark.parametrize("where", ["beside", "elsewhere", "absolute", "by a link"])
def test_modules_beside_the_script_are_found_wherever_it_is_called_from(project, where):
    project.script("VALUE = 'from beside'", "scripts/beside_it.py", prelude="")
    script = project.script("import beside_it; print(beside_it.VALUE)", "scripts/show.py", prelude="")
    (project / "link.py").symlink_to(script)
    name, folder = {
        "beside": ("show.py", project / "scripts"),
        "elsewhere": ("scripts/show.py", project.folder),
        "absolute": (script, project.folder),
        "by a link": ("link.py", project.folder),
    }[where]
    ended = project.ppg("run", name, cwd=folder)
    assert ended.out == "from beside\n"


def test_a_safe_path_stays_safe(project):
    project.script("VALUE = 1", "beside_it.py", prelude="")
    project.script("import json, beside_it", prelude="")
    ended = project.ppg("run", "script.py", env=project.environment | {"PYTHONSAFEPATH": "1"})
    assert ended.code == 2
    assert "No module named 'beside_it'" in ended.err


def test_jobs_belong_to_the_folder_from_which_ppg_is_called(project):
    project.script(
        "ppg.new_pipegraph(); ppg.FileGeneratingJob('a', writes('A')); ppg.run_pipegraph()", "s/script.py"
    )
    assert project.ppg("run", "s/script.py").summary == (1, 0, 0, 0)
    assert (project / "a").read_text() == "A"
    assert not (project / "s/a").exists()


def test_functions_and_classes_of_main_reach_the_jobs_by_value(project):
    project.script("""
        LIMIT = 3
        class Thing:
            def __init__(self, value): self.value = value
        def helper(thing): return "x" * (thing.value * LIMIT)
        thing = Thing(2)
        ppg.new_pipegraph()
        ppg.FileGeneratingJob("a", lambda path: path.write_text(helper(thing) + type(thing).__name__))
        ppg.run_pipegraph()
    """)
    ended = project.ppg("run", "script.py")
    assert ended.code == 0, ended.err
    assert (project / "a").read_text() == "xxxxxxThing"


def test_a_script_that_changes_its_folder_after_the_start_still_shows_its_lines(project):
    project.script("""
        os.mkdir("elsewhere")
        os.chdir("elsewhere")
        raise ValueError("here")
    """)
    ended = project.ppg("run", "script.py")
    assert ended.code == 2
    assert 'raise ValueError("here")' in ended.err


@pytest.mark.parametrize(
    "ending", ["ppg.run_pipegraph()", "", "if __name__ == '__main__':\n    ppg.run_pipegraph()"]
)
def test_the_graph_is_run_whether_or_not_the_script_says_so(project, ending):
    project.script("ppg.new_pipegraph()\nppg.FileGeneratingJob('a', writes('A'))\n" + ending)
    assert project.ppg("run", "script.py").summary == (1, 0, 0, 0)
    assert project.ppg("run", "script.py").summary == (0, 1, 0, 0)


def test_the_same_script_runs_by_itself_and_both_remember_the_same(project):
    project.script("""
        ppg.new_pipegraph()
        ppg.FileGeneratingJob("a", writes("A"))
        ppg.FileGeneratingJob("b", lambda path: path.write_text(Path("a").read_text())).depends_on("a")
        ppg.run_pipegraph()
    """)
    alone = project.command(sys.executable, "script.py")
    assert alone.code == 0
    assert alone.summary == (2, 0, 0, 0)
    assert project.ppg("run", "script.py").summary == (0, 2, 0, 0)
    (project / "a").unlink()
    assert project.ppg("run", "script.py").summary == (1, 1, 0, 0)
    assert project.command(sys.executable, "script.py").summary == (0, 2, 0, 0)


def test_a_script_may_run_two_graphs(project):
    project.script("""
        for name in "ab":
            ppg.new_pipegraph()
            ppg.FileGeneratingJob(name, writes(name))
            print(len(ppg.run_pipegraph().ran))
    """)
    ended = project.ppg("run", "script.py")
    assert (ended.code, ended.out) == (0, "1\n1\n")
    assert project.ppg("run", "script.py").out == "0\n0\n"


FAILING = """
def fail(path):
    print("said this")
    print("complained", file=sys.stderr)
    raise ValueError("no luck")

ppg.new_pipegraph()
ppg.FileGeneratingJob("a", fail)
ppg.FileGeneratingJob("b", writes("B")).depends_on("a")
ppg.FileGeneratingJob("c", writes("C"))
"""


@pytest.mark.parametrize(
    ("rest", "code"),
    [
        ("ppg.run_pipegraph()", 1),
        ("", 1),
        ("try:\n    ppg.run_pipegraph()\nexcept ppg.RuntimeError:\n    print('went on')", 1),
        ("try:\n    ppg.run_pipegraph()\nexcept ppg.RuntimeError:\n    sys.exit(7)", 7),
        ("try:\n    ppg.run_pipegraph()\nfinally:\n    print('went on')", 1),
        ("try:\n    ppg.run_pipegraph()\nexcept ppg.RuntimeError:\n    raise KeyError('x')", 2),
    ],
)
def test_failed_jobs_make_the_exit_code_1_unless_the_script_says_otherwise(project, rest, code):
    project.script(FAILING + rest)
    ended = project.ppg("run", "script.py")
    assert ended.code == code, ended.err
    assert ended.summary == (1, 0, 1, 1)
    assert ("went on" in ended.out) == ("went on" in rest)


@pytest.mark.parametrize(
    ("exit_", "code", "said"),
    [
        ("sys.exit(5)", 5, ""),
        ("sys.exit(-1)", 255, ""),
        ("sys.exit('what went wrong')", 1, "what went wrong\n"),
    ],
)
def test_the_scripts_own_exit_code_is_passed_through(project, exit_, code, said):
    project.script(exit_, prelude="import sys\n")
    ended = project.ppg("run", "script.py")
    assert (ended.code, ended.err) == (code, said)
    plain = project.command(sys.executable, "script.py")
    assert (plain.code, plain.err) == (code, said)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("print('x')", "made no pipegraph (it did not call new_pipegraph()); nothing was run"),
        ("import sys; sys.exit()", "ended before it ran a graph; nothing was run"),
        ("import sys, ppg; ppg.new_pipegraph(); sys.exit(0)", "call run_pipegraph() before sys.exit()"),
    ],
)
def test_a_script_that_runs_no_graph_is_2_and_says_so(project, text, said):
    project.script(text, prelude="")
    ended = project.ppg("run", "script.py")
    assert (ended.code, said in ended.err) == (2, True), ended.err


def test_an_error_in_the_script_is_shown_from_the_scripts_first_line(project):
    project.script("def deeper():\n    raise ValueError('here')\n\ndeeper()\n", prelude="")
    ended = project.ppg("run", "script.py")
    assert ended.code == 2
    frames = [line.strip() for line in ended.err.splitlines() if line.lstrip().startswith("File ")]
    assert len(frames) == 2
    assert "script.py" in frames[0]
    assert "in deeper" in frames[1]
    assert ended.err.splitlines()[-1] == "ValueError: here"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("def f(:\n", "SyntaxError"),
        ("x = 1\0\n", "null byte"),
        ("# coding: klingon\n", "klingon"),
        ("raise BaseException('bare')", "bare"),
        ("import asyncio; raise asyncio.CancelledError('bare')", "CancelledError"),
    ],
)
def test_a_script_that_cannot_run_ends_with_2_and_its_own_error(project, text, said):
    project.script(text, prelude="")
    ended = project.ppg("run", "script.py")
    assert ended.code == 2
    assert said in ended.err
    assert "ppg_cli" not in ended.err, "no frames of ppg"


@pytest.mark.parametrize(
    "declared",
    [
        "ppg.FileGeneratingJob('a', writes('A'))",
        "ppg.new_pipegraph().job('b')",
        "ppg.new_pipegraph(); ppg.FileGeneratingJob('a', writes('A')); ppg.run(); ppg.run()",
    ],
)
def test_a_misuse_of_ppg_ends_with_2_and_names_the_line(project, declared):
    script = project.script(declared)
    ended = project.ppg("run", "script.py")
    assert ended.code == 2
    line = script.read_text().splitlines().index(declared) + 1
    assert f"script.py:{line}: PyPipelineGraphError: " in ended.err
    assert "Traceback" not in ended.err


def test_a_cycle_ends_with_2_and_shows_its_path(project):
    project.script("""
        ppg.new_pipegraph()
        a = ppg.FileGeneratingJob("a", writes("A"))
        b = ppg.FileGeneratingJob("b", writes("B")).depends_on(a)
        a.depends_on(b)
    """)
    ended = project.ppg("run", "script.py")
    assert ended.code == 2
    assert "→ b" in ended.err or "→ a" in ended.err
    assert not (project / "a").exists()


@pytest.mark.parametrize(
    "arguments",
    [
        ["run"],
        ["run", "missing.py"],
        ["run", "."],
        ["run", "--cores", "0", "script.py"],
        ["nonsense"],
        ["graph", "dump"],
        ["graph", "dump", "missing.py"],
        ["graph", "dump", "--format", "png", "script.py"],
    ],
)
def test_a_wrong_command_line_ends_with_2_and_says_what_is_wrong(project, arguments):
    project.script("print('ran')", prelude="")
    ended = project.ppg(*arguments)
    assert ended.code == 2
    assert ended.err
    assert ended.out == ""
    assert "Traceback" not in ended.err


def test_help_and_version_end_with_0(project):
    assert "Exit codes" in project.ppg("run", "--help").out
    assert "ppg-cli" in project.ppg("--version").out


def test_a_pipegraph_without_jobs_is_run(project):
    project.script("ppg.new_pipegraph()")
    ended = project.ppg("run", "script.py")
    assert (ended.code, ended.summary) == (0, (0, 0, 0, 0))


def test_the_command_lines_number_of_cores_is_kept(project):
    project.script("""
        def count(path):
            (Path("running") / path.name).touch()
            path.write_text(str(len(os.listdir("running"))))
            (Path("running") / path.name).unlink()
        os.makedirs("running", exist_ok=True)
        ppg.new_pipegraph(ppg.LocalSystem(max_cores_to_use=4))
        for number in range(6):
            ppg.FileGeneratingJob(f"a{number}", count)
    """)
    assert project.ppg("run", "-j1", "script.py").code == 0
    assert {(project / f"a{number}").read_text() for number in range(6)} == {"1"}


def test_the_search_for_unused_objects_goes_on_in_the_script_and_finds_what_it_has_made(project):
    project.script(
        """
        import gc
        print(gc.isenabled(), gc.get_freeze_count() > 0)

        class Held:
            def __del__(self):
                print("its end")

        held = Held()
        held.itself = held
        del held
        """
    )
    ended = project.ppg("run", "script.py")
    assert ended.out == "True True\nits end\n"
