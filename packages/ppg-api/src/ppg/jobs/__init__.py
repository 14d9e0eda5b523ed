"""Jobs: the kinds of jobs, and their common base."""

from typing import TYPE_CHECKING

from ppg.porting.guards import raise_for_name

if not TYPE_CHECKING:

    def __getattr__(name: str) -> object:
        """Raise the error for a name of the module `jobs` of pypipegraph2."""
        raise_for_name(__name__, name)
