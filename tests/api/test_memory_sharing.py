"""What is loaded once is in memory once, however many jobs use it."""

import fcntl
import os
import subprocess
import sys

import pytest

MEGABYTE = 1 << 20
JOBS = 50
LOADED = 200 * MEGABYTE

LARGE = f"""
def load():
    return bytes(range(256)) * ({LOADED} // 256)

def use(data):
    # All of it: checksums look at every byte.
    import zlib
    return zlib.crc32(data)
"""
SMALL = f"""
def load():
    return [b"%07d" % number * 14 for number in range({LOADED} // 144)]

def use(data):
    # Some of them: each that is touched counts its references on its page, which the job then has for itself.
    return sum(len(data[place]) for place in range(0, len(data), 1000))
"""

SCRIPT = f"""
import fcntl
import ppg

class Holder:
    pass

holder = Holder()

def work(path):
    # Says that it has used the data, and stays until the test has measured.
    used = use(holder.data)
    with open("ready", "w") as ready:
        ready.write("+")
    with open("gate") as gate:
        fcntl.flock(gate, fcntl.LOCK_SH)
    path.write_text(str(used))

ppg.new_pipegraph(quiet=True, resource_coordinator=ppg.LocalSystem(max_cores_to_use={JOBS}, share_cores=False))
data = ppg.AttributeLoadingJob("data", holder, "data", load)
for number in range({JOBS}):
    ppg.FileGeneratingJob(f"out/{{number}}", lambda path: work(path)).depends_on(data)
ppg.run_pipegraph()
"""


def tree(pid):
    """A process and everything beneath it."""
    children = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                with open(f"/proc/{entry}/stat") as file:
                    parent = int(file.read().rpartition(") ")[2].split()[1])
            except (FileNotFoundError, ProcessLookupError):
                continue
            children.setdefault(parent, []).append(int(entry))
    found = [pid]
    for each in found:
        found += children.get(each, ())
    return found


def proportional(pid):
    """Bytes of memory of a process, each page divided by the number of processes that share it (PSS)."""
    with open(f"/proc/{pid}/smaps_rollup") as file:
        (line,) = (line for line in file if line.startswith("Pss:"))
    return int(line.split()[1]) * 1024


@pytest.mark.parametrize(
    ("data", "copies"), [(LARGE, 2), (SMALL, 5)], ids=["one large object", "many small ones"]
)
def test_two_hundred_megabytes_that_are_loaded_once_serve_fifty_jobs_without_fifty_copies(
    tmp_path, data, copies
):
    (tmp_path / "script.py").write_text(data + SCRIPT)
    os.mkfifo(tmp_path / "ready")
    gate = (tmp_path / "gate").open("w")
    fcntl.flock(gate, fcntl.LOCK_EX)
    run = subprocess.Popen([sys.executable, "script.py"], cwd=tmp_path)
    try:
        # Held open for writing, so that it does not end when one job has closed it.
        with open(tmp_path / "ready", "r+b", buffering=0) as ready:
            waiting = 0
            while waiting < JOBS:
                waiting += len(ready.read(JOBS))
        processes = tree(run.pid)
        assert len(processes) > JOBS
        sizes = [proportional(pid) for pid in processes]
        # The data, once, and what fifty interpreters have of their own.
        assert LOADED < sum(sizes) < copies * LOADED, sorted(sizes)
        gate.close()
        assert run.wait(120) == 0
    finally:
        if run.poll() is None:
            run.kill()
            run.wait()
    assert len({(tmp_path / f"out/{number}").read_text() for number in range(JOBS)}) == 1
