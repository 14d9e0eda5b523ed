"""Go through the sessions: every step by every peer, in rotating order, each checked."""

import shutil
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.benchmarks.cases import Session, Step
from tests.benchmarks.checking import Stamps, check, write_input
from tests.benchmarks.environments import Environment, Unavailable, process_variables
from tests.benchmarks.measuring import BenchmarkFailure, Sample, measure
from tests.benchmarks.peers import SUBJECTS, Peer, Work
from tests.benchmarks.report import Gap, GapKind, Key, PeerNote, Report
from tests.benchmarks.scripts.shapes import FOLDER, jobs

__all__ = ["Bench", "Runner", "rotated", "say"]

PATIENCE = 60.0
"""Seconds of one process after which a peer's session is not repeated: its one run says enough."""
TRIAL = "wide 3"
"""What everyone runs once, unmeasured: it shows whether a peer works, and compiles its bytecode."""


def say(text: str) -> None:
    """Tell what is going on, beside the table on stdout."""
    print(text, file=sys.stderr, flush=True)


def rotated(names: Sequence[str], turn: int) -> list[str]:
    """The same in another order: everyone comes first in turn."""
    start = turn % len(names) if names else 0
    return [*names[start:], *names[:start]]


@dataclass(slots=True)
class Bench:
    """One peer at work in one directory."""

    peer: Peer
    environment: Environment
    work: Work
    limit: int
    version: int = 0
    stamps: Stamps = field(default_factory=dict)

    def prepare(self) -> None:
        """An empty directory with the input, and what the peer wants in it."""
        Path(self.work.directory, FOLDER).mkdir(parents=True)
        write_input(self.work.directory, self.version)
        self.peer.prepare(self.work)

    def perform(self, step: Step) -> Sample:
        """Do a step, measured and checked.

        Raises:
            BenchmarkFailure: it does not count.
        """
        if step is Step.CHANGE:
            self.version += 1
            write_input(self.work.directory, self.version)
        sample = measure(
            self.peer.command(self.environment, self.work, step),
            directory=self.work.directory,
            variables=process_variables(self.environment, **self.peer.variables(self.work)),
            limit=self.limit,
        )
        self.stamps = check(self.work.directory, self.work.shape, step, self.version, self.stamps)
        return sample


class Runner:
    """Runs sessions and fills a report.

    Parameters:
        report: to fill.
        peers: who takes part, by name.
        cores: how many each may use.
        repetitions: fresh directories for a session that is to be repeated.
        limit: seconds for one process.
        scratch: where working directories are made; removed afterwards.
    """

    def __init__(
        self,
        report: Report,
        peers: Mapping[str, Peer],
        *,
        cores: int,
        repetitions: int,
        limit: int,
        scratch: Path,
    ) -> None:
        self.report = report
        self.peers = peers
        self.cores = cores
        self.repetitions = repetitions
        self.limit = limit
        self.scratch = scratch
        self.environments: dict[str, Environment] = {}
        self._turn = 0

    def set_up(self) -> None:
        """Make all environments, and let everyone run once, so that what does not work is known."""
        for name, peer in self.peers.items():
            say(f"setting up {name}")
            version = None
            reason = None
            try:
                environment = peer.environment()
                version = environment.version(peer.distribution)
                self._try_out(peer, environment)
            except (Unavailable, BenchmarkFailure) as problem:
                reason = str(problem)
                say(f"{name} does not take part: {reason}")
            else:
                self.environments[name] = environment
            self.report.peers[name] = PeerNote(version, tuple(peer.does_less), reason)

    def run(self, session: Session) -> None:
        """Measure a session, with all repetitions."""
        patient = set(self._able(session))
        for repetition in range(self.repetitions if session.repeat else 1):
            say(
                f"{session.shape}: {', '.join(step.value for _, step in session.steps)}, round {repetition + 1}"
            )
            with tempfile.TemporaryDirectory(prefix="round-", dir=self.scratch) as folder:
                self._round(session, Path(folder), patient)

    @property
    def failed(self) -> bool:
        """Whether something that is ours crashed or gave a wrong result."""
        report = self.report
        wrong = any(gap.peer in SUBJECTS and gap.kind is GapKind.FAILED for gap in report.gaps)
        absent = any(note.unavailable is not None and name in SUBJECTS for name, note in report.peers.items())
        return wrong or absent or any(program.exit_code != 0 for program in report.programs)

    def _round(self, session: Session, folder: Path, patient: set[str]) -> None:
        benches: dict[str, Bench] = {}
        for number, name in enumerate(sorted(patient)):
            work = Work(folder / str(number), session.shape, self.cores)
            benches[name] = Bench(self.peers[name], self.environments[name], work, self.limit)
            benches[name].prepare()
        for workload, step in session.steps:
            for name in rotated(sorted(benches), self._turn):
                if step not in self.peers[name].steps:
                    continue
                try:
                    sample = benches[name].perform(step)
                except BenchmarkFailure as failure:
                    reason = f"{step.value}: {failure}"
                    say(f"{name} failed in {session.shape}, {reason}")
                    self.report.gaps.append(Gap(workload, session.shape, name, GapKind.FAILED, reason))
                    shutil.rmtree(benches.pop(name).work.directory)
                    continue
                self.report.add(Key(workload, session.shape, step.value, name), sample)
                if sample.wall > PATIENCE and name not in SUBJECTS:
                    patient.discard(name)
            self._turn += 1

    def _able(self, session: Session) -> list[str]:
        """Who can do this session; why the others cannot goes into the report."""
        able = []
        for name in self.environments:
            peer = self.peers[name]
            if not any(step in peer.steps for _, step in session.steps):
                continue
            reason = _why_left_out(peer, session)
            if reason is None:
                able.append(name)
                continue
            for workload in dict.fromkeys(workload for workload, _ in session.steps):
                self.report.gaps.append(Gap(workload, session.shape, name, GapKind.LEFT_OUT, reason))
        return able

    def _try_out(self, peer: Peer, environment: Environment) -> None:
        with tempfile.TemporaryDirectory(prefix="trial-", dir=self.scratch) as folder:
            work = Work(Path(folder, "work"), TRIAL, self.cores)
            bench = Bench(peer, environment, work, self.limit)
            bench.prepare()
            bench.perform(Step.FRESH)


def _why_left_out(peer: Peer, session: Session) -> str | None:
    """Why a peer is not asked to run this graph; declaring it is always possible."""
    if all(step is Step.DECLARE for _, step in session.steps):
        return None
    count = sum(1 for _ in jobs(session.shape))
    if peer.most_jobs is not None and count > peer.most_jobs:
        return f"takes many minutes for more than {peer.most_jobs} jobs"
    return peer.unable.get(session.shape.split()[0])
