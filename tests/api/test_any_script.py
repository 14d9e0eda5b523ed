"""Random scripts of all job kinds, run through `import ppg` in a real folder, with edits, accidents and failures between.

What must hold after every run is checked in `any_script.place` and `any_script.lockstep`:

- the reference evaluator of the decision model (`tests.graph.reference`), told of the ends of jobs in the order in
  which they really ended, wants the same jobs to start at every step, and comes to the same outcome for every job;
- exactly the callbacks ran that the run says it started;
- every file that a job makes has, when the job has ended, the bytes that follow from the script alone, and nothing else
  in the folder was removed, changed or left behind;
- after a run without failures every output equals that of the same script in an empty folder, and the same script at
  once again runs nothing but generators and what they demand.

All of a script is translated to the reference's terms: a cached job is a LAZY node, whose file stays, and a LOAD node;
implicit FunctionInvariants are nodes. Not in the scripts: plots, external programs, decorators (all of them jobs of
these kinds), jobs without cutoff, unreadable caches, cycles, and declarations that are errors.
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from random import Random
from typing import ClassVar

import pytest
from hypothesis import note, settings, stateful
from hypothesis import strategies as st

import ppg
from tests.api.any_script.edits import edited, random_script
from tests.api.any_script.model import CACHED, FILES, GENERATORS, INPUT_FILES, INVARIANTS, Kind, Script
from tests.api.any_script.place import Place

randoms = st.randoms(use_true_random=False)

IN_PROCESS = ("raise", "leave", "nothing", "half", "empty")
IN_A_PROCESS_OF_ITS_OWN = ("raise", "leave", "nothing", "half", "empty", "exit", "kill")


class Life(stateful.RuleBasedStateMachine):
    """The life of one script and its folder."""

    coordinator: ClassVar[ppg.LocalSystem]
    ways_to_fail: ClassVar[tuple[str, ...]]

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="any_script_"))
        self.place = Place(self.folder / "place", self.coordinator)
        self.script = Script()
        self.serial = 0

    def teardown(self) -> None:
        shutil.rmtree(self.folder)

    @stateful.initialize(random=randoms, size=st.integers(1, 9))
    def begin(self, random: Random, size: int) -> None:
        self.script = random_script(random, size)
        self.place.run(self.script)

    @stateful.rule(random=randoms, times=st.integers(1, 3))
    def edit(self, random: Random, times: int) -> None:
        for _ in range(times):
            self.serial += 1
            self.script, what = edited(random, self.script, self.serial)
            note(f"edit: {what}")

    @stateful.rule(random=randoms)
    def meddle_with_outputs(self, random: Random) -> None:
        self.place.meddle(random)

    @stateful.rule()
    def run_well(self) -> None:
        self.place.run(self.script)
        self.place.check_rebuilt(self.script, self.folder / "fresh")
        self.place.check_idle(self.script)

    @stateful.rule(random=randoms)
    def run_with_failures(self, random: Random) -> None:
        everything = self.script.everything()
        harm = {
            name: how
            for job in everything
            if job.kind not in INVARIANTS
            for name, ways in self.accidents(job.name, job.kind)
            if random.random() < 0.2
            for how in [random.choice(ways)]
        }
        missing = [job.name for job in everything if job.kind in INPUT_FILES and random.random() < 0.1]
        note(f"fail: {harm}, missing: {missing}")
        self.place.run(self.script, harm=harm, missing=missing)

    @stateful.rule(random=randoms)
    def run_a_part(self, random: Random) -> None:
        names = [job.name for job in self.script.jobs if job.kind not in INVARIANTS]
        pruned = [name for name in names if random.random() < 0.15]
        targets = None
        if random.random() < 0.6:
            # That a target is pruned, or something above it, makes no sense.
            left_out = self.script.below(pruned)
            targets = [name for name in names if name not in left_out and random.random() < 0.2]
        note(f"pruned: {pruned}, targets: {targets}")
        self.place.run(self.script, pruned=pruned, targets=targets)

    def accidents(self, name: str, kind: Kind) -> list[tuple[str, tuple[str, ...]]]:
        """The callbacks of a job, and how each can fail."""
        if kind in FILES:
            return [(name, self.ways_to_fail)]
        if kind in GENERATORS:
            return [(name, ("raise", "half"))]
        if kind is Kind.CACHED_DATA:
            return [(name, ("raise", "leave")), (f"{name}:load", ("raise",))]
        return [(name, ("raise", "leave") if kind in CACHED else ("raise",))]


class InOneProcess(Life):
    """Every job in the process of the test: fast."""

    coordinator = ppg.LocalSystem(inline=True)
    ways_to_fail = IN_PROCESS


class InProcesses(Life):
    """Jobs where they usually run."""

    coordinator = ppg.LocalSystem(max_cores_to_use=2)
    ways_to_fail = IN_A_PROCESS_OF_ITS_OWN


NIGHTLY = settings.get_profile("nightly")


class TestInOneProcess(InOneProcess.TestCase):
    settings = settings(max_examples=40, stateful_step_count=8)


class TestInProcesses(InProcesses.TestCase):
    settings = settings(max_examples=3, stateful_step_count=4)


@pytest.mark.nightly
class TestInOneProcessForLong(InOneProcess.TestCase):
    settings = settings(NIGHTLY, stateful_step_count=12)


@pytest.mark.nightly
class TestInProcessesForLong(InProcesses.TestCase):
    settings = settings(NIGHTLY, max_examples=500, stateful_step_count=8)
