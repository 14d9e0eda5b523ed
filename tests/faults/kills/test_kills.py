"""Whatever is killed, and when: `tests.faults.kills` in the size of the suite, and of the night."""

import re
import subprocess
import sys

import pytest

from tests.faults.kills.hooks import POINTS
from tests.faults.kills.rounds import IMPOSSIBLE, PAIRS, PROCESSES


def kills(*options):
    run = subprocess.run(
        [sys.executable, "-m", "tests.faults.kills", *map(str, options)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    print(run.stdout)
    return run.stdout


def test_every_process_and_phase_is_hit_or_cannot_exist():
    assert len(PAIRS) + len(IMPOSSIBLE) == len(PROCESSES) * len(POINTS)


def test_after_a_kill_in_any_phase_nothing_is_left_and_the_next_run_makes_everything():
    """Takes half a minute: eight rounds with three runs or more."""
    said = kills("--rounds", 8, "--seed", 3, "--table")
    found = re.search(r"^(\d+) rounds, (\d+) hits in time .*, (\d+) wrong$", said, re.MULTILINE)
    assert found is not None, said
    rounds, hits, wrong = map(int, found.groups())
    assert (rounds, wrong) == (8, 0)
    assert hits >= rounds


@pytest.mark.nightly
@pytest.mark.timeout(14_400)
def test_after_five_kills_of_every_process_in_every_phase_the_next_runs_are_right():
    kills("--each", 5, "--rounds", 2000, "--seed", 1, "--processes", 2, "--table")
