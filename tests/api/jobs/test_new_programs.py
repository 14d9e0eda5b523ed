"""Pools in a job whose processes are new programs (spawn, forkserver), with functions of the script."""

import subprocess
import sys
import textwrap

import pytest

SCRIPT = """
import concurrent.futures
import multiprocessing
import sys
import threading

import ppg

METHOD, START, UNDECLARED = sys.argv[1:]
SCALE = 3
LOCK = threading.Lock()

class Point:
    def __init__(self, x):
        self.x = x

def set_scale(value):
    global SCALE
    SCALE = value

def scaled(x):
    return x * SCALE

def moved(point):
    return Point(scaled(point.x))

def inner(x):
    with multiprocessing.get_context(METHOD).Pool(1) as pool:
        return pool.apply(scaled, (x,))

def nested(x):
    with concurrent.futures.ThreadPoolExecutor(1) as threads:
        return threads.submit(inner, x).result()

def make(path):
    context = multiprocessing.get_context(METHOD)
    with context.Pool(1, set_scale, (5,)) as pool:
        (point,) = pool.map(moved, [Point(1)])
        assert isinstance(point, Point)
    with concurrent.futures.ProcessPoolExecutor(1, mp_context=context) as pool:
        numbers = [pool.submit(scaled, 2).result(), pool.submit(nested, 3).result()]
    path.write_text(f"{point.x} {numbers} {SCALE}")

def locked(x):
    with LOCK:
        return x

def fail(path):
    with multiprocessing.get_context(METHOD).Pool(1) as pool:
        pool.map(locked, [1])

# There is no `if __name__ == "__main__"`: the script must not run in the processes of the pools.
print("the script runs")
ppg.new_pipegraph(ppg.LocalSystem(start_method=START), undeclared=UNDECLARED)
ppg.FileGeneratingJob("out", make, timeout=60)
if START == "fork":
    # Otherwise the job could not be sent to its own process.
    ppg.FileGeneratingJob("fails", fail, timeout=60)
ppg.run()
"""


@pytest.mark.parametrize("method", ["spawn", "forkserver"])
@pytest.mark.parametrize(
    ("start", "undeclared"), [("forkserver", "warn"), ("forkserver", "ignore"), ("fork", "warn")]
)
def test_their_processes_have_the_functions_of_the_script(folder, method, start, undeclared):
    (folder / "script.py").write_text(textwrap.dedent(SCRIPT))
    ended = subprocess.run(
        [sys.executable, "script.py", method, start, undeclared], check=False, capture_output=True, text=True
    )
    assert (folder / "out").read_text() == "5 [6, 9] 3", ended.stderr
    assert ended.stdout.splitlines() == ["the script runs"]
    if start == "fork":
        assert (
            "TypeError: 'locked' of the script is not in this process, which multiprocessing has started as a new program"
        ) in ended.stderr
        assert "Use multiprocessing.get_context('fork'), or put 'locked' into a module" in ended.stderr
    else:
        assert ended.returncode == 0
