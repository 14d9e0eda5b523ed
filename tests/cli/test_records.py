"""What was: runs, results, outputs, states; and what is removed or forgotten of it."""

import os
import re
import sys

import pytest

from tests.cli.project import PPG

SCRIPT = """
X = 1
def speaks(path):
    print("said of", path)
    path.write_text(str(X))
def fails(path):
    print("before")
    print("complained", file=sys.stderr)
    raise ValueError("no luck")
ppg.new_pipegraph()
a = ppg.FileGeneratingJob("a", speaks)
b = ppg.FileGeneratingJob("b", lambda path: path.write_text(Path("a").read_text() + "b")).depends_on(a)
c = ppg.FileGeneratingJob("c", writes("C"))
def generate():
    ppg.FileGeneratingJob("made", writes("M"))
ppg.JobGeneratingJob("generator", generate)
# more
ppg.run_pipegraph()
"""
BAD = 'ppg.FileGeneratingJob("bad", fails)'


@pytest.fixture
def built(project):
    project.script(SCRIPT)
    assert project.ppg("run", "script.py").code == 0
    return project


def edit(project, old, new):
    text = (project / "script.py").read_text()
    assert old in text
    (project / "script.py").write_text(text.replace(old, new))


# -- runs and their differences


def test_runs_are_listed_with_their_ends(built):
    edit(built, "# more", BAD)
    assert built.ppg("run", "script.py").code == 1
    lines = built.ppg("runs").out.splitlines()
    assert re.fullmatch(r"run 2     20[0-9: -]+ +[0-9.]+ s  failed, 1 ran, 1 failed", lines[0]), lines
    assert re.fullmatch(r"run 1     20[0-9: -]+ +[0-9.]+ s  done, 5 ran", lines[1]), lines
    assert len(built.ppg("runs", "--number", "1").out.splitlines()) == 1


def test_a_run_that_goes_on_or_was_killed_has_no_end(project):
    project.gate("slow")
    project.script('ppg.new_pipegraph(); ppg.FileGeneratingJob("slow", waits)')
    run = project.start("run", "script.py")
    project.wait_until_began("slow")
    assert "goes on, or was killed" in project.ppg("runs").out
    project.let_go("slow")
    run.communicate()
    assert "done, 1 ran" in project.ppg("runs").out


def test_the_difference_of_two_runs_names_results_and_reasons(built):
    edit(built, "X = 1", "X = 2")
    edit(built, "# more", "# more\n" + BAD)
    assert built.ppg("run", "script.py").code == 1
    edit(built, BAD, "")
    ended = built.ppg("diff", "1", "2")
    assert ended.code == 0
    lines = ended.out.splitlines()
    assert any(line.startswith("changed  a: X: 1 → 2 (used by speaks)") for line in lines), lines
    assert "changed  b: a came out differently" in lines
    assert any(line.startswith("failed   bad: ") for line in lines)
    assert lines[-1] == "3 results differ between run 1 and run 2; 1 job ran again, with the same result"
    assert built.ppg("diff", "2", "1").out == ended.out
    assert built.ppg("run", "script.py", "--force", "a").code == 0
    assert built.ppg("diff", "2", "3").out.splitlines()[-1] == (
        "0 results differ between run 2 and run 3; 2 jobs ran again, with the same result"
    )


def test_a_run_that_never_was_is_an_error_that_says_where_to_look(built, tmp_path):
    ended = built.ppg("diff", "1", "7")
    assert (ended.code, "there was no run 7; `ppg runs` lists those" in ended.err) == (2, True)
    (tmp_path / "empty").mkdir()
    for command in (("runs",), ("diff", "1", "2")):
        assert "nothing was run here yet" in built.ppg(*command, cwd=tmp_path / "empty").err


# -- output


def test_what_a_job_printed_is_kept_and_shown(built):
    assert built.ppg("output", "./a").out == "said of a\n"
    ended = built.ppg("output", "c")
    assert (ended.code, "nothing is kept of 'c' in any run" in ended.err) == (1, True)
    assert (built.ppg("output", "nobody").code, built.ppg("output", "a", "--run", "1").code) == (2, 0)


