"""What the callbacks of these scripts do where they run: read this and that, and write what follows from it.

What a job reads stands in its code, and much of it is not declared. The account and the plan are outside of the
project, so that they are no reads.
"""

from __future__ import annotations

import json
import os
import signal
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path
from typing import Any

__all__ = ["GONE", "NAMES", "Here", "calculate", "chosen", "content", "generate", "is_made", "make", "put"]

GONE = "-"
"""What a reader makes of a file or folder that is not there."""

NAMES = "n"
"""First letter of the names that count in a folder; outputs have others."""

ReadText = tuple[str, str, str, tuple[tuple[str, str], ...]]
"""How to read, the name of the file, the spelling of it, and the same of the files from which it chooses."""


@dataclass(slots=True)
class Here:
    """What callbacks and loads share; the files are outside of the project."""

    account: str
    plan: str
    data: dict[str, str] = field(default_factory=dict)


def content(name: str, part: str, version: int, kinds: int, values: Sequence[str]) -> str:
    """What a job makes of what it read: one of a few texts, so that it often stays the same.

    Part b of several files does not follow the first read.
    """
    recipe = json.dumps([name, part, version, list(values)[1 if part == "b" else 0 :]])
    return f"{name} {part} {int.from_bytes(blake2b(recipe.encode(), digest_size=8).digest()) % kinds}\n"


def chosen(text: str, choices: int) -> int:
    """Which file a reader goes on with, by what it read in another one."""
    return zlib.crc32(text.encode()) % choices


def is_made(generator: str, name: str) -> bool:
    """Whether a generator with this value makes a job."""
    return zlib.crc32(f"{generator} {name}".encode()) % 5 != 0


class Attempt:
    """One call of a callback, in the account from its begin to its end."""

    def __init__(self, here: Here, name: str) -> None:
        self._here = here
        self._name = name
        self._reads: list[str] = []
        self.made: list[str] = []
        self._tell("begin")
        self.harm = json.loads(Path(here.plan).read_text()).get(name)
        if self.harm == "raise":
            raise ValueError(f"{name} was told to fail")
        if self.harm == "kill":
            os.kill(os.getpid(), signal.SIGKILL)

    def values(self, reads: Sequence[ReadText]) -> list[str]:
        return [self._value(*read) for read in reads]

    def end(self) -> None:
        if self.harm is not None and self.harm.startswith("write "):
            # It changes a file that is not its own.
            _, file, text = self.harm.split()
            Path(file).write_text(text)
        elif self.harm is not None:
            raise ValueError(f"{self._name} was told to fail in the end")
        self._tell("end")

    def _tell(self, event: str) -> None:
        with Path(self._here.account).open("a") as file:
            file.write(json.dumps([self._name, event, self._reads, self.made]) + "\n")

    def _value(self, how: str, name: str, spelling: str, choices: Sequence[tuple[str, str]]) -> str:
        match how:
            case "file":
                return self._text(name, spelling)
            case "listing":
                return " ".join(_listed(spelling) or [GONE])
            case "each":
                names = _listed(spelling)
                return " ".join([self._text(f"{name}/{one}", f"{spelling}/{one}") for one in names or ()])
            case "follow":
                text = self._text(name, spelling)
                return text + self._text(*choices[chosen(text, len(choices))])
            case _:
                return self._here.data[name]

    def _text(self, name: str, spelling: str) -> str:
        self._reads.append(name)
        try:
            return Path(spelling).read_text()
        except (FileNotFoundError, NotADirectoryError):
            return GONE


def _listed(folder: str) -> list[str] | None:
    try:
        return sorted(name for name in os.listdir(folder) if name.startswith(NAMES))
    except FileNotFoundError:
        return None


def make(
    here: Here,
    name: str,
    made: Path | Mapping[str, Path],
    version: int,
    kinds: int,
    reads: Sequence[ReadText],
    salt: str = "",
) -> None:
    """Write the file, or the files, of a job."""
    attempt = Attempt(here, name)
    values = [salt, *attempt.values(reads)]
    files: Mapping[str, Path] = made if isinstance(made, Mapping) else {"": made}
    for part, path in files.items():
        if attempt.harm == "nothing":
            break
        path.write_text(content(name, part, version, kinds, values))
    attempt.end()


def calculate(here: Here, name: str, version: int, kinds: int, reads: Sequence[ReadText]) -> str:
    """The value of a load, of a cached calculation, or of a generator."""
    attempt = Attempt(here, name)
    value = content(name, "", version, kinds, ["", *attempt.values(reads)])
    attempt.end()
    return value


def generate(
    here: Here, name: str, version: int, kinds: int, reads: Sequence[ReadText], makers: Mapping[str, Any]
) -> None:
    """Declare the jobs that a generator makes after what it has read."""
    attempt = Attempt(here, name)
    value = content(name, "", version, kinds, ["", *attempt.values(reads)])
    for job, declare in makers.items():
        if is_made(value, job):
            declare(value)
            attempt.made.append(job)
    attempt.end()


def put(here: Here, name: str, value: str) -> None:
    """Where the value of a cached calculation goes."""
    here.data[name] = value
