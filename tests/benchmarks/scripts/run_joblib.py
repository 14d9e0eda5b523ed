"""joblib: results kept by Memory, level after level in parallel: python run_joblib.py SHAPE CORES.

It knows no graph: the script itself goes level by level, and hands each job the version of its source.
"""

import sys

from joblib import Memory, Parallel, delayed
from shapes import INPUT, jobs, produce, seconds_of

shape, cores = sys.argv[1], int(sys.argv[2])
seconds = seconds_of(shape)


def make(name, source, version):
    """`version` makes the result depend on what is read; returns the version that was written."""
    produce(name, source, seconds)
    return version


def levels():
    """The jobs in lists: everything in one depends on nothing but earlier ones."""
    depth = {}
    found = []
    for name, upstreams, source in jobs(shape):
        depth[name] = 1 + depth[upstreams[0]] if upstreams else 0
        if depth[name] == len(found):
            found.append([])
        found[depth[name]].append((name, source))
    return found


if __name__ == "__main__":
    cached = Memory("memory", verbose=0).cache(make)
    with open(INPUT) as stream:
        versions = {INPUT: stream.read().split()[1], None: "0"}
    with Parallel(n_jobs=cores) as parallel:
        for level in levels():
            calls = [(name, source, versions[source]) for name, source in level]
            if len(calls) == 1:
                written = [cached(*calls[0])]
            else:
                written = parallel(delayed(cached)(*call) for call in calls)
            versions.update(zip((name for name, _ in level), written, strict=True))
