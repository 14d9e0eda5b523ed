"""Random scripts whose jobs read what they do not declare, run through `import ppg` in a real folder.

Between runs their inputs, their code and their declarations are edited. What must hold:

- a job that waits for all that it reads, because that is declared or recorded, is right after one run;
- everything is right after a few runs, one for each read that nobody knew of;
- then `verify` holds, and the next runs start nothing but generators;
- what `verify` says would run, runs;
- jobs that write to files of others are named, and all of this holds after their run.

What was found here has a test of its own in `tests/api/reads/test_found.py`.
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
from tests.properties.api.undeclared.edits import edited, random_inputs, random_script
from tests.properties.api.undeclared.model import Script
from tests.properties.api.undeclared.place import Place

randoms = st.randoms(use_true_random=False)


class Life(stateful.RuleBasedStateMachine):
    """The life of one script and its folder."""

    coordinator: ClassVar[ppg.LocalSystem]
    ways_to_fail: ClassVar[tuple[str, ...]]

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="undeclared_"))
        self.place = Place(self.folder, self.coordinator)
        self.script = Script()
        self.serial = 0

    def teardown(self) -> None:
        shutil.rmtree(self.folder)

    @stateful.initialize(random=randoms, size=st.integers(1, 8))
    def begin(self, random: Random, size: int) -> None:
        random_inputs(random, self.place.root)
        self.script = random_script(random, size)
        note(repr(self.script))
        self.place.settle(self.script, patience=self.patience())

    @stateful.rule(random=randoms, edits=st.integers(1, 3))
    def edit(self, random: Random, edits: int) -> None:
        self.prepare(random, edits)
        self.place.settle(self.script, patience=self.patience())

    @stateful.rule(random=randoms, edits=st.integers(1, 3))
    def edit_and_run_once(self, random: Random, edits: int) -> None:
        self.prepare(random, edits)
        self.place.run(self.script)

    @stateful.rule(random=randoms, edits=st.integers(0, 3))
    def fail(self, random: Random, edits: int) -> None:
        self.prepare(random, edits)
        harm = {
            name: random.choice(self.ways_to_fail)
            for name in sorted(self.script.by_name)
            if random.random() < 0.3
        }
        note(f"fail: {harm}")
        self.place.run(self.script, harm)

    @stateful.rule(random=randoms, edits=st.integers(0, 3))
    def write_to_files_of_others(self, random: Random, edits: int) -> None:
        self.prepare(random, edits)
        self.serial += 1
        files = [*sorted(self.script.maker_of), "in/i0", "in/i1"]
        harm = {}
        for name, job in sorted(self.script.by_name.items()):
            others = [
                file
                for file in files
                if file not in job.files.values() and (self.place.root / file).parent.exists()
            ]
            if random.random() < 0.4:
                harm[name] = f"write {random.choice(others)} {name}_{self.serial}"
        note(f"write: {harm}")
        self.place.run(self.script, harm)
        self.place.settle(self.script, patience=self.patience() + 2)

    def prepare(self, random: Random, edits: int) -> None:
        """What happens between two runs."""
        for _ in range(edits):
            self.serial += 1
            before = self.script
            self.script, what = edited(random, self.script, self.place.root, self.serial)
            note(f"edit: {what}" + ("" if self.script == before else f": {self.script!r}"))

    def patience(self) -> int:
        """How many runs it takes at most until everything is right: what a job follows is known one run later."""
        follows = sum(read.how == "follow" for job in self.script.by_name.values() for read in job.reads)
        return 3 + follows


class InOneProcess(Life):
    """Every job in the process of the test: fast."""

    coordinator = ppg.LocalSystem(inline=True)
    ways_to_fail = ("raise", "end", "nothing")


class InProcesses(Life):
    """Jobs where they usually run."""

    coordinator = ppg.LocalSystem(max_cores_to_use=2)
    ways_to_fail = ("raise", "end", "nothing", "kill")


class TestInOneProcess(InOneProcess.TestCase):
    settings = settings(max_examples=12, stateful_step_count=6)


class TestInProcesses(InProcesses.TestCase):
    settings = settings(max_examples=3, stateful_step_count=4)


@pytest.mark.nightly
@pytest.mark.timeout(6 * 3600)
class TestInOneProcessForLong(InOneProcess.TestCase):
    """With another seed every time, unless the profile says otherwise."""

    settings = settings(max_examples=3_000, stateful_step_count=10)


@pytest.mark.nightly
@pytest.mark.timeout(6 * 3600)
class TestInProcessesForLong(InProcesses.TestCase):
    """The same with real processes."""

    settings = settings(max_examples=200, stateful_step_count=8)
