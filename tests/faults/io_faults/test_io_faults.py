"""System calls that fail, and writes that are incomplete: the run says so, and the next ones are right."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from ppg_invariants import StatusStore, StoreDamagedWarning
from tests.faults.io_faults.search import CALLS
from tests.faults.io_faults.short_writes import KINDS
from tests.invariants.store.test_store_crashes import filled

ROOT = Path(__file__).parents[3]


@pytest.fixture
def strace():
    """Skips where strace is missing or may not trace."""
    if shutil.which("strace") is None:
        problem = "needs the program of `apt-get install strace`"
    else:
        tried = subprocess.run(
            ["strace", "-f", "-o", os.devnull, "true"], capture_output=True, text=True, check=False
        )
        if tried.returncode == 0:
            return
        problem = f"strace may not trace here: {tried.stderr.strip()}"
    _miss(problem)


def _miss(problem):
    if os.environ.get("PPG_REQUIRE_TOOLS") == "1":
        pytest.fail(problem)
    pytest.skip(problem)


@pytest.fixture
def gcc():
    """Skips where gcc is missing."""
    if shutil.which("gcc") is None:
        _miss("gcc is not there")


def search(*options):
    """Run the search of `io_faults`, which must find nothing wrong; return its table."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.faults.io_faults", *options],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr + done.stdout
    return done.stdout


@pytest.mark.usefixtures("strace")
def test_after_a_failed_call_the_run_ends_clearly_and_the_next_ones_are_right():
    """Takes some twenty seconds: three runs for each of a few faults."""
    calls = "write,pwrite64,fsync,fdatasync,openat,mkdir"
    assert "| wrong |" in search("--calls", calls, "--at-most", "4", "--seed", "3")


@pytest.mark.usefixtures("gcc")
def test_incomplete_and_interrupted_writes_change_nothing():
    """Takes some ten seconds: three runs for each kind of write."""
    lines = search("--short", "--count", "1").splitlines()[-len(KINDS) :]
    assert [line.split("|")[3:5] for line in lines] == [[" 1 ", " 1 "]] * len(KINDS)


@pytest.mark.nightly
@pytest.mark.timeout(14_400)
@pytest.mark.usefixtures("strace")
@pytest.mark.parametrize("call", CALLS)
def test_after_each_failed_call_the_run_ends_clearly_and_the_next_ones_are_right(call):
    search("--calls", call)


@pytest.mark.nightly
@pytest.mark.timeout(7200)
@pytest.mark.usefixtures("gcc")
@pytest.mark.parametrize("kind", KINDS)
def test_incomplete_and_interrupted_writes_of_many_runs_change_nothing(kind):
    search("--short", "--calls", kind, "--count", "200")


# -- what the search has found ---------------------------------------------------------------------------


@pytest.mark.usefixtures("strace")
def test_a_refused_message_or_descriptor_ends_the_run_with_its_cause_and_does_not_hang_it():
    """Takes some fifteen seconds: three runs for each of four faults.

    A message that the kernel refused was lost, and the run waited for the node that it should have started.
    """
    assert "| wrong |" in search("--calls", "sendmsg,epoll_create1,pidfd_open", "--only", "1")


REPAIR = """
import sys
from ppg_invariants import StatusStore, StoreError
try:
    StatusStore.open(sys.argv[1]).close()
except StoreError as error:
    print(error)
"""


@pytest.mark.usefixtures("strace")
@pytest.mark.parametrize(("call", "error"), [("fdatasync", "EIO"), ("pwrite64", "ENOSPC")])
def test_rows_that_did_not_reach_the_disk_are_not_lost_by_a_repair(tmp_path, call, error):
    """A new store took the place of a damaged one although SQLite could not write its log into it: rows were lost."""
    base = tmp_path / "store"
    filled(base, 100)
    damaged = bytearray(base.read_bytes())
    damaged[18:20] = b"\xff\xff"
    number = 0
    while True:
        number += 1
        store, log = tmp_path / f"{number}", tmp_path / "log"
        store.write_bytes(damaged)
        store.chmod(0o600)
        done = subprocess.run(
            ["strace", "-f", "-o", log, "-e", f"trace={call}", "-P", f"{store}.new", "-P", f"{store}.new-wal"]
            + [
                "-e",
                f"inject={call}:error={error}:when={number}",
                sys.executable,
                "-W",
                "ignore",
                "-c",
                REPAIR,
                store,
            ],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        if "(INJECTED)" not in log.read_text():
            break
        if not done.stdout:
            with StatusStore.open(store) as repaired:
                assert len(repaired.records()) == 100, log.read_text()
        else:
            assert f"{store} is damaged" in done.stdout
            with pytest.warns(StoreDamagedWarning), StatusStore.open(store) as repaired:
                assert len(repaired.records()) == 100
    assert number > 1


USE = """
import sys, warnings
from ppg_invariants import StatusStore, StoreError
warnings.simplefilter("error")
try:
    with StatusStore.open(sys.argv[1], read_only=sys.argv[2] == "read") as store:
        print(len(store.records()), store.noted("example", "job 1"))
        if sys.argv[2] == "write":
            store.note(1, "example", "job 1", {})
except StoreError as error:
    print("refused:", error)
"""


@pytest.mark.usefixtures("strace")
@pytest.mark.parametrize("use", ["read", "write"])
@pytest.mark.parametrize(("call", "error"), [("pread64", "EIO"), ("openat", "EMFILE")])
def test_an_error_that_passes_is_no_damage(tmp_path, use, call, error):
    """SQLite calls a read error damage, and opens a file for reading only if there is no descriptor.

    The store was made again.
    """
    folder = tmp_path / "project"
    folder.mkdir()
    store, log = folder / "store", tmp_path / "log"
    filled(store, 100)
    number = 0
    while True:
        number += 1
        fault = f"inject={call}:error={error}:when={number}"
        traced = [
            "strace",
            "-f",
            "-o",
            log,
            "-e",
            f"trace={call}",
            "-P",
            store,
            "-P",
            f"{store}-wal",
            "-e",
            fault,
        ]
        done = subprocess.run(
            [*traced, sys.executable, "-c", USE, store, use], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        assert done.stdout.startswith(("100 ", "refused: ")), done.stdout
        assert "damaged" not in done.stdout
        assert not list(folder.glob("*damaged*"))
        if "(INJECTED)" not in log.read_text():
            break
    assert number > 3
