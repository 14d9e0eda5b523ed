"""The process above the forkserver, for the case that controller and forkserver die in the same instant.

A forkserver ends what is beneath it when the controller dies, and the controller does when the forkserver dies. If both are killed
at once, a node that loads would go on until its load ends, as it sees to nothing else meanwhile. Then this process
is there. It does nothing but wait, so nothing happens to it by itself, and being a subreaper it inherits all that
the forkserver leaves.
"""

from __future__ import annotations

import os
import signal

from ppg_exec.forkserver import server as forkserver
from ppg_exec.linux import ChildList, end_children, stay_in_reach

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

__all__ = ["main"]


def main(control: int, controller: int) -> NoReturn:
    """The program: forks the forkserver, and ends with its exit code once nothing is left beneath.

    `control` is the forkserver's connection to the controller, `controller` the pid of that.
    """
    # What the terminal has to say is for the controller; we, and the forkserver, end when that does.
    for ignored in (signal.SIGINT, signal.SIGHUP, signal.SIGTSTP, signal.SIGTTOU):
        signal.signal(ignored, signal.SIG_IGN)
    stay_in_reach()
    own = os.getpid()
    pid = os.fork()
    if pid == 0:
        forkserver.main(control, controller, own)
    os.close(control)
    _, status = os.waitpid(pid, 0)
    end_children(ChildList(), ())
    os._exit(os.waitstatus_to_exitcode(status) & 0xFF)
