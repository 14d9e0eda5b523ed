"""The block of the live view fits its terminal whatever runs, and the estimate is sound."""

import unicodedata

from hypothesis import example, given
from hypothesis import strategies as st

from ppg.live.pace import Pace
from ppg.live.picture import RunningJob, RunState, duration, picture
from ppg.live.screen import cut, cut_front

texts = st.text(st.characters(codec="utf-8"), max_size=60)
jobs = st.builds(
    RunningJob,
    texts,
    st.floats(-1, 1e6),
    st.one_of(st.none(), st.integers(0, 10**14)),
    texts,
)
states = st.builds(
    RunState,
    st.lists(
        st.sampled_from(["12 of 100,000 jobs", "99,999 up to date", "3 failed"]), min_size=1, max_size=6
    ),
    st.floats(0, 1),
    st.floats(0, 1e6),
    st.one_of(st.none(), st.floats(0, 1e8)),
    st.lists(jobs, max_size=12),
    st.integers(0, 1000),
    st.lists(texts, max_size=3),
    st.integers(0, 20),
)


def columns_of(text):
    return sum(
        0
        if unicodedata.combining(character) or unicodedata.category(character) in {"Mn", "Me", "Cf"}
        else 2
        if unicodedata.east_asian_width(character) in {"W", "F"}
        else 1
        for character in text
    )


@given(states, st.integers(20, 200), st.integers(1, 40))
@example(RunState(["1 of 1 job"], 0.0, 0.0, None, [RunningJob("a" * 300, 1.0, 5, "b" * 300)]), 80, 24)
def test_the_block_has_no_control_characters_and_no_more_rows_than_there_are(state, columns, rows):
    block = picture(state, columns, rows)
    assert len(block) <= rows
    for line in block:
        text = "".join(piece for _, piece in line)
        assert text.isprintable()
    named = sum(any(style == "cyan" for style, _ in line) for line in block)
    more = [line for line in block if "more run; Enter lists all" in "".join(piece for _, piece in line)]
    if more:
        (told,) = more
        number = int("".join(piece for _, piece in told).split()[1].replace(",", ""))
        assert named + number == len(state.running) + state.more_running


@given(texts, st.integers(0, 100))
def test_a_text_that_is_cut_fits_and_ends_with_an_ellipsis(text, columns):
    shown = cut(text, columns)
    assert columns_of(shown) <= columns
    assert shown == text or columns == 0 or shown.endswith("…")
    assert shown == text or columns_of(text) > columns
    # Of the other end, the same: marks that combine belong to the character before them.
    if all(map(columns_of, text)):
        assert cut_front(text, columns)[::-1] == cut(text[::-1], columns)
    assert columns_of(cut_front(text, columns)) <= columns


@given(st.floats(0, 1e7))
def test_durations_are_short(seconds):
    assert len(duration(seconds)) <= 10


def test_the_estimate_counts_what_is_known_and_takes_the_mean_for_the_rest():
    pace = Pace({"a": 10.0, "b": 30.0, "gone": 100.0})
    pace.declared(["a", "b", "c", "d"])
    assert pace.seconds_left([], 5.0) is None
    pace.settled(["d"])
    pace.ended("a", 8.0)
    # b takes 30 s, and c as long as the mean of what ended, one after the other.
    assert pace.seconds_left([], 8.0) == 38.0
    # With b running since 4 s beside a, two run at once for half of the time.
    assert pace.seconds_left([4.0], 8.0) == (38.0 - 4.0) * 8.0 / 12.0
    pace.ended("b", 40.0)
    pace.ended("c", 1.0)
    assert pace.seconds_left([], 49.0) == 0.0


@given(
    st.dictionaries(st.sampled_from("abcdef"), st.floats(0.001, 1e5)),
    st.lists(st.tuples(st.sampled_from("abcdefgh"), st.floats(0.001, 1e5)), unique_by=lambda each: each[0]),
    st.floats(0.001, 1e6),
)
def test_the_estimate_is_never_negative_and_nothing_when_all_is_done(known, ends, elapsed):
    pace = Pace(known)
    pace.declared("abcdefgh")
    for job_id, runtime in ends:
        pace.ended(job_id, runtime)
        left = pace.seconds_left([], elapsed)
        assert left is not None
        assert left >= 0
    if len(ends) == 8:
        assert pace.seconds_left([], elapsed) < 1e-3 * elapsed
