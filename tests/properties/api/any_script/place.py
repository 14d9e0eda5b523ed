"""The folder in which scripts run one after another, and what must hold there after each run."""

from __future__ import annotations

import json
import os
import shutil
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

from hypothesis import note

import ppg
from ppg.graph.declared import DEFAULT_STATUS_FILENAME
from ppg.inspect.plan import Plan
from ppg_invariants import StatusStore
from tests.properties.api.any_script.lockstep import Disk, Entry, Lockstep, made_files
from tests.properties.api.any_script.model import GENERATORS, INPUT_FILES, Kind, Script
from tests.properties.api.any_script.text import text_of
from tests.properties.api.any_script.work import ACCOUNT, PLAN

__all__ = ["Place"]

ADDED = "added"
"""Name of a file that was added to the folder of a job."""
EPOCH = 1_600_000_000
"""Seconds; the modification time of input files that were never touched."""


@dataclass(slots=True)
class Place:
    """A folder, and what the reference remembers of it.

    Parameters:
        root: does not exist yet.
        coordinator: where jobs run.
    """

    root: Path
    coordinator: ppg.LocalSystem
    store: dict[str, Entry] = field(default_factory=dict)
    stories: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        for folder in ("in", "out", "cache"):
            (self.root / folder).mkdir(parents=True)

    def run(
        self,
        script: Script,
        *,
        harm: Mapping[str, str] | None = None,
        late: Mapping[str, str] | None = None,
        missing: Collection[str] = (),
        pruned: Collection[str] = (),
        targets: Collection[str] | None = None,
        until: Collection[str] = (),
        forced: Collection[str] = (),
    ) -> Lockstep:
        """Run the script, compare with the reference at every step, and check what the run has done.

        Parameters:
            harm: how callbacks fail, by their names in the account.
            late: how callbacks have files completed after their return, which makes no difference.
            missing: names of input files that are not there.
            pruned, targets, until, forced: names of jobs.
        """
        harm = harm or {}
        self._prepare(script, harm, late or {}, missing)
        text = text_of(script, pruned=pruned, targets=targets)
        nodes = {job.name: job.node for job in script.jobs}
        lockstep = Lockstep(
            script,
            self.root,
            self.store,
            harm,
            missing,
            [nodes[name] for name in pruned],
            None if targets is None else [nodes[name] for name in targets],
            [nodes[name] for name in until],
            [nodes[name] for name in forced],
        )
        environment = self._declare(text)
        graph = environment["graph"]
        failed: set[str] = set()
        asked = {"targets": environment["targets"], "until": lockstep.until, "force": lockstep.forced}
        plan = graph.plan(**asked)
        try:
            graph.run(frontend=lockstep, **asked)
        except ppg.RuntimeError as error:
            failed = set(error.exceptions)
        assert failed == lockstep.failed
        assert lockstep.is_over
        self._check_plan(lockstep, plan)
        self._check_account(lockstep)
        self._check_disk(script, lockstep)
        self._check_warnings(lockstep)
        self._check_records()
        return lockstep

    def _declare(self, text: str) -> dict[str, Any]:
        path = self.root / "script.py"
        path.write_text(text)
        environment: dict[str, Any] = {
            "__name__": "__main__",
            "__file__": str(path),
            "ROOT": self.root,
            "COORDINATOR": self.coordinator,
        }
        exec(compile(text, str(path), "exec"), environment)
        return environment

    def _prepare(
        self, script: Script, harm: Mapping[str, str], late: Mapping[str, str], missing: Collection[str]
    ) -> None:
        """Bring the inputs into the state of which the script speaks."""
        (self.root / ACCOUNT).unlink(missing_ok=True)
        everything = script.everything()
        plan = {
            "reads": script.reads(),
            "indifferent": [job.name for job in everything if job.indifferent],
            "harm": dict(harm),
            "late": dict(late),
        }
        (self.root / PLAN).write_text(json.dumps(plan))
        for job in everything:
            if job.kind not in INPUT_FILES:
                continue
            path = self.root / job.node
            if job.name in missing:
                path.unlink(missing_ok=True)
                continue
            text = str(job.value)
            if not path.exists() or path.read_text() != text:
                path.write_text(text)
            seconds = EPOCH + job.stamp
            if path.stat().st_mtime_ns != seconds * 10**9:
                os.utime(path, (seconds, seconds))

    def meddle(self, random: Random) -> None:
        """Do something to some of the files that jobs have made, behind ppg's back."""
        for name in sorted(made_files(self.root)):
            path = self.root / name
            if random.random() >= 0.25:
                continue
            what = random.choice(
                ["delete", "empty", "touch", "harm", "harm stealthily", "replace by the same"]
            )
            note(f"{what} {name}")
            before = path.stat()
            match what:
                case "delete" if (path.parent / ADDED).exists():
                    pass  # of a folder with files of others only, ppg does not know that a job has made it
                case "delete":
                    path.unlink()
                case "empty":
                    path.write_bytes(b"")
                case "touch":
                    path.touch()
                case "harm":
                    path.write_bytes(b"meddled with")
                case "harm stealthily":
                    path.write_bytes(b"?" * before.st_size)
                    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
                case _:
                    copy = path.with_name("copy")
                    shutil.copy(path, copy)
                    copy.replace(path)

        for folder in sorted((self.root / "out").glob("*.d")):
            if any(folder.iterdir()) and random.random() < 0.25:
                note(f"add a file to {folder}")
                (folder / ADDED).write_bytes(b"added")

    # --- what must hold -----------------------------------------------------------------------------------------

    def account(self) -> list[str]:
        """The callbacks that ran, in order."""
        path = self.root / ACCOUNT
        return path.read_text().split() if path.exists() else []

    def _check_account(self, lockstep: Lockstep) -> None:
        """Callbacks ran as often as the run says, and no others."""
        called = lockstep.graph.called
        told = Counter(called[node] for node in lockstep.started if node in called)
        assert Counter(self.account()) == told

    @staticmethod
    def _check_plan(lockstep: Lockstep, plan: Plan) -> None:
        """What was certain to run has run, and what else has run may have run; unless jobs failed, or others were made."""
        if lockstep.failed or plan.uncertain:
            return
        started = set(lockstep.started)
        assert set(plan.will_run) <= started, f"did not run: {set(plan.will_run) - started}"
        unforeseen = started - set(plan.will_run) - set(plan.may_run)
        assert not unforeseen, f"ran, although it was not foretold: {unforeseen}"

    def _check_disk(self, script: Script, lockstep: Lockstep) -> None:
        """Nothing was removed, changed or left behind but what the rules say; and what is said to be done is right."""
        found = made_files(self.root)
        assert found == lockstep.disk, _difference(found, lockstep.disk)
        expected = script.expected()
        reference = lockstep.reference
        for node, job in lockstep.graph.makers.items():
            done = node in reference.made or node in reference.now.clean
            if (
                job.kind in (Kind.FILE, Kind.MULTI, Kind.FOLDER)
                and lockstep.graph.kinds[node] == "OUTPUT"
                and done
            ):
                for part, text in expected[job.name].items():
                    assert found[job.files[part]] == text.encode(), f"{node} is not what it should be"

    def _check_records(self) -> None:
        """Who has a record has succeeded in the last attempt, in whatever run that was."""
        with StatusStore.open(self.root / DEFAULT_STATUS_FILENAME, read_only=True) as status:
            recorded = set(status.history())
        assert recorded == set(self.store), recorded ^ set(self.store)

    def _check_warnings(self, lockstep: Lockstep) -> None:
        told = [
            message
            for message in lockstep.warnings
            if "is not as it was left; it is calculated again" not in message
        ]
        oversights = lockstep.oversights()
        assert len(told) == len(oversights), f"{told} instead of {oversights}"
        for words in oversights:
            assert any(all(word in message for word in words) for message in told), (
                f"{words} in none of {told}"
            )

    def check_rebuilt(self, script: Script, scratch: Path) -> None:
        """Every output is what the same script makes in an empty folder."""
        fresh = Place(scratch, self.coordinator)
        fresh.run(script)
        outputs = _outputs(script)
        rebuilt, found = made_files(fresh.root), made_files(self.root)
        assert {file: rebuilt[file] for file in outputs} == {file: found[file] for file in outputs}
        shutil.rmtree(scratch)

    def check_idle(self, script: Script) -> None:
        """At once again, nothing runs but generators, and what they demand."""
        run = self.run(script)
        started = set(run.started)
        for node in started:
            kind = run.graph.kinds[node]
            if kind == "GENERATOR":
                continue
            assert kind in ("LAZY", "LOAD"), f"{node} ran again"
            assert set(run.reference.downstreams(node)) & started, f"{node} ran again for nobody"
        if not any(job.kind in GENERATORS for job in script.jobs):
            assert not started
            verification = self._declare(text_of(script))["graph"].verify()
            assert verification.holds, str(verification)


def _outputs(script: Script) -> list[str]:
    return [
        file
        for job in script.everything()
        if job.kind in (Kind.FILE, Kind.MULTI, Kind.FOLDER)
        for file in job.files.values()
    ]


def _difference(found: Disk, expected: Disk) -> str:
    files = sorted(found.keys() | expected.keys())
    return "; ".join(
        f"{file}: {found.get(file)} instead of {expected.get(file)}"
        for file in files
        if found.get(file) != expected.get(file)
    )
