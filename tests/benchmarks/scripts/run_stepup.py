#!/usr/bin/env python3
"""StepUp's plan; the shape is in the variable BENCHMARK_SHAPE."""

import os

from shapes import INPUT, jobs, seconds_of, shell_command
from stepup.core.api import run, static

shape = os.environ["BENCHMARK_SHAPE"]
seconds = seconds_of(shape)
static(INPUT)
for name, upstreams, source in jobs(shape):
    needed = upstreams or ((source,) if source else ())
    run(shell_command(name, source, seconds), inp=needed, out=name, shell=True)
