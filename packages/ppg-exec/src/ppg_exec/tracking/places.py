"""Places: says where uses of files are noted, and which folders belong to the system."""

from __future__ import annotations

import os
import site
import sys
import sysconfig
from collections.abc import Iterable

from ppg_exec.tracking.uses import Tracking

__all__ = ["interpreter_folders", "prefixes_of", "system_folders"]

_OF_THE_MACHINE = (
    "/usr", "/bin", "/sbin", "/etc", "/proc", "/sys", "/dev", "/run", "/var/lib", "/var/cache", "/var/log", "/var/run",
)  # fmt: skip
_OF_THE_USER = {
    "XDG_CONFIG_HOME": ".config", "XDG_CACHE_HOME": ".cache", "XDG_DATA_HOME": ".local/share", "XDG_STATE_HOME": ".local/state",
}  # fmt: skip
"""Variables of the environment, and what holds in the home folder without them."""


def system_folders() -> tuple[str, ...]:
    """Return the folders that belong to the system or the user's account, and not to a project.

    These are the folders of the interpreter and of installed packages; those of the machine, but not /opt,
    /srv and all of /var; those for settings and caches of programs; and those for temporary files.
    """
    home = os.path.expanduser("~")  # noqa: PTH111 - prefixes are strings
    libraries = [f"/{name}" for name in os.listdir("/") if name.startswith("lib")]  # noqa: PTH208 - the same
    of_programs = [os.environ.get(name) or f"{home}/{folder}" for name, folder in _OF_THE_USER.items()]
    # The places of the module tempfile, which takes long to import.
    given = [os.environ.get(name, "") for name in ("TMPDIR", "TEMP", "TMP")]
    temporary = [*given, "/tmp", "/var/tmp", "/usr/tmp"]  # noqa: S108 - nothing is written
    return _folders([*interpreter_folders(), *_OF_THE_MACHINE, *libraries, *of_programs, *temporary])


def interpreter_folders() -> tuple[str, ...]:
    """Return the folders of this interpreter, of its standard library, and of installed packages."""
    paths = sysconfig.get_paths()
    libraries = [paths[name] for name in ("stdlib", "platstdlib", "purelib", "platlib")]
    prefixes = [sys.prefix, sys.base_prefix, sys.exec_prefix, sys.base_exec_prefix]
    return _folders([*prefixes, *libraries, *site.getsitepackages(), site.getusersitepackages()])


def prefixes_of(tracking: Tracking) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
    """Return the prefixes of root, unnoted and system, each with a slash at its end.

    A process that asks for its folder gets a name without links. So the names without links count, too.
    """
    return tuple(  # type: ignore[return-value]  # there are three
        tuple(f"{folder.rstrip('/')}/" for folder in _folders(named))
        for named in ((tracking.root,), tracking.unnoted, tracking.system)
    )


def _folders(named: Iterable[str]) -> tuple[str, ...]:
    """The absolute ones of these names, and the same without links, each once."""
    found: dict[str, None] = {}
    for name in named:
        if os.path.isabs(name):  # noqa: PTH117 - prefixes are strings
            found[os.path.normpath(name)] = None
            found[os.path.realpath(name)] = None
    return tuple(found)
