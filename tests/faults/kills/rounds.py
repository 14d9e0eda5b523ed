"""One round of `tests.faults.kills`: runs that are hit, runs after that, and what is checked of them."""

import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from ppg_invariants import StatusStore
from tests.faults.kills.ambush import PATIENCE, Ambush, beneath, described
from tests.faults.kills.hooks import POINTS

HERE = Path(__file__).parent
PPG = str(Path(sys.executable).with_name("ppg"))
STORE = ".pypipegraph_status_robust"
PROCESSES = ["main process", "guard", "forkserver", "compute node", "fresh node", "job", "child of a job"]
PARKED = ("fresh node", "job", "child of a job")
AT_THE_ENDS = {"first milliseconds", "last milliseconds", "accept"}
IMPOSSIBLE = {
    **{(process, "accept"): "`ppg accept` starts no process" for process in PROCESSES[1:]},
    **{(process, "first milliseconds"): "no job has begun" for process in PARKED},
    **{(process, "last milliseconds"): "all jobs have ended" for process in PARKED[1:]},
}
PAIRS = [(one, phase) for phase in POINTS for one in PROCESSES if (one, phase) not in IMPOSSIBLE]
SIGNALS = [signal.SIGKILL, signal.SIGSTOP, signal.SIGTERM, signal.SIGINT, signal.SIGHUP]
# With all points where guard and node exist: after the start of the processes, before their end.
LATE_ENOUGH = {"first milliseconds": slice(2, None), "last milliseconds": slice(0, 2)}
OFTEN = {"commit": 2}
JOBS = {"several.1:several.2": "several"}
NOT_FINAL = {"load", "cached_load", "temporary", "generator"}
VERSION = b"version 0000"


@dataclass
class Hit:
    """Hit: what happened to one run, and what was wrong about it."""

    process: str
    phase: str
    point: str
    signals: str
    held: bool
    parked: bool
    fails: bool
    version: int
    command: str
    in_time: bool = False
    note: str = ""
    code: int | None = None
    said: str = ""
    wrong: list[str] = field(default_factory=list)

    @property
    def end(self):
        """How the run ended, for the table."""
        if self.wrong:
            return "wrong"
        if self.code == 0:
            return "done"
        if self.code == 1:
            return "jobs failed"
        return "killed" if self.code == -signal.SIGKILL else "ended by the signal"


