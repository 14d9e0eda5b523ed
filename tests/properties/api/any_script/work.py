"""What the callbacks of random scripts do where they run: read what they depend on, write what follows from it.

What a job reads is not in its code but in `plan.json`, which ppg does not know. So an edge can come and go without
any code changing, and what ppg overlooks shows up as wrong bytes. The plan also says who fails in this run, and how.
It lies outside of the project, in a folder for temporary files. So it is no undeclared read.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from collections.abc import Mapping, Sequence
from hashlib import blake2b
from pathlib import Path
from typing import Any, TextIO

__all__ = ["Here", "Shared", "account", "begin", "content", "fill", "generated", "load", "make", "put"]

ACCOUNT = "account.txt"
PLAN = "../plan.json"


class Shared:
    """Gets the value of an AttributeLoadingJob."""


class Here:
    """What callbacks and loads share."""

    def __init__(self, attributes: Sequence[str]) -> None:
        self.attributes = {name: Shared() for name in attributes}
        self.data: dict[str, str] = {}
        self.entries: dict[str, str] = {}
        self.left_open: list[TextIO] = []


def content(name: str, part: str, version: int | None, reads: Sequence[str]) -> str:
    """What a job makes: one of three, so that its inputs often change and it does not.

    Part b of several files follows neither every change of the code nor the first input.
    """
    if part == "b":
        version, reads = version and version // 2, reads[1:]
    recipe = json.dumps([name, part, version, list(reads)])
    return f"{name} {part} {blake2b(recipe.encode(), digest_size=8).digest()[0] % 3}\n"


def account(name: str) -> None:
    """Tell the test that this callback runs."""
    with Path(ACCOUNT).open("a") as file:
        file.write(name + "\n")


def begin(name: str) -> tuple[dict[str, Any], str | None]:
    """Enter the account, and fail here if that is planned; gives the plan, and how to fail later."""
    account(name)
    plan = json.loads(Path(PLAN).read_text())
    harm = plan["harm"].get(name)
    match harm:
        case "raise":
            raise ValueError(f"{name} was told to fail")
        case "leave":
            sys.exit(0)
        case "exit":
            os._exit(5)
        case "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        case _:
            pass
    return plan, harm


class Returned:
    """Tells threads that the callback has returned: its variables are gone."""

    def __init__(self) -> None:
        self.event = threading.Event()

    def __del__(self) -> None:
        self.event.set()


def make(here: Here, name: str, made: Path | Mapping[str, Path], version: int) -> None:
    """Write the file, or the files, of a job."""
    plan, harm = begin(name)
    files = made if isinstance(made, Mapping) else {"": made}
    reads = _reads(here, plan, name)
    effective = None if name in plan["indifferent"] else version
    returned = Returned()
    for part, path in files.items():
        text = content(name, part, effective, reads)
        match harm:
            case "nothing":
                return
            case "empty":
                path.write_text("")
            case "half":
                path.write_text(text[:3])
                raise ValueError(f"{name} was told to fail half-way")
            case _:
                _write(here, path, text, plan["late"].get(name), returned)


def _write(here: Here, path: Path, text: str, late: str | None, returned: Returned) -> None:
    """Write a file; or have that done when the callback has returned."""
    match late:
        case "thread":
            path.write_text(text[:3])
            threading.Thread(target=_write_rest, args=(path, text[3:], returned.event)).start()
        case "buffer":
            here.left_open.append(path.open("w"))
            here.left_open[-1].write(text)
        case _:
            path.write_text(text)


def _write_rest(path: Path, text: str, returned: threading.Event) -> None:
    returned.wait()
    with path.open("a") as file:
        file.write(text)


def fill(here: Here, name: str, made: Path, parts: Sequence[str], version: int) -> None:
    """Write the files of a folder, which is empty before."""
    plan, harm = begin(name)
    found = sorted(path.name for path in made.iterdir())
    if found:
        raise AssertionError(f"{made} has {found} before the job begins")
    reads = _reads(here, plan, name)
    if harm in {"nothing", "empty"}:
        return
    for part in parts:
        text = content(name, part, version, reads)
        if harm == "half":
            (made / part).write_text(text[:3])
            raise ValueError(f"{name} was told to fail half-way")
        (made / part).write_text(text)


def load(here: Here, name: str, version: int) -> str:
    """The value of a load or of a calculation."""
    plan, _ = begin(name)
    effective = None if name in plan["indifferent"] else version
    return content(name, "", effective, _reads(here, plan, name))


def put(here: Here, name: str, value: str, version: int) -> None:
    """Where the value of a CachedDataLoadingJob goes; the version is of the code, and makes no difference."""
    begin(f"{name}:load")
    here.data[name] = value


def generated(name: str) -> None:
    """The end of a generator: it has declared everything."""
    if json.loads(Path(PLAN).read_text())["harm"].get(name) == "half":
        raise ValueError(f"{name} was told to fail after it had declared its jobs")


def _reads(here: Here, plan: Mapping[str, Any], name: str) -> list[str]:
    return [_read(here, how, what) for how, what in plan["reads"].get(name, ())]


def _read(here: Here, how: str, what: str) -> str:
    match how:
        case "file":
            return Path(what).read_text()
        case "attribute":
            value: str = here.attributes[what].value  # type: ignore[attr-defined]
            return value
        case "data":
            return here.data[what]
        case "entry":
            return here.entries[what]
        case "value":
            return what
        case _:
            raise AssertionError(how)
