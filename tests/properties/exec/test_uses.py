"""The uses of a task arrive as they were noted; other bytes are uses or a sentence, and never an exception."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ppg_exec import FileUse, UseKind
from ppg_exec.stats.packed import STAT
from ppg_exec.tracking.received import received_uses
from ppg_exec.tracking.wire import HEADER, encode

PATHS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=12).map(
    lambda text: f"/{text}"
)
NAMES = st.text(st.characters(exclude_characters="\0/", exclude_categories=["Cs"]), min_size=1, max_size=8)
STATS = st.tuples(
    *[st.integers(0, 2**64 - 1)] * 2, st.integers(0, 2**63 - 1), *[st.integers(-(2**63), 2**63 - 1)] * 2
)
USES = st.one_of(
    st.builds(FileUse, st.just(UseKind.READ), PATHS, STATS),
    st.builds(FileUse, st.just(UseKind.LISTED), PATHS, STATS, st.lists(NAMES).map(tuple)),
    st.builds(FileUse, st.sampled_from([UseKind.ABSENT, UseKind.WRITTEN]), PATHS, st.none()),
)


def encoded(uses: list[FileUse], incomplete: str = "") -> bytes:
    letters = {UseKind.READ: "", UseKind.ABSENT: "a", UseKind.LISTED: "l", UseKind.WRITTEN: "w"}
    noted = {
        f"{letters[use.kind]}{use.path}": b""
        if use.stat is None
        else STAT.pack(*use.stat) + b"\0".join(name.encode() for name in use.names)
        for use in uses
    }
    return encode(noted, incomplete)


@given(st.lists(USES, unique_by=lambda use: (use.kind, use.path)), st.sampled_from(["", "a sentence → why"]))
def test_uses_arrive_as_they_were_noted(uses: list[FileUse], incomplete: str) -> None:
    found, why = received_uses(encoded(uses, incomplete))
    assert (tuple(found), why) == (tuple(uses), incomplete)
    assert len(found) == len(uses)


@given(st.binary(max_size=300), st.integers(0, 100), st.integers(0, 100), st.integers(0, 100))
def test_any_bytes_are_uses_or_a_sentence(data: bytes, first: int, second: int, third: int) -> None:
    for each in (data, HEADER.pack(first, second, third) + data):
        found, why = received_uses(each)
        assert all(isinstance(use, FileUse) and use.path.startswith("/") for use in found)
        assert found or why or not each
        assert why.isprintable()


@given(st.lists(USES, min_size=1, unique_by=lambda use: (use.kind, use.path)), st.data())
def test_a_list_of_which_a_byte_was_changed_is_uses_or_a_sentence(
    uses: list[FileUse], data: st.DataObject
) -> None:
    changed = bytearray(encoded(uses))
    place = data.draw(st.integers(0, len(changed) - 1))
    changed[place] = data.draw(st.integers(0, 255))
    found, why = received_uses(bytes(changed))
    assert all(use.path.startswith("/") for use in found)
    assert found or why
