"""`ppg top` in real terminals: other terminals see a run, pass commands to it, and never hold it up."""

import json
import os
import re
import signal
import socket
import subprocess
from pathlib import Path

import pytest

from tests.cli.project import PPG
from tests.other_user import as_another_user, needs_root, reachable_folder

RUN = f"{PPG} run script.py"
TOP = f"{PPG} top"
HEADLINE = re.compile(r"ppg: .*script.py  process \d+, since")

WAITING = """
def talks(path):
    print("reading", path.name, flush=True)
    waits(Path("gate"))
    path.write_text("x")
def fails(path):
    raise ValueError("bad header")
ppg.new_pipegraph(ppg.LocalSystem(max_cores_to_use=2, share_cores=False))
ppg.FileGeneratingJob("first", writes("1"))
for number in range(3):
    ppg.FileGeneratingJob(f"sample{number}", fails).depends_on("first")
ppg.FileGeneratingJob("slow", talks).depends_on("first")
ppg.FileGeneratingJob("last", writes("3")).depends_on("slow")
ppg.run_pipegraph()
"""


@pytest.fixture
def waiting(project, tmp_path):
    """A run without a terminal, one job of which waits at a gate; three have failed."""
    project.environment["TMPDIR"] = str(tmp_path / "tmp")
    (tmp_path / "tmp").mkdir()
    project.gate("gate")
    project.script(WAITING)
    (project / "logs").mkdir()
    project.run = project.start("run", "script.py")
    project.wait_until_began("gate")
    project.wait_until_logged("failed: sample2")
    return project


def shows_the_state(rows):
    text = "\n".join(rows)
    return (
        "4 of 6 jobs, 1 ran" in text
        and "failed  ValueError: bad header: 3 jobs" in text
        and "reading slow" in text
    )


def the_run_goes_on(project):
    return project.run.poll() is None


def ends_well(project):
    project.let_go("gate")
    out, _ = project.run.communicate()
    return "3 ran, 0 up to date, 3 failed, 0 blocked" in out


def test_a_watcher_that_comes_late_sees_the_state_and_the_end(waiting, tmux):
    screen = tmux()
    screen.enter(TOP)
    rows = screen.wait_for(shows_the_state)
    assert any(HEADLINE.match(row) for row in screen.everything())
    assert sum(" so far" in row for row in rows) == 1
    assert any(row.startswith("FAILED 'sample") for row in rows), "what was told before is told again"
    assert ends_well(waiting)
    rows = screen.wait_for_prompt()
    assert any(row.startswith("3 ran, 0 up to date, 3 failed, 0 blocked") for row in rows)
    assert not any(" so far" in row for row in rows), "\n".join(rows)
    screen.enter("echo code $?")
    screen.wait_for_text("code 0")


def test_the_block_is_right_after_a_resize_and_ctrl_z_gives_the_screen_to_the_shell(waiting, tmux):
    screen = tmux()
    screen.enter(TOP)
    screen.wait_for(shows_the_state)
    for columns, height in ((50, 24), (120, 30), (80, 24)):
        screen.resize(columns, height)
        screen.wait_for(
            lambda rows, columns=columns: (
                sum(" so far" in row for row in rows) == 1 and all(len(row) <= columns for row in rows)
            )
        )
    screen.press("C-z")
    rows = screen.wait_for_prompt()
    assert not any(" so far" in row for row in rows), "\n".join(rows)
    screen.enter("bg")
    screen.wait_for_prompt()
    screen.enter("echo in the shell")
    rows = screen.wait_for(lambda rows: "in the shell" in rows)
    assert not any(" so far" in row for row in rows)
    screen.enter("fg")
    screen.wait_for_text(" so far", "  slow")
    screen.press("C-c")
    rows = screen.wait_for_text("ppg: left; the run goes on")
    screen.enter("echo code $?")
    screen.wait_for_text("code 130")
    assert the_run_goes_on(waiting)
    assert ends_well(waiting)


def test_several_watchers_see_what_one_of_them_does(waiting, tmux):
    screens = [tmux(), tmux()]
    for screen in screens:
        screen.enter(TOP)
        screen.wait_for(shows_the_state)
    screens[0].enter("output slow")
    screens[0].wait_for_text("'slow' printed this so far", "    reading slow")
    screens[0].enter("why last")
    screens[0].wait_for_text("in the end it waits for what runs: slow")
    assert not any("waits for what runs" in row for row in screens[1].everything())
    screens[1].enter("kill slow")
    for screen in screens:
        rows = screen.wait_for_prompt()
        everything = screen.everything()
        assert "from another terminal: kill slow" in everything
        assert any(row.startswith("1 ran, 0 up to date, 4 failed, 1 blocked") for row in rows)
    out, _ = waiting.run.communicate()
    assert "ppg: from another terminal: kill slow" in out
    assert waiting.run.returncode == 1


