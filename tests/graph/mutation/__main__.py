"""Mutation testing of the evaluator: `python -m tests.graph.mutation [module …]` from the root of the workspace.

Each mutant runs in a fork in which its module is replaced: first the tests of the rules, then random lives of
scripts, from fixed seeds. A mutant that fails any of these, or does not end, is dead; the others are printed. (mutmut
copies and patches a whole project per run; with a workspace of five packages this is simpler and faster.)
"""

from __future__ import annotations

import argparse
import importlib.abc
import importlib.machinery
import importlib.util
import os
import signal
import sys
import time
from pathlib import Path
from random import Random
from typing import Any

import hypothesis
import hypothesis.stateful  # noqa: F401
import pytest

from tests.graph.mutation.operators import Mutant, mutants

SOURCES = Path("packages/ppg-graph/src/ppg_graph/decide")
MODULES = ("run_state", "admission", "evaluator", "extension", "propagation", "staleness", "moved_files")
TESTS = [
    "tests/graph/decide/test_protocol.py",
    "tests/graph/decide/test_rules.py",
    "tests/graph/decide/test_rules_of_caches.py",
    "tests/graph/decide/test_rules_of_choice.py",
    "tests/graph/decide/test_rules_of_failures.py",
    "tests/graph/decide/test_rules_of_generators.py",
    "tests/graph/decide/test_rules_of_stops.py",
    "tests/graph/decide/test_dryrun.py",
    "tests/graph/decide/test_core.py",
    "tests/graph/decide/test_moved_files.py",
    "tests/graph/decide/test_reads.py",
    "tests/graph/decide/test_reads_in_graphs.py",
]
COMPARES_TIMES = (
    "tests/graph/decide/test_core.py::test_nothing_to_do_takes_time_and_memory_in_proportion_to_the_graph"
)
"""Left out: on a busy machine a mutant could die for the time alone."""


class _Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Serves the mutant in place of its module."""

    def __init__(self, name: str, source: str) -> None:
        self.name = name
        self.source = source

    def find_spec(
        self, fullname: str, path: object, target: object = None
    ) -> importlib.machinery.ModuleSpec | None:
        return importlib.util.spec_from_loader(fullname, self) if fullname == self.name else None

    def exec_module(self, module: object) -> None:
        exec(compile(self.source, self.name, "exec"), vars(module))


def survives(module: str, mutant: Mutant, *, lives: int, seconds: int) -> bool:
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            # Processor time: a busy machine kills no mutant.
            signal.setitimer(signal.ITIMER_PROF, seconds)
            quiet = os.open(os.devnull, os.O_WRONLY)
            os.dup2(quiet, 1)
            os.dup2(quiet, 2)
            sys.meta_path.insert(0, _Finder(f"ppg_graph.decide.{module}", mutant.source))
            code = int(
                pytest.main(
                    [
                        "-x",
                        "-q",
                        "-n0",
                        "-o",
                        "filterwarnings=",
                        "-o",
                        "timeout=0",
                        "-p",
                        "no:cacheprovider",
                        "--deselect",
                        COMPARES_TIMES,
                        *TESTS,
                    ]
                )
            ) or live(lives)
        except BaseException:
            code = 1
        finally:
            os._exit(code)
    _, status = os.waitpid(pid, 0)
    return status == 0


def live(lives: int) -> int:
    """Random lives without hypothesis, which would spend its time on shrinking. Raises if a claim fails."""
    from tests.properties.graph.test_properties import Life

    for seed in range(lives):
        random = Random(seed)
        life = Life()
        life.begin(random, random.randrange(24 if seed % 8 == 0 else 8))
        for _ in range(6):
            _step(life, random)
    return 0


def _step(life: Any, random: Random) -> None:
    match random.randrange(7):
        case 0:
            life.edit(random, 1)
        case 1:
            life.meddle_with_files(random)
        case 2:
            life.run_well(random)
        case 3:
            life.run_with_failures(random)
        case 4:
            life.run_and_stop(random, random.randrange(1, 12))
        case 5:
            life.run_and_crash(random, random.randrange(1, 12))
        case _:
            life.run_a_part(random)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("modules", nargs="*", default=MODULES)
    parser.add_argument("--lives", type=int, default=400)
    parser.add_argument("--seconds", type=int, default=30)
    arguments = parser.parse_args()
    assert not any(name.startswith("ppg_graph") for name in sys.modules), "the mutants would not be seen"
    total = dead = 0
    for module in arguments.modules:
        source = (SOURCES / f"{module}.py").read_text(encoding="utf-8")
        began = time.monotonic()
        survivors: list[Mutant] = []
        count = 0
        for mutant in mutants(source):
            count += 1
            if survives(module, mutant, lives=arguments.lives, seconds=arguments.seconds):
                survivors.append(mutant)
                print(f"{module}:{mutant.line}: {mutant.what}", flush=True)
        total, dead = total + count, dead + count - len(survivors)
        print(
            f"== {module}: {count - len(survivors)} of {count} dead, {time.monotonic() - began:.0f} s",
            flush=True,
        )
    print(f"== all: {dead} of {total} dead, {100 * dead / total:.1f} %")


if __name__ == "__main__":
    main()
