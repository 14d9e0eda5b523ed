"""Environments: for each peer one made by uv, kept outside the project; and the variables of measured processes."""

import hashlib
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

__all__ = [
    "Environment",
    "Unavailable",
    "cache_folder",
    "compile_bytecode",
    "environment",
    "measurable_variables",
    "process_variables",
    "restart_measurable",
]

OWN_SOURCES = (Path(__file__).parents[2] / "packages", Path(__file__).parent)
"""The packages of ppg, and the benchmarks."""
INSTALL_LIMIT = 300
"""Seconds for an installation."""
SHOWN_OF_ERRORS = 600
"""Characters of what a failed installation said last."""
ADDRESS = re.compile(r"https?://\S+")
"""Reports are kept and shown; they do not tell where packages come from."""
NOT_PASSED_ON = ("PYTHONDONTWRITEBYTECODE", "PYTHONPATH", "PYTHONUNBUFFERED", "PYTHONHASHSEED", "VIRTUAL_ENV")
"""Variables that would let a measured process start slower, or import what is not its own."""


class Unavailable(Exception):
    """A peer cannot be installed or does not run here; says why."""


@dataclass(frozen=True, slots=True)
class Environment:
    """A virtual environment."""

    folder: Path

    @property
    def python(self) -> str:
        """Its interpreter."""
        return str(self.folder / "bin" / "python")

    def program(self, name: str) -> str:
        """A command that is installed in it."""
        return str(self.folder / "bin" / name)

    def version(self, distribution: str | None) -> str:
        """Which version of a distribution, and of Python, is in it."""
        text = "import importlib.metadata, platform, sys\nprint(*map(importlib.metadata.version, sys.argv[1:]))\n"
        command = [
            self.python,
            "-c",
            text + "print(platform.python_version())",
            *filter(None, [distribution]),
        ]
        asked = subprocess.run(command, capture_output=True, text=True, check=True)
        *versions, python = asked.stdout.split()
        return " ".join([*versions, "on Python", python])


def cache_folder() -> Path:
    """Where environments are kept: in the user's cache, or where temporary files are if there is no home."""
    root = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    return Path(root if os.path.isabs(root) else tempfile.gettempdir()) / "ppg-benchmarks"


def environment(name: str, install: Sequence[str], *, state: bytes = b"") -> Environment:
    """The environment with these packages, for the Python of this process; made if it does not exist yet.

    Parameters:
        name: of the peer, for the folder's name.
        install: arguments of `uv pip install`; nothing is installed without any.
        state: what else its content depends on.

    Raises:
        Unavailable: uv is missing, or the installation failed.
    """
    python = sys.executable
    key = hashlib.sha256("\0".join([*install, python, sys.version]).encode() + state).hexdigest()[:12]
    folder = cache_folder() / f"{name}-{key}"
    finished = folder / "finished"
    if not finished.exists():
        uv = shutil.which("uv")
        if uv is None:
            raise Unavailable("uv is not on the path, so no environment can be made")
        shutil.rmtree(folder, ignore_errors=True)
        folder.parent.mkdir(parents=True, exist_ok=True)
        _run([uv, "venv", "--quiet", "--python", python, str(folder)])
        into = ["--quiet", "--compile-bytecode", "--python", str(folder / "bin" / "python")]
        if install:
            _run([uv, "pip", "install", *into, *install])
        finished.touch()
    return Environment(folder)


def process_variables(environment: Environment, **added: str) -> dict[str, str]:
    """The environment variables for a process of a peer."""
    kept = _passed_on()
    path = f"{environment.folder / 'bin'}{os.pathsep}{kept.get('PATH', os.defpath)}"
    return kept | {"PATH": path, "VIRTUAL_ENV": str(environment.folder)} | added


def measurable_variables() -> dict[str, str]:
    """Compile everything, and give the environment variables for a process that is measured under this Python.

    Without bytecode, every start of a process compiles the modules that it imports; `PYTHONDONTWRITEBYTECODE` makes
    this last for ever.
    """
    compile_bytecode(*OWN_SOURCES)
    # What others wrote may contain files for other versions of Python, or belong to somebody else.
    compile_bytecode(Path(sysconfig.get_path("purelib")), check=False)
    return _passed_on()


def restart_measurable() -> None:
    """Compile everything; if a variable is set that no measured process gets, start this program again without it.

    Benchmarks that measure their own process call this first.
    """
    variables = measurable_variables()
    if variables != dict(os.environ):
        os.execve(sys.executable, [sys.executable, *sys.orig_argv[1:]], variables)


def compile_bytecode(*folders: Path, check: bool = True) -> None:
    """Write the bytecode of all modules in these folders, if it is not there yet.

    Parameters:
        folders: are searched with all that is in them.
        check: whether a module that cannot be compiled is an error.
    """
    subprocess.run(
        [sys.executable, "-m", "compileall", "-qq", *map(str, folders)], env=_passed_on(), check=check
    )


def _passed_on() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name not in NOT_PASSED_ON}


def _run(command: Sequence[str]) -> None:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=INSTALL_LIMIT, check=False)
    except subprocess.TimeoutExpired as error:
        raise Unavailable(f"the installation took over {INSTALL_LIMIT} s") from error
    if done.returncode:
        said = ADDRESS.sub("an address", done.stderr.strip())
        raise Unavailable(f"it cannot be installed: {said[-SHOWN_OF_ERRORS:]}")
