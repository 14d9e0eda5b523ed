"""Jobs, nodes and agents are killed at random while a pipegraph runs on agents of this machine.

Outputs are those of a local run, no job runs twice without a printed reason, and nothing is left.
"""

import json
import os
import random
import re
import select
import signal
import subprocess
import sys
import uuid
from collections import Counter
from pathlib import Path

import pytest

from tests.end_to_end.ppg_command import environment, wait_until_gone

SCRIPT = """
import json
import os
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import ppg
from ppg_exec import LocalFleet, RemoteExecutor, Settings


@dataclass(frozen=True)
class Agents:
    inline = False

    def executor(self, after_fork=None):
        settings = Settings(
            directory=os.getcwd(), path=tuple(sys.path), arguments=tuple(sys.argv), cores=2, grace=0.5
        )
        return RemoteExecutor(LocalFleet(settings, 2))


ppg.new_pipegraph(Agents() if sys.argv[1] == "agents" else None, quiet=True)
Path("out").mkdir(exist_ok=True)
began = os.environ["BEGAN"]


class Genome:
    sequence = None


genome = Genome()


def load():
    genome.sequence = "ACGT" * 3


def write(path, number, upstream=None):
    with open(began, "a") as log:
        log.write(f"{path}\\n")
    text = "" if upstream is None else Path(upstream).read_text()
    time.sleep(0.25 if sys.argv[1] == "agents" else 0)
    path.write_text(f"{text}{genome.sequence} {number}\\n")


loaded = ppg.DataLoadingJob("genome", load, retries=100)


def chain(number):
    earlier = None
    for step in range(6):
        name = f"out/{number}-{step}.txt"
        make = lambda path, upstream=earlier: write(path, number, upstream)
        job = ppg.FileGeneratingJob(name, make, retries=100)
        job.depends_on(loaded)
        if earlier:
            job.depends_on_file(earlier)
        earlier = name


def generate():
    for number in range(20, 40):
        chain(number)


for number in range(20):
    chain(number)
ppg.JobGeneratingJob("generate", generate, retries=100).depends_on(loaded)
try:
    ppg.run()
except ppg.RuntimeError as error:
    print(error, file=sys.stderr)
result = ppg.current_pipegraph().result
rows = {
    name: (each.state.value, each.attempts, each.earlier, each.machines_lost, each.error)
    for name, each in result.items()
}
Path(sys.argv[2]).write_text(json.dumps(rows))
"""


KILLS = 100
PAUSE = (20.0, 100.0)
"""Milliseconds between them."""
EXPECTED = re.compile(
    "its machine was lost 3 times"
    "|was loaded again, because the compute node with its data had died, and that failed"
    "|the agent of .* died while it read this task"
)
"""What jobs fail with, whatever their `retries`."""


def start(folder: Path, where: str, marker: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "script.py", where, "rows.json"],
        cwd=folder,
        env=environment(KILLED_RUN=marker, BEGAN=str(folder.parent / f"began-{folder.name}")),
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def finish(run: subprocess.Popen[str]) -> str:
    """Wait for the end of a run, which must be in order; returns what it has said."""
    said = run.communicate(timeout=120)[1]
    assert run.returncode == 0, said
    return said


def children() -> dict[int, list[int]]:
    """The children of all processes."""
    found: dict[int, list[int]] = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                parent = int(Path(f"/proc/{name}/stat").read_text().rpartition(")")[2].split()[1])
            except (FileNotFoundError, ProcessLookupError):
                continue
            found.setdefault(parent, []).append(int(name))
    return found


def levels(root: int, below: dict[int, list[int]]) -> list[list[int]]:
    """The processes beneath one, by their distance."""
    found = [[root]]
    while found[-1]:
        found.append([child for each in found[-1] for child in below.get(each, [])])
    return found[1:-1]


def kill_one(script: int, chance: random.Random) -> str:
    """Kill an agent, or a process of the lowest two levels beneath: a node or a job. Returns which; empty if there is none."""
    below = children()
    found = levels(script, below)
    # script → agent → guard → forkserver → node → job
    kinds = dict(zip(("agent", "guard", "forkserver", "node", "job"), found, strict=False))
    kind = chance.choice(("agent", "node", "node", "job", "job", "job"))
    # An agent that is killed three times before it has begun counts as one that cannot start.
    victims = [each for each in kinds.get(kind, []) if kind != "agent" or each in below]
    if not victims or "job" not in kinds:
        return ""
    try:
        os.kill(chance.choice(victims), signal.SIGKILL)
    except ProcessLookupError:
        return ""
    return kind


def outputs(folder: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in (folder / "out").iterdir()}


def kill_during(run: subprocess.Popen[str], chance: random.Random, killed: Counter[str]) -> None:
    """Kill until there were `KILLS` in all, or the run has ended."""
    pause = select.poll()
    while run.poll() is None and killed.total() < KILLS:
        if kind := kill_one(run.pid, chance):
            killed[kind] += 1
            pause.poll(chance.uniform(*PAUSE))
        else:
            pause.poll(5)


def check_run(folder: Path, began: Path, said: str) -> bool:
    """Require a reason for all that began again; returns whether jobs have failed, as the next run has to make them."""
    rows = json.loads((folder / "rows.json").read_text())
    lines = began.read_text().splitlines()
    began.unlink()
    unreported = 0
    for name, count in Counter(Path(line).name for line in lines).items():
        _, attempts, earlier, lost, _ = rows[f"out/{name}"]
        # A lost agent may have begun the job again after its last message.
        unreported += max(0, count - attempts - 2 * lost)
        assert len(earlier) == min(10, attempts - 1), "each attempt has its reason"
        assert not lost or "was lost" in said
    told = re.findall(
        r"a compute node died; (\d+) of its jobs, which had not begun or just had, start again", said
    )
    assert unreported <= sum(map(int, told)), (unreported, said)
    # These jobs fail, as it may be they that end processes; nothing else does.
    failed = {name: error for name, (state, *_, error) in rows.items() if state == "failed"}
    others = {name: error for name, error in failed.items() if not EXPECTED.search(error or "")}
    assert not others, (others, said)
    return bool(failed)


@pytest.mark.parametrize(
    "seed", [1, *(pytest.param(seed, marks=pytest.mark.nightly) for seed in range(2, 6))]
)
def test_kills_change_no_output_and_repeat_nothing_without_a_reason(tmp_path: Path, seed: int) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    for folder in (here, there):
        folder.mkdir()
        (folder / "script.py").write_text(SCRIPT)
    finish(start(here, "local", ""))
    assert len(outputs(here)) == 240

    chance = random.Random(seed)
    marker = uuid.uuid4().hex
    killed: Counter[str] = Counter()
    is_unfinished = True
    while is_unfinished:
        run = start(there, "agents", marker)
        kill_during(run, chance, killed)
        said = finish(run)
        wait_until_gone(marker)
        is_unfinished = check_run(there, tmp_path / "began-there", said)
    assert killed.total() == KILLS, "the jobs last until the last kill"
    assert outputs(there) == outputs(here)
    # How jobs failed is kept beside the status, as always; here none does.
    kept = there / ".pypipegraph_status_robust.output"
    if kept.exists():
        for each in kept.glob("run-*"):
            each.unlink()
        kept.rmdir()
    assert sorted(each.name for each in there.iterdir()) == sorted(each.name for each in here.iterdir())
