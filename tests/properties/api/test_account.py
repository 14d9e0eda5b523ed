"""Reasons and failures in groups: every job is counted once, whatever the reasons, and the order decides nothing."""

import random

from hypothesis import example, given
from hypothesis import strategies as st

from ppg.account.failures import Failures
from ppg.account.reasons import MOST_GROUPS, grouped_reasons
from ppg.exceptions import JobError
from ppg.result import JobOutcome, JobState
from ppg.status.causes import FOLLOWING, Cause, CauseKind

NAMES = [f"job {number}" for number in range(12)]
KINDS = [kind for kind in CauseKind if kind not in FOLLOWING]

own_causes = st.builds(Cause, st.sampled_from("uvwxyz"), st.sampled_from(KINDS))
following_causes = st.builds(
    lambda kind, name: Cause(f"{kind.value} {name}", kind, name),
    st.sampled_from(sorted(FOLLOWING, key=lambda kind: kind.name)),
    st.sampled_from([*NAMES, "a job of an earlier run"]),
)
runs = st.dictionaries(
    st.sampled_from(NAMES), st.lists(st.one_of(own_causes, following_causes), max_size=4).map(tuple)
)


@given(runs)
@example({"job 0": (Cause("", CauseKind.DEMAND, "job 1"),), "job 1": (Cause("", CauseKind.DEMAND, "job 0"),)})
@example({"job 0": ()})
def test_every_job_is_in_one_group_or_follows_from_the_groups_once(causes):
    grouped = grouped_reasons(causes, NAMES)
    counted = [job_id for group in grouped.groups for job_id in (*group.job_ids, *group.followers)]
    assert sorted([*counted, *grouped.of_several]) == sorted(causes)
    assert all(group.job_ids and group.words for group in grouped.groups)
    assert len(grouped.groups) <= MOST_GROUPS + 1


@given(runs, st.randoms(use_true_random=False))
def test_the_order_in_which_jobs_and_reasons_come_decides_nothing(causes, chance):
    shuffled = list(causes)
    chance.shuffle(shuffled)
    others = {job_id: tuple(chance.sample(causes[job_id], len(causes[job_id]))) for job_id in shuffled}
    assert grouped_reasons(others, NAMES) == grouped_reasons(causes, NAMES)


@given(runs)
def test_a_job_with_a_reason_of_its_own_follows_from_nothing(causes):
    grouped = grouped_reasons(causes, NAMES)
    following = {job_id for group in grouped.groups for job_id in group.followers} | set(grouped.of_several)
    for job_id in following:
        assert causes[job_id]
        assert all(cause.kind in FOLLOWING for cause in causes[job_id])


def test_data_that_came_out_differently_is_the_reason_of_what_needs_it():
    causes = {
        "load": (Cause("needed by user", CauseKind.DEMAND, "user"),),
        "user": (Cause("load came out differently", CauseKind.RESULTS, "load"),),
        "new": (Cause("new: never built", CauseKind.NEW), Cause("needed by gone", CauseKind.DEMAND, "gone")),
        "other": (Cause("new: never built", CauseKind.NEW),),
    }
    new, data = grouped_reasons(causes, causes).groups
    assert (new.words, new.job_ids) == ("new: never built", ("new", "other"))
    assert (data.words, data.job_ids, data.followers) == (CauseKind.RESULTS.value, ("user",), ("load",))


def test_a_long_chain_follows_from_its_beginning():
    causes = {"job 0": (Cause("minq: 20 → 29", CauseKind.PARAMETERS),)} | {
        f"job {number}": (Cause("came out differently", CauseKind.RESULTS, f"job {number - 1}"),)
        for number in range(1, 20_000)
    }
    shuffled = list(causes)
    random.Random(1).shuffle(shuffled)
    (group,) = grouped_reasons({job_id: causes[job_id] for job_id in shuffled}, causes).groups
    assert (group.words, group.job_ids, len(group.followers)) == ("minq: 20 → 29", ("job 0",), 19_999)


def failure(job_id, error, place):
    return JobOutcome(
        job_id,
        JobState.FAILED,
        exception=JobError(error, "ValueError"),
        traceback=f'Traceback (most recent call last):\n  File "script.py", line {place}, in make\n    call()\n',
    )


failures = st.lists(
    st.tuples(st.sampled_from("abc"), st.integers(1, 3), st.integers(0, 99)).map(
        lambda drawn: (f"{drawn[0]} of {drawn[2]}", drawn[1])
    ),
    max_size=30,
)


@given(failures, st.randoms(use_true_random=False))
def test_failures_are_counted_once_and_fold_only_what_is_alike(drawn, chance):
    outcomes = [failure(f"job {number}", error, place) for number, (error, place) in enumerate(drawn)]
    told = Failures()
    firsts = sum(len(told.take(outcome).job_ids) == 1 for outcome in outcomes)
    groups = told.groups
    assert firsts == len(groups)
    assert sorted(job_id for group in groups for job_id in group.job_ids) == sorted(
        outcome.job_id for outcome in outcomes
    )
    assert len(groups) == len({(error[0], place) for error, place in drawn})

    again = Failures()
    for outcome in chance.sample(outcomes, len(outcomes)):
        again.take(outcome)
    assert {frozenset(group.job_ids) for group in again.groups} == {
        frozenset(group.job_ids) for group in groups
    }
