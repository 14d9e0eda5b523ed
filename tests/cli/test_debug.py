"""`ppg debug`: one job alone, under a debugger or in a shell, and nothing of the user's is changed."""

import pytest

from tests.cli.project import PPG

SCRIPT = """
def load():
    return [1, 2, 3]

def total(path):
    found = sum(data["numbers"])
    path.write_text(f"{found}\\n")

def fails(path):
    x = 41
    raise ValueError(f"not {x + 1}")

def stops(path):
    answer = 6 * 7
    breakpoint()
    path.write_text(str(answer))

def generate():
    ppg.FileGeneratingJob("made.txt", writes("made")).depends_on(ppg.DictEntryLoadingJob("late", data, "late", load))

data = {}
ppg.new_pipegraph()
loaded = ppg.DictEntryLoadingJob("load", data, "numbers", load)
out = ppg.FileGeneratingJob("out/total.txt", total).depends_on(loaded)
ppg.FileGeneratingJob("fails.txt", fails).depends_on(out)
ppg.FileGeneratingJob("stops.txt", stops)
ppg.ExternalJob(
    "out/copy.txt", ["sh", "-c", 'cat "$0"; echo "$COLOUR"', out], stdout="out/copy.txt", environment={"COLOUR": "blue"}
)
temp = ppg.TempFileGeneratingJob("part.tmp", writes("part"))
ppg.FileGeneratingJob("whole.txt", lambda path: path.write_text(Path("part.tmp").read_text())).depends_on(temp)
ppg.JobGeneratingJob("generate", generate)
ppg.run_pipegraph()
"""


def everything(project):
    """All files of the project, but for the scratch copies, with their content and times."""
    return {
        path: (path.stat().st_mtime_ns, path.read_bytes())
        for path in project.folder.rglob("*")
        if path.is_file() and ".debug" not in str(path) and "__pycache__" not in str(path)
    }


def debug(project, job, *options, typed="c\nq\n"):
    """Run `ppg debug` with a debugger that reads from a pipe; nothing but a scratch copy may come of it."""
    (project / "typed").write_text(typed)
    before = everything(project)
    with (project / "typed").open() as keyboard:
        ended = project.ppg("debug", "script.py", job, *options, stdin=keyboard)
    assert everything(project) == before
    return ended


def scratch(project, name):
    """What the last scratch copy has for a file."""
    (folder,) = (project / ".pypipegraph_status_robust.debug").iterdir()
    return (folder / str(project.folder).lstrip("/") / name).read_text()


