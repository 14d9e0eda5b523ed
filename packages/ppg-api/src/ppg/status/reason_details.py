"""A reason with what is behind it: which parameter, which line of the function's source."""

from collections.abc import Callable, Iterator
from typing import TypeAlias

import ppg_invariants
from ppg_graph import Fingerprint, Reason, UpstreamChanged, describe
from ppg_invariants import FunctionEvidence

__all__ = ["Evidence", "LookUp", "reason_lines"]

Evidence: TypeAlias = bytes | FunctionEvidence
"""What a fingerprint was made of: the encoding of parameters, or a function's parts."""
LookUp = Callable[[Fingerprint], Evidence | None]
"""Gives what a fingerprint was made of, as far as it is known."""


def reason_lines(reason: Reason, evidence: LookUp) -> Iterator[str]:
    """The reason in words, and below it, indented, the change itself where both of its sides are known."""
    yield describe(reason)
    if isinstance(reason, UpstreamChanged):
        for line in _difference(evidence(reason.old), evidence(reason.new)):
            yield f"  {line}"


def _difference(old: Evidence | None, new: Evidence | None) -> list[str]:
    # These names are imported where a difference is to be told, which few runs do.
    explained = ppg_invariants
    try:
        match old, new:
            case bytes(), bytes():
                return explained.describe_changes(explained.explain_parameters(old, new)).splitlines()
            case FunctionEvidence(), FunctionEvidence():
                return explained.describe_changes(explained.explain_function(old, new)).splitlines()
            case _:
                return []
    except ValueError:
        # One side is damaged in the store; that it changed is known all the same.
        return ["(what the status store kept to show the change is damaged)"]
