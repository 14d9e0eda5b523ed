"""Task tokens: a pipe in the job process with the tokens of its cores, for the programs that the task starts.

The pipe has no name in any folder, so a kill leaves nothing behind. Programs open it as a fifo, by its name in
`/proc`. That name ends with the job process.

Job processes import this module, so it needs the standard library only, and little of it.
"""

from __future__ import annotations

import os

__all__ = ["CORES_VARIABLE", "OWN_VARIABLE", "TOKEN", "TOKENS", "TaskTokens", "enter_environment"]

OWN_VARIABLE = "PPG_JOBSERVER"
"""Names a task's fifo to an executor within the task, also where make is too old for fifos."""
CORES_VARIABLE = "PPG_CORES"
"""The number of cores, for callbacks that ask; variables of libraries stay as the user has set them."""
TOKENS = "{tokens}"
"""Stands for the path of the fifo in the variables of a task, until its process exists."""
TOKEN = b"+"


class TaskTokens:
    """TaskTokens: is the fifo for the programs that one task of several cores starts."""

    def __init__(self, cores: int) -> None:
        """Make the fifo in this process. It has one token less than `cores`, the task's own."""
        # Both ends stay open: a fifo forgets its content when no process has it open.
        self._ends = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        os.write(self._ends[1], TOKEN * (cores - 1))
        self.path: str = f"/proc/{os.getpid()}/fd/{self._ends[0]}"

    def close(self) -> None:
        """Remove the fifo."""
        for end in self._ends:
            os.close(end)


def enter_environment(environment: tuple[tuple[str, str], ...]) -> None:
    """Set the variables of a task in its process; the process keeps the fifo that they name until it ends."""
    if not environment:
        return
    path = TaskTokens(int(dict(environment)[CORES_VARIABLE])).path
    for name, setting in environment:
        os.environ[name] = setting.replace(TOKENS, path)
