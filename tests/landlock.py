"""Tests that need the kernel's Landlock: skipped where it is not there, unless PPG_REQUIRE_LANDLOCK is set."""

import os

import pytest

from ppg_exec import why_not_confinable

needs_landlock = pytest.mark.skipif(
    why_not_confinable() is not None and not os.environ.get("PPG_REQUIRE_LANDLOCK"),
    reason=f"{why_not_confinable()}",
)
"""With PPG_REQUIRE_LANDLOCK, a machine without Landlock fails the tests."""
