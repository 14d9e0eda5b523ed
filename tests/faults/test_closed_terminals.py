"""The window is closed: SIGHUP comes, and whatever is written to the terminal afterwards is an error (EIO)."""

import os
import signal
import sys

import pytest

WAITING = """
import subprocess
def waits_with_children(path):
    path.write_text("half")
    subprocess.Popen(["sleep", "1000"])
    subprocess.Popen(["setsid", "sleep", "1000"])
    waits(path)
    print("went on")
ppg.new_pipegraph(ppg.LocalSystem(max_cores_to_use=2))
ppg.FileGeneratingJob("first", writes("1"))
ppg.FileGeneratingJob("slow", waits_with_children).depends_on("first")
ppg.FileGeneratingJob("last", writes("3")).depends_on("slow")
ppg.run_pipegraph()
"""
IGNORING = "import signal; signal.signal(signal.SIGHUP, signal.SIG_IGN)\n"
WAYS = [
    pytest.param(("run", "script.py"), None, id="display"),
    pytest.param(("run", "--plain", "script.py"), None, id="plain"),
    pytest.param((), (sys.executable, "script.py"), id="python"),
]


def finish(project):
    """The run after the one that was ended."""
    for name in ("slow.began", "slow.go"):
        (project / name).unlink()
    project.gate("slow")
    run = project.start("run", "script.py")
    project.wait_until_began("slow")
    project.let_go("slow")
    said, _ = run.communicate()
    assert run.returncode == 0, said
    return said


@pytest.mark.parametrize(("arguments", "command"), WAYS)
def test_a_closed_window_ends_the_run_and_leaves_nothing_behind(project, terminal, arguments, command):
    (project / "logs").mkdir()
    project.gate("slow")
    project.script(WAITING)
    screen = terminal(*arguments, command=command)
    project.wait_until_began("slow")
    screen.hang_up()
    assert screen.process.wait(60) == -signal.SIGHUP
    project.wait_until_nothing_runs()
    assert not (project / "slow").exists()
    assert "run finished: 1 ran, 0 up to date, 0 failed" in (project / "logs/ppg_run.txt").read_text()
    assert "2 ran, 1 up to date" in finish(project)


@pytest.mark.parametrize(("arguments", "command"), WAYS)
def test_a_run_that_ignores_the_signal_goes_on_to_its_end(project, terminal, arguments, command):
    project.gate("slow")
    project.script(IGNORING + WAITING)
    screen = terminal(*arguments, command=command)
    project.wait_until_began("slow")
    screen.hang_up()
    project.let_go("slow")
    # Python itself makes 120 of text that it could not write for a script of its own.
    assert screen.process.wait(60) in ({0, 120} if command else {0})
    assert (project / "last").read_text() == "3"
    project.wait_until_nothing_runs()


def test_jobs_that_fail_after_the_window_was_closed_show_in_the_exit_code(project, terminal):
    project.gate("slow")
    project.script(IGNORING + WAITING.replace('print("went on")', "raise ValueError"))
    screen = terminal("run", "script.py")
    project.wait_until_began("slow")
    screen.hang_up()
    project.let_go("slow")
    assert screen.process.wait(60) == 1


def test_a_script_that_cannot_say_why_it_failed_has_still_failed(project, terminal):
    os.mkfifo(project / "here")
    project.script(IGNORING + 'open("here").read()\nraise ValueError("nobody hears this")\n')
    screen = terminal("run", "script.py")
    with open(project / "here", "w"):
        screen.hang_up()
    assert screen.process.wait(60) == 2


def test_a_window_that_is_closed_while_a_load_runs(project, terminal):
    project.gate("load")
    project.script("""
        ppg.new_pipegraph()
        load = ppg.DataLoadingJob("load", lambda: waits(Path("load")))
        ppg.FileGeneratingJob("a", writes("A")).depends_on(load)
    """)
    screen = terminal("run", "script.py")
    project.wait_until_began("load")
    screen.hang_up()
    assert screen.process.wait(60) == -signal.SIGHUP
    project.wait_until_nothing_runs()


def test_a_window_that_is_closed_while_the_run_is_suspended(project, terminal):
    project.gate("slow")
    project.script(WAITING)
    screen = terminal("run", "script.py")
    project.wait_until_began("slow")
    screen.expect("1 running")
    screen.type(b"\x1a")
    screen.wait_until_stopped()
    screen.hang_up()
    assert screen.process.wait(60) == -signal.SIGHUP
    project.wait_until_nothing_runs()


def test_a_window_that_is_closed_while_the_run_is_being_ended_by_ctrl_c(project, terminal):
    project.gate("slow")
    project.script(
        WAITING.replace("    waits(path)", "    import signal; signal.signal(signal.SIGTERM, lambda *_: None)\n"
                        "    waits(path)\n    while True: time.sleep(1)")
    )  # fmt: skip
    screen = terminal("run", "script.py")
    project.wait_until_began("slow")
    project.let_go("slow")
    screen.type(b"\x03")
    screen.expect("ending the running jobs")
    screen.hang_up()
    screen.process.wait(60)
    project.wait_until_nothing_runs()
    assert not (project / "slow").exists()
