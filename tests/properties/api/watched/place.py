"""Place: runs a project in a folder, edits it there, and says which jobs were rerun rightly."""

import json
import shutil
from dataclasses import dataclass
from pathlib import Path

from tests.properties.api.watched.text import files_of

__all__ = ["BrokenError", "Place", "Ran"]


class BrokenError(Exception):
    """A run of a project failed."""


@dataclass(frozen=True)
class Ran:
    """Ran: what a run did.

    Attributes:
        would: the jobs that `verify` named just before.
        ran: the jobs that ran.
        outputs: the texts that all jobs have written, by job.
        said: what was printed.
    """

    would: frozenset[str]
    ran: frozenset[str]
    outputs: dict[str, str]
    said: str


class Place:
    """Place: a folder with a project, as it changes.

    Parameters:
        folder: made if it does not exist.
    """

    def __init__(self, folder):
        self.folder = Path(folder)
        self._files = {}

    def write(self, project):
        """Write the files of a project that differ from those here, and remove others of the last project."""
        files = files_of(project)
        for path in self._files.keys() - files.keys():
            (self.folder / path).unlink()
        for path, text in files.items():
            if self._files.get(path) != text:
                (self.folder / path).parent.mkdir(parents=True, exist_ok=True)
                (self.folder / path).write_text(text)
        self._files = files

    def run(self, zygote):
        """Run the project here."""
        (self.folder / "report.json").unlink(missing_ok=True)
        code = zygote.run(self.folder)
        said = (self.folder / "printed").read_text()
        if code:
            raise BrokenError(f"exit status {code}: {said}")
        report = json.loads((self.folder / "report.json").read_text())
        outputs = {path.name: path.read_text() for path in self.folder.glob("out*")}
        return Ran(frozenset(report["would"]), frozenset(report["ran"]), outputs, said)

    def fresh(self, project, zygote):
        """Run a project in a new folder, which is removed; return its outputs."""
        other = Place(self.folder.with_name(f"{self.folder.name}-fresh"))
        shutil.rmtree(other.folder, ignore_errors=True)
        other.write(project)
        ran = other.run(zygote)
        shutil.rmtree(other.folder)
        return ran.outputs
