"""Messages that refer to the same objects, whichever these are."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from ppg_exec.pickling.receive import IdentityTable
from ppg_exec.pickling.send import SharedObjects, dump_reply
from tests.exec.holder import Holder, pass_on


@given(st.lists(st.lists(st.tuples(st.integers(0, 5), st.booleans()), max_size=4), min_size=1, max_size=8))
def test_two_references_are_one_object_there_exactly_if_they_are_one_here(
    messages: list[list[tuple[int, bool]]],
) -> None:
    sender, table = SharedObjects(), IdentityTable()
    mine: list[Any] = [Holder(), [], {}, set(), Holder(), bytearray()]
    mine[0].friend = mine[1]
    mine[4].friend = mine[0]
    theirs: dict[int, Any] = {}
    for message in messages:
        value = tuple((mine[index],) if wrapped else mine[index] for index, wrapped in message)
        for (index, wrapped), received in zip(message, pass_on(sender, table, value), strict=True):
            there = received[0] if wrapped else received
            assert type(there) is type(mine[index])
            assert theirs.setdefault(index, there) is there
    assert len({id(there) for there in theirs.values()}) == len(theirs)
    if 0 in theirs and 1 in theirs:
        assert theirs[0].friend is theirs[1]
    if 0 in theirs and 4 in theirs:
        assert theirs[4].friend is theirs[0]


@given(st.lists(st.integers(0, 3), max_size=6))
def test_what_comes_back_is_the_callers_own_object(indices: list[int]) -> None:
    sender, table = SharedObjects(), IdentityTable()
    mine = [Holder(), [1], {"a": 1}, Holder()]
    there = pass_on(sender, table, tuple(mine))
    back = sender.load(dump_reply([there[index] for index in indices], table))
    assert all(back[position] is mine[index] for position, index in enumerate(indices))
