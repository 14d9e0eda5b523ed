"""Where the time of the caller's process goes, from the first declaration to the result: a sampling profile.

    python -m tests.benchmarks.profile_caller idle [jobs]
    python -m tests.benchmarks.profile_caller fresh [jobs]

Jobs side by side, of which each writes a small file: 100,000 that are up to date, or 3,000 that have to run. Printed is
the tree of calls, with the seconds spent in each and what it calls; what took less than one part in a hundred is left
out.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from pathlib import Path

from pyinstrument import Profiler

from tests.benchmarks.bench_growth import declare, write_files
from tests.benchmarks.environments import restart_measurable

JOBS = {"idle": 100_000, "fresh": 3_000}
SMALLEST_SHARE = 0.01


def profile(what: str, count: int) -> str:
    """The profile as text; made in the current directory, which has to be empty."""
    folder = Path("out")
    if what == "idle":
        write_files(count, folder)
        declare("wide", count, folder)[0].accept()
    profiler = Profiler(interval=0.001)
    profiler.start()
    graph, _, _ = declare("wide", count, folder)
    result = graph.run()
    profiler.stop()
    assert len(result.ran) == (0 if what == "idle" else count)
    return profiler.output_text(color=False, processor_options={"filter_threshold": SMALLEST_SHARE})


def main() -> None:
    """Print the profile."""
    what = sys.argv[1] if len(sys.argv) > 1 else "idle"
    if what not in JOBS:
        raise SystemExit(__doc__)
    restart_measurable()
    count = int(sys.argv[2]) if len(sys.argv) > 2 else JOBS[what]
    print(f"Python {sys.version.split()[0]}, {time.strftime('%Y-%m-%d')}, load {os.getloadavg()[0]:.1f}")
    with tempfile.TemporaryDirectory() as directory:
        os.chdir(directory)
        print(profile(what, count))
        os.chdir("/")


if __name__ == "__main__":
    main()
