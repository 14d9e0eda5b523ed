"""Pace: estimates how long a run still takes, by the recorded durations of its jobs and by its speed so far."""

from collections.abc import Iterable, Mapping

__all__ = ["Pace"]


class Pace:
    """Pace: holds how much work is left.

    A job without a recorded duration counts as the mean of those that ended in this run. Jobs that may turn out to be up to
    date count as work until that is decided, so the estimate is rather too high than too low.

    Parameters:
        durations: seconds of each job's last run, by job id; of jobs of this run and of others.
    """

    def __init__(self, durations: Mapping[str, float]) -> None:
        self._durations = durations
        self._known = 0.0
        self._unknown = 0
        self._ended = 0
        self._busy = 0.0

    def declared(self, job_ids: Iterable[str]) -> None:
        """Take jobs that may have to run."""
        for job_id in job_ids:
            seconds = self._durations.get(job_id)
            if seconds is None:
                self._unknown += 1
            else:
                self._known += seconds

    def settled(self, job_ids: Iterable[str]) -> None:
        """Take jobs that need no more work."""
        for job_id in job_ids:
            seconds = self._durations.get(job_id)
            if seconds is None:
                self._unknown -= 1
            else:
                self._known -= seconds

    def ended(self, job_id: str, runtime: float) -> None:
        """Take a job that ran."""
        self._ended += 1
        self._busy += runtime
        self.settled([job_id])

    def seconds_left(self, running: Iterable[float], elapsed: float) -> float | None:
        """Return the estimate; None if too little is known.

        Parameters:
            running: for how long each running job runs, in seconds.
            elapsed: seconds since the first job started.
        """
        so_far = sum(running)
        busy = self._busy + so_far
        if elapsed <= 0 or busy <= 0 or (self._unknown > 0 and not self._ended):
            return None
        mean = self._busy / self._ended if self._ended else 0.0
        work = self._known + max(self._unknown, 0) * mean - so_far
        return max(work, 0.0) * elapsed / busy
