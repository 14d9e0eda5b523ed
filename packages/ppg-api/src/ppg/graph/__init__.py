"""Graph: the declared jobs and their dependencies."""

from typing import TYPE_CHECKING

from ppg.porting.guards import raise_for_name

if not TYPE_CHECKING:

    def __getattr__(name: str) -> object:
        """Raise the error for a name of the module `graph` of the predecessors."""
        raise_for_name(__name__, name)
