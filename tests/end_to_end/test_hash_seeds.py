"""Whole pipelines with another seed of Python's hashes at each run: what was made once is up to date."""

import pytest

from tests.end_to_end.ported_projects import BOOKS, lay_out
from tests.end_to_end.ppg_command import (
    PPG,
    SOME_OR_ALL_SEEDS,
    environment,
    run_command,
    run_with_other_hash_seeds,
)


@pytest.mark.parametrize("name", ["zipf", "posts", "artists"])
@SOME_OR_ALL_SEEDS
def test_a_ported_pipeline_runs_once_whatever_the_hash_seed(name, tmp_path, runs):
    script = lay_out(name, tmp_path)
    first = run_command([PPG, "run", script], tmp_path, environment(PYTHONHASHSEED="0"))
    assert first.code == 0, first.said
    assert first.counts[0] > 3
    for again in run_with_other_hash_seeds(script, tmp_path, runs):
        assert again.code == 0, again.said
        assert (again.counts[0], again.ran) == (0, frozenset()), again.said
        assert "warning" not in again.said


def test_an_edited_set_is_seen_under_another_hash_seed(tmp_path):
    script = lay_out("zipf", tmp_path)
    run_command([PPG, "run", script], tmp_path, environment(PYTHONHASHSEED="1"))
    words = tmp_path / "words.py"
    words.write_text(words.read_text().replace('{"the", ', "{"))
    again = run_command([PPG, "run", script], tmp_path, environment(PYTHONHASHSEED="2"))
    assert {f"results/{book}.dat" for book in BOOKS} <= again.ran
