"""The command: measure, print the table, keep the JSON file."""

import argparse
import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tests.benchmarks.cases import Size, sessions
from tests.benchmarks.peers import PEERS, QUICK_PEERS
from tests.benchmarks.programs import PROGRAMS, run_program
from tests.benchmarks.report import ROOT, Machine, Report, save
from tests.benchmarks.runner import Runner, say
from tests.benchmarks.table import render
from tests.benchmarks.workloads import WORKLOADS

__all__ = ["main"]

GOALS = sorted([*WORKLOADS, *PROGRAMS])


def main(arguments: Sequence[str]) -> int:
    """Measure what the options say; 1 if something of ours crashed or made wrong files."""
    options = _parser().parse_args(arguments)
    size = Size(options.sizes)
    quick = size is Size.QUICK
    machine = Machine.here()
    report = Report(options.sizes, machine)
    kept = options.json or _default_path(machine, size)
    names = options.peers or (QUICK_PEERS if quick else tuple(PEERS))
    with tempfile.TemporaryDirectory(prefix="ppg-benchmarks-", dir=options.directory) as scratch:
        runner = Runner(
            report,
            {name: PEERS[name] for name in names},
            cores=machine.cores,
            repetitions=options.repetitions or (1 if quick else 3),
            limit=options.limit,
            scratch=Path(scratch),
        )
        chosen = [name for name in GOALS if name in options.workloads]
        try:
            runner.set_up()
            for session in sessions([WORKLOADS[name] for name in chosen if name in WORKLOADS], size):
                runner.run(session)
                save(report, kept)
            for name in chosen:
                if name in PROGRAMS:
                    say(f"{name}: {PROGRAMS[name][0]}")
                    report.programs.append(run_program(name, size, options.limit))
        finally:
            save(report, kept)
    print(render(report))
    print(f"Kept in {os.path.relpath(kept)}")
    if runner.failed:
        print("ppg or the benchmark itself failed; see above")
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("--sizes", choices=[size.value for size in Size], default=Size.FULL.value)
    parser.add_argument(
        "--workloads", type=_one_of(GOALS), default=tuple(GOALS), help="comma-separated: P1,P4"
    )
    parser.add_argument("--peers", type=_one_of(list(PEERS)), help=f"comma-separated, of: {', '.join(PEERS)}")
    parser.add_argument("--repetitions", type=int, help="fresh directories a graph; 3, or 1 for quick sizes")
    parser.add_argument("--limit", type=int, default=1800, help="seconds for one process")
    parser.add_argument(
        "--json", type=Path, help="where to keep the report; below build/benchmarks by default"
    )
    parser.add_argument(
        "--directory", type=Path, help="where to work; the folder for temporary files by default"
    )
    return parser


def _one_of(known: Sequence[str]) -> "type[tuple[str, ...]]":
    def parse(text: str) -> tuple[str, ...]:
        names = tuple(text.split(","))
        for name in names:
            if name not in known:
                raise argparse.ArgumentTypeError(f"there is no '{name}'; there are {', '.join(known)}")
        return names

    return parse  # type: ignore[return-value]


def _default_path(machine: Machine, size: Size) -> Path:
    when = machine.when.replace(" ", "-").replace(":", "")
    return ROOT / "build" / "benchmarks" / f"{when}-{machine.commit}-{size.value}.json"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