class TestAtATerminal:
    def test_the_debugger_stops_at_the_first_line_with_the_loads_present(self, project, tmux):
        project.script(SCRIPT)
        screen = tmux(120, 40)
        screen.enter(f"{PPG} debug script.py out/total.txt")
        screen.wait_for_text("loading 'load'", "-> found = sum(data", "(Pdb)")
        screen.enter("n")
        screen.wait_for_text("-> path.write_text")
        screen.enter("found = found + 1")
        screen.enter("c")
        screen.wait_for_text("'out/total.txt' succeeded", "made out/total.txt (2 bytes)")
        screen.enter("echo code $?")
        screen.wait_for_text("code 0")
        assert scratch(project, "out/total.txt") == "7\n"
        assert not (project / "out").exists()
        assert not (project / ".pypipegraph_status_robust").exists()

    def test_an_error_is_looked_at_where_it_was_raised(self, project, tmux):
        project.script(SCRIPT)
        project.ppg("run", "script.py", "out/total.txt")
        screen = tmux(120, 40)
        screen.enter(f"{PPG} debug script.py fails.txt")
        screen.wait_for_text("-> x = 41")
        screen.enter("c")
        screen.wait_for_text("ValueError: not 42", "-> raise ValueError")
        screen.enter("p x + 100")
        screen.wait_for_text("141")
        screen.enter("q")
        screen.wait_for_prompt()
        screen.enter("echo code $?")
        screen.wait_for_text("code 1")

    def test_a_breakpoint_in_the_callback_stops_there(self, project, tmux):
        project.script(SCRIPT)
        screen = tmux(120, 40)
        screen.enter(f"{PPG} debug script.py stops.txt")
        screen.wait_for_text("-> answer = 6 * 7")
        screen.enter("c")
        screen.wait_for_text("path.write_text(str(answer))")
        screen.enter("p answer * 2")
        screen.wait_for_text("84")
        screen.enter("c")
        screen.wait_for_text("'stops.txt' succeeded")

    def test_ctrl_c_leads_into_the_debugger(self, project, tmux):
        project.script("""
            def loops(path):
                turn = 0
                while not Path("enough").exists():
                    turn += 1
                path.write_text("left")
            ppg.new_pipegraph()
            ppg.FileGeneratingJob("a.txt", loops)
        """)
        screen = tmux(120, 40)
        screen.enter(f"{PPG} debug script.py a.txt")
        screen.wait_for_text("-> turn = 0")
        screen.enter("c")
        screen.wait_for(lambda rows: any(row.strip() == "(Pdb) c" for row in rows))
        screen.press("C-c")
        screen.wait_for_text("Program interrupted", "(Pdb)")
        screen.enter("Path('enough').touch()")
        screen.enter("c")
        screen.wait_for_text("'a.txt' succeeded")

    def test_a_debugger_that_is_left_ends_the_command_with_130(self, project, tmux):
        project.script(SCRIPT)
        screen = tmux(120, 40)
        screen.enter(f"{PPG} debug script.py stops.txt")
        screen.wait_for_text("-> answer")
        screen.enter("q")
        screen.wait_for_text("the debugger was left before 'stops.txt' had ended")
        screen.enter("echo code $?")
        screen.wait_for_text("code 130")

    def test_the_debugger_of_ipython_by_its_class(self, project, tmux):
        pytest.importorskip("IPython")
        project.script(SCRIPT)
        screen = tmux(120, 40, IPYTHONDIR=str(project / "ipython"))
        screen.enter(f"{PPG} debug script.py stops.txt --with IPython.terminal.debugger:TerminalPdb")
        screen.wait_for_text("ipdb>", "answer = 6 * 7")
        screen.enter("c")
        screen.wait_for_text("path.write_text(str(answer))")
        screen.enter("p answer * 2")
        screen.wait_for_text("84")
        screen.enter("c")
        screen.wait_for_text("'stops.txt' succeeded")

    @pytest.mark.parametrize("shell", ["/bin/bash", "/bin/sh"])
    def test_a_shell_has_the_command_its_folder_and_its_environment(self, project, tmux, shell):
        project.script(SCRIPT)
        project.ppg("run", "script.py", "out/total.txt")
        before = everything(project)
        screen = tmux(120, 40, SHELL=shell, HOME=str(project.folder), PS1="inside: ")
        screen.enter(f"{PPG} debug script.py out/copy.txt --shell")
        screen.wait_for_text('cat "$0"; echo "$COLOUR"')
        screen.enter("echo it is $COLOUR")
        screen.wait_for_text("it is blue")
        if shell == "/bin/bash":
            screen.enter("history 3")
            screen.wait_for(lambda rows: any(row.split()[:2] == ["1", "sh"] for row in rows))
        screen.enter('eval "$PPG_COMMAND"; cat out/copy.txt')
        screen.wait_for(lambda rows: [row for row in rows if row.strip() in ("6", "blue")] == ["6", "blue"])
        screen.enter("exit")
        screen.wait_for_text("made out/copy.txt (7 bytes)")
        assert scratch(project, "out/copy.txt") == "6\nblue\n"
        assert {
            path: was for path, was in everything(project).items() if "history" not in path.name
        } == before


