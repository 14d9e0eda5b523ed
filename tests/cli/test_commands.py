"""What may be typed at the terminal while a graph runs, under `ppg run` and in a plain script."""

import os
import signal
import sys

import pytest

from tests.cli.project import PPG

TWO = """
ppg.new_pipegraph(ppg.LocalSystem(max_cores_to_use=2, share_cores=False))
ppg.FileGeneratingJob("first", waits).depends_on_params({"x": 1})
ppg.FileGeneratingJob("after first", writes("1")).depends_on("first")
ppg.FileGeneratingJob("second", waits)
ppg.FileGeneratingJob("third", writes("3")).depends_on("second")
ppg.run_pipegraph()
"""


@pytest.fixture(params=["ppg run", "ppg run --plain", "python"])
def two(request, project, terminal):
    """A terminal in which two jobs run, in the ways in which graphs are run."""
    for job in ("first", "second"):
        project.gate(job)
    (project / "logs").mkdir()
    project.script(TWO)
    command = {
        "ppg run": (PPG, "run", "script.py"),
        "ppg run --plain": (PPG, "run", "--plain", "script.py"),
        "python": (sys.executable, "script.py"),
    }[request.param]
    screen = terminal(command=command)
    for job in ("first", "second"):
        project.wait_until_began(job)
        project.wait_until_logged(f"started: {job}")  # it begins before ppg is told so
    return screen


def let_both_go(project):
    for job in ("first", "second"):
        project.let_go(job)


def test_help_lists_the_commands(project, two):
    two.type(b"help\r")
    for command in ("running", "errors", "why JOB", "kill JOB", "stop", "abort", "help"):
        two.expect(command)
    let_both_go(project)
    assert two.wait() == 0


def test_an_unknown_command_points_to_help(project, two):
    two.type(b"frobnicate\r")
    two.expect("there is no command 'frobnicate'; type 'help'")
    let_both_go(project)
    assert two.wait() == 0


def test_running_and_enter_show_what_runs(project, two):
    for keys in (b"running\r", b"  Running \r", b"\r"):
        two.type(keys)
        two.expect(r"running for [0-9.]+ s: first")
        two.expect(r"running for [0-9.]+ s: second")
    let_both_go(project)
    assert two.wait() == 0


def test_why_shows_a_job_s_state_and_reasons(project, two):
    two.type(b"why ./first\r")
    two.expect("first: started.")
    two.expect("because new: never built")
    two.type(b"why third\r")
    two.expect("third: has to run. It waits for second")
    two.expect("  in the end it waits for what runs: second")
    two.type(b"why fisrt\r")
    two.expect("there is no job 'fisrt'; there is 'first'")
    two.type(b"why\r")
    two.expect("'why' needs the name of a job")
    let_both_go(project)
    assert two.wait() == 0


def test_a_killed_job_fails_with_that_cause_and_the_others_go_on(project, two):
    two.type(b"errors\r")
    two.expect("no job has failed so far")
    two.type(b"kill third\r")
    two.expect("'third' does not run now")
    two.type(b"kill first\r")
    two.expect("killing 'first'")
    two.expect("FAILED 'first'")
    two.expect("'first' was ended: it was killed by the user")
    two.type(b"errors\r")
    two.expect("FAILED 'first'")
    project.let_go("second")
    assert two.wait() == 1
    assert "2 ran, 0 up to date, 1 failed, 1 blocked" in two.said
    assert not (project / "first").exists()
    assert (project / "third").read_text() == "3"


def test_stop_lets_what_runs_end_and_starts_no_more(project, two):
    two.type(b"stop\r")
    two.expect("no more jobs start")
    two.type(b"why third\r")
    two.expect("the run ended before its turn")
    let_both_go(project)
    assert two.wait() != 0
    assert "2 ran, 0 up to date, 0 failed, 0 blocked, 2 not done" in two.said
    for job in ("first", "second"):
        for end in ("began", "go"):
            (project / f"{job}.{end}").unlink()
    again = project.ppg("run", "script.py")
    assert again.summary == (2, 2, 0, 0)


def test_abort_ends_the_run_as_ctrl_c_does(project, two):
    two.type(b"abort\r")
    assert two.wait() in {130, -signal.SIGINT, 1}
    assert "4 not done" in two.said
    assert project.running() == {}
    assert not (project / "first").exists()


