"""Random scripts of all job kinds, run through `import ppg` in a real folder, with edits, accidents and failures between.

What must hold after every run is checked in `any_script.place` and `any_script.lockstep`:

- the reference evaluator of the decision model (`tests.graph.reference`), told of the ends of jobs in the order in
  which they really ended, wants the same jobs to start at every step, and comes to the same outcome for every job;
- files that threads or buffers complete after the callback has returned are complete;
- exactly the callbacks ran that the run says it started;
- every file that a job makes has, when the job has ended, the bytes that follow from the script alone, and nothing else
  in the folder was removed, changed or left behind;
- after a run without failures every output equals that of the same script in an empty folder, and the same script at
  once again runs nothing but generators and what they demand.

All of a script is translated to the reference's terms: a cached job is a LAZY node, whose file stays, and a LOAD node;
implicit FunctionInvariants are nodes. Not in the scripts: plots, external programs, decorators (all of them jobs of
these kinds), jobs without cutoff, unreadable caches, jobs that two generators make, targets below what is pruned, cycles,
and declarations that are errors.

A run that is killed is the business of `tests/faults`. What was found here has a test of its own in
`test_found_by_any_script`.
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
from tests.properties.api.any_script.edits import edited, random_script, shaken
from tests.properties.api.any_script.model import (
    CACHED,
    FILES,
    GENERATORS,
    INPUT_FILES,
    INVARIANTS,
    Kind,
    Script,
)
from tests.properties.api.any_script.place import Place

randoms = st.randoms(use_true_random=False)

IN_PROCESS = ("raise", "leave", "nothing", "half", "empty")
IN_A_PROCESS_OF_ITS_OWN = ("raise", "leave", "nothing", "half", "empty", "exit", "kill")


class Life(stateful.RuleBasedStateMachine):
    """The life of one script and its folder."""

    coordinator: ClassVar[ppg.LocalSystem]
    ways_to_fail: ClassVar[tuple[str, ...]]
    ways_to_be_late: ClassVar[tuple[str, ...]]

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="any_script_"))
        self.place = Place(self.folder / "place", self.coordinator)
        self.script = Script()
        self.serial = 0

    def teardown(self) -> None:
        shutil.rmtree(self.folder)

    @stateful.initialize(random=randoms, size=st.integers(1, 12))
    def begin(self, random: Random, size: int) -> None:
        self.script = random_script(random, size)
        self.place.run(self.script)

    @stateful.rule(random=randoms, edits=st.integers(0, 3), meddles=st.booleans())
    def run_well(self, random: Random, edits: int, meddles: bool) -> None:
        self.prepare(random, edits, meddles)
        self.place.run(self.script, late=self.late_writers(random))
        self.place.check_rebuilt(self.script, self.folder / "fresh")
        self.place.check_idle(self.script)

    @stateful.rule(random=randoms, edits=st.integers(0, 3), meddles=st.booleans())
    def run_with_failures(self, random: Random, edits: int, meddles: bool) -> None:
        self.prepare(random, edits, meddles)
        everything = self.script.everything()
        victims = [job.name for job in everything if random.random() < 0.3]
        # Who is to fail has to run.
        self.serial += 1
        self.script = shaken(random, self.script, victims, self.serial)
        harm = {
            name: random.choice(ways)
            for job in everything
            if job.name in victims and job.kind not in INVARIANTS
            for name, ways in self.accidents(job.name, job.kind)
        }
        missing = [job.name for job in everything if job.name in victims and job.kind in INPUT_FILES]
        note(f"fail: {harm}, missing: {missing}")
        self.place.run(self.script, harm=harm, late=self.late_writers(random), missing=missing)

    @stateful.rule(random=randoms, edits=st.integers(0, 3), meddles=st.booleans())
    def run_a_part(self, random: Random, edits: int, meddles: bool) -> None:
        self.prepare(random, edits, meddles)
        names = [job.name for job in self.script.jobs if job.kind not in INVARIANTS]
        pruned = [name for name in names if random.random() < 0.15]
        targets = None
        if random.random() < 0.6:
            # That a target is pruned, or something above it, makes no sense.
            left_out = self.script.below(pruned)
            targets = [name for name in names if name not in left_out and random.random() < 0.2]
        until = [name for name in names if random.random() < 0.1 * random.randrange(2)]
        makers = {job.name for job in self.script.jobs if job.kind in FILES}
        forced = [name for name in names if name in makers and random.random() < 0.2 * random.randrange(2)]
        note(f"pruned: {pruned}, targets: {targets}, until: {until}, forced: {forced}")
        self.place.run(
            self.script,
            late=self.late_writers(random),
            pruned=pruned,
            targets=targets,
            until=until,
            forced=forced,
        )

    def prepare(self, random: Random, edits: int, meddles: bool) -> None:
        """What happens between two runs."""
        for _ in range(edits):
            self.serial += 1
            self.script, what = edited(random, self.script, self.serial)
            note(f"edit: {what}")
        changing = [job.name for job in self.script.everything() if random.random() < 0.1]
        self.serial += 1
        self.script = shaken(random, self.script, changing, self.serial)
        note(f"changed: {changing}")
        if meddles:
            self.place.meddle(random)

    def late_writers(self, random: Random) -> dict[str, str]:
        """The jobs that complete their files after their callback has returned, and how."""
        late = {
            job.name: random.choice(self.ways_to_be_late)
            for job in self.script.everything()
            if job.kind in FILES and random.random() < 0.3
        }
        note(f"late: {late}")
        return late

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
    ways_to_be_late = ("thread",)


class InProcesses(Life):
    """Jobs where they usually run."""

    coordinator = ppg.LocalSystem(max_cores_to_use=2)
    ways_to_fail = IN_A_PROCESS_OF_ITS_OWN
    ways_to_be_late = ("thread", "buffer")


class TestInOneProcess(InOneProcess.TestCase):
    settings = settings(max_examples=12, stateful_step_count=6)


class TestInProcesses(InProcesses.TestCase):
    settings = settings(max_examples=3, stateful_step_count=4)


@pytest.mark.nightly
@pytest.mark.timeout(6 * 3600)
class TestInOneProcessForLong(InOneProcess.TestCase):
    """With another seed every time, unless the profile says otherwise."""

    settings = settings(max_examples=5_000, stateful_step_count=10)


@pytest.mark.nightly
@pytest.mark.timeout(6 * 3600)
class TestInProcessesForLong(InProcesses.TestCase):
    """The same with real processes."""

    settings = settings(max_examples=300, stateful_step_count=8)
