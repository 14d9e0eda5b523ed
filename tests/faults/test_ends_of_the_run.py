"""However a run is ended, nothing stays behind, what had finished is recorded, and the next run does the rest."""

import os
import re
import signal
import sys
import time

import pytest

from ppg.engine.cleanup import end_all
from ppg_exec import LocalExecutor, Started, Task

WAITING = """
import subprocess
def waits_with_children(path):
    path.write_text("half")
    subprocess.Popen(["sleep", "1000"])
    subprocess.Popen(["setsid", "sleep", "1000"])
    waits(path)
ppg.new_pipegraph(ppg.LocalSystem(max_cores_to_use=2))
ppg.FileGeneratingJob("first", writes("1"))
ppg.FileGeneratingJob("slow", waits_with_children).depends_on("first")
ppg.FileGeneratingJob("last", writes("3")).depends_on("slow")
print("ended with", ppg.run_pipegraph())
"""
FORKED = WAITING.replace("max_cores_to_use=2", 'max_cores_to_use=2, start_method="fork"')


def finish(project):
    """The run after the one that was ended; gives what it said."""
    run = project.start("run", "script.py")
    project.wait_until_began("slow")
    project.let_go("slow")
    said, _ = run.communicate()
    assert run.returncode == 0, said
    assert (project / "slow").read_text() == "waited"
    return said


def committed(project):
    """Return when the record of the first job can survive anything: within 0.1 s it is written."""
    from ppg_invariants import StatusStore

    while True:
        with StatusStore.open(project / ".pypipegraph_status_robust", read_only=True) as store:
            if "first" in store.history():
                return


@pytest.mark.parametrize(
    ("number", "code", "script"),
    [
        (signal.SIGINT, 130, WAITING),
        (signal.SIGTERM, -signal.SIGTERM, WAITING),
        (signal.SIGHUP, -signal.SIGHUP, WAITING),
        (signal.SIGTERM, -signal.SIGTERM, FORKED),
    ],
    ids=["SIGINT", "SIGTERM", "SIGHUP", "SIGTERM, forked"],
)
def test_a_signal_to_ppg_ends_the_run_and_nothing_stays_behind(project, number, code, script):
    project.gate("slow")
    project.script(script)
    run = project.start("run", "script.py")
    project.wait_until_began("slow")
    run.send_signal(number)
    said, _ = run.communicate()
    assert run.returncode == code
    assert "1 ran, 0 up to date, 0 failed, 0 blocked, 2 not done" in said
    assert "Traceback" not in said
    assert project.running() == {}
    assert not (project / "slow").exists()
    assert "2 ran, 1 up to date, 0 failed, 0 blocked" in finish(project)


IN_A_HURRY = """
import os, signal, sys
ME = os.getpid()
LAST = int(sys.argv[1])
ppg.new_pipegraph(ppg.LocalSystem(max_cores_to_use=2), quiet=True)
for number in range(60):
    def make(path, number=number):
        with path.open("w") as file:
            print("half", file=file, flush=True)
            if number == LAST:
                os.kill(ME, signal.SIGINT)
            file.write("whole")
    ppg.FileGeneratingJob(f"out/{number}", make)
ppg.run()
"""


def test_half_files_of_jobs_that_have_just_begun_are_removed_when_the_run_is_ended(project):
    """Ctrl-C comes from a job, most often before ppg has heard that this job, or the next one, has begun."""
    project.script(IN_A_HURRY)
    for last in range(5, 45, 7):
        ended = project.command(sys.executable, "script.py", str(last))
        assert ended.code != 0
        halves = [path.name for path in (project / "out").iterdir() if "whole" not in path.read_text()]
        assert halves == [], f"ended by job {last}"
        for path in (project / "out").iterdir():
            path.unlink()


def test_ending_all_names_the_jobs_that_had_begun_without_a_report(tmp_path):
    begun = tmp_path / "begun"

    def begin():
        begun.write_text("half")
        time.sleep(1000)

    executor = LocalExecutor(cores=1)
    executor.submit(Task("warm up", int))
    while executor.poll():
        pass
    executor.submit(Task("running", begin))
    executor.submit(Task("waiting", begin))
    # On a busy machine it may have begun before this has returned; hardly ever.
    heard_of = {event.key for event in executor.poll(0) if isinstance(event, Started)}
    while not begun.exists():
        time.sleep(0.001)
    assert end_all(executor, ["running", "waiting"]) == {"running"} - heard_of
    assert end_all(executor, []) == set()


