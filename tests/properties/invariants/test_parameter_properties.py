"""The encoding is injective: equal values share it, different ones never do; and it can be read back."""

import copy
import math
import random

from hypothesis import given
from hypothesis import strategies as st

from ppg_invariants import encode_parameters
from ppg_invariants.values.decoding import Items, Pairs, decode
from ppg_invariants.values.tags import Tag

atoms = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.complex_numbers(),
    st.text(st.characters(exclude_categories=())),
    st.binary(),
)
hashable = st.recursive(
    atoms, lambda inner: st.one_of(st.tuples(inner, inner), st.frozensets(inner, max_size=3)), max_leaves=4
)
values = st.recursive(
    atoms,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.lists(inner, max_size=4).map(tuple),
        st.dictionaries(hashable, inner, max_size=4),
        st.sets(hashable, max_size=4),
        st.frozensets(hashable, max_size=4),
    ),
    max_leaves=12,
)


def exactly(value):
    """Return a form of the value for which == is as strict as the encoding."""
    kind = type(value)
    if kind is float:
        return (kind, "nan") if math.isnan(value) else (kind, math.copysign(1, value), value)
    if kind is complex:
        return (kind, exactly(value.real), exactly(value.imag))
    if kind in (list, tuple):
        return (kind, tuple(map(exactly, value)))
    if kind in (set, frozenset):
        return (
            kind,
            frozenset((exactly(one), sum(exactly(o) == exactly(one) for o in value)) for one in value),
        )
    if kind is dict:
        items = [(exactly(key), exactly(item)) for key, item in value.items()]
        return (kind, frozenset((item, items.count(item)) for item in items))
    return (kind, value)


def shuffled(value, order):
    """An equal value of which every set and dict was filled in another order."""
    if isinstance(value, (list, tuple)):
        return type(value)(shuffled(one, order) for one in value)
    if isinstance(value, dict):
        items = list(value.items())
        order.shuffle(items)
        return {key: shuffled(item, order) for key, item in items}
    if isinstance(value, (set, frozenset)):
        items = list(value)
        order.shuffle(items)
        return type(value)(items)
    return copy.copy(value)


def rebuilt(tree):
    """Return the value of a decoded tree."""
    match tree:
        case Items(tag, items):
            kind = {Tag.TUPLE: tuple, Tag.LIST: list, Tag.SET: set, Tag.FROZENSET: frozenset}[tag]
            return kind(map(rebuilt, items))
        case Pairs(pairs):
            return {rebuilt(key): rebuilt(value) for key, value in pairs}
        case _:
            return tree


@given(values, values)
def test_two_values_share_an_encoding_exactly_if_they_are_the_same(one, other):
    assert (encode_parameters(one) == encode_parameters(other)) == (exactly(one) == exactly(other))


@given(values, st.randoms(use_true_random=False))
def test_the_order_in_which_sets_and_dicts_were_filled_does_not_count(value, order):
    assert encode_parameters(value) == encode_parameters(shuffled(value, order))


@given(values)
def test_an_encoding_can_be_read_back(value):
    assert exactly(rebuilt(decode(encode_parameters(value)))) == exactly(value)


@given(values, st.integers(0, 2**32))
def test_a_value_with_one_atom_replaced_has_another_encoding(value, seed):
    order = random.Random(seed)
    wrapped = [value, [0]]
    changed = [value, [order.choice([1, 0.0, False, "0", b"0", None, (0,), [0], {0}])]]
    assert encode_parameters(wrapped) != encode_parameters(changed)
