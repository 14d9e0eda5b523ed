"""Exit codes: list what `ppg` returns to the shell."""

import enum

__all__ = ["ExitCode"]


class ExitCode(enum.IntEnum):
    """ExitCode: names the exit codes, which are the same for all subcommands."""

    DONE = 0
    """Everything is up to date."""
    JOBS_FAILED = 1
    """At least one job failed."""
    NOT_VERIFIED = 1
    """`ppg verify`: not everything is as the last run left it."""
    NOT_ACCEPTED = 1
    """`ppg accept`: at least one output is not acceptable."""
    NOT_REMOVED = 1
    """`ppg clean`: the user did not agree."""
    NOT_KEPT = 1
    """`ppg output`: nothing is kept of what the job printed."""
    SCRIPT_ERROR = 2
    """The command line is wrong, or the script raised an error."""
    INTERRUPTED = 130
    """The user interrupted the run (128 + SIGINT)."""
