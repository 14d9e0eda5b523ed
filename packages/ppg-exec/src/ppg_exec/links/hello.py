"""Hello: says what an agent needs to know, what it reports of its machine, and what of that does not fit.

All of it travels as JSON, which every version can read.
"""

from __future__ import annotations

import json
import os
import platform
import sys
from dataclasses import asdict, dataclass, field

from ppg_exec.links.messages import PROTOCOL

__all__ = ["Facts", "Settings", "about_this_process", "machine_name", "mismatch", "problem_of", "read_about"]


@dataclass(frozen=True, slots=True)
class Settings:
    """Settings: says how an agent runs tasks.

    Args:
        cores, memory: what it may use; None: what its process may use.
        directory: where tasks run.
        scratch: where unlinked files go; None: where temporary files go.
        grace, huge_pages, enforce_memory: as for `ppg_exec.LocalExecutor`.
        silence: seconds without a message after which it ends; None: it waits for ever.
        path, arguments: `sys.path` and `sys.argv` of the main process.
        packages: distributions that the main process has imported, with their versions.
        proof: a file that the main process has written, and what is in it; the agent has to see the same.
        shares_cores: whether it takes part in the pool of cores of its machine.

    """

    cores: int | None = None
    memory: int | None = None
    directory: str = "/"
    scratch: str | None = None
    grace: float = 5.0
    huge_pages: bool = True
    enforce_memory: bool = False
    silence: float | None = None
    path: tuple[str, ...] = ()
    arguments: tuple[str, ...] = ()
    packages: dict[str, str] = field(default_factory=dict)
    proof: tuple[str, str] | None = None
    shares_cores: bool = False

    def to_json(self) -> str:
        """As text for a message."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Settings:
        """The settings of a message."""
        values = json.loads(text)
        for name in ("path", "arguments"):
            values[name] = tuple(values[name])
        values["proof"] = values["proof"] and tuple(values["proof"])
        return cls(**values)


@dataclass(frozen=True, slots=True)
class Facts:
    """Facts: says what an agent has found on its machine.

    cores, memory: what it gives to tasks. packages: versions of the distributions that were asked for; None for those that
    are not there. problems: what keeps it from working, in sentences.
    """

    cores: int
    memory: int
    packages: dict[str, str | None] = field(default_factory=dict)
    problems: tuple[str, ...] = ()

    def to_json(self) -> str:
        """As text for a message."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Facts:
        """The facts of a message."""
        values = json.loads(text)
        values["problems"] = tuple(values["problems"])
        return cls(**values)


def machine_name() -> str:
    """The name of this machine. PPG_MACHINE_NAME gives a part of a machine a name, and so an agent, of its own."""
    return os.environ.get("PPG_MACHINE_NAME") or platform.node()


def about_this_process() -> str:
    """What an agent says first."""
    return json.dumps(
        {
            "protocol": PROTOCOL,
            "python": list(sys.version_info[:2]),
            "machine": machine_name(),
            "system": platform.machine(),
        }
    )


def read_about(about: str) -> tuple[str, str]:
    """The name of the machine of an agent, and why it cannot work for this process; empty if it can."""
    values = json.loads(about)
    ours = json.loads(about_this_process())
    name = str(values.get("machine") or "a machine")
    for key, what in (
        ("protocol", "protocol"),
        ("python", "version of Python"),
        ("system", "kind of processor"),
    ):
        if values.get(key) != ours[key]:
            theirs, own = _text(values.get(key)), _text(ours[key])
            return name, (
                f"{name} cannot run jobs: its {what} is {theirs}, and the script has {own}; use the same environment on both"
            )
    return name, ""


def problem_of(name: str, facts: Facts, settings: Settings) -> str:
    """Why an agent that reports these facts cannot run the tasks of this process; empty if it can."""
    if facts.problems:
        return f"{name} cannot run jobs: {'; '.join(facts.problems)}"
    differing = mismatch(settings.packages, facts.packages)
    if differing:
        return f"{name} cannot run jobs: {differing}; use the same environment on both"
    return ""


def mismatch(wanted: dict[str, str], found: dict[str, str | None]) -> str:
    """Which packages differ, in words; empty if none does."""
    wrong = [
        f"{package} is {found.get(package)} there, and {version} here"
        if found.get(package)
        else f"{package} is missing there"
        for package, version in sorted(wanted.items())
        if found.get(package) != version
    ]
    more = f" (and {len(wrong) - 3} more)" if len(wrong) > 3 else ""
    return f"{', '.join(wrong[:3])}{more}"


def _text(value: object) -> str:
    return ".".join(map(str, value)) if isinstance(value, list) else str(value)
