"""Ctrl-Z and `fg`: a run that is stopped stops its jobs, and goes on with them."""

import signal
import subprocess
import sys
import time
from pathlib import Path

SCRIPT = """
import os, time
import ppg

def count(path):
    with open("pid", "w") as file:
        file.write(str(os.getpid()))
    os.rename("pid", "job.pid")
    while not os.path.exists("go"):
        time.sleep(0.01)
    path.write_text("done")

ppg.new_pipegraph(quiet=True)
ppg.FileGeneratingJob("a", count)
ppg.run_pipegraph()
"""


def state(pid):
    """The letter that /proc has for what a process does: T is stopped."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0]


def wait_until(condition, run):
    deadline = time.monotonic() + 60
    while not condition():
        assert run.poll() is None, "the run ended"
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.01)


def test_a_run_that_is_stopped_stops_its_jobs_and_goes_on_with_them(tmp_path):
    (tmp_path / "script.py").write_text(SCRIPT)
    run = subprocess.Popen([sys.executable, "script.py"], cwd=tmp_path)
    try:
        wait_until((tmp_path / "job.pid").exists, run)
        job = int((tmp_path / "job.pid").read_text())
        run.send_signal(signal.SIGTSTP)
        wait_until(lambda: state(run.pid) == "T" and state(job) == "T", run)
        run.send_signal(signal.SIGCONT)
        wait_until(lambda: state(job) != "T", run)
        (tmp_path / "go").touch()
        assert run.wait(60) == 0
    finally:
        if run.poll() is None:
            run.kill()
            run.wait()
    assert (tmp_path / "a").read_text() == "done"
