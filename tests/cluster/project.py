"""A project whose jobs note when they begin, for runs during which machines are lost."""

import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

from tests.cluster.machines import HEAD, Site, until

__all__ = ["COUNT", "GRAPH", "PPG", "Project"]

PPG = Path(sys.executable).with_name("ppg")
COUNT = 24

GRAPH = "ppg.new_pipegraph()\n"
"""The line of the script that makes the graph; it runs where the command says."""

WITH_LIMIT = """
address = os.environ.get("DASK_ADDRESS")
ppg.new_pipegraph(ppg.DaskCluster(address=address, lost_after=LOST_AFTER) if address else None)
"""

SCRIPT = """
import fcntl, os, socket, time
from pathlib import Path
import ppg

ppg.new_pipegraph()
folder = Path.cwd()


class Genome:
    sequence = None


genome = Genome()


def load():
    genome.sequence = "ACGT" * 5


loaded = ppg.DataLoadingJob("genome", load)


def note(words):
    log = os.open(folder / "log", os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(log, f"{words} {socket.gethostname()}\\n".encode())
    os.close(log)


def writes(number):
    def write(path):
        with open(folder / f"lock-{number}", "w") as lock:
            try:
                # It ends with the process, so two that run at the same time see each other, on whatever machine.
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                note(f"twice {number}")
            note(f"begin {number}")
            if not folder.with_suffix(".hurry").exists():
                time.sleep(SECONDS)
            path.write_text(f"{genome.sequence} {number}\\n")
            note(f"end {number}")
    return write


def generate():
    for number in range(COUNT // 2, COUNT):
        ppg.FileGeneratingJob(f"out/{number}.txt", writes(number)).depends_on(loaded)


for number in range(COUNT // 2):
    ppg.FileGeneratingJob(f"out/{number}.txt", writes(number)).depends_on(loaded)
ppg.JobGeneratingJob("generator", generate)
Path("out").mkdir(exist_ok=True)
ppg.run()
"""


class Project:
    """A folder with the script, which every machine of a site sees.

    `seconds`: how long each of its `count` jobs takes. `lost_after`: that of runs at an address.
    """

    def __init__(
        self, folder: Path, seconds: float = 0.4, count: int = COUNT, lost_after: float | None = None
    ) -> None:
        self.folder = folder
        self.count = count
        self._earlier = ""
        folder.mkdir(exist_ok=True)
        text = SCRIPT.replace("COUNT", str(count)).replace("SECONDS", str(seconds))
        if lost_after is not None:
            text = text.replace(GRAPH, WITH_LIMIT.replace("LOST_AFTER", str(lost_after)))
        (folder / "script.py").write_text(text)

    def start(self, site: Site, *options: str, address: str = "") -> subprocess.Popen[bytes]:
        """Start a run on the head; with an address it runs there, with the limit of this project."""
        log = self.folder.with_suffix(".err")
        self._earlier += log.read_text() if log.exists() else ""
        env = {"DASK_ADDRESS": address} if address else {}
        return site.begin(HEAD, [PPG, "run", "--plain", *options, "script.py"], log, self.folder, env)

    def hurry(self) -> None:
        """Let jobs take no time from now on."""
        self.folder.with_suffix(".hurry").touch()

    def words(self) -> str:
        """What the last run has said."""
        return self.folder.with_suffix(".err").read_text()

    def losses(self) -> Counter[str]:
        """How often runs have said of each machine that it was lost."""
        return Counter(re.findall(r"the machine (\S+) was lost", self._earlier + self.words()))

    def lines(self, begin: str) -> list[list[str]]:
        """The notes of jobs that begin with a word: number and machine of each."""
        log = self.folder / "log"
        text = log.read_text() if log.exists() else ""
        return [line.split()[1:] for line in text.splitlines() if line.split()[0] == begin]

    def await_ends(self, count: int) -> None:
        """Wait until so many jobs have ended."""
        until(lambda: len(self.lines("end")) >= count, f"{count} jobs end", 120)

    def check_outputs(self) -> None:
        """Require that outputs are as of a local run."""
        made = {path.name: path.read_text() for path in (self.folder / "out").iterdir()}
        assert made == {f"{number}.txt": f"{'ACGT' * 5} {number}\n" for number in range(self.count)}

    def check_repeats(self) -> None:
        """Require that no job ran twice at the same time, nor again but for a lost machine that was named."""
        assert not self.lines("twice"), self.lines("twice")
        machines: dict[str, list[str]] = {}
        for number, machine in self.lines("begin"):
            machines.setdefault(number, []).append(machine)
        # A job may have begun in the moment in which its machine was lost, so that the run never heard of it.
        lost = self.losses()
        for number, places in machines.items():
            assert Counter(places[:-1]) <= lost, f"{number} ran on {places}: {self._earlier}{self.words()}"

    def check_nothing_left(self) -> None:
        """Require that the run has left nothing in the project."""
        assert not [path.name for path in self.folder.iterdir() if path.name.startswith(".ppg")]
        assert not (self.folder / "dask-scratch-space").exists()
