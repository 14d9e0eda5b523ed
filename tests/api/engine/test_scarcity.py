"""Runs on a machine without memory, room on the disk, permission or descriptors."""

import os
import resource
import subprocess
import sys
import textwrap

import pytest

import ppg
from tests.fakes import small_file_system

MB = 1 << 20


def test_a_job_for_which_there_is_no_memory_fails_with_that_reason_and_the_rest_runs(
    failing_run, writer, account
):
    def declare():
        ppg.FileGeneratingJob("asks", writer("A")).memory_needed = 1 << 60
        ppg.FileGeneratingJob("takes", lambda path: path.write_bytes(bytearray(1 << 60)))
        ppg.FileGeneratingJob("other", writer("O"))

    error, _ = failing_run(declare)
    assert set(error.exceptions) == {"asks", "takes"}
    assert "memory" in str(error.exceptions["asks"])
    assert isinstance(error.exceptions["takes"], MemoryError)
    assert account.taken() == ["other"]


@pytest.fixture
def small_disk(folder):
    """The folder of the test as a file system of 3 MiB."""
    with small_file_system(folder, "3m"):
        os.chdir(folder)
        yield folder
        os.chdir("/")


def test_a_job_that_fills_the_disk_fails_and_the_store_stays_valid(
    small_disk, failing_run, run, writer, account
):
    def declare(size):
        first = ppg.FileGeneratingJob("first", writer("F"))
        big = ppg.FileGeneratingJob("big", lambda path: path.write_bytes(bytes(size))).depends_on(first)
        ppg.FileGeneratingJob("last", writer("L")).depends_on(big)

    error, _ = failing_run(lambda: declare(8 * MB))
    assert list(error.exceptions) == ["big"]
    assert "No space left on device" in str(error.exceptions["big"])
    assert not (small_disk / "big").exists(), "what it wrote is removed, so that there is room again"
    assert account.taken() == ["first"]
    assert run(lambda: declare(10)).ran == ["big", "last"]
    assert run(lambda: declare(10)).ran == []


FILLING = """
import os, sys, time
from pathlib import Path
import ppg

def write_half(path):
    path.write_text("half")
    os.mkfifo("began")
    with open("began", "w"):
        time.sleep(1000)

def fill(path):
    while not Path("began").exists():
        time.sleep(0.001)
    with open("began"), path.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(1000))
        except OSError:
            pass

ppg.new_pipegraph(ppg.LocalSystem(max_cores_to_use=2), quiet=True)
ppg.FileGeneratingJob("half", write_half)
ppg.FileGeneratingJob("big", fill)
try:
    ppg.run_pipegraph()
except ppg.PyPipelineGraphError as error:
    print(type(error).__name__, error)
"""


def test_a_disk_too_full_for_the_store_ends_the_run_and_leaves_no_half_written_output(small_disk):
    """One job has filled the disk, and has succeeded unless the store failed first; another has written half a file."""
    (small_disk / "script.py").write_text(FILLING)
    ended = subprocess.run(
        [sys.executable, "script.py"], capture_output=True, text=True, timeout=120, check=False
    )
    assert ended.returncode == 0, ended.stderr
    assert ended.stderr == ""
    assert ended.stdout.startswith("PyPipelineGraphError the status store")
    assert "disk" in ended.stdout
    assert not (small_disk / "half").exists()
    if (small_disk / "big").exists():
        assert "ended 1 running job and removed its partial outputs" in ended.stdout, ended.stdout
    else:
        assert "ended 2 running jobs and removed their partial outputs" in ended.stdout, ended.stdout


@pytest.fixture
def read_only():
    """Makes a folder one that nobody can write into, the superuser neither."""
    mounted = []

    def protect(path):
        if os.geteuid() != 0:
            path.chmod(0o555)
            return
        for options in (["--bind", path, path], ["-o", "remount,bind,ro", path]):
            done = subprocess.run(["mount", *options], check=False, capture_output=True)
            if done.returncode:
                pytest.skip("the superuser may write everywhere and cannot mount here")
        mounted.append(path)

    yield protect
    for path in mounted:
        subprocess.run(["umount", "-l", path], check=True)


def test_a_job_with_a_read_only_folder_fails_and_the_rest_runs(
    failing_run, run, writer, account, folder, read_only
):
    def declare(place):
        ppg.FileGeneratingJob(f"{place}/a", writer("A"))
        ppg.FileGeneratingJob("b", writer("B"))

    (folder / "protected").mkdir()
    read_only(folder / "protected")
    error, _ = failing_run(lambda: declare("protected"))
    assert list(error.exceptions) == ["protected/a"]
    assert isinstance(error.exceptions["protected/a"], OSError)
    assert "b" in account.taken()
    assert run(lambda: declare("open")).ran == ["open/a"]


def test_a_run_in_a_read_only_folder_says_so_and_changes_nothing(run, writer, account, folder, read_only):
    run(lambda: ppg.FileGeneratingJob("a", writer("A")))
    account.taken()
    read_only(folder)
    os.chdir(folder)
    ppg.new_pipegraph(quiet=True)
    ppg.FileGeneratingJob("b", writer("B"))
    with pytest.raises(ppg.PyPipelineGraphError, match="make the directory writable"):
        ppg.run_pipegraph()
    assert account.taken() == []


DESCRIPTORS = """
import os, resource, sys
import ppg

def exhaust(path):
    streams = [open(os.devnull) for _ in range(10_000)]

def write(path):
    path.write_text("x")

ppg.new_pipegraph(quiet=True)
ppg.FileGeneratingJob("greedy", write if "modest" in sys.argv else exhaust).ignore_code_changes()
ppg.FileGeneratingJob("other", write)
if "few" in sys.argv:
    resource.setrlimit(resource.RLIMIT_NOFILE, (len(os.listdir("/proc/self/fd")) + 6,) * 2)
try:
    print(ppg.run_pipegraph().ran)
except ppg.RuntimeError as error:
    print(error.exceptions)
except ppg.PyPipelineGraphError as error:
    print("the run:", error)
"""


def test_a_job_or_run_that_reaches_the_limit_of_descriptors_fails_with_that_message(folder):
    (folder / "script.py").write_text(textwrap.dedent(DESCRIPTORS))

    def said(*arguments):
        ended = subprocess.run(
            [sys.executable, "script.py", *arguments],
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (256, 256)),
        )
        return ended.stdout or ended.stderr

    few = said("few")
    assert "the run:" in few
    assert "ulimit -n" in few
    greedy = said()
    assert "'greedy': OSError(24, 'Too many open files')" in greedy
    assert "'other'" not in greedy
    assert said("modest") == "['greedy']\n", "what had been done is recorded"
