"""ppg, as a user would write it: python run_ppg.py SHAPE CORES run|declare."""

import sys

from shapes import jobs, produce, seconds_of

import ppg

shape, cores, intent = sys.argv[1:]
seconds = seconds_of(shape)


def maker(source):
    def make(path):
        produce(path, source, seconds)

    return make


graph = ppg.new_pipegraph(ppg.LocalSystem(max_cores_to_use=int(cores)))
made = {}
for name, upstreams, source in jobs(shape):
    job = made[name] = ppg.FileGeneratingJob(name, maker(source))
    if upstreams:
        job.depends_on(made[upstream] for upstream in upstreams)
    elif source is not None:
        job.depends_on_file(source)
if intent == "run":
    ppg.run_pipegraph()
else:
    graph._complete()
