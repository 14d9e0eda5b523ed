"""Role: whether this process runs the script or a job, or is the compute node while it loads.

Declaring jobs means something else in each of them.
"""

import enum

__all__ = ["ROLE", "Role"]


class Role(enum.Enum):
    """Role: the current work of the process."""

    SCRIPT = "script"
    """The process runs the user's script: jobs are declared here."""
    JOB = "job"
    """The process runs a job's callback: jobs declared here have no effect, and are ignored."""
    LOAD = "load"
    """The process loads data for all later jobs: declaring jobs here is an error."""


class _Holder:
    """_Holder: the role of the process; job processes set it before they call the user's function.

    Attributes:
        now: the role.
        shares_process: whether the jobs run in the process of the script.
    """

    def __init__(self) -> None:
        self.now = Role.SCRIPT
        self.shares_process: bool = False


ROLE = _Holder()
