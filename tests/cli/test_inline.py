"""`ppg run --inline`: all jobs in one process, with a debugger at a real terminal."""

import signal

import pytest

BREAKPOINT = """
def debugged(path):
    answer = 6 * 7
    breakpoint()
    path.write_text(str(answer))
ppg.new_pipegraph()
ppg.FileGeneratingJob("a", debugged)
ppg.FileGeneratingJob("b", writes("B"))
print("ended with", ppg.run_pipegraph().ran)
"""

EVERY_KIND = """
class Shared:
    pass
shared = Shared()

def declare():
    new = ppg.FileGeneratingJob("generated", lambda path: path.write_text(f"{shared.data} generated"))
    new.depends_on(load)

def inject():
    middle.depends_on(ppg.FileGeneratingJob("injected", writes("injected")))

ppg.new_pipegraph()
load = ppg.AttributeLoadingJob("load", shared, "data", lambda: "loaded")
temp = ppg.TempFileGeneratingJob("temp", writes("temp"))
middle = ppg.FileGeneratingJob("middle", lambda path: path.write_text(shared.data + Path("temp").read_text()))
middle.depends_on(load, temp, ppg.DependencyInjectionJob("inject", inject))
ppg.MultiFileGeneratingJob(["x", "y"], lambda paths: [path.write_text(path.name) for path in paths])
ppg.JobGeneratingJob("generate", declare)
ppg.run_pipegraph()
ppg.new_pipegraph(quiet=True)
ppg.FileGeneratingJob("of another graph", writes("here"))
print("loaded here:", hasattr(shared, "data"), "in", os.getpid())
"""


def test_breakpoint_stops_in_the_job_and_the_debugger_has_the_terminal(project, terminal):
    project.script(BREAKPOINT)
    screen = terminal("run", "--inline", "script.py")
    screen.expect(r"debugged\(\)")
    screen.expect(r"\(Pdb\) ")
    screen.type(b"p answer\r")
    screen.expect(r"42")
    screen.expect(r"\(Pdb\) ")
    screen.type(b"answer = 43\r")
    screen.expect(r"\(Pdb\) ")
    screen.type(b"c\r")
    screen.expect(r"ended with \['a', 'b'\]")
    assert screen.wait() == 0
    assert (project / "a").read_text() == "43"
    assert screen.settings_now() == screen.settings


def test_quitting_the_debugger_fails_that_job_only(project, terminal):
    project.script(BREAKPOINT)
    screen = terminal("run", "--inline", "script.py")
    screen.expect(r"\(Pdb\) ")
    screen.type(b"q\r")
    screen.expect("BdbQuit")
    assert screen.wait() == 1
    assert not (project / "a").exists()
    assert (project / "b").read_text() == "B"


def test_without_a_terminal_a_breakpoint_fails_the_job_rather_than_hang(project):
    project.script(BREAKPOINT)
    ended = project.ppg("run", "--inline", "script.py")
    assert ended.code == 1
    assert ended.summary == (1, 0, 1, 0)


@pytest.mark.parametrize("leave", ["sys.exit(0)", "sys.exit('why')", "exit()", "raise SystemExit(3)"])
def test_a_job_that_leaves_by_sys_exit_has_failed_and_the_others_run(project, leave):
    project.script(f"""
        def leaves(path):
            path.write_text("half")
            {leave}
        ppg.new_pipegraph()
        ppg.FileGeneratingJob("a", leaves)
        ppg.FileGeneratingJob("b", writes("B"))
    """)
    ended = project.ppg("run", "--inline", "script.py")
    assert ended.code == 1
    assert ended.summary == (1, 0, 1, 0)
    assert "JobDiedException" in ended.err
    assert not (project / "a").exists()


def test_what_jobs_print_is_seen_at_once(project, terminal):
    project.gate("slow")
    project.script("""
        def talks(path):
            print("I am", path)
            waits(path)
        ppg.new_pipegraph()
        ppg.FileGeneratingJob("slow", talks)
    """)
    screen = terminal("run", "--inline", "script.py")
    project.wait_until_began("slow")
    screen.expect("I am slow")
    project.let_go("slow")
    assert screen.wait() == 0


