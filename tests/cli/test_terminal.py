"""`ppg run` in the foreground of a real terminal."""

import signal

import pytest

WAITING = """
import atexit
atexit.register(lambda: print("the script's end"))
ppg.new_pipegraph(ppg.LocalSystem(max_cores_to_use=2))
ppg.FileGeneratingJob("first", writes("1"))
ppg.FileGeneratingJob("slow", waits).depends_on("first")
ppg.FileGeneratingJob("last", writes("3")).depends_on("slow")
ppg.run_pipegraph()
"""
BACKGROUND = """
if os.fork():
    _, status = os.wait()
    os._exit(os.waitstatus_to_exitcode(status))
os.setpgid(0, 0)
"""
SHOW_CURSOR = "\x1b[?25h"


def test_the_display_shows_what_runs_and_leaves_an_account(project, terminal):
    project.gate("slow")
    project.script(WAITING)
    screen = terminal("run", "script.py")
    project.wait_until_began("slow")
    screen.expect(r"1 of 3 jobs, 1 ran, 0 up to date, 1 running")
    screen.expect(r"[0-9.]+ s\S* +[0-9.]+ [kMG]B  slow")
    project.let_go("slow")
    assert screen.wait() == 0
    assert "3 ran, 0 up to date, 0 failed, 0 blocked" in screen.said
    assert "new: never built" in screen.said
    assert SHOW_CURSOR in screen.said
    assert screen.settings_now() == screen.settings


def test_enter_shows_what_runs_at_once(project, terminal):
    project.gate("slow")
    project.script(WAITING)
    screen = terminal("run", "--plain", "script.py")
    project.wait_until_began("slow")
    screen.expect("start   first")
    running = 0
    while running < 2:
        # The job begins before ppg is told so.
        screen.type(b"\r")
        running += screen.expect(r"1 of 3 jobs, 1 ran, 0 up to date, ([01]) running")[1] == "1"
    screen.expect(r"running for [0-9.]+ s: slow")
    screen.type(b"\x04")  # the end of input is no request, and no harm
    project.let_go("slow")
    assert screen.wait() == 0


def test_enter_shows_it_above_the_display_too(project, terminal):
    project.gate("slow")
    project.script(WAITING)
    screen = terminal("run", "script.py")
    project.wait_until_began("slow")
    screen.expect(r"1 running")
    screen.type(b"\r")
    screen.expect(r"running for [0-9.]+ s: slow")
    project.let_go("slow")
    assert screen.wait() == 0


@pytest.mark.parametrize("start_method", ["forkserver", "fork"])
def test_ctrl_c_ends_the_run_and_keeps_what_had_finished(project, terminal, start_method):
    project.gate("slow")
    project.script(WAITING.replace("cores_to_use=2", f"cores_to_use=2, start_method='{start_method}'"))
    screen = terminal("run", "script.py")
    project.wait_until_began("slow")
    screen.expect(r"1 ran")
    screen.type(b"\x03")
    assert screen.wait() == 130
    assert "1 ran, 0 up to date, 0 failed, 0 blocked, 2 not done" in screen.said
    assert "the script's end" in screen.said
    assert "Traceback" not in screen.said
    assert SHOW_CURSOR in screen.said
    assert screen.settings_now() == screen.settings
    assert project.running() == {}
    assert not (project / "slow").exists()

    again = project.start("run", "script.py")
    project.wait_until_began("slow")
    project.let_go("slow")
    said, _ = again.communicate()
    assert "2 ran, 1 up to date, 0 failed, 0 blocked" in said


def test_more_ctrl_c_do_no_harm(project, terminal):
    project.gate("stubborn")
    project.script("""
        import signal
        def ignores(path):
            signal.signal(signal.SIGTERM, lambda *_: print("no", flush=True))
            waits(path)
            while True:
                time.sleep(1)
        ppg.new_pipegraph()
        ppg.FileGeneratingJob("first", writes("1"))
        ppg.FileGeneratingJob("stubborn", ignores).depends_on("first")
    """)
    screen = terminal("run", "script.py")
    project.wait_until_began("stubborn")
    screen.type(b"\x03")
    screen.expect("ending the running jobs")
    for _ in range(3):
        screen.type(b"\x03")
    assert screen.wait() == 130
    assert "Traceback" not in screen.said
    assert screen.settings_now() == screen.settings
    assert project.running() == {}
    (project / "script.py").write_text(
        (project / "script.py").read_text().replace("ignores)", "writes('2'))")
    )
    assert project.ppg("run", "script.py").summary == (1, 1, 0, 0)


def test_a_run_in_the_background_leaves_the_terminal_alone(project, terminal):
    # What is typed is for another program; who reads it all the same is stopped by the system.
    project.gate("slow")
    project.script(BACKGROUND + WAITING)
    screen = terminal("run", "--plain", "script.py")
    project.wait_until_began("slow")
    screen.type(b"for somebody else\r")
    screen.expect("for somebody else")
    project.let_go("slow")
    assert screen.wait() == 0
    assert "running for" not in screen.said


def test_output_that_does_not_go_to_the_terminal_stays_whole(project, terminal):
    project.script("""
        import threading
        def talk():
            while not done.wait(0.001):
                print("talk")
        done = threading.Event()
        threading.Thread(target=talk).start()
        ppg.new_pipegraph()
        ppg.FileGeneratingJob("a", writes("A"))
        ppg.run_pipegraph()
        done.set()
    """)
    with (project / "out.txt").open("wb") as out:
        screen = terminal("run", "script.py", stdout=out.fileno())
        assert screen.wait() == 0
    assert "talk" not in screen.said
    assert set((project / "out.txt").read_text().split()) == {"talk"}


def test_a_terminal_that_is_closed_ends_the_run_by_its_signal(project, terminal):
    project.gate("slow")
    project.script(WAITING)
    screen = terminal("run", "script.py")
    project.wait_until_began("slow")
    screen.hang_up()
    assert screen.process.wait(60) == -signal.SIGHUP
    project.wait_until_nothing_runs()
    assert not (project / "slow").exists()
    (project / "slow.go").unlink()
    (project / "slow.began").unlink()
    project.gate("slow")
    again = project.start("run", "script.py")
    project.wait_until_began("slow")
    project.let_go("slow")
    assert "2 ran, 1 up to date" in again.communicate()[0]


def test_a_run_that_ignores_hanging_up_goes_on_without_its_terminal(project, terminal):
    project.gate("slow")
    project.script("import signal; signal.signal(signal.SIGHUP, signal.SIG_IGN)" + WAITING)
    screen = terminal("run", "script.py")
    project.wait_until_began("slow")
    screen.hang_up()
    project.let_go("slow")
    screen.process.wait(60)
    assert (project / "last").read_text() == "3"
    assert project.ppg("run", "script.py").summary == (0, 3, 0, 0)


def test_a_dumb_terminal_gets_no_escape_sequences(project, terminal):
    project.script("ppg.new_pipegraph(); ppg.FileGeneratingJob('a', writes('A'))")
    project.environment["TERM"] = "dumb"
    screen = terminal("run", "script.py")
    assert screen.wait() == 0
    assert "1 ran" in screen.said
    assert "\x1b" not in screen.said
