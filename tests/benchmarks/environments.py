"""An environment for each peer, made by uv once and kept in a cache outside the project."""

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Environment", "Unavailable", "cache_folder", "environment", "process_variables"]

INSTALL_LIMIT = 300
"""Seconds for an installation."""
NOT_PASSED_ON = ("PYTHONDONTWRITEBYTECODE", "PYTHONPATH", "PYTHONUNBUFFERED", "PYTHONHASHSEED", "VIRTUAL_ENV")
"""Variables that would let a peer start slower, or import what is not its own."""


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

    def version(self, distribution: str) -> str:
        """Which version of a distribution, and of Python, is in it."""
        text = "import importlib.metadata as m, platform as p, sys; print(m.version(sys.argv[1]), 'on Python', p.python_version())"
        asked = subprocess.run(
            [self.python, "-c", text, distribution], capture_output=True, text=True, check=True
        )
        return asked.stdout.strip()


def cache_folder() -> Path:
    """Where environments are kept: in the user's cache, or where temporary files are if there is no home."""
    root = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    return Path(root if os.path.isabs(root) else tempfile.gettempdir()) / "ppg-benchmarks"


def environment(
    name: str, install: Sequence[str], *, python: str | None = None, state: bytes = b""
) -> Environment:
    """The environment with these packages; made if it does not exist yet.

    Parameters:
        name: of the peer, for the folder's name.
        install: arguments of `uv pip install`.
        python: the version of Python, for uv to find; that of this process by default.
        state: what else its content depends on.

    Raises:
        Unavailable: uv is missing, or the installation failed.
    """
    python = python or f"{sys.version_info.major}.{sys.version_info.minor}"
    key = hashlib.sha256("\0".join([*install, python]).encode() + state).hexdigest()[:12]
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
        _run([uv, "pip", "install", *into, *install])
        finished.touch()
    return Environment(folder)


def process_variables(environment: Environment, **added: str) -> dict[str, str]:
    """The environment variables for a process of a peer."""
    kept = {name: value for name, value in os.environ.items() if name not in NOT_PASSED_ON}
    path = f"{environment.folder / 'bin'}{os.pathsep}{kept.get('PATH', os.defpath)}"
    return kept | {"PATH": path, "VIRTUAL_ENV": str(environment.folder)} | added


def _run(command: Sequence[str]) -> None:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=INSTALL_LIMIT, check=False)
    except subprocess.TimeoutExpired as error:
        raise Unavailable(f"the installation took over {INSTALL_LIMIT} s") from error
    if done.returncode:
        raise Unavailable(f"it cannot be installed: {done.stderr.strip()[-600:]}")
