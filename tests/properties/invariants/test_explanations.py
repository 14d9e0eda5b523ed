"""There is an explanation exactly if there is a change."""

from hypothesis import given

from ppg_invariants import (
    describe_changes,
    encode_parameters,
    explain_parameters,
)
from tests.properties.invariants.test_parameter_properties import exactly, values


@given(values, values)
def test_there_is_an_explanation_exactly_if_there_is_a_change(one, other):
    changes = explain_parameters(encode_parameters(one), encode_parameters(other))
    assert bool(changes) == (exactly(one) != exactly(other))
    assert describe_changes(changes).count("parameters") >= len(changes)
