"""Tracebacks: file, line and source of the user's code, whatever version of cloudpickle there is.

From 3.1.3 on, cloudpickle replaces the file of a code object by `<dynamic-code>`. `LIKE_3_1_3` does the same with
the version that is installed; `.ci/run` runs this file with others.
"""

import subprocess
import sys

import pytest

LIKE_3_1_3 = """
import types
import cloudpickle.cloudpickle as module
reduce_code = module._code_reduce
def without_file(code):
    make, arguments = reduce_code(code)
    return make, tuple("<dynamic-code>" if each is code.co_filename else each for each in arguments)
for kind in (module.Pickler, module.CloudPickler):
    for table in (kind.dispatch_table, getattr(kind, "_dispatch_table", {})):
        table[types.CodeType] = without_file
"""

SCRIPT = """
import ppg

class Genome:
    pass

genome = Genome()

def helper(n):
    return 1 / n  # the helper

def make(path):
    helper(0)  # the callback

def load():
    helper(0)  # the load

def generate():
    def inner(path):
        helper(0)  # the generated callback
    ppg.FileGeneratingJob("generated", inner)

def calculate():
    return lambda: helper(0)  # the cached function

def use(path):
    genome.cached()

def work(path):
    path.write_text("not reached")

graph = ppg.new_pipegraph(ppg.LocalSystem(2, start_method="START"), quiet=True)
ppg.FileGeneratingJob("made", make)
ppg.FileGeneratingJob("below", work).depends_on(ppg.DataLoadingJob("load", load))
ppg.JobGeneratingJob("generator", generate)
ppg.FileGeneratingJob("fresh", make, isolation="fresh")
ppg.FileGeneratingJob("use", use).depends_on(
    ppg.CachedAttributeLoadingJob("cache", genome, "cached", calculate)
)
try:
    graph.run()
except ppg.RuntimeError:
    for name in ("made", "load", "generated", "fresh", "use"):
        print(graph.job(name).traceback)
"""


@pytest.mark.parametrize("start_method", ["forkserver", "fork"])
@pytest.mark.parametrize("version", ["", LIKE_3_1_3], ids=["installed", "like 3.1.3"])
def test_tracebacks_show_file_line_and_source_with_every_cloudpickle(folder, start_method, version):
    text = version + SCRIPT.replace("START", start_method)
    path = folder / "script.py"
    path.write_text(text)
    done = subprocess.run([sys.executable, path], cwd=folder, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    lines = text.splitlines()
    for source in (
        "helper(0)  # the callback",
        "helper(0)  # the load",
        "helper(0)  # the generated callback",
        "genome.cached()",
        "return lambda: helper(0)  # the cached function",
        "return 1 / n  # the helper",
    ):
        number = next(number for number, line in enumerate(lines, 1) if line.strip() == source)
        assert f'File "{path}", line {number}, in ' in done.stdout
        assert f"    {source}\n" in done.stdout
    assert done.stdout.count("return 1 / n  # the helper") == 5
    assert "dynamic-code" not in done.stdout
