"""The project in which these scripts run one after another, and what must hold there after each run."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hypothesis import note

import ppg
from ppg.pipegraph import Pipegraph
from ppg.report.events import Event, JobQueued, Listener, Warned
from tests.properties.api.undeclared.model import OUTPUTS, Job, Kind, Right, Script, how_right, right_at_once
from tests.properties.api.undeclared.text import declared_files, text_of

__all__ = ["Place"]

FOLDERS = ("in", "data", "out", "temporary")


@dataclass(slots=True)
class Started:
    """A front end that knows which jobs a run started."""

    job_ids: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def before_run(self, pipegraph: Pipegraph) -> None:
        """Let it run."""

    def listeners(self, pipegraph: Pipegraph) -> Sequence[Listener]:
        """Just this one."""
        return (self.hear,)

    def hear(self, event: Event) -> None:
        """Keep what starts."""
        if isinstance(event, JobQueued):
            self.job_ids.append(event.job_id)
        if isinstance(event, Warned):
            self.warnings.append(event.message)


@dataclass(slots=True)
class Place:
    """A folder with a project, and what was recorded there.

    Parameters:
        folder: has the project, and beside it the plan and the account.
        coordinator: where jobs run.
    """

    folder: Path
    coordinator: ppg.LocalSystem
    recorded: dict[str, set[str]] = field(default_factory=dict)
    last_made: dict[str, set[str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        (self.root / "links").mkdir(parents=True)
        for name in FOLDERS:
            (self.root / name).mkdir()
            (self.root / "links" / name).symlink_to(f"../{name}")

    @property
    def root(self) -> Path:
        """The folder of the project."""
        return self.folder / "project"

    def settle(self, script: Script, *, patience: int) -> None:
        """Run until everything is right, which takes few runs; then nothing runs any more."""
        for _ in range(patience):
            right = how_right(script, self.root)
            sure = self._right_at_once(script, right)
            self.run(script)
            if sure >= right.made:
                break
        self.check(script, how_right(script, self.root).made)
        for _ in range(2):
            verification = self._declare(script).verify()
            assert verification.holds, str(verification)
            self._check_idle(script, self.run(script))

    def run(self, script: Script, harm: Mapping[str, str] | None = None) -> list[str]:
        """Run once; what waits for all that it reads is right at once. Returns the jobs that were started.

        If jobs write to files that are not theirs, they are named, and the next runs make everything right.
        """
        harm = harm or {}
        written = {name: what.split()[1] for name, what in harm.items() if what.startswith("write ")}
        account = self.folder / "account"
        account.unlink(missing_ok=True)
        (self.folder / "plan").write_text(json.dumps(harm))
        right = how_right(script, self.root)
        sure = self._right_at_once(script, right)
        declared = {name: self._declared(script, job) for name, job in script.by_name.items()}
        is_recorded = right.made <= self.recorded.keys()
        verification = self._declare(script).verify()
        started = Started()
        errors: Mapping[str, BaseException] = {}
        try:
            self._declare(script).run(frontend=started)
        except ppg.RuntimeError as error:
            errors = error.exceptions
        ended: dict[str, set[str]] = {}
        made: dict[str, set[str]] = {}
        failed: set[str] = set()
        for line in account.read_text().splitlines() if account.exists() else ():
            name, event, reads, makes = json.loads(line)
            if event == "begin":
                failed.add(name)
                ended.pop(name, None)
            else:
                failed.discard(name)
                ended[name] = set(reads)
                made[name] = set(makes)
        note(f"ran {list(ended)}, failed {sorted(failed)}, sure {sorted(sure)}")
        if written:
            failed |= self._check_named(script, written, ended, errors, started.warnings)
        else:
            assert len(errors) == len(failed), dict(errors)
            assert failed <= set(harm), dict(errors)
        for name in failed:
            self.recorded.pop(name, None)
            self.last_made.pop(name, None)
        for name, reads in ended.items():
            if name in failed:
                continue
            self.recorded[name] = reads - set(declared[name])
            if script.by_name[name].kind is Kind.GENERATOR:
                self.last_made[name] = made[name]
        if not failed:
            self._check_verified(script, verification, started.job_ids, is_recorded=is_recorded)
            self.check(script, sure)
        return started.job_ids

    def _check_named(
        self,
        script: Script,
        written: Mapping[str, str],
        ended: Collection[str],
        errors: Mapping[str, BaseException],
        warnings: Collection[str],
    ) -> set[str]:
        """Every job that wrote to a file of another one is named; returns the jobs that have no record now."""

        def name_of(job_id: str) -> str:
            file = job_id.split(":", maxsplit=1)[0]
            return script.maker_of[file].name if file in script.maker_of else file.rpartition("/")[2]

        failed = {name_of(job_id): error for job_id, error in errors.items()}
        assert all(isinstance(error, ppg.InputChangedError) for error in failed.values()), failed
        for name in written.keys() & set(ended):
            made = script.maker_of.get(written[name])
            if made is None or made.name in script.generator_of:
                continue  # an input may be no input of anyone, and not every job is made
            found = [str(error) for job, error in failed.items() if job == name]
            if found:
                continue  # it depends on this file, or on another one that was written to
            told = re.compile(rf"'.*\b{name}\b.*' wrote to '{re.escape(written[name])}'")
            assert any(told.match(message) for message in warnings), (name, written[name], warnings)
        return {
            *failed,
            *(script.maker_of[file].name for file in written.values() if file in script.maker_of),
        }

    def check(self, script: Script, names: Collection[str]) -> None:
        """The files of these jobs are what they should be."""
        right = how_right(script, self.root)
        wrong = {
            file: (self._text(file), right.texts[file])
            for name in names
            for file in script.by_name[name].files.values()
            if script.by_name[name].kind in OUTPUTS and self._text(file) != right.texts[file]
        }
        assert not wrong, f"(is, should be): {wrong}"

    def _check_verified(
        self, script: Script, verification: ppg.Verification, started: Collection[str], *, is_recorded: bool
    ) -> None:
        if verification.holds:
            self._check_idle(script, started)
            return
        if verification.problems or not is_recorded:
            # Of a job without a record nobody knows whether its files stay what they are.
            return
        right = how_right(script, self.root)
        missing = {
            job_id
            for job_id in verification.will_run
            if job_id not in started and self._is_there(script, right, job_id)
        }
        assert not missing, (
            f"would run, and did not: { {name: verification.will_run[name] for name in missing} }"
        )
        if not any(job.kind is Kind.GENERATOR for job in script.jobs):
            more = self._outputs(script, started) - set(verification.will_run) - set(verification.may_run)
            assert not more, f"ran, and verify did not say so: {more}"

    def _is_there(self, script: Script, right: Right, job_id: str) -> bool:
        """Whether there is such a job with an output, whatever the generators made in their last runs."""
        job = script.maker_of.get(job_id.split(":", maxsplit=1)[0])
        if not script.generator_of:
            return True
        return job is not None and job.kind in OUTPUTS and job.name in right.made

    def _check_idle(self, script: Script, started: Collection[str]) -> None:
        assert not self._outputs(script, started)
        if not any(job.kind is Kind.GENERATOR for job in script.jobs):
            assert not started

    def _outputs(self, script: Script, started: Collection[str]) -> set[str]:
        return {
            job_id
            for job_id in started
            if (job := script.maker_of.get(job_id.split(":")[0])) is not None and job.kind in OUTPUTS
        }

    def _declare(self, script: Script) -> Pipegraph:
        text = text_of(script, self.root)
        path = self.folder / "script.py"
        path.write_text(text)
        environment: dict[str, Any] = {
            "__name__": "__main__",
            "__file__": str(path),
            "ROOT": self.root,
            "ACCOUNT": str(self.folder / "account"),
            "PLAN": str(self.folder / "plan"),
            "COORDINATOR": self.coordinator,
        }
        exec(compile(text, str(path), "exec"), environment)
        graph = environment["graph"]
        assert isinstance(graph, Pipegraph)
        return graph

    def _right_at_once(self, script: Script, right: Right) -> set[str]:
        declared = {name: self._declared(script, job) for name, job in script.by_name.items()}
        return right_at_once(script, right, self.recorded, declared, self.last_made)

    def _declared(self, script: Script, job: Job) -> list[str]:
        return declared_files(script, job, self.root)

    def _text(self, name: str) -> str | None:
        path = self.root / name
        return path.read_text() if path.exists() else None
