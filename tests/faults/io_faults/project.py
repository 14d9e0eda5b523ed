"""The project of `io_faults`: jobs of all kinds, a shared cache and logs; its copies, and what its outputs are."""

import shutil
from dataclasses import dataclass
from pathlib import Path

SCRIPT = """
from pathlib import Path

import ppg

ppg.new_pipegraph(shared_cache="cache", invariant_status_filename="state/store")


def double(path):
    print("first says this")
    path.write_text(Path("in.txt").read_text() * 2)


def write_names(paths):
    for path in paths:
        path.write_text(Path("first").read_text() + path.name)


def generate():
    ppg.FileGeneratingJob("made", lambda path: path.write_text(Path("first").read_text())).depends_on("first")


loaded = {}
first = ppg.FileGeneratingJob("first", double, share=True)
first.depends_on_file("in.txt")
temporary = ppg.TempFileGeneratingJob("temporary", lambda path: path.write_text("t" * 5)).depends_on(first)
load = ppg.DataLoadingJob("load", lambda: loaded.update(text=Path("first").read_text())).depends_on(first)
third = ppg.FileGeneratingJob("third", lambda path: path.write_text(loaded["text"] + Path("temporary").read_text()))
third.depends_on(load, temporary)
ppg.MultiFileGeneratingJob(["p", "q"], write_names, share=True).depends_on(first)
ppg.JobGeneratingJob("generator", generate).depends_on(first)
print("RAN", *sorted(ppg.run().ran))
"""
OUTPUTS = ["first", "third", "p", "q", "made"]
EVERY_RUN = {"generator"}


def lay_out(folder):
    """Write the project into a folder, which has no outputs then."""
    for name in ("logs", "cache", "state"):
        (folder / name).mkdir(parents=True)
    (folder / "script.py").write_text(SCRIPT)
    (folder / "in.txt").write_text("input\n")


def outputs(folder):
    """The content of all outputs, by name."""
    return {name: (folder / name).read_bytes() if (folder / name).exists() else None for name in OUTPUTS}


@dataclass(frozen=True)
class Project:
    """Project: the folders that rounds copy, and the right outputs."""

    base: Path
    right: dict[bool, dict[str, bytes]]

    def copy(self, recorded):
        """A fresh copy of the project, as it is before the round."""
        folder = self.base / "round"
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(self.base / ("recorded" if recorded else "new"), folder, copy_function=shutil.copy2)
        return folder
