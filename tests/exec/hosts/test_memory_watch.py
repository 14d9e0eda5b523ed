"""The memory watch: what it reads, and what it counts."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

WATCH = """
import json, os, signal, sys
from ppg_exec import linux
from ppg_exec.forkserver.memory_watch import MemoryWatch

if sys.argv[1] == "without lists":
    os.access = lambda path, mode: not path.endswith("/children")
linux.stay_in_reach()
MB = 1 << 20
ready, told = os.pipe()

def child(work):
    pid = os.fork()
    if pid == 0:
        work()
        signal.pause()
    return pid

def hold():
    kept = bytearray(b"x") * (50 * MB)
    os.write(told, b"%d " % os.getpid())
    signal.pause()

def job():
    os.setsid()
    child(hold)
    if child(lambda: (child(hold), os._exit(0))):
        os.wait()
    hold()

def node():
    os.write(told, b"%d " % child(job))

node_pid = child(node)
said = b""
while said.count(b" ") < 4:
    said += os.read(ready, 100)
read = []
def audit(event, arguments):
    if event in ("open", "os.listdir"):
        read.append(str(arguments[0]))
sys.addaudithook(audit)
sizes = MemoryWatch().look({node_pid})
read, seen = [], list(read)
print(json.dumps({"read": seen, "sizes": [[pid, size // MB] for pid, size in sizes.items()], "own": os.getpid()}))
sys.stdout.flush()
linux.end_children(linux.ChildList(), ())
"""


def watch(tmp_path: Path, lists: str) -> dict:
    path = tmp_path / "watch.py"
    path.write_text(WATCH)
    done = subprocess.run(
        [sys.executable, path, lists], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_the_memory_watch_reads_nothing_of_strangers(tmp_path: Path) -> None:
    strangers = [subprocess.Popen(["sleep", "1000"]) for _ in range(20)]
    try:
        seen = watch(tmp_path, "with lists")
    finally:
        for stranger in strangers:
            stranger.kill()
            stranger.wait()
    assert "/proc" not in seen["read"]
    read = {int(path.split("/")[2]) for path in seen["read"]}
    assert seen["own"] in read
    assert not {os.getpid(), 1, *(stranger.pid for stranger in strangers)} & read
    # The node, the job, what the job has started, and its orphan.
    assert len(read) == 5
    assert len(seen["read"]) <= 5 * 4 + 2


@pytest.mark.parametrize("lists", ["with lists", "without lists"])
def test_the_memory_watch_counts_orphans_of_a_job_to_the_job(tmp_path: Path, lists: str) -> None:
    ((_, size),) = watch(tmp_path, lists)["sizes"]
    assert 150 <= size < 220
