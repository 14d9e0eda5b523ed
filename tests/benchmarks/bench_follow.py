"""How following names grows with the number of functions and with what they reach.

    python tests/benchmarks/bench_follow.py [--former]

Each project is a chain of helpers, and functions that all lead into it. Printed are the seconds of the fingerprints of all
functions, and those of keeping them in a new store; beside each the ratio to the size before, where twice the functions
and twice the helpers make 2 if it is linear, and 4 if each function lists all that it reaches. With ``--former``,
the last columns show the lists of an earlier ppg, which are made once, when its store is met (some minutes).
"""

from __future__ import annotations

import sys
import tempfile
import time
import types
from collections.abc import Callable
from pathlib import Path

from ppg_graph import JobId
from ppg_invariants import Follow, StatusStore, StoredObservation, fingerprint_function

SIZES = ((400, 500), (800, 1000), (1600, 2000))
ROUNDS = 3
FORMER = (False, True) if "--former" in sys.argv[1:] else (False,)


def functions(count: int, length: int, folder: Path) -> list[Callable[[str], object]]:
    """Functions that lead into a chain of helpers."""
    text = "".join(f"def h{n}(x):\n    return h{n + 1}(x)\n" for n in range(length))
    text += f"def h{length}(x):\n    return x\n"
    text += "".join(f"def f{n}(x):\n    return h{n % 7}(x), {n}\n" for n in range(count))
    path = folder / f"chain_{count}.py"
    path.write_text(text)
    module = types.ModuleType(path.stem)
    module.__file__ = str(path)
    sys.modules[path.stem] = module
    exec(compile(text, path, "exec"), vars(module))
    return [vars(module)[f"f{n}"] for n in range(count)]


def fingerprints(made: list[Callable[[str], object]], *, former: bool) -> None:
    """Fingerprint all functions, as one run does it."""
    follow = Follow(former=former)
    for one in made:
        assert fingerprint_function(one, follow=follow).bytecode


def kept(made: list[Callable[[str], object]], path: Path, *, former: bool) -> None:
    """Fingerprint all functions, and keep what explains the fingerprints."""
    follow = Follow(former=former)
    with StatusStore.open(path) as store:
        for number, one in enumerate(made):
            state = fingerprint_function(one, follow=follow)
            job_id = JobId(f"FI:{number}")
            store.remember(
                job_id, StoredObservation(store.resolve_function(job_id, state), function=state, own=b"")
            )


def seconds(work: Callable[[int], object]) -> float:
    """The best of some rounds."""
    best = float("inf")
    for number in range(ROUNDS):
        begin = time.perf_counter()
        work(number)
        best = min(best, time.perf_counter() - begin)
    return best


def main() -> None:
    """All sizes."""
    print(
        f"{'functions x helpers':<20}"
        + "".join(f"{what:>24}" for what in ("fingerprints", "kept", "lists of before", "kept"))
    )
    before: list[float] = []
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        for count, length in SIZES:
            made = functions(count, length, folder)
            measured = []
            for former in FORMER:
                measured.append(seconds(lambda _n: fingerprints(made, former=former)))  # noqa: B023
                stores = folder / f"{count}{former}"
                stores.mkdir()
                measured.append(seconds(lambda n: kept(made, stores / f"{n}", former=former)))  # noqa: B023
            ratios = (
                [f"x {now / then:.1f}" for now, then in zip(measured, before, strict=True)]
                if before
                else [""] * len(measured)
            )
            row = "".join(f"{now:>15.3f} s {ratio:>6}" for now, ratio in zip(measured, ratios, strict=True))
            print(f"{f'{count} x {length}':<20}{row}", flush=True)
            before = measured


if __name__ == "__main__":
    main()
