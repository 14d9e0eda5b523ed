"""What the machine allows: stat every file, fork for every one that is stale, and nothing else.

python -S -E run_bare.py SHAPE CORES; a fork per job of the smallest interpreter there is, with as many in flight as
there are cores; stale is what is missing or older than the input, or was made from what was.
"""

import os
import sys
import time

from shapes import INPUT, jobs, seconds_of

shape, cores = sys.argv[1], int(sys.argv[2])
seconds = seconds_of(shape)
newest = os.stat(INPUT).st_mtime_ns
running = {}
remade = set()


def wait():
    """Wait for one job."""
    pid, status = os.wait()
    name = running.pop(pid)
    if status:
        sys.exit(f"{name} failed")


def make(name, source):
    """The work of one job, by the system's calls alone."""
    if seconds:
        time.sleep(seconds)
    version = b"0"
    if source is not None:
        descriptor = os.open(source, os.O_RDONLY)
        version = os.read(descriptor, 1000).split()[1]
    descriptor = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    os.write(descriptor, b"%s %s\n" % (name.encode(), version))


for name, upstreams, source in jobs(shape):
    try:
        modified = os.stat(name).st_mtime_ns
    except FileNotFoundError:
        modified = 0
    outdated = source is not None and not upstreams and modified < newest
    if modified and not outdated and remade.isdisjoint(upstreams):
        continue
    while len(running) == cores or any(busy in upstreams for busy in running.values()):
        wait()
    remade.add(name)
    pid = os.fork()
    if pid == 0:
        make(name, source)
        os._exit(0)
    running[pid] = name
while running:
    wait()