def test_ctrl_c_after_stop_ends_it_at_once(project, two):
    two.type(b"stop\r")
    two.expect("no more jobs start")
    two.type(b"\x03")
    assert two.wait() != 0
    assert "0 ran, 0 up to date, 0 failed, 0 blocked, 4 not done" in two.said
    assert project.running() == {}


def test_the_terminal_is_left_as_it_was_and_what_was_not_entered_is_the_shell_s(project, two):
    two.type(b"help\rls -l")
    two.expect("commands, each with Enter")
    let_both_go(project)
    assert two.wait() == 0
    assert two.settings_now() == two.settings
    assert "there is no command" not in two.said
    two.type(b"\r")
    assert two.typed_but_not_read() == b"ls -l\n"


def test_strange_keys_are_no_commands_and_no_harm(project, two):
    two.type(b"\x1b[A\x00\xff\r")
    two.expect(r"there is no command '\\x1b\[A\\x00")
    two.type(b"x" * 300 + b"\r")
    two.expect("there is no command 'xxx")
    let_both_go(project)
    assert two.wait() == 0


def test_a_job_that_waits_for_cores_can_be_killed_too(project, terminal):
    project.gate("big")
    project.script("""
        ppg.new_pipegraph(ppg.LocalSystem(max_cores_to_use=1, share_cores=False))
        ppg.FileGeneratingJob("big", waits)
        ppg.FileGeneratingJob("small", writes("s"))
        ppg.FileGeneratingJob("smaller", writes("s"))
    """)
    (project / "small").write_text("of an earlier run")
    screen = terminal("run", "--plain", "script.py")
    project.wait_until_began("big")
    screen.type(b"kill small\r")
    screen.expect("'small' was ended: it was killed by the user")
    project.let_go("big")
    assert screen.wait() == 1
    assert (project / "small").read_text() == "of an earlier run"


def test_stop_takes_back_what_waits_for_cores(project, terminal):
    project.gate("big")
    project.script("""
        ppg.new_pipegraph(ppg.LocalSystem(max_cores_to_use=1, share_cores=False))
        ppg.FileGeneratingJob("big", waits)
        for number in range(50):
            ppg.FileGeneratingJob(f"small{number}", writes("s"))
    """)
    screen = terminal("run", "--plain", "script.py")
    project.wait_until_began("big")
    screen.type(b"stop\r")
    screen.expect("no more jobs start; the run ends when 1 job has ended")
    project.let_go("big")
    assert screen.wait() == 130
    assert "1 ran, 0 up to date, 0 failed, 0 blocked, 50 not done" in screen.said


def test_stop_when_nothing_is_left_to_start_changes_nothing(project, terminal):
    project.gate("last")
    project.script('ppg.new_pipegraph(); ppg.FileGeneratingJob("last", waits)')
    screen = terminal("run", "--plain", "script.py")
    project.wait_until_began("last")
    screen.type(b"stop\rstop\r")
    screen.expect("no more jobs start")
    project.let_go("last")
    assert screen.wait() == 0
    assert "1 ran" in screen.said


def test_a_quiet_script_leaves_what_is_typed_to_others(project, terminal):
    project.gate("slow")
    project.script("""
        ppg.new_pipegraph(quiet=True)
        ppg.FileGeneratingJob("slow", waits)
        ppg.run_pipegraph()
        print("the script asks:", input())
    """)
    screen = terminal(command=(sys.executable, "script.py"))
    project.wait_until_began("slow")
    screen.type(b"an answer\r")
    project.let_go("slow")
    screen.expect("the script asks: an answer")
    assert screen.wait() == 0


def test_ctrl_z_gives_the_terminal_back_with_its_cursor_until_the_run_goes_on(project, terminal):
    project.gate("slow")
    project.script('ppg.new_pipegraph(); ppg.FileGeneratingJob("slow", waits)')
    screen = terminal("run", "script.py")
    project.wait_until_began("slow")
    screen.expect("1 running")
    os.kill(screen.process.pid, signal.SIGTSTP)
    screen.wait_until_stopped()
    assert screen.said.rfind("\x1b[?25h") > screen.said.rfind("\x1b[?25l")
    screen.said = ""
    os.kill(screen.process.pid, signal.SIGCONT)
    screen.expect("1 running")
    screen.type(b"running\r")
    screen.expect(r"running for [0-9.]+ s: slow")
    project.let_go("slow")
    assert screen.wait() == 0
    assert screen.settings_now() == screen.settings


