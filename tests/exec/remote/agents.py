"""Agents on this machine, for tests."""

import os
import sys
from typing import Any

from ppg_exec.links.hello import Settings
from ppg_exec.remote.local_fleet import LocalFleet

__all__ = ["fleet_of"]


def fleet_of(machines: int = 1, **settings: Any) -> LocalFleet:
    """A fleet of agents that see what this process sees."""
    known = {"directory": os.getcwd(), "path": tuple(sys.path), "arguments": tuple(sys.argv), **settings}
    return LocalFleet(Settings(**known), machines)
