"""Any edit that changes what a function returns changes its fingerprint; any change of style does not."""

import warnings

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from ppg_invariants import fingerprint_function
from ppg_invariants.functions.across_versions import CanonicalCodes
from ppg_invariants.objects.captured import CapturedEncoder, plain_function
from tests.invariants.programs import edited, outcome, programs, source

ARGUMENTS = [(0, 0), (1, 2), (3, -1), (5, 0.5), (2, "s"), (7, 7), (True, None)]

pytestmark = pytest.mark.filterwarnings("ignore::SyntaxWarning")
# The fixture is a folder: it does not matter that all examples share it.
shared_folder = settings(
    max_examples=settings.default.max_examples // 2,
    suppress_health_check=[
        HealthCheck.function_scoped_fixture,
        HealthCheck.too_slow,
        HealthCheck.filter_too_much,
    ],
)


def canonical(codes, function):
    state = fingerprint_function(function)
    return state.combine(codes.canonical(state))


def define(scripts, text):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SyntaxWarning)
        try:
            return scripts.function(text)
        except SyntaxError:
            assume(False)
            raise


def without_source(text):
    space = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SyntaxWarning)
        exec(text, space)
    return space["f"]


@shared_folder
@given(programs, st.data())
def test_an_edit_that_changes_what_is_returned_changes_the_fingerprint(scripts, program, data):
    other = edited(program, data)
    assume(source(program) != source(other))
    first, second = define(scripts, source(program)), define(scripts, source(other))
    assume([outcome(first, a) for a in ARGUMENTS] != [outcome(second, a) for a in ARGUMENTS])
    codes = CanonicalCodes([])
    assert canonical(codes, first) != canonical(codes, second)
    assert fingerprint_function(first).syntax != fingerprint_function(second).syntax
    assert fingerprint_function(without_source(source(program))) != fingerprint_function(
        without_source(source(other))
    )


@shared_folder
@given(programs, st.integers(0, 2**32))
def test_style_docstrings_comments_name_and_place_do_not_change_the_fingerprint(scripts, program, style):
    first = define(scripts, source(program))
    text = source(program, style, name="renamed") + "\nf = renamed\n"
    second = define(scripts, text)
    codes = CanonicalCodes([])
    assert canonical(codes, first) == canonical(codes, second)
    assert fingerprint_function(first).syntax == fingerprint_function(second).syntax


plain = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary()
others = st.tuples(plain) | st.lists(plain, max_size=2) | st.complex_numbers()


@given(st.lists(plain | others, min_size=2, max_size=2), st.lists(plain | others, max_size=2))
def test_the_quick_way_for_plain_functions_equals_the_encoder(captured, defaults):
    one, two = captured

    def closure(a=None, b=None):
        return one, two, a, b

    def function(a=None, b=None):
        return a, b

    for made in (closure, function):
        made.__defaults__ = tuple(defaults) or None
        encoder = CapturedEncoder()
        quick, thorough = plain_function(made), encoder.encode(made, root="function")
        values = [*(captured if made is closure else ()), *defaults]
        if all(type(value) in (type(None), bool, int, float, str, bytes) for value in values):
            assert quick == (thorough, *encoder.codes)
        else:
            assert quick is None
