"""Guard: is the process above the forkserver, and ends what the forkserver leaves when it dies.

The forkserver ends every process beneath it when the main process dies. Both may die at the same instant.
Then a node in the native code of a load would go on until it is back in Python code. So the guard kills what
a dead forkserver has left. The guard only waits, so nothing makes it fail. It is a subreaper, so it inherits
all that the forkserver leaves.
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
    """Run the guard: fork the forkserver, and end with its exit code once no process is left beneath.

    `control` is the forkserver's connection to the controller, `controller` the pid of the main process.
    """
    # Signals of the terminal are for the main process. Guard and forkserver end when it does.
    for ignored in (signal.SIGINT, signal.SIGHUP, signal.SIGTSTP, signal.SIGTTOU):
        signal.signal(ignored, signal.SIG_IGN)
    try:
        stay_in_reach()
        own = os.getpid()
        pid = os.fork()
        if pid == 0:
            forkserver.main(control, controller, own)
    except OSError:
        forkserver.print_why()
        os._exit(1)
    os.close(control)
    _, status = os.waitpid(pid, 0)
    end_children(ChildList(), ())
    os._exit(os.waitstatus_to_exitcode(status) & 0xFF)
