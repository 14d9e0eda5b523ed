"""Two runs on a cluster of two machines, each with enough work, get the same core seconds, also if one of them has wide jobs.

Jobs note when they begin and end, so only the time counts in which both runs have work. Sleeping jobs need no real cores.
"""

import os
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from ppg_exec import available_cores
from tests.cluster.dask_site import DaskSite
from tests.cluster.machines import HEAD, running_site, until
from tests.cluster.project import PPG

THREADS = max(4, available_cores())
"""Of each worker. With fewer threads than cores, no two runs would have to share."""

SCRIPT = """
import os, socket, time
from pathlib import Path
import ppg

ppg.new_pipegraph()
folder = Path.cwd()


def note(words):
    # Threads and processes of one system have one clock, whatever machine they take themselves for.
    log = os.open(folder / "log", os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(log, f"{words} {socket.gethostname()} {time.monotonic()}\\n".encode())
    os.close(log)


def writes(number, cores, seconds):
    def write(path):
        note(f"{number} {cores} begin")
        time.sleep(seconds)
        note(f"{number} {cores} end")
        path.write_text("")
    return write


Path("out").mkdir()
for number in range(COUNT):
    is_wide = WIDE and number % 8 == 0
    cores, seconds = (THREADS, 0.2) if is_wide else (1, 0.02 + number % 7 * 0.02)
    ppg.FileGeneratingJob(f"out/{number}", writes(number, cores, seconds)).use_cores(cores)
ppg.run()
"""


class Note(NamedTuple):
    """What a job has noted."""

    number: int
    cores: int
    begins: bool
    machine: str
    when: float


class Project:
    """A folder with a script that has more jobs than a test has time for."""

    def __init__(self, folder: Path, kind: str, seconds: float) -> None:
        self.folder = folder
        folder.mkdir()
        # As many as the cores of both machines could run, if these were all for this run.
        self.count = int((seconds + 20) * 2 * THREADS / 0.08)
        values = {"COUNT": self.count, "WIDE": kind == "wide", "THREADS": THREADS}
        text = SCRIPT
        for name, value in values.items():
            text = text.replace(name, str(value))
        (folder / "script.py").write_text(text)

    def start(self, site: DaskSite) -> subprocess.Popen[bytes]:
        """Start a run on the head."""
        words = [PPG, "run", "--plain", "--on", site.dask_address, "script.py"]
        return site.begin(HEAD, words, self.folder.with_suffix(".err"), self.folder)

    def notes(self) -> list[Note]:
        """What all jobs have noted, in order."""
        log = self.folder / "log"
        lines = log.read_text().splitlines() if log.exists() else []
        words = [line.split() for line in lines]
        return [
            Note(int(each[0]), int(each[1]), each[2] == "begin", each[3], float(each[4])) for each in words
        ]

    def has_work_on(self, machines: set[str], ends: int) -> bool:
        """Whether so many jobs have ended on each of these machines."""
        ended = Counter(note.machine for note in self.notes() if not note.begins)
        return all(ended[machine] >= ends for machine in machines)

    def said(self) -> str:
        """What the run has said last."""
        return self.folder.with_suffix(".err").read_text()[-2000:]


def changes(notes: list[Note], begin: float, end: float) -> Iterator[tuple[float, str, int]]:
    """When machines run more or fewer cores within a time: the moment, the machine, and how many."""
    running: dict[int, Note] = {}
    for note in notes:
        if note.begins:
            running[note.number] = note
        elif (began := running.pop(note.number)).when < end and note.when > begin:
            yield max(began.when, begin), note.machine, note.cores
            yield min(note.when, end), note.machine, -note.cores
    for note in running.values():
        if note.when < end:
            yield max(note.when, begin), note.machine, note.cores
            yield end, note.machine, -note.cores


def core_seconds(notes: list[Note], begin: float, end: float) -> Counter[str]:
    """The core seconds of jobs on each machine, within a time."""
    found: Counter[str] = Counter()
    for when, machine, cores in changes(notes, begin, end):
        found[machine] -= when * cores  # type: ignore[assignment]
    return found


def most_cores(notes: list[Note], begin: float, end: float) -> Counter[str]:
    """How many cores of each machine were in use at one time, at most."""
    now: Counter[str] = Counter()
    most: Counter[str] = Counter()
    # Of changes at one moment, the ends come first.
    for _, machine, cores in sorted(changes(notes, begin, end), key=lambda change: (change[0], change[2])):
        now[machine] += cores
        most[machine] = max(most[machine], now[machine])
    return most


@pytest.mark.parametrize(
    ("second", "seconds", "windows"),
    [
        # On a busy machine a few seconds may be too short a time.
        ("narrow", 8.0, 3),
        pytest.param("narrow", 60.0, 1, marks=pytest.mark.nightly),
        pytest.param("wide", 60.0, 1, marks=pytest.mark.nightly),
    ],
)
def test_shares_on_two_machines_are_within_a_fifth_of_equal(
    tmp_path: Path, second: str, seconds: float, windows: int
) -> None:
    class SharedSite(DaskSite):
        threads = THREADS

    projects = [
        Project(tmp_path / name, kind, seconds * windows)
        for name, kind in (("first", "narrow"), ("other", second))
    ]
    first, other = projects
    with running_site(2, [tmp_path], SharedSite) as site:
        machines = set(site.names)
        runs = [first.start(site)]
        until(lambda: first.has_work_on(machines, 2 * THREADS), "the first one takes what there is")
        runs.append(other.start(site))
        until(lambda: other.has_work_on(machines, 2), "the other one begins beside it")
        begin = time.monotonic()
        for window in range(1, windows + 1):
            end = begin + window * seconds
            until(lambda end=end: time.monotonic() > end, "the time passes", seconds + 60)  # type: ignore[misc]
            notes = [project.notes() for project in projects]
            used = [core_seconds(each, begin, end) for each in notes]
            totals = [sum(each.values()) for each in used]
            if abs(totals[0] - totals[1]) <= 0.2 * sum(totals):
                break
        assert [run.poll() for run in runs] == [None, None], [project.said() for project in projects]
        assert all(len(each) < 2 * project.count for each, project in zip(notes, projects, strict=True))
        # Each machine has a pool of its own.
        pools = {
            name: list((site.folder / name / f"ppg-{os.geteuid()}").glob("ppg-cores/*/size"))
            for name in (HEAD, *site.names)
        }
    print(f"core seconds of narrow beside {second}: {totals}; on each machine: {used}")
    assert abs(totals[0] - totals[1]) <= 0.2 * sum(totals), used
    assert {name: len(each) for name, each in pools.items()} == {HEAD: 0} | dict.fromkeys(machines, 1)
    # Each run may use one core without asking, of which the pool counts one.
    numbered = [note._replace(number=2 * note.number + place) for place in (0, 1) for note in notes[place]]
    most = most_cores(sorted(numbered, key=lambda note: note.when), begin, end)
    print(f"most cores at one time, of {THREADS}: {dict(most)}")
    assert max(most.values()) <= THREADS + 1
