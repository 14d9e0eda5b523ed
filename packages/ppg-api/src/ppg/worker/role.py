"""Whether this is the script's process, a job's, or the compute node while it loads.

Declaring jobs means something else in each of them.
"""

import enum

__all__ = ["ROLE", "Role"]


class Role(enum.Enum):
    """What the process does now."""

    SCRIPT = "script"
    """It runs the user's script: jobs are declared here."""
    JOB = "job"
    """It runs a job's callback: jobs that are declared here lead nowhere, and are ignored."""
    LOAD = "load"
    """It loads data for all later jobs: declaring jobs here is a mistake."""


class _Holder:
    """The state of the process; job processes set it before they call the user's function."""

    def __init__(self) -> None:
        self.now = Role.SCRIPT


ROLE = _Holder()
