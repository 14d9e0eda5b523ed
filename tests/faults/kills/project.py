"""The project of `tests.faults.kills`: a copy of this module is the script of every round."""

import builtins
import subprocess
import time
from pathlib import Path

import ppg


def saying(name, *sources, seconds=0.002):
    """A callback that makes a file from others, in two parts."""

    def make(path):
        getattr(builtins, "announcer").ran(name)  # noqa: B009 (not followed by fingerprints)
        if name == "a":
            getattr(builtins, "announcer").gate()  # noqa: B009
        with path.open("w") as file:
            for source in sources:
                file.write(Path(source).read_text())
            file.flush()
            time.sleep(seconds)
            file.write(f"whole {name}\n")

    return make


def child(name):
    """A callback that makes a file, and has a program run meanwhile."""

    def make(path):
        getattr(builtins, "announcer").ran(name)  # noqa: B009
        text = Path("in.txt").read_text()
        path.write_text(text[:1])
        program = subprocess.run(getattr(builtins, "announcer").child(name), check=False)  # noqa: B009
        if program.returncode != 0:
            raise RuntimeError(f"the program ended with {program.returncode}")
        path.write_text(text + f"whole {name}\n")

    return make


def both(paths):
    """Make two files."""
    getattr(builtins, "announcer").ran("several")  # noqa: B009
    for path in paths:
        path.write_text(Path("a").read_text() + path.name)


def may_fail(path):
    """Make a file, or half of it."""
    getattr(builtins, "announcer").ran("may_fail")  # noqa: B009
    path.write_text("half")
    if getattr(builtins, "announcer").fails():  # noqa: B009
        raise RuntimeError("this job fails in this round")
    path.write_text(Path("b").read_text() + "whole may_fail\n")


def load():
    """Load a value, which takes a while."""
    announcer = getattr(builtins, "announcer")  # noqa: B009
    announcer.ran("load")
    with announcer.within("loads", "callback"):
        time.sleep(0.003)
        loaded["text"] = Path("b").read_text()


def use(path):
    """Write what was loaded."""
    getattr(builtins, "announcer").ran("use")  # noqa: B009
    path.write_text(loaded["text"] + "whole use\n")


def calculate():
    """The cached value."""
    getattr(builtins, "announcer").ran("cached")  # noqa: B009
    return Path("a").read_text() * 50


def use_cached(path):
    """Write the cached value."""
    getattr(builtins, "announcer").ran("use_cached")  # noqa: B009
    path.write_text(cached["value"] + "whole use_cached\n")


def generate():
    """Declare two jobs."""
    announcer = getattr(builtins, "announcer")  # noqa: B009
    announcer.ran("generator")
    with announcer.within("generators", "callback"):
        time.sleep(0.002)
        for name in ("made/1", "made/2"):
            ppg.FileGeneratingJob(name, saying(name, "b")).depends_on("b")


loaded = {}
cached = {}
ppg.new_pipegraph(ppg.LocalSystem(max_cores_to_use=4), shared_cache="shared", quiet=True)
ppg.FileGeneratingJob("a", saying("a", "in.txt")).depends_on_file("in.txt")
ppg.FileGeneratingJob("b", saying("b", "a")).depends_on("a")
wide = ppg.FileGeneratingJob("wide", child("wide")).depends_on_file("in.txt")
wide.cores_needed = 2
ppg.FileGeneratingJob("fresh", child("fresh"), isolation="fresh").depends_on_file("in.txt")
temporary = ppg.TempFileGeneratingJob("temporary", saying("temporary", "b")).depends_on("b")
ppg.FileGeneratingJob("c", saying("c", "temporary")).depends_on(temporary)
ppg.FileGeneratingJob("use", use).depends_on(ppg.DataLoadingJob("load", load).depends_on("b"))
ppg.FileGeneratingJob("shared_file", saying("shared_file", "a"), share=True).depends_on("a")
ppg.MultiFileGeneratingJob(["several.1", "several.2"], both, share=True).depends_on("a")
ppg.FileGeneratingJob("may_fail", may_fail).depends_on("b")
ppg.JobGeneratingJob("generator", generate).depends_on("b")
value = ppg.CachedDictEntryLoadingJob("cached", cached, "value", calculate).depends_on("a")
value.cache_job.share()
ppg.FileGeneratingJob("use_cached", use_cached).depends_on(value)
ppg.run()
