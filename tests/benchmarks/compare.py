"""Two kept reports side by side: python -m tests.benchmarks.compare OLD.json NEW.json."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from tests.benchmarks.peers.ninja import Ninja
from tests.benchmarks.peers.ppg import Ppg
from tests.benchmarks.report import Key, Report, load, shape_order
from tests.benchmarks.table import aligned, seconds

__all__ = ["compare", "main"]

YARDSTICK = Ninja.name
"""Who does not change between two commits, and so tells how fast the machine was."""


def compare(old: Report, new: Report) -> str:
    """A table of everything that ppg did in both.

    The last ratio divides by how much slower or faster the same step was for a program that did not change; a change
    is called one only if the ranges of all runs do not overlap.
    """
    both = [key for key in old.samples if key.peer == Ppg.name and key in new.samples]
    if not both:
        return "The two reports have nothing in common.\n"
    rows = [["", "old", "new", "new / old", f"by {YARDSTICK}'s pace", ""]]
    for key in sorted(both, key=lambda key: (key.workload, shape_order(key.shape), key.step)):
        before, after = old.wall(key), new.wall(key)
        assert before is not None
        assert after is not None
        ratio = after.median / before.median
        pace = _pace(old, new, key)
        if min(before.count, after.count) < 3:
            verdict = "too few runs"
        elif before.overlaps(after):
            verdict = "same"
        else:
            verdict = "slower" if ratio > 1 else "faster"
        rows.append(
            [
                f"{key.workload} {key.shape} {key.step}",
                seconds(before.median),
                seconds(after.median),
                f"{ratio:.2f}",
                f"{ratio / pace:.2f}" if pace else "–",
                verdict,
            ]
        )
    head = [f"old: {_about(old)}", f"new: {_about(new)}"]
    if (old.machine.processor, old.machine.cores) != (new.machine.processor, new.machine.cores):
        head.append("The machines differ: trust no ratio but those by pace, and these little.")
    return "\n".join(head) + "\n\n" + aligned(rows) + "\n"


def main(arguments: Sequence[str]) -> int:
    """Print the comparison."""
    parser = argparse.ArgumentParser(prog="compare", description="Compare two benchmark reports")
    parser.add_argument("old", type=Path)
    parser.add_argument("new", type=Path)
    options = parser.parse_args(arguments)
    try:
        print(compare(load(options.old), load(options.new)), end="")
    except (OSError, ValueError) as error:
        print(error, file=sys.stderr)
        return 2
    return 0


def _pace(old: Report, new: Report, key: Key) -> float | None:
    yardstick = Key(key.workload, key.shape, key.step, YARDSTICK)
    before, after = old.wall(yardstick), new.wall(yardstick)
    return after.median / before.median if before and after else None


def _about(report: Report) -> str:
    machine = report.machine
    return (
        f"{machine.commit}{' with changes' if machine.modified else ''}, {machine.when}, "
        f"Python {machine.python}, load {machine.load}"
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
