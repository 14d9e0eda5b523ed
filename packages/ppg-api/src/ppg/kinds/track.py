"""Track: which uses of files a job's process notes: those of its Python code, or all that strace sees."""

from typing import Literal, get_args

__all__ = ["Track", "require_track", "track_of"]

Track = Literal["python", "strace"]
"""What is looked at: what Python code opens, or also what native code and programs open."""


def require_track(value: object, argument: str) -> Track:
    """Return a valid choice.

    Raises:
        ValueError: it is not one; the message begins with `argument`.
    """
    for known in get_args(Track):
        if value == known:
            track: Track = known
            return track
    raise ValueError(f"{argument} must be 'python' or 'strace', not {value!r}")


def track_of(job: Track | None, pipegraph: Track) -> Track:
    """Return the choice that counts: that of the job, if it has one."""
    return pipegraph if job is None else job
