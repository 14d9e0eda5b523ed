"""The graphs, and the work of a job: the same for all peers.

The scripts of the peers import this in their own environments, so it needs nothing but builtin modules, and imports
next to nothing: its cost is part of every measurement.

A shape is a line of text: `wide 1000` (jobs without upstreams), `chain 1000`, `layers 20 50` (20 layers of 50 jobs,
each of which depends on all of the layer above), `sleeps 4 1.0` (4 jobs that sleep for a second). The first job of
each reads the file `input`, two words of which the second is its version. A job writes a line: its file's name and
the version of its source, which is `0` for jobs that read nothing; so a change of `input` changes everything
downstream of it, and nothing else.
"""

from __future__ import annotations

import time

TYPE_CHECKING = False  # typing is not imported at all
if TYPE_CHECKING:
    from collections.abc import Iterator

INPUT = "input"
FOLDER = "out"


def jobs(shape: str) -> Iterator[tuple[str, tuple[str, ...], str | None]]:
    """Yield (file, upstream files, source) of every job, upstreams first; the source is the file to read, or None."""
    kind, *numbers = shape.split()
    count = int(numbers[0])
    if kind in ("wide", "sleeps"):
        yield f"{FOLDER}/0", (), INPUT
        for number in range(1, count):
            yield f"{FOLDER}/{number}", (), None
    elif kind == "chain":
        before: str | None = None
        for number in range(count):
            name = f"{FOLDER}/{number}"
            yield name, (before,) if before else (), before or INPUT
            before = name
    elif kind == "layers":
        above: tuple[str, ...] = ()
        for layer in range(count):
            names = tuple(f"{FOLDER}/{layer}_{place}" for place in range(int(numbers[1])))
            for place, name in enumerate(names):
                yield name, above, above[0] if above else INPUT if place == 0 else None
            above = names
    else:
        raise ValueError(f"There is no shape '{shape}'")


def seconds_of(shape: str) -> float:
    """How long each job sleeps, in seconds."""
    return float(shape.split()[2]) if shape.startswith("sleeps ") else 0.0


def produce(name: str, source: str | None, seconds: float = 0.0) -> None:
    """The work of one job."""
    if seconds:
        time.sleep(seconds)
    version = "0"
    if source is not None:
        with open(source) as stream:
            version = stream.read().split()[1]
    with open(name, "w") as stream:
        stream.write(f"{name} {version}\n")


def shell_command(name: str, source: str | None, seconds: float = 0.0) -> str:
    """The work of one job for those who run commands: nothing but builtins of the shell, unless it sleeps."""
    slept = f"sleep {seconds} && " if seconds else ""
    if source is None:
        return f"{slept}echo {name} 0 > {name}"
    return f"{slept}read -r _ version < {source} && echo {name} $version > {name}"
