"""`ppg run --detach` and `ppg attach`: a run goes on without its terminal, and ends in another one."""

import os
import re
import signal
import subprocess

import pytest

from tests.cli.project import PPG

DETACH = f"{PPG} run script.py --detach"
ATTACH = f"{PPG} attach script.py"

WAITING = """
def talks(path):
    print("reading", path.name, flush=True)
    waits(Path("gate"))
    path.write_text("x")
print("the script says hello")
ppg.new_pipegraph(ppg.LocalSystem(max_cores_to_use=2, share_cores=False))
ppg.FileGeneratingJob("first", writes("1"))
ppg.FileGeneratingJob("slow", talks).depends_on("first")
ppg.run_pipegraph()
"""


@pytest.fixture
def waiting(project, tmp_path):
    """A script with a long job that waits at a gate."""
    project.environment["TMPDIR"] = str(tmp_path / "tmp")
    (tmp_path / "tmp").mkdir()
    project.gate("gate")
    project.script(WAITING)
    return project


def detached(project, *options):
    """Start the script detached; return its process."""
    ended = project.ppg("run", "script.py", "--detach", *options)
    assert ended.code == 0, ended
    assert "'ppg attach script.py' shows it until its end" in ended.err
    if not options:
        project.wait_until_began("gate")
    return int(re.search(r"runs on as process (\d+);", ended.err)[1])


def log_of(project):
    (log,) = project.folder.glob(".pypipegraph_status_robust.detached/*.log")
    return log


def test_a_detached_run_outlives_its_terminal_and_ends_in_another_one(waiting, tmux):
    first = tmux()
    first.enter(DETACH)
    rows = first.wait_for_prompt()
    assert "'ppg attach script.py' shows it until its end" in " ".join(first.everything()), rows
    waiting.wait_until_began("gate")
    first.close()
    second = tmux()
    second.enter(ATTACH)
    second.wait_for_text("1 of 2 jobs, 1 ran", "slow  reading slow", " so far")
    waiting.let_go("gate")
    rows = second.wait_for_prompt()
    assert any(row.startswith("2 ran, 0 up to date, 0 failed, 0 blocked") for row in rows)
    second.enter("echo code $?")
    second.wait_for_text("code 0")
    assert log_of(waiting).stat().st_mode & 0o777 == 0o600
    assert "the script says hello" in log_of(waiting).read_text()


def test_ctrl_c_in_an_attached_view_leaves_the_run_alone(waiting, tmux):
    screen, other = tmux(), tmux()
    screen.enter(DETACH)
    waiting.wait_until_began("gate")
    screen.wait_for_prompt()
    for each in (screen, other):
        each.enter(ATTACH)
        each.wait_for_text("slow  reading slow")
    screen.press("C-c")
    screen.wait_for_text("ppg: left; the run goes on, and 'ppg attach' shows it again")
    screen.enter("echo code $?")
    screen.wait_for_text("code 130")
    other.wait_for_text("1 running")
    screen.enter(ATTACH)
    screen.wait_for_text("slow  reading slow")
    screen.enter("abort")
    for each in (screen, other):
        rows = each.wait_for_prompt()
        assert any("1 not done" in row for row in rows)
        each.enter("echo code $?")
        each.wait_for(lambda rows: rows.count("code 130") >= 1 and "1 not done" in "\n".join(rows))


def test_the_exit_code_is_that_of_the_script(waiting):
    waiting.script(WAITING + "\nsys.stderr.write('after the run')\nsys.exit(7)\n")
    detached(waiting)
    attached = waiting.start("attach", "script.py")
    waiting.let_go("gate")
    out, _ = attached.communicate()
    assert attached.returncode == 7
    assert "2 ran, 0 up to date" in out
    # The run has ended, so its log says how.
    again = waiting.ppg("attach")
    assert again.code == 7
    assert "after the run" in again.out
    assert "this detached run has ended at" in again.err


def test_an_attached_view_follows_a_script_that_runs_several_graphs(waiting):
    waiting.gate("second")
    waiting.script(
        WAITING
        + """
ppg.new_pipegraph(ppg.LocalSystem(max_cores_to_use=2, share_cores=False))
ppg.FileGeneratingJob("again", lambda path: waits(Path("second")) or 1 / 0)
ppg.run_pipegraph()
"""
    )
    detached(waiting)
    attached = waiting.start("attach")
    waiting.let_go("gate")
    waiting.wait_until_began("second")
    waiting.let_go("second")
    out, _ = attached.communicate()
    assert attached.returncode == 1
    assert "2 ran, 0 up to date" in out
    assert "failed  ZeroDivisionError" in out


