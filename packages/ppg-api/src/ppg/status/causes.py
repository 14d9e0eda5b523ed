"""Causes: the reasons of jobs as front ends group them; says which jobs changed nothing themselves, but follow others."""

import enum
from dataclasses import dataclass

__all__ = ["FOLLOWING", "Cause", "CauseKind"]


class CauseKind(enum.Enum):
    """Cause kind: what a cause has in common with others; the values are the words for several causes of a kind.

    The order is that of an account: what changed comes before what was never there, and before what follows.
    """

    PARAMETERS = "parameters changed"
    """Values of parameters, of commands or of renderings are not what they were."""
    FUNCTIONS = "functions changed"
    """Code, or what it refers to, is not what it was."""
    INPUTS = "inputs changed"
    """Input files, folders or the answers of tools are not what they were."""
    READS = "files changed that they read without depending on them"
    """What a job read without depending on it is not what it was."""
    DEPENDENCIES = "dependencies were added or removed"
    """The script declares other dependencies than before."""
    OUTPUTS = "outputs are missing, empty, or not as they were left"
    """Files that a job made are not as it left them."""
    FAILED = "they failed last time"
    """The jobs failed in the run before."""
    INVALID = "last results are not valid any more"
    """There was a result, and it does not count."""
    NEW = "new: never built"
    """There was no result before."""
    ASKED = "asked for"
    """The user named the jobs as targets."""
    ALWAYS = "generators run every time"
    """The jobs are generators."""
    RESULTS = "results upstream came out differently"
    """An upstream job made something else than before."""
    DEMAND = "needed by jobs that run"
    """A job downstream needs what this job makes."""


FOLLOWING = frozenset({CauseKind.RESULTS, CauseKind.DEMAND})
"""Kinds of causes that have a cause themselves: that of the other job."""


@dataclass(frozen=True, slots=True)
class Cause:
    """Cause: one reason of one job, in words.

    Attributes:
        text: the reason in one line, as `JobOutcome.reasons` has it.
        kind: what it has in common with others.
        follows: for the kinds of `FOLLOWING` the id of the other job; empty for others.
    """

    text: str
    kind: CauseKind
    follows: str = ""