def test_a_failure_is_shown_with_its_output_and_its_traceback(built):
    edit(built, "# more", BAD)
    built.ppg("run", "script.py")
    shown = built.ppg("output", "bad")
    assert shown.out.startswith("--- stdout\nbefore\n--- stderr\ncomplained\n--- error\n")
    assert "ValueError: no luck" in shown.out
    assert "in fails" in shown.out
    assert "'bad' failed at 20" in shown.err
    assert built.ppg("output", "a").out == "said of a\n", "that of the last run in which it ran"


def test_only_what_is_not_empty_is_kept_and_other_users_cannot_read_it(project):
    project.script('ppg.new_pipegraph(); ppg.FileGeneratingJob("a", writes("A"))')
    assert project.ppg("run", "script.py").code == 0
    folder = project / ".pypipegraph_status_robust.output"
    assert not folder.exists()
    project.script(SCRIPT)
    assert project.ppg("run", "script.py").code == 0
    assert [path.name for path in folder.iterdir()] == ["run-2"]
    assert folder.stat().st_mode & 0o077 == 0
    assert (folder / "run-2").stat().st_mode & 0o077 == 0
    assert project.ppg("run", "script.py").code == 0
    assert [path.name for path in folder.iterdir()] == ["run-2"]


def test_the_output_of_a_run_that_was_killed_is_found_as_well(project):
    project.gate("slow")
    project.script(SCRIPT.replace("# more", 'ppg.FileGeneratingJob("slow", waits)'))
    run = project.start("run", "script.py")
    project.wait_until_began("slow")
    output = project / ".pypipegraph_status_robust.output/run-1"
    project.wait_until_logged("said of a", str(output))
    run.kill()
    run.wait()
    assert project.ppg("output", "a").out == "said of a\n"


def test_no_more_is_kept_than_is_allowed_and_the_oldest_goes_first(project):
    project.script("""
        def speaks(path):
            print(sys.argv[1] * 3000)
            path.write_text("x")
        ppg.new_pipegraph()
        ppg.FileGeneratingJob("a", speaks).depends_on_params(sys.argv[1])
    """)
    project.environment["PPG_KEEP_OUTPUT"] = "8 kB"
    for text in "xyz":
        assert project.ppg("run", "script.py", "--", text).code == 0
    folder = project / ".pypipegraph_status_robust.output"
    assert sorted(path.name for path in folder.iterdir()) == ["run-2", "run-3"]
    assert project.ppg("output", "a").out == "z" * 3000 + "\n"
    project.environment["PPG_KEEP_OUTPUT"] = "1 kB"
    assert project.ppg("run", "script.py", "--", "v").code == 0
    ended = project.ppg("output", "a")
    assert re.fullmatch(r"v+\n", ended.out)
    assert len(ended.out) < 1000
    assert "were not kept; raise PPG_KEEP_OUTPUT" in ended.err
    project.environment["PPG_KEEP_OUTPUT"] = "off"
    assert project.ppg("run", "script.py", "--", "w").code == 0
    assert sorted(path.name for path in folder.iterdir()) == ["run-4"]
    project.environment["PPG_KEEP_OUTPUT"] = "much"
    ended = project.ppg("run", "script.py", "--", "u")
    assert (ended.code, "write PPG_KEEP_OUTPUT=100MB, or PPG_KEEP_OUTPUT=off" in ended.err) == (2, True)


# -- status


def test_status_tells_what_is_up_to_date_stale_failed_and_never_built(built):
    assert built.ppg("status", "script.py").out == "4 up to date\n"
    edit(built, "X = 1", "X = 2")
    edit(built, "# more", BAD + '\nppg.FileGeneratingJob("new", writes("N"))\n# more')
    (built / "c").unlink()
    lines = built.ppg("status", "script.py").out.splitlines()
    assert lines[0].startswith("stale         a: X: 1 → 2")
    assert lines[1:] == [
        "stale         c: c is missing",
        "may be stale  b: if a changes",
        "never built   bad",
        "never built   new",
        "1 up to date, 2 stale, 1 may be stale, 2 never built",
    ]
    assert built.ppg("run", "script.py").code == 1
    lines = built.ppg("status", "script.py").out.splitlines()
    assert lines == ["failed        bad: ValueError: no luck", "5 up to date, 1 failed"]
    assert built.ppg("status", "script.py", "b").out == "2 up to date\n"


