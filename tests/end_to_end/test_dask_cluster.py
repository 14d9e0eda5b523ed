"""The same script gives the same bytes on this machine and on the workers of a Dask cluster, with one option."""

import json
import os
import re
import subprocess
import sys
import time
import uuid
from pathlib import Path

import pytest

pytest.importorskip("distributed")

import ppg
from ppg_exec.links.silence import LOST_AFTER
from tests.end_to_end.ppg_command import environment, wait_until_gone
from tests.exec.dask.clusters import running_cluster

SCRIPT = """
import sys
from pathlib import Path
import ppg

ppg.new_pipegraph(track="python")
Path("in.txt").write_text("a line\\n" * 3)
settings = {"factor": 3}


class Genome:
    sequence = None


genome = Genome()


@ppg.cached
def numbers():
    return {"numbers": {1, 2, 3}}


@ppg.file("sum.txt")
def total(path, found=numbers):
    path.write_text(str(sum(found["numbers"])))


def load():
    genome.sequence = "ACGT" * settings["factor"]


loaded = ppg.DataLoadingJob("genome", load)


def generate():
    def write(path, number):
        path.write_text(f"{genome.sequence} {number}")

    for number in range(6):
        job = ppg.FileGeneratingJob(f"out/{number}.txt", lambda path, number=number: write(path, number))
        job.depends_on(loaded)


Path("out").mkdir(exist_ok=True)
generator = ppg.JobGeneratingJob("generate", generate)
generator.depends_on(loaded)
temp = ppg.TempFileGeneratingJob("temp.txt", lambda path: path.write_text("for a while"))
kept = ppg.FileGeneratingJob("kept.txt", lambda path: path.write_text(Path("temp.txt").read_text().upper()))
kept.depends_on(temp)
lines = ppg.FileGeneratingJob("lines.txt", lambda path: path.write_text(str(len(open("in.txt").readlines()))))
ppg.ExternalJob("twice.txt", ["cat", lines, lines], stdout="twice.txt")
ppg.run()
print("done", file=sys.stderr)
"""


PPG = Path(sys.executable).with_name("ppg")


