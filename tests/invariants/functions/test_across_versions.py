"""The search for interpreters, on which the comparison across versions depends."""

import sys

from tests.invariants.across_versions import interpreters


def test_the_running_interpreter_is_found():
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    assert interpreters()[version] == sys.executable