def test_stop_and_quit_from_another_terminal(waiting, tmux):
    screen = tmux()
    screen.enter(TOP)
    screen.wait_for(shows_the_state)
    screen.enter("nonsense")
    screen.wait_for_text("there is no command 'nonsense'")
    screen.enter("")
    screen.wait_for_text("running for")
    screen.enter("stop")
    screen.wait_for_text("no more jobs start")
    screen.enter("quit")
    screen.wait_for_text("ppg: left; the run goes on")
    assert the_run_goes_on(waiting)
    waiting.let_go("gate")
    out, _ = waiting.run.communicate()
    assert "2 ran, 0 up to date, 3 failed, 0 blocked, 1 not done" in out
    assert waiting.run.returncode == 130


def test_abort_from_another_terminal_ends_the_run(waiting, tmux):
    screen = tmux()
    screen.enter(TOP)
    screen.wait_for(shows_the_state)
    screen.enter("abort")
    rows = screen.wait_for_prompt()
    assert any("2 not done" in row for row in rows)
    waiting.run.communicate()
    assert waiting.run.returncode == 130


def test_without_a_terminal_and_on_a_dumb_one_there_are_plain_lines(waiting, tmux):
    screen = tmux(TERM="dumb")
    screen.enter(TOP)
    screen.wait_for_text("4 of 6 jobs, 1 ran, 0 up to date, 3 failed, 1 running")
    screen.enter("output slow")
    screen.wait_for_text("    reading slow")
    piped = waiting.start("top", stderr=subprocess.PIPE)
    line = piped.stdout.readline()
    assert line.startswith("FAILED 'sample")
    while "4 of 6 jobs, 1 ran" not in line:
        line = piped.stdout.readline()
        assert line
    assert ends_well(waiting)
    out, err = piped.communicate()
    assert piped.returncode == 0
    assert out.endswith("s)\n")
    assert "3 ran, 0 up to date, 3 failed" in out
    assert "\x1b" not in out
    assert HEADLINE.match(err)
    rows = screen.wait_for_prompt()
    assert not any(re.search(r"\d s so far", row) for row in rows)


# -- which run ------------------------------------------------------------------------------------------


def test_among_several_runs_the_folder_decides_and_else_they_are_listed(waiting, tmp_path):
    other = tmp_path / "other"
    waiting.script(WAITING, "other/second.py")
    for name in ("began", "go"):
        os.mkfifo(other / f"gate.{name}")
    second = waiting.start("run", "second.py", cwd=other)
    os.close(os.open(other / "gate.began", os.O_RDONLY))
    listed = waiting.ppg("top", "--list")
    assert [line.split()[0] for line in listed.out.splitlines()] == [str(tmp_path), str(other)]
    assert waiting.ppg("top", "--list", "other").out.startswith(
        f"{other}  second.py  process {second.pid}, since "
    )
    ambiguous = waiting.ppg("top")
    assert ambiguous.code == 2
    assert "2 runs go on; name the script or the folder of one" in ambiguous.err
    nowhere = waiting.ppg("top", "no_such.py")
    assert nowhere.code == 2
    assert "no run of yours goes on at 'no_such.py'; 2 of your runs go on elsewhere" in nowhere.err
    for where in ("script.py", "other", "other/second.py"):
        watcher = waiting.start("top", where, stderr=subprocess.PIPE)
        assert watcher.stdout.readline().startswith("FAILED")
        watcher.send_signal(signal.SIGINT)
        _, err = watcher.communicate()
        assert ("second.py" in err) == (where != "script.py")
    os.close(os.open(other / "gate.go", os.O_WRONLY))
    second.communicate()
    assert ends_well(waiting)
    ended = waiting.ppg("top")
    assert ended.code == 2
    assert "no run of yours goes on on this machine" in ended.err


def test_a_run_is_also_found_by_the_pointer_beside_its_store(waiting, tmp_path):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    watcher = waiting.start(
        "top", stderr=subprocess.PIPE, env=waiting.environment | {"TMPDIR": str(elsewhere)}
    )
    assert watcher.stdout.readline().startswith("FAILED")
    assert ends_well(waiting)
    watcher.communicate()
    assert not list(waiting.folder.glob(".*.watch"))


def pointer(project):
    return project / ".pypipegraph_status_robust.watch"


def test_what_a_killed_run_left_is_recognised_named_and_removed(waiting):
    found = json.loads(pointer(waiting).read_text())
    assert Path(found["socket"]).stat().st_mode & 0o777 == 0o600
    waiting.run.kill()
    waiting.run.communicate()
    assert pointer(waiting).exists()
    ended = waiting.ppg("top")
    assert ended.code == 2
    assert f"(process {waiting.run.pid}, since" in ended.err
    assert "did not come to its end; what it left is removed" in ended.err
    assert not pointer(waiting).exists()
    assert not list(Path(found["socket"]).parent.iterdir())
    assert "no run of yours goes on" in waiting.ppg("top").err


