"""Resolution: chooses the fingerprint of a function that counts, so that no job runs because ppg watches more.

A newer ppg may see more of a function than the ppg that recorded it. Its fingerprint is then another one, although the
function is the same. So the store compares once what the former ppg would see. If that is what it recorded, the recorded
fingerprint goes on to count, for as long as the function stays as it is.
"""

from collections.abc import Callable
from typing import NamedTuple

from ppg_graph import Fingerprint
from ppg_invariants.functions.across_versions import CanonicalCodes
from ppg_invariants.functions.fingerprint import FunctionState

__all__ = ["FormerState", "ResolvedFunction", "resolved"]

FormerState = Callable[[], FunctionState | None]
"""Returns the state of a function that a former ppg would see now; None if it would fail."""


class ResolvedFunction(NamedTuple):
    """Resolved function: the fingerprint of a function as jobs see it.

    Attributes:
        fingerprint: the one that counts.
        own: the function's own, if a former ppg recorded the one that counts; empty if the two are equal.
        is_newly_watched: whether that was found just now.
        is_recorded: whether the store has this observation already.
    """

    fingerprint: Fingerprint
    own: bytes
    is_newly_watched: bool = False
    is_recorded: bool = False


def resolved(
    codes: CanonicalCodes,
    own: Fingerprint,
    seen: Fingerprint,
    known: bytes | None,
    former: FormerState,
    before: FunctionState | None = None,
) -> ResolvedFunction:
    """Return the fingerprint that counts.

    Parameters:
        codes: the code objects of all Python versions.
        own: the function's fingerprint now.
        seen: the one that counted at the last observation.
        known: the function's own at the last observation; empty if that was `seen`, None if a former ppg observed it.
        former: for the comparison with what a former ppg has recorded.
        before: the function without arguments that did not count before they were part of its state.
    """
    if known == own:
        return ResolvedFunction(seen, own, is_recorded=True)
    if before is not None and codes.fingerprint(before) == (known or seen):
        return ResolvedFunction(seen, own)
    if known is None:
        was = former()
        if was is not None and codes.fingerprint(was) == seen:
            return ResolvedFunction(seen, own, is_newly_watched=True)
    return ResolvedFunction(own, b"")
