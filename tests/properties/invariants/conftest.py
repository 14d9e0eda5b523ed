"""The fixtures of the tests of invariants."""

from tests.invariants.conftest import scripts

__all__ = ["scripts"]