def test_status_writes_nothing_and_tells_of_inputs_that_are_missing(project):
    project.script("ppg.new_pipegraph(); ppg.FileGeneratingJob('a', writes('A')).depends_on_file('gone')")
    lines = project.ppg("status", "script.py").out.splitlines()
    assert lines[0].startswith("problem       gone: ")
    assert lines[1:] == ["cannot run    a", "0 up to date, 1 cannot run"]
    assert sorted(path.name for path in project.folder.iterdir()) == ["script.py"]


# -- forget, clean, init, completion


def test_a_forgotten_job_runs_again_and_its_file_stays_until_then(built):
    ended = built.ppg("forget", "./a", "c")
    assert ended.out == "a is forgotten, and runs again\nc is forgotten, and runs again\n"
    assert (built / "a").exists()
    assert built.ppg("run", "script.py").summary == (3, 2, 0, 0)
    assert built.ppg("forget", "nobody").code == 2


def test_cleaning_shows_what_no_job_makes_any_more_and_removes_it_if_told_to(built):
    assert built.ppg("clean", "script.py").out == "nothing is left of jobs that are not declared any more\n"
    edit(built, "c = ppg", "c = 1 or ppg")
    edit(built, "b = ppg", "b = 1 or ppg")
    (built / "b").write_text("of the user now")
    ended = built.ppg("clean", "script.py")
    assert ended.code == 1
    assert ended.out.splitlines() == [
        "file     c",
        "kept     b: it is not as b left it",
        "record   b",
        "record   c",
        "note: another script with the same status file, or other arguments, may still make these",
    ]
    assert "nothing was removed; say --yes" in ended.err
    assert (built / "c").exists()
    ended = built.ppg("clean", "--yes", "script.py")
    assert (ended.code, "removed 1 file and 2 records" in ended.err) == (0, True)
    assert not (built / "c").exists()
    assert (built / "b").read_text() == "of the user now"
    assert (built / "made").exists()
    assert built.ppg("run", "script.py").summary == (1, 2, 0, 0)


@pytest.mark.parametrize(("answer", "is_removed"), [(b"y\r", True), (b"n\r", False), (b"\r", False)])
def test_cleaning_asks_on_a_terminal(built, terminal, answer, is_removed):
    edit(built, "c = ppg", "c = 1 or ppg")
    screen = terminal("clean", "script.py")
    screen.expect("Remove these files and records")
    screen.type(answer)
    assert screen.wait() == (0 if is_removed else 1)
    assert (built / "c").exists() is not is_removed


def test_a_first_pipeline_runs_and_is_never_overwritten(project):
    assert project.ppg("init").code == 0
    ended = project.ppg("run", "pipeline.py")
    assert (ended.code, ended.summary) == (0, (5, 0, 0, 0)), ended.err
    assert (project / "results/report.txt").read_text().startswith("control: ")
    assert project.command(sys.executable, "pipeline.py").summary == (0, 5, 0, 0)
    (project / "pipeline.py").write_text("mine")
    ended = project.ppg("init")
    assert (ended.code, "'pipeline.py' cannot be written: File exists; name another file" in ended.err) == (
        2,
        True,
    )
    assert (project / "pipeline.py").read_text() == "mine"
    assert project.ppg("init", "other.py").code == 0


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("ppg run scr", ["script.py"]),
        ("ppg run script.py m", ["made"]),
        ("ppg run script.py --force b", ["b"]),
        ("ppg why gen", ["generator"]),
        ("ppg output a", ["a"]),
        ("ppg sta", ["status"]),
    ],
)
def test_a_shell_completes_commands_scripts_and_jobs(built, line, expected):
    words = line.split()
    built.environment |= {
        "_PPG_COMPLETE": "complete_bash",
        "COMP_WORDS": line,
        "COMP_CWORD": str(len(words) - 1),
    }
    assert built.ppg().out.split() == expected
    assert (
        "--install-completion"
        in built.command(PPG, "--help", env={**built.environment, "_PPG_COMPLETE": ""}).out
    )


# -- without a script


