"""The fixtures of the command's tests: nothing that a test started outlives it."""

from tests.cli.conftest import project, terminal

__all__ = ["project", "terminal"]