def test_a_run_of_another_machine_is_named_as_such_and_its_pointer_stays(waiting):
    text = pointer(waiting).read_text()
    assert ends_well(waiting)
    pointer(waiting).write_text(json.dumps(json.loads(text) | {"host": "node17"}))
    ended = waiting.ppg("top")
    assert ended.code == 2
    assert "was started on the machine 'node17'" in ended.err
    assert "log in there and use 'ppg top'" in ended.err
    assert pointer(waiting).exists()


def test_a_pointer_that_is_none_is_named_and_harms_nothing(waiting):
    assert ends_well(waiting)
    precious = waiting / "precious"
    precious.write_text("x")
    for text in ("", "{}", "[]", "\0", '{"host": 3}'):
        pointer(waiting).write_text(text)
        assert "does not describe a run of this version" in waiting.ppg("top").err
    fields = {
        "host": socket.gethostname(),
        "boot": "other",
        "namespace": 1,
        "pid": 1,
        "root": "/",
        "script": "",
    }
    pointer(waiting).write_text(json.dumps(fields | {"store": "s", "since": 1.0, "socket": str(precious)}))
    assert "did not come to its end" in waiting.ppg("top").err
    assert precious.exists()
    assert not pointer(waiting).exists()


def test_the_pointer_of_another_user_is_refused_with_a_sentence(waiting):
    text = pointer(waiting).read_text()
    assert ends_well(waiting)
    pointer(waiting).write_text(text)
    if os.geteuid() != 0:
        pytest.skip("only root can give a file away")
    os.chown(pointer(waiting), 54321, 54321)
    ended = waiting.ppg("top")
    assert ended.code == 2
    assert "belongs to the user with the number 54321; only that user can watch it" in ended.err
    assert pointer(waiting).exists()


@needs_root
def test_another_user_can_neither_reach_the_socket_nor_watch_by_it(project):
    with reachable_folder() as shared:
        project.environment["TMPDIR"] = str(shared)
        project.gate("gate")
        project.script(WAITING)
        run = project.start("run", "script.py")
        project.wait_until_began("gate")
        path = Path(json.loads(pointer(project).read_text())["socket"])

        def connected():
            connection = socket.socket(socket.AF_UNIX)
            connection.connect(str(path))
            return connection

        def attack():
            with pytest.raises(PermissionError):
                connected()

        def attack_again():
            with connected() as connection, connection.makefile("rb") as answer:
                fields = json.loads(answer.readline())
                assert fields["event"] == "refused"
                assert "belongs to another user" in fields["why"]
                assert answer.read() == b""

        as_another_user(attack)
        # Even if all modes were wrong.
        for each in (path, *path.parents[:3]):
            each.chmod(0o777)
        as_another_user(attack_again)
        project.let_go("gate")
        run.communicate()


# -- slow watchers ------------------------------------------------------------------------------------


MANY = """
ppg.new_pipegraph(ppg.LocalSystem(max_cores_to_use=2, share_cores=False))
first = ppg.FileGeneratingJob("first", lambda path: waits(Path("gate")) or path.write_text("x"))
last = ppg.FileGeneratingJob("last", lambda path: waits(Path("end")) or path.write_text("x"))
for number in range(2000):
    last.depends_on(ppg.FileGeneratingJob(f"out/job{number}", writes("x")).depends_on(first))
ppg.run_pipegraph()
"""


def test_a_stopped_watcher_does_not_slow_the_run_and_sees_the_newest_state_when_it_goes_on(project, tmp_path):
    project.environment["TMPDIR"] = str(tmp_path / "tmp")
    (tmp_path / "tmp").mkdir()
    project.gate("gate")
    project.gate("end")
    project.script(MANY)
    run = project.start("run", "script.py")
    project.wait_until_began("gate")
    stopped = project.start("top", stderr=subprocess.DEVNULL)
    assert "of 2,002 jobs" in stopped.stdout.readline()
    stopped.send_signal(signal.SIGSTOP)
    # This one never reads at all, and asks for answers until no more can be sent.
    found = json.loads(pointer(project).read_text())
    deaf = socket.socket(socket.AF_UNIX)
    deaf.setblocking(False)
    # A path to a folder may be too long for an address.
    folder = os.open(Path(found["socket"]).parent, os.O_PATH)
    deaf.connect(f"/proc/self/fd/{folder}/{Path(found['socket']).name}")
    os.close(folder)
    asked = 0
    try:
        while asked < 20_000:
            deaf.send(b"help\n" * 100)
            asked += 100
    except BlockingIOError:
        pass
    project.let_go("gate")
    # All 2,000 jobs run although neither of the two reads.
    project.wait_until_began("end")
    stopped.send_signal(signal.SIGCONT)
    line = stopped.stdout.readline()
    while "2,001 of 2,002 jobs" not in line:
        assert line
        line = stopped.stdout.readline()
    project.let_go("end")
    out, _ = run.communicate()
    assert "2002 ran" in out
    rest, _ = stopped.communicate()
    assert "2002 ran, 0 up to date, 0 failed" in rest
    deaf.close()
