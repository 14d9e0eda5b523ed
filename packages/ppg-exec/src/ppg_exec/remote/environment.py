"""Environment: chooses what of the main process tasks on other machines have, too: variables, and versions of packages."""

from __future__ import annotations

import os
import sys
from importlib import metadata

from ppg_exec.linux import MARKER

__all__ = ["imported_packages", "variables_of_tasks"]

_OF_THE_MACHINE = frozenset(
    {
        "DBUS_SESSION_BUS_ADDRESS", "DISPLAY", "HOSTNAME", "LD_BIND_NOW", "MAKEFLAGS", "OLDPWD", "PPG_MACHINE_NAME", "PWD", "SHLVL", "SSH_AGENT_PID",
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


def imported_packages() -> dict[str, str]:
    """The distributions of which this process has imported a module, with their versions."""
    found: dict[str, str] = {}
    imported = {name.partition(".")[0] for name in list(sys.modules)} - sys.stdlib_module_names
    for module, distributions in metadata.packages_distributions().items():
        if module in imported:
            found.update((name, metadata.version(name)) for name in distributions)
    return found
