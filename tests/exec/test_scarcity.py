"""No descriptors, no disk, no permission: an error that says so, never a hang."""

import os
import resource
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from ppg_exec import Died, ExecutorError, LocalExecutor, Outcome, Raised, RunsIn, Succeeded, Task
from tests.fakes import small_file_system


def script(tmp_path: Path, text: str, **options: Any) -> subprocess.CompletedProcess[str]:
    path = tmp_path / "script.py"
    path.write_text(text)
    return subprocess.run(
        [sys.executable, str(path)], capture_output=True, text=True, timeout=60, check=False, **options
    )


def test_under_a_limit_of_64_descriptors_tasks_run(tmp_path: Path) -> None:
    done = script(
        tmp_path,
        """
import resource
resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
from ppg_exec import *
with LocalExecutor(cores=4) as executor:
    for n in range(200):
        executor.submit(Task(str(n), print, ("x" * 100_000 if n % 10 == 0 else "",)))
    count = 0
    while events := executor.poll(30):
        for event in events:
            if isinstance(event, Outcome):
                assert isinstance(event.end, Succeeded), event
                count += 1
print(count)
""",
    )
    assert done.stdout.strip() == "200", done.stderr


def test_too_few_descriptors_for_an_executor_is_an_error_with_the_remedy(tmp_path: Path) -> None:
    done = script(
        tmp_path,
        """
import os, resource
from ppg_exec import *
executor = LocalExecutor(cores=2)
executor.submit(Task("t", int))
resource.setrlimit(resource.RLIMIT_NOFILE, (len(os.listdir("/proc/self/fd")) + 1,) * 2)
try:
    executor.poll(10)
except ExecutorError as error:
    print(error)
""",
    )
    assert "ulimit -n" in done.stdout, done.stderr


def test_a_node_without_descriptors_fails_the_task_and_says_why(run: Any) -> None:
    def exhaust() -> None:
        _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (len(os.listdir("/proc/self/fd")), hard))

    with LocalExecutor(cores=3) as executor:
        run(executor, Task("load", exhaust, place=RunsIn.NODE))
        outcomes = run(executor, *(Task(str(n), lambda: __import__("time").sleep(0.1)) for n in range(3)))
        failed = [outcome.end for outcome in outcomes.values() if not isinstance(outcome.end, Succeeded)]
        assert failed
        assert all(isinstance(end, Raised) and "Too many open files" in end.message for end in failed)


@pytest.fixture
def small_disk(tmp_path: Path) -> Any:
    """A file system of 2 MiB."""
    with small_file_system(tmp_path, "2m"):
        yield tmp_path


def test_a_full_disk_fails_the_task_that_writes_too_much_and_no_other(small_disk: Path, run: Any) -> None:
    def write() -> None:
        os.write(1, b"x")
        with open(1, "wb", closefd=False) as file:
            file.write(b"y" * (8 << 20))

    with LocalExecutor(cores=2, scratch=str(small_disk)) as executor:
        outcomes = run(executor, Task("output", write), Task("ok", int))
        assert isinstance(outcomes["output"].end, Raised)
        assert isinstance(outcomes["output"].end.exception, OSError)
        assert outcomes["ok"].end == Succeeded(0)
        outcomes = run(
            executor, Task("value", lambda: os.urandom(8 << 20)), Task("print", print, ("z" * (4 << 20),))
        )
        assert "No space left" in outcomes["value"].end.message
        assert isinstance(outcomes["print"].end, Raised | Died)
        assert run(executor, Task("after", print, ("fine",)))["after"].stdout.text() == "fine\n"


def test_a_full_dev_shm_does_not_matter_to_the_executor(small_disk: Path, run: Any) -> None:
    (small_disk / "filler").write_bytes(b"x" * (2 << 20))
    with LocalExecutor(cores=2, scratch=str(small_disk)) as executor:
        outcomes = run(executor, Task("t", lambda: "x" * 100), Task("big", lambda: "x" * (1 << 20)))
        assert outcomes["t"].end == Succeeded("x" * 100)
        assert "No space left" in outcomes["big"].end.message


def test_a_scratch_directory_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    executor = LocalExecutor(cores=1, scratch=str(tmp_path / "missing"))
    executor.submit(Task("t", int))
    with pytest.raises(ExecutorError, match="missing"):
        executor.poll(10)
    executor.close()


# Root has no limit on processes; another user has. This one may read what only root may.
ANOTHER_USER = (
    "setpriv --reuid 61234 --regid 61234 --clear-groups "
    "--inh-caps=-all,+dac_read_search --ambient-caps=-all,+dac_read_search"
)


@pytest.mark.parametrize("missing", ["guard", "forkserver", "node", "job"])
def test_a_limit_on_processes_fails_the_task_or_the_executor_with_that_reason(missing: str) -> None:
    if os.getuid() != 0:
        pytest.skip("the user has other processes, which count, too")
    most = 1 + ["guard", "forkserver", "node", "job"].index(missing)
    text = (
        "import resource\nfrom ppg_exec import *\n"
        f"resource.setrlimit(resource.RLIMIT_NPROC, ({most}, {most}))\n"
        "with LocalExecutor(cores=1) as executor:\n    executor.submit(Task('t', int))\n    print(executor.poll(30))"
    )
    done = subprocess.run(
        [*ANOTHER_USER.split(), sys.executable, "-c", text],
        cwd="/",
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert "Resource temporarily unavailable" in done.stdout + done.stderr
    assert ("no process for it" if missing == "job" else "ulimit -u") in done.stdout + done.stderr


def test_a_forkserver_that_cannot_start_says_what_python_says(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr(sys, "path", [str(tmp_path)])
    executor = LocalExecutor(cores=1)
    executor.submit(Task("t", int))
    with pytest.raises(ExecutorError, match="ppg_exec"):
        executor.poll(10)
    executor.close()


def test_thousands_of_outcomes_with_long_output_do_not_exhaust_descriptors(local: LocalExecutor) -> None:
    for n in range(300):
        local.submit(Task(str(n), print, ("x" * 70_000,)))
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (128, hard))
    try:
        count = 0
        while events := local.poll(30):
            count += sum(isinstance(event, Outcome) for event in events)
            del events
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert count == 300
