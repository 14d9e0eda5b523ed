"""What the next attempt of a task gets."""

import pytest

from ppg_exec.attempts import memory_after_out_of_memory


@pytest.mark.parametrize(
    ("stated", "seen", "expected"),
    [(100, 0, 200), (100, 500, 200), (None, 300, 600), (None, 0, None)],
    ids=["stated", "stated and seen", "only seen", "the node died before anything was measured"],
)
def test_after_a_death_of_memory_the_next_attempt_gets_twice_what_is_known_and_no_limit_if_nothing_is(
    stated, seen, expected
):
    assert memory_after_out_of_memory(stated, seen) == expected
