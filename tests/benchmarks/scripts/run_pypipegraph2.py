"""pypipegraph2: python run_pypipegraph2.py SHAPE CORES run|declare."""

import sys

import pypipegraph2 as ppg2
from shapes import jobs, produce, seconds_of

shape, cores, intent = sys.argv[1:]
seconds = seconds_of(shape)


def maker(source):
    def make(path):
        produce(path, source, seconds)

    return make


ppg2.new(cores=int(cores))
made = {}
for name, upstreams, source in jobs(shape):
    job = made[name] = ppg2.FileGeneratingJob(name, maker(source))
    if upstreams:
        job.depends_on([made[upstream] for upstream in upstreams])
    elif source is not None:
        job.depends_on_file(source)
if intent == "run":
    ppg2.run()