@pytest.mark.parametrize("script", [WAITING, FORKED], ids=["forkserver", "fork"])
def test_ppg_that_is_killed_leaves_nothing_behind_and_loses_no_record(project, script):
    project.gate("slow")
    project.script(script)
    run = project.start("run", "script.py")
    project.wait_until_began("slow")
    committed(project)
    run.kill()
    run.communicate()
    project.wait_until_nothing_runs()
    assert (project / "slow").read_text() == "half"
    assert "2 ran, 1 up to date, 0 failed, 0 blocked" in finish(project)


def children(pid):
    with open(f"/proc/{pid}/task/{pid}/children") as file:
        return [int(child) for child in file.read().split()]


def processes(pid):
    """The pids of all that is beneath a run of which one job runs; those forked before their turn came later."""
    (guard,) = children(pid)
    (forkserver,) = children(guard)
    (node,) = children(forkserver)
    job, *_ = children(node)
    return {"guard": guard, "forkserver": forkserver, "node": node, "job": job}


@pytest.mark.parametrize(
    ("victim", "script"),
    [*((victim, WAITING) for victim in ("guard", "forkserver", "node", "job")), ("forkserver", FORKED)],
    ids=["guard", "forkserver", "node", "job", "forked forkserver"],
)
def test_a_process_of_ours_that_is_killed_is_reported_and_the_next_run_does_the_rest(project, victim, script):
    project.gate("slow")
    project.script(script)
    (project / "logs").mkdir()
    run = project.start("run", "script.py")
    project.wait_until_began("slow")
    project.wait_until_logged("started: slow")  # what ended before is told with it
    os.kill(processes(run.pid)[victim], signal.SIGKILL)
    said, _ = run.communicate()
    assert run.returncode == 1, said
    assert "FAILED 'slow'" in said
    assert "JobDiedException" in said
    assert "1 ran, 0 up to date, 1 failed, 1 blocked" in said
    assert "Traceback" not in said
    assert project.running() == {}
    assert not (project / "slow").exists()
    assert "2 ran, 1 up to date, 0 failed, 0 blocked" in finish(project)


@pytest.mark.parametrize("victim", ["guard", "forkserver", "node"])
def test_jobs_that_come_after_a_killed_process_of_ours_run_in_a_new_one(project, victim):
    project.gate("slow")
    project.script(WAITING + "")
    script = project / "script.py"
    script.write_text(
        script.read_text().replace(
            'print("ended', 'for i in range(5): ppg.FileGeneratingJob(f"other{i}", writes("x"))\nprint("ended'
        ).replace("max_cores_to_use=2", "max_cores_to_use=1")
    )  # fmt: skip
    (project / "logs").mkdir()
    run = project.start("run", "script.py")
    project.wait_until_began("slow")
    project.wait_until_logged("started: slow")  # what ended before is told with it
    os.kill(processes(run.pid)[victim], signal.SIGKILL)
    said, _ = run.communicate()
    counts = re.search(r"(\d+) ran, (\d+) up to date, (\d+) failed, (\d+) blocked", said)
    assert counts is not None, said
    assert counts.groups() == ("6", "0", "1", "1")


def test_a_script_that_catches_the_interrupt_still_counts_as_interrupted(project):
    project.gate("slow")
    project.script(
        WAITING.replace("print(", "try:\n    print(") + "except KeyboardInterrupt:\n    print('went on')\n"
    )
    run = project.start("run", "script.py")
    project.wait_until_began("slow")
    run.send_signal(signal.SIGINT)
    said, _ = run.communicate()
    assert "went on" in said
    assert run.returncode == 130


def test_a_signal_between_two_runs_ends_the_script_as_without_ppg(project):
    os.mkfifo(project / "here")
    project.script("""
        ppg.new_pipegraph()
        ppg.FileGeneratingJob("first", writes("1"))
        ppg.run_pipegraph()
        open("here", "w").close()
        # A signal just before a system call does not end that call, so one long sleep could miss it.
        while True:
            time.sleep(0.01)
    """)
    run = project.start("run", "script.py")
    with open(project / "here"):
        pass
    run.send_signal(signal.SIGINT)
    said, _ = run.communicate()
    assert run.returncode == 130
    assert "interrupted" in said
    assert "Traceback" not in said