OF_FILES = """
    def copies(name):
        def copy(path):
            path.write_text(Path(name).read_text())
        return copy
    def fails(path):
        raise ValueError("no luck")
    ppg.new_pipegraph(invariant_status_filename=sys.argv[1] if len(sys.argv) > 1 else ".pypipegraph_status_robust")
    first = ppg.FileGeneratingJob("first", copies("input")).depends_on("input")
    temp = ppg.TempFileGeneratingJob("temp", copies("first")).depends_on(first)
    ppg.FileGeneratingJob("second", copies("temp")).depends_on(temp)
    ppg.FileGeneratingJob("reads", copies("other"))
    ppg.MultiFileGeneratingJob(["x", "y"], lambda files: [file.write_text("x") for file in files])
    ppg.DirectoryGeneratingJob("folder", lambda path: (path / "in").write_text("in"))
    ppg.FileGeneratingJob("bad", fails)
    ppg.JobGeneratingJob("generate", lambda: ppg.FileGeneratingJob("made", writes("made")))
"""
NOTE = "note: code, parameters and tools are known to the script alone: ppg status script.py"


@pytest.fixture
def files(project):
    for name in ("input", "other"):
        (project / name).write_text("old")
    project.script(OF_FILES)
    assert project.ppg("run", "script.py").code == 1
    return project


def test_status_without_a_script_tells_what_the_status_file_and_the_files_say(files):
    ended = files.ppg("status")
    assert ended.out.splitlines() == [
        "failed        bad: ValueError: no luck",
        "6 up to date, 1 failed",
        NOTE,
    ]
    assert files.ppg("status", "script.py").out.splitlines() == ended.out.splitlines()[:-1]
    (files / "input").write_text("new")
    (files / "other").write_text("new")
    (files / "x").unlink()
    (files / "folder/in").write_text("other")
    (files / "made").unlink()
    ended = files.ppg("status")
    told = ended.out.splitlines()
    assert told[0] == "failed        bad: ValueError: no luck"
    assert sorted(told[1:-2]) == [
        "may be stale  second: if temp changes",
        "stale         first: input changed",
        "stale         folder: folder/in is not as it was left",
        "stale         made: made is missing",
        "stale         reads: other, which it read, changed",
        "stale         x:y: x is missing",
    ]
    assert told[-2:] == ["0 up to date, 5 stale, 1 may be stale, 1 failed", NOTE]
    with_script = files.ppg("status", "script.py").out.splitlines()
    assert sorted(with_script) == sorted(told[:-1]), "the script knows no more of these files"
    (files / "input").unlink()
    assert "first: input is missing" in files.ppg("status").out


def test_status_of_named_jobs_without_a_script(files):
    (files / "x").unlink()
    assert files.ppg("status", "./y", "first").out.splitlines()[:-1] == [
        "stale         x:y: x is missing",
        "1 up to date, 1 stale",
    ]
    ended = files.ppg("status", "frist")
    assert (ended.code, "there is no job 'frist'; there is 'first'" in ended.err) == (2, True)
    ended = files.ppg("status", "--", "more")
    assert (ended.code, "name the script of these arguments" in ended.err) == (2, True)
    ended = files.ppg("status", "script.py", "--status-file", "x")
    assert (ended.code, "the script says where it is" in ended.err) == (2, True)


def test_each_status_file_of_the_folder_is_named(files):
    assert files.ppg("run", "script.py", "first", "--", "second.db").code == 0
    told = files.ppg("status").out.splitlines()
    assert [line for line in told if line.endswith(":")] == [".pypipegraph_status_robust:", "second.db:"]
    assert told[-2:] == ["1 up to date", NOTE]
    assert files.ppg("runs").out.count("run 1") == 1


def test_a_status_file_of_another_name_is_found_and_of_several_one_is_asked_for(files):
    assert files.ppg("run", "script.py", "first", "--", "second.db").code == 0
    (files / ".pypipegraph_status_robust").unlink()
    for command in (["status"], ["runs"], ["why", "first"], ["inputs", "first"], ["diff", "1", "1"]):
        ended = files.ppg(*command)
        assert (ended.code, ended.err) == (0, "")
    (files / "third.db").write_bytes((files / "second.db").read_bytes())
    for command in (
        ["runs"],
        ["why", "first"],
        ["output", "first"],
        ["forget", "first"],
        ["status", "first"],
    ):
        ended = files.ppg(*command)
        assert ended.code == 2
        assert "'second.db', 'third.db'; name one by --status-file" in ended.err
    assert files.ppg("runs", "--status-file", "third.db").code == 0


def test_without_any_status_file_status_says_what_to_do(project):
    os.mkfifo(project / "pipe")
    ended = project.ppg("status")
    assert (ended.code, ended.out) == (2, "")
    assert "nothing was run here yet; run the pipegraph once" in ended.err
