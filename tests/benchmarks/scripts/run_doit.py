"""doit's dodo file; the shape is in the variable BENCHMARK_SHAPE."""

import os

from doit.tools import run_once
from shapes import jobs, produce, seconds_of

DOIT_CONFIG = {"verbosity": 0, "reporter": "zero"}


def task_make():
    shape = os.environ["BENCHMARK_SHAPE"]
    seconds = seconds_of(shape)
    for name, upstreams, source in jobs(shape):
        needed = list(upstreams) if upstreams else [source] if source else []
        task = {
            "name": name,
            "actions": [(produce, [name, source, seconds])],
            "file_dep": needed,
            "targets": [name],
        }
        if not needed:
            task["uptodate"] = [run_once]
        yield task