class Project:
    """Project: the folder of all rounds, with the script, the hooks, and what a run from nothing makes."""

    def __init__(self, folder):
        self.base = Path(folder)
        self.environment = {
            name: text for name, text in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"
        }
        self.folder = self.base / "project"
        self.site = self.base / "site"
        self.temporary = self.base / "tmp"
        for one in (self.site, self.temporary):
            one.mkdir()
        shutil.copy(HERE / "hooks.py", self.site / "sitecustomize.py")
        self.clear()
        self.version = 0
        self.write_input()
        self.plan({})
        code, said = self.finished(self.started("ppg"))
        assert code == 0, said
        self.reference = self.outputs()
        assert {"a", "c", "made/2", "use_cached", "several.2"} < set(self.reference), said

    def clear(self):
        """Begin from nothing."""
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir()
        shutil.copy(HERE / "project.py", self.folder / "script.py")

    def write_input(self):
        """Write the input of the present version."""
        (self.folder / "in.txt").write_bytes(self.of_version(VERSION, self.version) + b"\n")

    @staticmethod
    def of_version(content, version):
        """What a run from nothing makes of a version of the input, from what it makes of version 0."""
        return content.replace(VERSION, b"version %04d" % version)

    def expected(self, name, version=None):
        """The content of an output."""
        return self.of_version(self.reference[name], self.version if version is None else version)

    def outputs(self):
        """The content of all files but ppg's own and the inputs."""
        found = {}
        for path in self.folder.rglob("*"):
            name = str(path.relative_to(self.folder))
            if (
                path.is_file()
                and not name.startswith(("shared/", "."))
                and name not in {"in.txt", "script.py"}
            ):
                found[name] = path.read_bytes()
        return found

    def plan(self, values):
        """Write what the processes of the next run announce."""
        blank = {"phase": "", "point": "", "parked": False, "held": False, "occurrence": 1, "fails": False}
        always = {"folder": str(self.base), "socket": str(self.base / "socket")}
        (self.site / "plan.json").write_text(json.dumps(blank | values | always))
        for name in ("ran", "parked.wide", "parked.fresh"):
            (self.base / name).unlink(missing_ok=True)

    def started(self, command):
        """Start a run."""
        words = {
            "ppg": [PPG, "run", "script.py"],
            "python": ["script.py"],
            "accept": [PPG, "accept", "script.py"],
        }[command]
        path = os.pathsep.join([str(self.site), os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep)
        with open(self.base / "said", "wb") as said:
            return subprocess.Popen(
                [sys.executable, *words],
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=said,
                env={
                    **self.environment,
                    "PYTHONPATH": path,
                    "TMPDIR": str(self.temporary),
                    "XDG_RUNTIME_DIR": "",
                },
            )

    def finished(self, run):
        """Exit code and output of a run; the code is None if it hangs."""
        try:
            code = run.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            code = None
        return code, (self.base / "said").read_text(errors="replace")

    def ran(self):
        """The jobs that ran since the last plan, with the pid of the parent of each."""
        with suppress(FileNotFoundError):
            return [line.split() for line in (self.base / "ran").read_text().splitlines()]
        return []

    def done(self):
        """The jobs that count as done for the present input, and the outputs that count as done and are not whole."""
        done, wrong = set(), []
        if not (self.folder / STORE).exists():
            return done, wrong
        with StatusStore.open(self.folder / STORE, read_only=True) as store:
            records = dict(store.records())
        for job_id, stored in records.items():
            contents = {}
            for name, state in stored.files.items():
                with suppress(OSError):
                    path = self.folder / name
                    found = path.stat()
                    if (found.st_size, found.st_mtime_ns) == (state.size, state.mtime_ns):
                        contents[os.path.relpath(path, self.folder)] = path.read_bytes()
            if not contents or len(contents) != len(stored.files) or job_id in NOT_FINAL:
                continue
            versions = [
                version
                for version in range(self.version + 1)
                if all(content == self.expected(name, version) for name, content in contents.items())
            ]
            if not versions:
                wrong.append(f"'{job_id}' counts as done, and its files are not whole")
            if self.version in versions:
                done.add(JOBS.get(job_id, job_id))
        return done, wrong

    def left(self):
        """What a run that has ended has left: processes, temporary files."""
        until = time.monotonic() + 20
        while (alive := beneath(os.getpid())) and time.monotonic() < until:
            reap()
            time.sleep(0.005)
        reap()
        wrong = []
        if alive:
            wrong.append(f"processes are left: {described(alive)}")
            for pid in alive:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
        # The next run removes the socket of a killed run; so its folder stays.
        names = sorted(set(os.listdir(self.temporary)) - {f"ppg-{os.geteuid()}"})
        if names:
            wrong.append(f"files are left in TMPDIR: {names}")
            shutil.rmtree(self.temporary)
            self.temporary.mkdir()
        return wrong


def reap():
    """Wait for the orphans that this process has adopted and that have ended."""
    with suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


class Round:
    """Round: some runs that are hit, one that is not and makes everything, and one that does nothing."""

    def __init__(self, project, pairs, chance, kinds):
        self.project = project
        self.chance = chance
        self.hits = []
        project.clear()
        project.version = chance.randrange(1, 5000)
        project.write_input()
        for number, (process, phase) in enumerate(pairs):
            parked = phase not in AT_THE_ENDS and (process in PARKED or chance.random() < 0.4)
            needs_work = parked or phase not in AT_THE_ENDS | {"commit", "generators"}
            if number and (needs_work or chance.random() < 0.5):
                project.version += 1
                project.write_input()
            self.hits.append(self.hit(process, phase, kinds[number], parked))
            if self.hits[-1].wrong:
                return
        self.finish(self.hits[-1])

    def hit(self, process, phase, kind, parked):
        """Start a run, and hit it in the phase."""
        chance, project = self.chance, self.project
        points = POINTS[phase]
        if process != "main process":
            points = points[LATE_ENOUGH.get(phase, slice(None))]
        point = chance.choice(points)
        fails = point.endswith("discard_files")
        which, doubled = kind
        command = "accept" if phase == "accept" else chance.choice(["ppg", "python"])
        hit = Hit(process, phase, point, "", chance.random() < 0.6, parked, fails, project.version, command)
        if phase == "accept":
            project.clear()
            project.write_input()
            for name in project.reference:
                (project.folder / name).parent.mkdir(exist_ok=True)
                (project.folder / name).write_bytes(project.expected(name))
        elif phase == "first milliseconds" and process != "main process":
            # The processes start that early only if there is no store.
            project.clear()
            project.write_input()
        before, _ = project.done()
        with Ambush(project, hit, chance) as ambush:
            occurrence = 1 if parked else chance.randint(1, OFTEN.get(phase, 1))
            names = {"phase": phase, "point": point, "held": hit.held, "parked": parked}
            project.plan({**names, "fails": fails, "occurrence": occurrence})
            run = project.started(command)
            ambush.wait_and_hit(run, which, doubled)
            ambush.stop_listening()
            if not (process == "main process" and hit.signals and which is not signal.SIGSTOP):
                ambush.release()
            # Otherwise the run has to end the parked jobs.
            hit.code, hit.said = project.finished(run)
            if hit.code is None:
                hit.wrong.append(f"the run hangs: {described([run.pid, *beneath(run.pid)])}")
                run.kill()
                run.wait()
            hit.wrong += project.left()
        self.check(hit, before, which)
        return hit

    def check(self, hit, before, which):
        """Check a run that was hit."""
        hit.wrong += self.project.done()[1]
        again = before & {name for name, _ in self.project.ran()}
        if again:
            hit.wrong.append(f"jobs that were done ran again: {sorted(again)}")
        hit.wrong += wrong_words(hit)
        stays = which is signal.SIGSTOP or not hit.signals
        refused = hit.command == "accept" and "refused     " in hit.said  # what the rounds before have left
        if stays and hit.code != int(refused or (hit.fails and "this job fails in this round" in hit.said)):
            hit.wrong.append(f"the exit code is {hit.code}, though nothing was ended")
        allowed = {0, 1}
        if hit.process == "main process":
            allowed |= {130, -which}
        if hit.code is not None and hit.code not in allowed:
            hit.wrong.append(f"the exit code is {hit.code}")

    def finish(self, hit):
        """Run without a hit, and once more; the checks belong to the last hit."""
        project = self.project
        for which in ("second", "third"):
            before, _ = project.done()
            project.plan({})
            code, said = project.finished(project.started(self.chance.choice(["ppg", "python"])))
            wrong = project.left()
            ran = {name for name, _ in project.ran()}
            if code != 0:
                wrong.append(f"it ended with {code}")
            if before & ran:
                wrong.append(f"jobs that were done ran again: {sorted(before & ran)}")
            if which == "third" and ran != {"generator"}:
                wrong.append(f"it ran {sorted(ran)}")
            if "Traceback" in said or "InternalError" in said:
                wrong.append("it printed a traceback")
            found, expected = project.outputs(), {name: project.expected(name) for name in project.reference}
            if found != expected:
                names = [name for name in found.keys() | expected if found.get(name) != expected.get(name)]
                wrong.append(f"these files are not those of a run from nothing: {sorted(names)}")
            hidden = {path.name for path in project.folder.iterdir() if path.name.startswith(".")}
            if not hidden <= {STORE, f"{STORE}.output", ".ppg"}:
                wrong.append(f"files stay: {sorted(hidden)}")
            wrong += wrong_entries(project.folder / "shared" / "v1")
            hit.wrong += [f"the {which} run: {one}" for one in wrong]
            if wrong:
                hit.said += f"\n--- the {which} run:\n{said}"


def wrong_words(hit):
    """What no run may print, whatever is killed."""
    wrong = ["it printed an InternalError"] if "InternalError" in hit.said else []
    before, *blocks = hit.said.split("Traceback (most recent call last)")
    for block in blocks:
        of_the_user = "script.py" in block or "this job fails in this round" in block
        # Python raises KeyboardInterrupt wherever the process is; a failure quotes what a dead process has said.
        interrupted = "SIGINT" in hit.signals and (
            "KeyboardInterrupt" in block or before.endswith("it said: ")
        )
        if not (of_the_user or interrupted):
            error = re.findall(r"^.*\w(?:Error|Exception|Interrupt)\b.*$", block, re.MULTILINE) or [
                block[-300:]
            ]
            wrong.append(f"it printed a traceback: {error[0].strip()}")
        before = block
    return wrong


def wrong_entries(cache):
    """The entries of the shared cache that are not whole."""
    wrong = []
    for entry in cache.glob("??/*"):
        try:
            manifest = json.loads((entry / "manifest.json").read_text())
            whole = all(
                (entry / str(at)).stat().st_size == one["size"] for at, one in enumerate(manifest["files"])
            )
        except (OSError, ValueError):
            whole = False
        if not whole:
            wrong.append(f"the entry {entry.name} of the shared cache is not whole")
    return wrong


def seeded(seed, number):
    """The chance of one round."""
    return random.Random(f"{seed}/{number}")