def run(folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [PPG, "run", "--plain", *options, "script.py"],
        cwd=folder, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip


def outputs(folder: Path) -> dict[str, bytes]:
    names = [
        *folder.glob("out/*.txt"),
        *(folder / name for name in ("kept.txt", "lines.txt", "sum.txt", "twice.txt")),
    ]
    return {str(path.relative_to(folder)): path.read_bytes() for path in names}


def test_outputs_are_those_of_a_local_run_and_a_second_run_does_nothing(tmp_path: Path) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    for folder in (here, there):
        folder.mkdir()
        (folder / "script.py").write_text(SCRIPT)
    local = run(here)
    assert local.returncode == 0, local.stderr
    logs = tmp_path / "logs"
    logs.mkdir()
    with running_cluster(logs, 0, 2, ["left", "right"]) as cluster:
        cluster.wait_for_workers(2)
        (there / "logs").mkdir()
        first = run(there, "--on", cluster.address)
        assert first.returncode == 0, first.stderr
        assert outputs(there) == outputs(here)
        assert len(outputs(there)) == 10
        log = (there / "logs" / "ppg_run.txt").read_text()
        assert set(re.findall(r"started: .*, on (\w+)\)", log)) == {"left", "right"}
        assert re.search(r"done: sum\.txt \(.*, on (left|right)\)", log)
        why = subprocess.run([PPG, "why", "sum.txt"], cwd=there, capture_output=True, text=True, check=True)
        assert re.search(r"after [\d.]+ s, on (left|right)$", why.stdout, re.MULTILINE), why.stdout
        before = {name: (there / name).stat().st_mtime_ns for name in outputs(there)}
        second = run(there, "--on", cluster.address)
        assert second.returncode == 0, second.stderr
        assert {name: (there / name).stat().st_mtime_ns for name in before} == before
    assert not [name for name in os.listdir(there) if name.startswith(".ppg-run-")]
    assert not (there / "temp.txt").exists()


def test_a_local_run_imports_nothing_of_dask(tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text(
        "import sys\nimport ppg\n\nppg.new_pipegraph()\n"
        "ppg.file('a.txt')(lambda path: path.write_text(str(sorted(sys.modules))))\nppg.run()\nprint(sorted(sys.modules))\n"
    )
    ran = run(tmp_path)
    assert ran.returncode == 0, ran.stderr
    for modules in (ran.stdout, (tmp_path / "a.txt").read_text()):
        assert "'ppg_exec.controller.local'" in ran.stdout
        assert not re.search("'(dask|distributed|tornado|ppg_exec\\.(dask|remote|links|agent))", modules)


def test_an_address_that_is_none_is_refused_with_a_remedy(tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text(SCRIPT)
    refused = run(tmp_path, "--on", "somewhere")
    assert refused.returncode == 2
    assert "tcp://" in refused.stderr


FAILING = """
import ppg

ppg.new_pipegraph()


@ppg.file("a.txt")
def fails(path):
    raise ValueError("no samples")


@ppg.file("b.txt")
def works(path):
    path.write_text("b")


try:
    ppg.run()
except ppg.RuntimeError:
    pass
result = ppg.current_pipegraph().result
print([(name, result[name].machine, result[name].machines_lost) for name in ("a.txt", "b.txt")])
"""


def test_screens_and_outcomes_say_which_machine(tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text(FAILING)
    logs = tmp_path / "cluster"
    logs.mkdir()
    with running_cluster(logs, 0, 1, ["left"]) as cluster:
        cluster.wait_for_workers(1)
        ran = run(tmp_path, "--on", cluster.address, "--events", "events.jsonl")
    assert ran.returncode == 1
    assert "[('a.txt', 'left', 0), ('b.txt', 'left', 0)]" in ran.stdout
    assert "FAILED 'a.txt' on left" in ran.stderr
    assert re.search("start   [ab].txt on left", ran.stderr)
    events = map(json.loads, (tmp_path / "events.jsonl").read_text().splitlines())
    found = {(event["event"], event["machine"]) for event in events if "machine" in event}
    assert found == {("started", "left"), ("finished", "left"), ("failed", "left")}


WAITING = """
import time
from pathlib import Path

import ppg

ppg.new_pipegraph()


@ppg.file("a.txt")
def first(path):
    with open("log.txt", "a") as log:
        log.write("a")
    path.write_text("a")


@ppg.file("b.txt")
def second(path, before=first):
    with open("log.txt", "a") as log:
        log.write("b")
    Path("ready").touch()
    while not Path("go").exists():
        time.sleep(0.01)
    path.write_text(before.read_text() + "b")


ppg.run()
"""


def test_without_its_scheduler_a_run_ends_in_order_and_the_next_one_goes_on(tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text(WAITING)
    logs = tmp_path / "cluster"
    logs.mkdir()
    marker = uuid.uuid4().hex
    with running_cluster(logs, 0, 1, ["left"]) as cluster:
        cluster.wait_for_workers(1)
        with subprocess.Popen(
            [PPG, "run", "--plain", "--on", cluster.address, "script.py"],
            cwd=tmp_path, env=environment(LOST_SCHEDULER=marker), stderr=subprocess.PIPE, text=True,
        ) as process:  # fmt: skip
            while not (tmp_path / "ready").exists():
                assert process.poll() is None
                time.sleep(0.05)  # the job says that it runs, and nothing else does
            cluster.scheduler.kill()
            said = process.communicate(timeout=120)[1]
        assert process.returncode == 2, said
        assert "the Dask scheduler is gone: start the cluster again, and then the run" in said
        assert "Traceback" not in said
        wait_until_gone(marker)
    (tmp_path / "go").touch()
    again = logs / "again"
    again.mkdir()
    with running_cluster(again, 0, 1, ["right"]) as cluster:
        last = run(tmp_path, "--on", cluster.address)
    assert last.returncode == 0, last.stderr
    assert (tmp_path / "log.txt").read_text() == "abb"
    assert (tmp_path / "b.txt").read_text() == "ab"


def test_a_cluster_has_the_usual_limit_of_silence() -> None:
    assert ppg.DaskCluster("tcp://10.0.0.1:8786").lost_after == LOST_AFTER
