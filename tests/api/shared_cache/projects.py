"""Projects that have a cache in common, and what is in it."""

import ppg
from tests.fakes import RecordingFrontend


class Project:
    """A folder with pipegraphs of its own, and a cache that it has in common with others."""

    def __init__(self, folder, cache):
        folder.mkdir(parents=True)
        self.folder = folder
        self.cache = cache
        self.warnings = []

    def run(self, declare, **options):
        """Declare jobs with a function, run them, and give the result."""
        frontend = RecordingFrontend()
        options = {"shared_cache": self.cache, "root": self.folder, "quiet": True} | options
        graph = ppg.new_pipegraph(ppg.LocalSystem(max_cores_to_use=1), **options)
        declare()
        try:
            return graph.run(frontend=frontend)
        finally:
            self.warnings = frontend.warnings

    def __truediv__(self, name):
        return self.folder / name


def entries(cache):
    """The folders of all entries."""
    return sorted(path.parent for path in cache.glob("v1/*/*/manifest.json"))


def staged(cache):
    """What is left behind, or being written."""
    return sorted((cache / "v1" / "staging").iterdir())


def nonsense(entry):
    """Make an entry one that says nothing of its files."""
    (entry / "manifest.json").unlink()
    (entry / "manifest.json").write_text('{"files": [3]}')