def test_all_kinds_of_jobs_make_the_same_as_in_processes_of_their_own(project):
    project.script(EVERY_KIND)
    inline = project.ppg("run", "--inline", "script.py")
    assert inline.code == 0, inline.err
    made = {path.name: path.read_bytes() for path in project.folder.iterdir() if path.suffix == ""}
    assert made.keys() >= {"generated", "injected", "middle", "x", "y", "of another graph"}
    assert "temp" not in made
    assert "loaded here: False" in inline.out
    assert project.ppg("run", "script.py").out.startswith("loaded here: False")
    for name in made.keys() - {".pypipegraph_status_robust"}:
        assert (project / name).read_bytes() == made[name]


def test_a_run_in_processes_after_an_inline_one_has_nothing_to_do(project):
    project.script("ppg.new_pipegraph(); ppg.FileGeneratingJob('a', writes('A'))")
    assert project.ppg("run", "--inline", "script.py").summary == (1, 0, 0, 0)
    assert project.ppg("run", "script.py").summary == (0, 1, 0, 0)
    assert project.ppg("run", "--inline", "script.py").summary == (0, 1, 0, 0)


def test_inline_jobs_run_in_one_process(project):
    project.script("""
        ppg.new_pipegraph()
        for name in "abc":
            ppg.FileGeneratingJob(name, lambda path: path.write_text(str(os.getpid())))
        ppg.run_pipegraph()
        print({Path(name).read_text() for name in "abc"} == {str(os.getpid())})
    """)
    assert project.ppg("run", "--inline", "script.py").out == "True\n"


def test_a_job_that_declares_jobs_is_ignored_and_a_load_that_does_has_failed(project):
    project.script("""
        def declares(path):
            ppg.FileGeneratingJob("lost", writes("x"))
            path.write_text("made")
        ppg.new_pipegraph()
        load = ppg.DataLoadingJob("load", lambda: ppg.FileGeneratingJob("lost too", writes("x")))
        ppg.FileGeneratingJob("a", declares)
        ppg.FileGeneratingJob("b", writes("B")).depends_on(load)
    """)
    ended = project.ppg("run", "--inline", "script.py")
    assert ended.summary == (1, 0, 1, 1)
    assert "JobContractError" in ended.err
    assert not (project / "lost").exists()


@pytest.mark.parametrize(
    ("number", "code"),
    [(signal.SIGINT, 130), (signal.SIGTERM, -signal.SIGTERM), (signal.SIGHUP, -signal.SIGHUP)],
)
def test_a_signal_ends_the_job_that_runs_and_the_run_as_without_inline(project, number, code):
    project.gate("slow")
    project.script("""
        def begins(path):
            path.write_text("half")
            waits(path)
        ppg.new_pipegraph()
        ppg.FileGeneratingJob("first", writes("1"))
        ppg.FileGeneratingJob("slow", begins).depends_on("first")
        ppg.FileGeneratingJob("below", writes("x")).depends_on("slow")
    """)
    run = project.start("run", "--inline", "script.py")
    project.wait_until_began("slow")
    run.send_signal(number)
    said, _ = run.communicate()
    assert run.returncode == code, said
    assert "1 ran, 0 up to date, 0 failed, 0 blocked, 2 not done" in said
    assert not (project / "slow").exists()
    assert "Traceback" not in said


def test_ctrl_c_ends_it_at_the_terminal_too(project, terminal):
    project.gate("slow")
    project.script("ppg.new_pipegraph(); ppg.FileGeneratingJob('slow', waits)")
    screen = terminal("run", "--inline", "script.py")
    project.wait_until_began("slow")
    screen.type(b"\x03")
    assert screen.wait() == 130
    assert "1 not done" in screen.said


def test_a_debugger_in_a_closed_terminal_ends_with_the_run(project, terminal):
    project.script(BREAKPOINT)
    screen = terminal("run", "--inline", "script.py")
    screen.expect(r"\(Pdb\) ")
    screen.hang_up()
    assert screen.process.wait(60) == -signal.SIGHUP
    assert not (project / "a").exists()