class TestWhatIsMade:
    def test_it_is_compared_with_the_real_output(self, project):
        project.script(SCRIPT)
        project.ppg("run", "script.py", "out/total.txt")
        assert "made out/total.txt (2 bytes, the same as the real one)" in debug(project, "out/total.txt").err
        project.script(SCRIPT.replace("{found}", "{found + 1}"))
        assert "made out/total.txt (2 bytes, other than the real one)" in debug(project, "out/total.txt").err

    @pytest.mark.parametrize(
        ("declared", "made"),
        [
            ("ppg.FileGeneratingJob('a/b.txt', lambda: Path('a/b.txt').write_text('NEW'))", "a/b.txt"),
            ("ppg.FileGeneratingJob('a/b.txt', lambda path: path.absolute().write_text('NEW'))", "a/b.txt"),
            ("ppg.FileGeneratingJob('a/b.txt', lambda path: os.system(f'printf NEW > {path}'))", "a/b.txt"),
            ("ppg.FileGeneratingJob('a/b.txt', lambda path: (os.chdir('a'), Path('b.txt').write_text('NEW')))", "a/b.txt"),
            ("ppg.FileGeneratingJob(os.path.abspath('a/b.txt'), lambda path: path.write_text('NEW'))", "a/b.txt"),
            ("ppg.FileGeneratingJob('../outside/b.txt', lambda path: path.write_text('NEW'))", "../outside/b.txt"),
            ("ppg.MultiFileGeneratingJob({'x': 'a/b.txt', 'y': 'c'}, lambda files: [f.write_text('NEW') for f in files.values()])", "c"),
            ("ppg.DirectoryGeneratingJob('a', lambda path: (path / 'b.txt').write_text('NEW'))", "a/b.txt"),
            ("ppg.TempFileGeneratingJob('a/b.txt', writes('NEW'))", "a/b.txt"),
            ("ppg.ExternalJob('a/b.txt', ['printf', 'NEW'], stdout='a/b.txt')", "a/b.txt"),
            ("ppg.ExternalJob('a/b.txt', ['sh', '-c', 'printf NEW > $0', Path('a/b.txt')], working_directory='w')", "a/b.txt"),
            ("ppg.ExternalJob('a/b.txt', ['sh', '-c', 'printf NEW > b.txt'], working_directory='a')", "a/b.txt"),
            ("ppg.ExternalJob('a/b.txt', f'printf NEW > {os.path.abspath(\"a/b.txt\")}', shell=True)", "a/b.txt"),
        ],
    )  # fmt: skip
    def test_no_way_of_writing_an_output_reaches_the_real_one(self, project, declared, made):
        for name in ("a/b.txt", "c", "../outside/b.txt", "w/x"):
            (project / name).parent.mkdir(exist_ok=True)
            (project / name).write_text("old")
        project.script(f"ppg.new_pipegraph()\njob = {declared}\nprint(job.job_id)\n")
        ended = debug(project, made)
        assert ended.code == 0, ended.err
        place = scratch(project, made) if not made.startswith("..") else (
            next((project / ".pypipegraph_status_robust.debug").iterdir()).joinpath(
                str(project.folder.parent).lstrip("/"), "outside/b.txt"
            ).read_text()
        )  # fmt: skip
        assert place == "NEW"
        assert (project / made).read_text() == "old"

    def test_what_the_callback_writes_besides_stays_in_the_scratch_copy(self, project):
        for name in ("notes/log", "index", "data/in"):
            (project / name).parent.mkdir(exist_ok=True)
            (project / name).write_text("old")
        project.script("""
            def make(path):
                path.write_text(Path("data/in").read_text())
                with open("notes/log", "a") as log:
                    log.write(" and new")
                os.remove("index")
                os.rename("data/in", "data/out")
            ppg.new_pipegraph()
            ppg.FileGeneratingJob("a.txt", make)
        """)
        ended = debug(project, "a.txt")
        assert ended.code == 0, ended.err
        assert scratch(project, "notes/log") == "old and new"
        assert scratch(project, "a.txt") == "old"

    @pytest.mark.parametrize(
        "writes_it",
        [
            "(HERE / 'a.txt').write_text('x')",
            "(HERE / 'a.txt').unlink()",
            "os.rename('b.txt', HERE / 'a.txt')",
            "subprocess.run(['touch', HERE / 'a.txt'])",
            "os.system(f'touch {HERE}/a.txt')",
            "(HERE / 'b.txt').write_text('x')",
            "(HERE / '.pypipegraph_status_robust').write_text('x')",
        ],
    )
    def test_a_callback_that_names_a_real_output_in_full_is_refused(self, project, writes_it):
        project.script(f"""
            import subprocess
            HERE = Path(__file__).parent
            def make(path):
                {writes_it}
            ppg.new_pipegraph()
            ppg.FileGeneratingJob("a.txt", make)
            ppg.FileGeneratingJob("b.txt", writes("b"))
        """)
        for name in ("a.txt", "b.txt"):
            (project / name).write_text("old")
        ended = debug(project, "a.txt")
        assert ended.code == 1
        assert "ppg debug leaves" in ended.err

    def test_nothing_is_left_of_a_job_that_made_nothing(self, project):
        project.script(SCRIPT)
        assert debug(project, "load").code == 0
        assert list((project / ".pypipegraph_status_robust.debug").iterdir()) == []


