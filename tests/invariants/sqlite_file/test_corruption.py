"""A damaged store never makes a run wrong: `tests.invariants.corruption` in the size of the suite, and of the night."""

import os
import subprocess
import sys

import pytest

from tests.invariants.corruption import A_PROCESS_EVERY, KINDS


def rounds(count, seed, processes):
    arguments = ["--count", count, "--seed", seed, "--processes", processes]
    run = subprocess.run(
        [sys.executable, "-m", "tests.invariants.corruption", *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
    )
    assert run.returncode == 0, run.stdout + run.stderr
    assert run.stdout.count("\n") == len(KINDS) + 2
    print(run.stdout)


def test_after_damage_of_any_kind_the_outputs_are_those_of_a_run_from_nothing():
    """Takes longer than a second: three runs for each of the kinds, of which a few are processes."""
    count = 4 * len(KINDS)
    assert count > A_PROCESS_EVERY
    rounds(count, seed=2, processes=1)


@pytest.mark.nightly
@pytest.mark.timeout(7200)
def test_after_ten_thousand_damages_the_outputs_are_those_of_a_run_from_nothing():
    rounds(10_000, seed=1, processes=os.cpu_count() or 1)
