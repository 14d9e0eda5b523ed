"""Fingerprints of functions as a store compares them."""

from ppg_invariants import fingerprint_function
from ppg_invariants.functions.across_versions import CanonicalCodes


def canonical_after(*functions):
    """Fingerprints of functions from a store that gets the functions in this order."""
    codes = CanonicalCodes([])
    states = [fingerprint_function(function) for function in functions]
    return [state.combine(codes.canonical(state)) for state in states]


def same(first, second):
    before, after = canonical_after(first, second)
    return before == after
