"""Surroundings: examines the versions of ppg and Python, and the variables of the environment that matter."""

import os
import platform
import sys
from collections.abc import Iterator, Mapping
from importlib.metadata import PackageNotFoundError, version

from ppg.doctor.finding import Finding

__all__ = ["surrounding_findings"]

PACKAGES = ("ppg-cli", "ppg-api", "ppg-graph", "ppg-invariants", "ppg-exec")

MATTER = {
    "LD_LIBRARY_PATH": "where programs look for libraries",
    "MAKEFLAGS": "names the jobserver of a make above this process",
    "OMP_NUM_THREADS": "threads of libraries, also in jobs",
    "PYTHONDONTWRITEBYTECODE": "Python compiles each module again in each process",
    "PYTHONHASHSEED": "the order of sets and dictionaries of texts",
    "PYTHONPATH": "where modules are found",
    "PYTHONWARNINGS": "which warnings are errors",
    "SOURCE_DATE_EPOCH": "the times in plots",
    "TMPDIR": "temporary files, and the pool of cores",
    "XDG_RUNTIME_DIR": "the pool of cores, and the sockets of listeners",
}
"""Variables of others that change what ppg or jobs do, and what they decide."""
OWN = {
    "PPG_COMMAND": "the command of a job, in a shell of `ppg debug`",
    "PPG_CORES": "the number of cores of the job around this process",
    "PPG_EXECUTOR": "marks the processes of a run around this process",
    "PPG_FOLDER": "the folder of a job, in a shell of `ppg debug`",
    "PPG_JOBSERVER": "the jobserver of the job around this process",
    "PPG_KEEP_OUTPUT": "how much output of jobs is kept",
    "PPG_LOG_PORT": "where runs send their log",
    "PPG_MACHINE_NAME": "the name of the machine in a cluster",
    "PPG_PROFILE": "the profile of settings that `ppg run` uses",
    "PPG_SHARED_CACHE": "the shared cache",
    "PPG_TEMPORARY_FOLDER": "the folder for temporary files of the job around this process",
}


def surrounding_findings(environment: Mapping[str, str] = os.environ) -> Iterator[Finding]:
    """Yield the findings about versions and variables."""
    yield Finding("Python", f"{platform.python_version()}, '{sys.executable}'")
    yield _packages()
    for name in sorted({*MATTER, *OWN, *(each for each in environment if each.startswith("PPG_"))}):
        value = environment.get(name)
        meaning = MATTER.get(name) or OWN.get(name)
        if meaning is None:
            yield Finding(
                name,
                f"is set to '{value}', and ppg knows no such variable",
                f"correct its name, or unset it ({name})",
            )
        elif value is not None:
            yield Finding(name, f"'{value}' ({meaning})", _remedy(name, value))
        elif name in {"PYTHONHASHSEED", "TMPDIR", "PPG_SHARED_CACHE", "PPG_LOG_PORT"}:
            yield Finding(name, f"is not set ({meaning})")


def _packages() -> Finding:
    found: dict[str, str] = {}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "is not installed"
    state = ", ".join(f"{name} {found[name]}" for name in PACKAGES)
    remedy = "" if len(set(found.values())) == 1 else "install the same version of all of them"
    return Finding("ppg", state, remedy)


def _remedy(name: str, value: str) -> str:
    if name == "PYTHONDONTWRITEBYTECODE" and value:
        return "unset it, so that runs start faster"
    if name in {"TMPDIR", "XDG_RUNTIME_DIR", "PPG_SHARED_CACHE"} and not os.path.isdir(value):  # noqa: PTH112
        return "make that folder, or unset the variable"
    return ""