class TestInputs:
    def test_a_missing_one_has_its_remedy_beside_it_and_nothing_runs(self, project):
        project.script(SCRIPT)
        ended = debug(project, "whole.txt")
        assert ended.code == 1
        assert ended.out == ""
        assert ended.err.splitlines() == [
            "ppg: 'part.tmp' is missing: there is no file 'part.tmp'",
            "ppg: to bring that up to date: ppg run script.py part.tmp",
        ]
        assert project.ppg("run", "script.py", "part.tmp").code == 0
        assert debug(project, "whole.txt").code == 0

    def test_a_stale_one_has_its_reason_beside_it_and_is_used(self, project):
        project.script(SCRIPT)
        project.ppg("run", "script.py", "out/total.txt")
        project.script(SCRIPT.replace("{found}", "{found + 1}"))
        ended = debug(project, "out/copy.txt")
        assert ended.code == 0
        assert "ppg: 'out/total.txt' is stale, and used as it is: total() changed\n" in ended.err
        assert "ppg run script.py out/total.txt\n" in ended.err
        assert scratch(project, "out/copy.txt") == "6\nblue\n"

    def test_an_input_file_that_is_not_there(self, project):
        project.script("""
            ppg.new_pipegraph()
            ppg.FileGeneratingJob("a.txt", writes("a")).depends_on("input.txt")
        """)
        ended = debug(project, "a.txt")
        assert ended.code == 1
        assert "ppg: 'input.txt' is missing: " in ended.err
        assert "put the file there, or correct its name in the script" in ended.err

    def test_a_load_that_fails_is_looked_at(self, project):
        project.script(SCRIPT.replace("return [1, 2, 3]", "raise KeyError('lost')"))
        ended = debug(project, "out/total.txt")
        assert ended.code == 1
        assert "ppg: 'load' failed\n" in ended.err
        assert "KeyError: 'lost'" in ended.err

    def test_cached_values_are_read_and_calculated_in_the_scratch_copy(self, project):
        project.script("""
            ppg.new_pipegraph()
            data = {}
            load = ppg.CachedDictEntryLoadingJob("value", data, "x", lambda: 7)
            ppg.FileGeneratingJob("a.txt", lambda path: path.write_text(str(data["x"]))).depends_on(load)
        """)
        assert "ppg run script.py value" in debug(project, "a.txt").err
        assert project.ppg("run", "script.py").code == 0
        assert "made a.txt (1 byte, the same as the real one)" in debug(project, "a.txt").err
        assert "made value (5 bytes, the same as the real one)" in debug(project, "value").err


class TestGenerators:
    def test_a_generator_declares_and_nothing_comes_of_it(self, project):
        project.script(SCRIPT)
        ended = debug(project, "generate")
        assert ended.code == 0
        assert "it declared 2 jobs: late, made.txt" in ended.err.replace("made.txt, late", "late, made.txt")

    def test_a_job_that_a_generator_made_is_called_with_its_loads(self, project):
        project.script(SCRIPT)
        assert (
            "the generator 'generate' never ran, so its jobs are not known" in debug(project, "made.txt").err
        )
        project.ppg("run", "script.py")
        ended = debug(project, "made.txt")
        assert ended.code == 0, ended.err
        assert "loading 'late'" in ended.err
        assert "made made.txt (4 bytes, the same as the real one)" in ended.err


class TestTheCommandLine:
    def test_a_misspelt_job_is_answered_with_the_nearest(self, project):
        project.script(SCRIPT)
        ended = debug(project, "out/toal.txt")
        assert ended.code == 2
        assert "there is no job 'out/toal.txt'; there is 'out/total.txt'" in ended.err

    def test_an_invariant_runs_nothing(self, project):
        project.script(SCRIPT)
        ended = debug(project, "FI:out/total.txt")
        assert ended.code == 2
        assert "name a job" in ended.err

    def test_no_such_debugger(self, project):
        project.script(SCRIPT)
        for name in ("pdbb", "pdb:Pbd", "json"):
            ended = debug(project, "stops.txt", "--with", name)
            assert ended.code == 2
            assert "debugger" in ended.err

    def test_a_shell_needs_a_program(self, project):
        project.script(SCRIPT)
        ended = debug(project, "stops.txt", "--shell")
        assert ended.code == 2
        assert "leave --shell out" in ended.err

    def test_a_program_that_fails_leads_to_the_shell(self, project):
        project.script("ppg.new_pipegraph(); ppg.ExternalJob('a.txt', ['sh', '-c', 'echo why >&2; exit 3'])")
        ended = debug(project, "a.txt")
        assert ended.code == 1
        assert "why\n" in ended.err
        assert "exited with code 3" in ended.err
        assert "--shell opens a shell with its command" in ended.err
