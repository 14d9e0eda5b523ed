"""No edit is missed, whatever a callback reads: `tests.properties.api.watched.search` in the size of the suite and the night."""

import os
import subprocess
import sys

import pytest

from tests.properties.api.watched.restyle import NEUTRAL
from tests.properties.api.watched.weakened import WEAKENED


def search(*options):
    return subprocess.run(
        [sys.executable, "-m", "tests.properties.api.watched.search", *map(str, options)],
        capture_output=True,
        text=True,
        check=False,
    )


def test_after_edits_of_random_projects_the_jobs_with_other_results_run_again():
    """Takes some twenty seconds: twelve runs for each of three projects, as processes."""
    done = search("--count", 3, "--seed", 3, "--processes", 2, "--table")
    assert done.returncode == 0, done.stdout + done.stderr
    assert ", 0 wrong" in done.stdout
    edits = [line.split("|")[1:-1] for line in done.stdout.splitlines() if line.startswith("| ")]
    at = [title.strip() for title in edits[0]].index("other result, ran")
    assert sum(int(cells[at].strip() or 0) for cells in edits[2:]) > 0, done.stdout
    print(done.stdout)


@pytest.mark.nightly
@pytest.mark.timeout(4 * 3600)
def test_after_thousands_of_edits_under_every_python_the_jobs_with_other_results_run_again():
    done = search("--count", 300, "--seed", 1, "--processes", os.cpu_count(), "--pythons", "all", "--table")
    assert done.returncode == 0, done.stdout + done.stderr
    for kind in NEUTRAL:
        assert f"| neutral: {kind} |" in done.stdout
    print(done.stdout)


@pytest.mark.nightly
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("fault", WEAKENED)
def test_the_search_finds_a_fault_that_is_made_in_ppg_on_purpose(fault):
    # One kind of hundreds has these flags.
    kinds = ["--kinds", "pattern"] if fault == "flags of patterns" else []
    done = search("--count", 100, "--seed", 1, "--processes", 2, "--weakened", fault, "--until-wrong", *kinds)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "is stale" in done.stderr or "ran in vain" in done.stderr, done.stderr
