"""pypipegraph 0.197: python run_pypipegraph.py SHAPE CORES run|declare."""

import sys

import pypipegraph
from shapes import jobs, produce, seconds_of

shape, cores, intent = sys.argv[1:]
seconds = seconds_of(shape)


def maker(name, source):
    def make():
        produce(name, source, seconds)

    return make


pypipegraph.new_pipegraph(
    resource_coordinator=pypipegraph.resource_coordinators.LocalSystem(int(cores), interactive=False),
    quiet=True,
)
made = {}
for name, upstreams, source in jobs(shape):
    job = made[name] = pypipegraph.FileGeneratingJob(name, maker(name, source))
    if upstreams:
        job.depends_on([made[upstream] for upstream in upstreams])
    elif source is not None:
        job.depends_on(pypipegraph.FileChecksumInvariant(source))
if intent == "run":
    pypipegraph.run_pipegraph()
