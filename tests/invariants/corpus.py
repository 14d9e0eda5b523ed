"""Prints fingerprints of a corpus of functions and values, for comparison between Python versions.

`across_versions` runs it as a program. The first argument is a folder with modules ``*.py``, each of which
defines ``f``. The second is the path of a status store that all versions share.
"""

import dataclasses
import datetime
import decimal
import enum
import fractions
import importlib.util
import json
import pathlib
import sys

from ppg_graph import JobId
from ppg_invariants import StatusStore, StoredObservation, encode_parameters, fingerprint_function


class Colour(enum.Enum):
    """Some colours."""

    RED = 1


@dataclasses.dataclass
class Point:
    """A point."""

    x: int
    y: float = 0.5


VALUES = {
    "plain": [None, True, 0, -1, 2**70, 0.1, -0.0, float("nan"), 1j, "ä\ud800", b"\0", (1, [2]), {3, 1, 2}],
    "nested": {"a": {(1, 2): [frozenset({"x", "y"})]}},
    "standard library": [
        decimal.Decimal("1.50"),
        fractions.Fraction(1, 3),
        datetime.datetime(2024, 2, 29, 12, tzinfo=datetime.timezone(datetime.timedelta(hours=1))),
        datetime.timedelta(1, 2, 3),
        range(1, 10, 2),
        pathlib.PurePosixPath("a/b"),
    ],
    "classes": [Colour.RED, Point(1), int],
}


def captures():
    """Functions that hold others."""

    def helper(x):
        return x + 1

    def with_function():
        return helper(1)

    def with_instance(thing=Point(2)):  # noqa: B008
        return thing

    def recursive():
        return recursive()

    return {
        "function": with_function,
        "instance": with_instance,
        "recursive": recursive,
        "lambda": lambda x: x,
    }


def main():
    """Print everything as JSON."""
    folder, store_path = map(pathlib.Path, sys.argv[1:])
    functions = captures()
    for path in sorted(folder.glob("*.py")):
        spec = importlib.util.spec_from_file_location(path.stem, path)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        functions[path.stem] = module.f
    found = {"values": {name: encode_parameters(value).hex() for name, value in VALUES.items()}}
    with StatusStore.open(store_path) as store:
        states = {name: fingerprint_function(function) for name, function in functions.items()}
        found["syntax"] = {name: state.syntax and state.syntax.hex() for name, state in states.items()}
        found["bytecode"] = {name: state.bytecode.hex() for name, state in states.items()}
        found["canonical"] = {}
        for name, state in states.items():
            fingerprint = store.resolve_function(JobId(name), state)
            store.remember(JobId(name), StoredObservation(fingerprint, function=state))
            found["canonical"][name] = fingerprint.hex()
    json.dump(found, sys.stdout)


if __name__ == "__main__":
    main()
