"""ppg, with or without noting what jobs read: python run_undeclared.py SHAPE ignore|warn."""

import sys

from shapes import jobs, produce

import ppg

shape, undeclared = sys.argv[1:]


def maker(source):
    def make(path):
        produce(path, source)

    return make


ppg.new_pipegraph(ppg.LocalSystem(), undeclared=undeclared)
for name, _, source in jobs(shape):
    job = ppg.FileGeneratingJob(name, maker(source))
    if source is not None:
        job.depends_on_file(source)
ppg.run_pipegraph()