def test_failed_jobs_give_the_exit_code_of_a_run_that_was_not_detached(waiting):
    waiting.script(WAITING.replace('path.write_text("x")', "1 / 0"))
    run = waiting.start("run", "script.py")
    waiting.wait_until_began("gate")
    attached = waiting.start("attach", "script.py")
    while "1 of 2 jobs" not in attached.stdout.readline():
        pass
    waiting.let_go("gate")
    out, _ = attached.communicate()
    assert attached.returncode == 1
    assert "1 ran, 0 up to date, 1 failed" in out
    run.communicate()


@pytest.mark.parametrize(
    ("text", "code", "says"),
    [
        ("def broken(:", 2, "is not valid Python"),
        ("raise ValueError('too early')", 2, "ValueError: too early"),
        ("pass", 2, "made no pipegraph"),
        ("sys.exit('not today')", 1, "not today"),
        ("ppg.new_pipegraph()\nppg.run_pipegraph(targets=['x'])", 2, "'x'"),
        ("os.kill(os.getpid(), 9)", 137, ""),
    ],
)
def test_an_end_before_the_run_begins_is_shown_on_the_terminal(project, text, code, says):
    project.script(text)
    usual = project.ppg("run", "script.py")
    ended = project.ppg("run", "script.py", "--detach")
    assert ended.code == code
    assert says in ended.err
    assert ended.err == usual.err
    assert not list(project.folder.glob("*.detached"))


def test_wrong_options_and_missing_scripts_are_shown_on_the_terminal(project):
    assert "There is no script 'missing.py'" in project.ppg("run", "missing.py", "--detach").err
    project.script(WAITING)
    ended = project.ppg("run", "script.py", "--detach", "--until", "nothing")
    assert ended.code == 2
    assert "'nothing'" in ended.err
    ended = project.ppg("run", "script.py", "--detach", "--no-such-option")
    assert ended.code == 2
    for other in ("--watch", "--dry-run"):
        ended = project.ppg("run", "script.py", "--detach", other)
        assert ended.code == 2
        assert "so there is nothing to --detach; leave one of them out" in ended.err


def test_a_second_detached_run_hears_that_another_one_holds_the_store(waiting):
    pid = detached(waiting)
    ended = waiting.ppg("run", "script.py", "--detach")
    assert ended.code == 2
    assert f"{pid}" in ended.err
    waiting.let_go("gate")
    assert waiting.ppg("attach", "script.py").code == 0
    log_of(waiting)  # the log of the first is kept, and there is no other one


def test_ctrl_c_before_the_run_begins_ends_it(waiting, terminal):
    waiting.gate("early")
    waiting.script('print("declaring", file=sys.stderr, flush=True)\nwaits(Path("early"))\n' + WAITING)
    opened = terminal("run", "script.py", "--detach")
    waiting.wait_until_began("early")
    opened.type(b"\x03")
    assert opened.wait() == 130
    assert "declaring" in opened.said
    assert "interrupted" in opened.said
    waiting.wait_until_nothing_runs()


def test_a_detached_run_that_was_killed_is_named_as_such(waiting):
    pid = detached(waiting)
    os.kill(pid, signal.SIGKILL)
    attached = waiting.ppg("attach", "script.py")
    assert attached.code == 1
    assert "the detached run was killed" in attached.err


def test_a_run_that_is_killed_while_it_is_watched_is_named_as_such(waiting):
    pid = detached(waiting)
    attached = waiting.start("attach", "script.py", stderr=subprocess.PIPE)
    while "1 of 2 jobs" not in attached.stdout.readline():
        pass
    os.kill(pid, signal.SIGKILL)
    _, err = attached.communicate()
    assert attached.returncode == 1
    assert "the detached run was killed" in err


def test_nothing_to_attach_to_is_an_error(project):
    ended = project.ppg("attach")
    assert ended.code == 2
    assert "no run of yours goes on at this folder" in ended.err
    ended = project.ppg("attach", "script.py")
    assert ended.code == 2
    assert "no run of yours goes on at 'script.py'" in ended.err


def test_arguments_and_options_reach_the_detached_run(waiting):
    waiting.script("print(sys.argv[1:])\n" + WAITING)
    detached(waiting, "--until", "first", "--", "--detach", "x")
    attached = waiting.ppg("attach")
    assert attached.code == 0
    assert "['--detach', 'x']" in log_of(waiting).read_text()
    assert (waiting / "first").exists()
    assert not (waiting / "slow").exists()
