"""Environment: chooses the variables of the main process that tasks on other machines have, too."""

from __future__ import annotations

import os

from ppg_exec.linux import MARKER

__all__ = ["variables_of_tasks"]

_OF_THE_MACHINE = frozenset(
    {
        "DBUS_SESSION_BUS_ADDRESS", "DISPLAY", "HOSTNAME", "LD_BIND_NOW", "MAKEFLAGS", "OLDPWD", "PWD", "SHLVL", "SSH_AGENT_PID",
        "SSH_AUTH_SOCK", "SSH_CLIENT", "SSH_CONNECTION", "SSH_TTY", "TEMP", "TMP", "TMPDIR", "WAYLAND_DISPLAY",
        "XDG_RUNTIME_DIR", "XDG_SESSION_ID", MARKER,
    }
)  # fmt: skip
_PREFIXES = ("SLURM", "SBATCH_", "SRUN_", "PBS_", "SGE_", "LSB_", "LSF_", "PMI", "DASK_", "PPG_CORES")


def variables_of_tasks() -> dict[str, str]:
    """The variables that travel: all but those that describe a machine, a session, or a job of a batch system."""
    return {
        name: value
        for name, value in os.environ.items()
        if name not in _OF_THE_MACHINE and not name.startswith(_PREFIXES)
    }
