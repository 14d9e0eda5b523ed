"""Runs an example with half of its declared inputs left out, and compares it with the whole example.

A script that leaves inputs out is settled when a run does nothing: then ppg knows what the jobs read. From then on each
edit of an input is right after one run, and the next run does nothing.
"""

import random
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.end_to_end.ppg_command import PPG, Run, environment, run_command
from tests.end_to_end.project_files import contents, edit

__all__ = ["Example", "Expected", "check_half", "expect", "halves"]

_CHOICES = [(seed, half) for seed in range(6) for half in (0, 1)]


def halves(everyday: int) -> pytest.MarkDecorator:
    """Choices of the declarations to leave out: so many for each day, and more for the night.

    The two halves of a seed are all declarations.
    """
    choices = [
        pytest.param(*choice, marks=[] if number < everyday else [pytest.mark.nightly])
        for number, choice in enumerate(_CHOICES)
    ]
    return pytest.mark.parametrize(("seed", "half"), choices)


_CHOICE = """\
import os

LEFT_OUT: set[str] = set()


def declared(reader: object, path: object) -> bool:
    pair = f"{reader} {path}"
    if "LIST_DECLARATIONS" in os.environ:
        print("declared", pair)
    return pair not in LEFT_OUT
"""


@dataclass(frozen=True)
class Example:
    """An example, and how to leave out what it declares.

    Attributes:
        script: relative to the project.
        lay_out: writes the whole example, and its inputs, into the folder of a project.
        choices: pieces of the script, and what stands there if `declared(reader, path)` decides what is declared.
        edits: change the inputs, one after another.
        most_runs: so many runs at most until the next one does nothing.
        spared: jobs which declare files that they do not read. Without the declaration a change of these is none for them.
    """

    script: str
    lay_out: Callable[[Path], None]
    choices: Sequence[tuple[str, str]]
    edits: Sequence[Callable[[Path], None]]
    most_runs: int
    spared: frozenset[str] = frozenset()

    def run(self, project: Path) -> Run:
        return run_command([PPG, "run", self.script], project)

    def leave_out(self, project: Path, seed: int, half: int) -> None:
        """Let the script declare one half of the pairs of a job and its input, chosen by a seed."""
        script = project / self.script
        for old, new in self.choices:
            edit(script, old, new)
        edit(script, "import ppg\n", "import ppg\nfrom left_out import declared\n")
        module = script.with_name("left_out.py")
        module.write_text(_CHOICE)
        said = run_command(
            [PPG, "graph", "dump", self.script], project, environment(LIST_DECLARATIONS="1")
        ).said
        pairs = sorted(
            {line.removeprefix("declared ") for line in said.splitlines() if line.startswith("declared ")}
        )
        assert pairs, said
        random.Random(seed).shuffle(pairs)
        edit(module, "LEFT_OUT: set[str] = set()", f"LEFT_OUT = {set(pairs[half::2])!r}")


@dataclass(frozen=True)
class Expected:
    """What the whole example does at the same edits.

    Attributes:
        jobs: how many there are.
        made: after each edit, the results that are made from nothing.
        ran: at each edit, the jobs that run again.
    """

    jobs: int
    made: Sequence[dict[str, str]]
    ran: Sequence[frozenset[str]]


def expect(example: Example, folder: Path) -> Expected:
    """Run the whole example, at each edit again, and after it from nothing."""
    project = folder / "whole"
    example.lay_out(project)
    first = example.run(project)
    assert first.code == 0, first.said
    made, ran = [], []
    for number, change in enumerate(example.edits):
        change(project)
        after = example.run(project)
        assert after.code == 0, after.said
        ran.append(after.ran)
        scratch = folder / f"scratch {number}"
        example.lay_out(scratch)
        for earlier in example.edits[: number + 1]:
            earlier(scratch)
        fresh = example.run(scratch)
        assert fresh.code == 0, fresh.said
        made.append(contents(scratch))
        assert contents(project) == made[-1], "the whole example itself is not right"
        shutil.rmtree(scratch)
    return Expected(len(first.ran), made, ran)


def check_half(example: Example, expected: Expected, project: Path, seed: int, half: int) -> None:
    """Check each edit of an example with a half of its declarations left out.

    After one run all results are those of the whole example. The same jobs have run as there, without those that are
    spared, and the next run does nothing.
    """
    example.lay_out(project)
    example.leave_out(project, seed, half)
    idle = (0, expected.jobs, 0, 0)
    for _ in range(example.most_runs):
        last = example.run(project)
        if last.counts == idle:
            break
    else:
        nothing = example.run(project)
        assert (nothing.code, nothing.counts) == (0, idle), f"{last.said}\n{nothing.said}"
    for change, made, ran in zip(example.edits, expected.made, expected.ran, strict=True):
        change(project)
        after = example.run(project)
        assert after.code == 0, f"{change.__name__}: {after.said}"
        assert contents(project) == made, f"{change.__name__}: {after.said}"
        assert ran - example.spared <= after.ran <= ran, f"{change.__name__}: {after.said}"
        nothing = example.run(project)
        assert (nothing.code, nothing.counts) == (0, idle), f"{change.__name__}: {nothing.said}"
