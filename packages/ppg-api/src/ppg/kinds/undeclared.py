"""Undeclared: what a run does about a file that a job reads without depending on the job that makes it."""

from typing import Literal, get_args

__all__ = ["Undeclared", "policy_of", "require_undeclared"]

Undeclared = Literal["warn", "fail", "ignore"]
"""What a run does about such a read: it warns once, or the job fails, or reads are not looked at."""


def require_undeclared(value: object, argument: str) -> Undeclared:
    """Return a valid policy.

    Raises:
        ValueError: it is not one; the message begins with `argument`.
    """
    for known in get_args(Undeclared):
        if value == known:
            policy: Undeclared = known
            return policy
    raise ValueError(f"{argument} must be 'warn', 'fail' or 'ignore', not {value!r}")


def policy_of(job: Undeclared | None, pipegraph: Undeclared) -> Undeclared:
    """Return the policy that counts: that of the job, if it has one."""
    return pipegraph if job is None else job
