"""Shares of the cores of a machine, by pure decisions in virtual time."""

import heapq
import random
from collections.abc import Callable, Sequence

import pytest

from ppg_exec.resources.fair_share import FairShare, Holding, level

LOOK = 0.1


@pytest.mark.parametrize(
    ("capacity", "wanted", "expected"),
    [
        (5, [4, 4], 2.5), (5, [1, 4], 4.0), (4, [2, 2, 2, 2], 1.0), (10, [1, 2, 30, 40], 3.5), (7, [4, 2], float("inf")),
        (6, [9, 2, 9], 2.0),
    ],
)  # fmt: skip
def test_little_is_given_whole_and_the_rest_equally(
    capacity: float, wanted: list[int], expected: float
) -> None:
    assert level(capacity, wanted) == expected


def test_alone_or_beside_the_content_there_is_no_limit() -> None:
    share = FairShare(4)
    share.look(0.0, Holding(4, 4), [])
    assert share.allowed == float("inf")
    share.look(1.0, Holding(4, 4), [Holding(1, 1)])
    assert share.allowed == float("inf")


def test_the_odd_core_goes_round() -> None:
    share = FairShare(4)
    share.look(0.0, Holding(3, 4), [Holding(2, 4)])
    assert share.allowed == 3
    share.look(1.0, Holding(3, 4), [Holding(2, 4)])
    assert share.debt == 0.5
    assert share.allowed == 2
    share.look(2.0, Holding(2, 4), [Holding(3, 4)])
    assert share.allowed == 3


def test_beside_one_that_collects_the_others_make_do_with_what_is_left() -> None:
    share = FairShare(4)
    share.look(0.0, Holding(2, 4), [Holding(2, 4, collects=4)])
    assert share.allowed == 1
    share.look(0.1, Holding(2, 4, collects=4), [Holding(2, 4)])
    assert share.allowed == 4


class Executor:
    """An executor with tasks without end; `claim_of` gives the cores of its next one."""

    def __init__(self, cores: int, claim_of: Callable[[], int], seconds_of: Callable[[], float]) -> None:
        self.share = FairShare(cores)
        self.cores = cores
        self.claim_of, self.seconds_of = claim_of, seconds_of
        self.next_claim = claim_of()
        self.used = 0
        self.kept = 0
        self.collects = 0
        self.core_seconds = 0.0

    @property
    def holding(self) -> Holding:
        return Holding(max(1, self.used, self.kept + 1), self.cores, self.collects)


def simulate(executors: Sequence[Executor], cores: int, seconds: float) -> None:
    """Let all of them run on one machine; in random order they start tasks, when they look or a task ends."""
    chance = random.Random(1)
    tokens = cores - 1
    ends: list[tuple[float, int, int]] = []
    now = 0.0
    while now < seconds:
        now += LOOK
        while ends and ends[0][0] <= now:
            _, number, claim = heapq.heappop(ends)
            executors[number].used -= claim
        order = list(range(len(executors)))
        chance.shuffle(order)
        for number in order:
            executor = executors[number]
            others = [each.holding for each in executors if each is not executor]
            executor.share.look(now, executor.holding._replace(used=max(1, executor.used)), others)
            while True:
                after = executor.used + executor.next_claim
                wide = executor.next_claim > 1
                may_collect = (
                    wide and not executor.share.has_debt and not any(each.collects for each in executors)
                )
                if executor.collects or (after > executor.share.allowed and may_collect and after <= cores):
                    executor.collects = after
                elif after > executor.share.allowed:
                    break
                missing = max(0, after - 1) - executor.kept
                taken = min(tokens, max(0, missing))
                tokens -= taken
                executor.kept += taken
                if taken < missing:
                    break
                executor.used = after
                executor.collects = 0
                duration = executor.seconds_of()
                executor.core_seconds += executor.next_claim * duration
                heapq.heappush(ends, (now + duration, number, executor.next_claim))
                executor.next_claim = executor.claim_of()
                if after >= cores:
                    break
            spare = max(0, executor.kept - max(0, executor.used - 1)) if not executor.collects else 0
            executor.kept -= spare
            tokens += spare
        assert 0 <= tokens <= cores - 1


@pytest.mark.parametrize("cores", [4, 7, 16])
@pytest.mark.parametrize("count", [2, 3])
@pytest.mark.parametrize("claims", ["narrow", "one is wide"])
def test_shares_are_within_a_fifth_of_equal(cores: int, count: int, claims: str) -> None:
    chance = random.Random(cores)
    wide = (lambda: chance.choice([1, 1, cores])) if claims == "one is wide" else (lambda: 1)
    executors = [
        Executor(cores, wide if number == 0 else lambda: 1, lambda: chance.lognormvariate(0.0, 0.7))
        for number in range(count)
    ]
    simulate(executors, cores, 2000.0)
    used = [each.core_seconds for each in executors]
    fair = sum(used) / count
    assert all(0.8 * fair <= each <= 1.2 * fair for each in used), used
    # A task that takes all cores has to collect them, which idle meanwhile.
    least = 0.6 if claims == "one is wide" else 0.95
    assert sum(used) >= least * (cores - 1) * 2000.0, "cores do not idle"