def test_a_load_can_be_killed_and_what_does_not_need_it_goes_on(project, terminal):
    project.gate("load")
    project.gate("other")
    project.script("""
        def load():
            os.close(os.open("load.began", os.O_WRONLY))
            while True:
                time.sleep(0.05)
        ppg.new_pipegraph(ppg.LocalSystem(max_cores_to_use=2, share_cores=False))
        data = ppg.DataLoadingJob("load", load)
        ppg.FileGeneratingJob("needs it", writes("x")).depends_on(data)
        ppg.FileGeneratingJob("other", waits)
    """)
    screen = terminal("run", "--plain", "script.py")
    project.wait_until_began("load")
    screen.type(b"kill load\r")
    screen.expect("'load' was ended: it was killed by the user")
    project.wait_until_began("other")
    project.let_go("other")
    assert screen.wait() == 1
    assert "1 ran, 0 up to date, 1 failed, 1 blocked" in screen.said


def test_what_a_generator_makes_after_stop_is_not_started(project, terminal):
    project.gate("generator")
    project.script("""
        def generate():
            waits(Path("generator"))
            ppg.FileGeneratingJob("generated", writes("x"))
        ppg.new_pipegraph()
        ppg.FileGeneratingJob("below", writes("y")).depends_on(ppg.JobGeneratingJob("generator", generate))
    """)
    screen = terminal("run", "--plain", "script.py")
    project.wait_until_began("generator")
    screen.type(b"stop\r")
    screen.expect("no more jobs start")
    project.let_go("generator")
    assert screen.wait() == 130
    assert "2 not done" in screen.said
    assert not (project / "generated").exists()


def test_a_killed_job_is_not_tried_again(project, terminal):
    project.gate("stubborn")
    project.script("""
        ppg.new_pipegraph()
        ppg.FileGeneratingJob("stubborn", waits, retries=5)
    """)
    screen = terminal("run", "--plain", "script.py")
    project.wait_until_began("stubborn")
    screen.type(b"kill stubborn\rkill stubborn\r")
    screen.expect("it was killed by the user")
    assert screen.wait() == 1
    assert "0 ran, 0 up to date, 1 failed" in screen.said


def test_the_next_run_redoes_what_was_killed_and_nothing_else(project, terminal):
    for job in ("first", "second"):
        project.gate(job)
    project.script(TWO)
    screen = terminal("run", "--plain", "script.py")
    for job in ("first", "second"):
        project.wait_until_began(job)
    screen.type(b"kill first\r")
    screen.expect("it was killed by the user")
    project.let_go("second")
    assert screen.wait() == 1
    assert "it was killed by the user" in project.ppg("why", "first").out
    again = project.start("run", "script.py")
    project.wait_until_began("first")
    project.let_go("first")
    said, _ = again.communicate()
    assert "2 ran, 2 up to date" in said


def test_a_job_that_waits_says_what_for_in_the_end(project, terminal):
    project.gate("big")
    (project / "logs").mkdir()
    project.script("""
        ppg.new_pipegraph(ppg.LocalSystem(max_cores_to_use=1, share_cores=False))
        ppg.FileGeneratingJob("big", waits)
        ppg.FileGeneratingJob("small", writes("s"))
        ppg.FileGeneratingJob("after", writes("s")).depends_on("small")
        ppg.FileGeneratingJob("next", writes("s")).depends_on("big")
        ppg.FileGeneratingJob("next but one", writes("s")).depends_on("next")
        ppg.FileGeneratingJob("last", writes("s")).depends_on("after", "next but one")
    """)
    screen = terminal("run", "--plain", "script.py")
    project.wait_until_began("big")
    project.wait_until_logged("started: big")
    screen.type(b"why small\r")
    screen.expect("it is ready, and waits for 1 core or for memory; these run: big")
    screen.type(b"why last\r")
    screen.expect("in the end it waits for what runs: big")
    screen.expect("in the end it waits for what is ready and has no core yet: small")
    project.let_go("big")
    assert screen.wait() == 0
