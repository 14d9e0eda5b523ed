"""Kills processes of a run, at every phase of it, and checks the run and the next two. Run as a program.

    python -m tests.faults.kills --rounds 400 --seed 1 --table

A round begins from nothing. It starts one to four runs of a small project. Each of them is hit once: a process of
its tree gets a signal while the run is in a phase, which a process of the run announces (`hooks`). Half of the
runs wait for the hit at that point; the others go on. After these runs come one that nothing hits and one that has
nothing to do.

Every run must end. Then nothing of it is alive, its folder for temporary files is empty, no file that counts as done
is half-written, and no job that counted as done has run again. The run without a hit must succeed with the outputs
of a run from nothing, and the last run must do nothing. No run prints an InternalError, or a traceback other than
the user's own.

The program goes on until every pair of a process and a phase was hit `--each` times in time, or until `--rounds`
rounds are over. It fails if a run was wrong, or with `--each`, if a pair was hit less often.
"""

import argparse
import concurrent.futures
import ctypes
import itertools
import signal
import sys
import tempfile
import time
from collections import Counter, defaultdict

from tests.faults.kills.hooks import POINTS
from tests.faults.kills.rounds import IMPOSSIBLE, PAIRS, PROCESSES, SIGNALS, Project, Round, seeded

ENDS = ["done", "jobs failed", "ended by the signal", "killed", "wrong"]
PR_SET_CHILD_SUBREAPER = 36
RUNS_PER_ROUND = [1, 2, 3, 4]
TRY_HARD = 40
"""Attempts at one pair without any hit in time, after which others are preferred."""


class Search:
    """Search: chooses what is hit next, and counts what came of it."""

    def __init__(self, seed, pairs):
        self.seed = seed
        self.all = pairs
        self.counts = Counter()
        self.tried = Counter()
        self.late = Counter()
        self.ends = defaultdict(Counter)
        self.signals = Counter()
        self.wrong = 0
        self.rounds = 0
        self.began = time.monotonic()
        kinds = [(which, doubled) for doubled in ("", "", "twice", "two processes") for which in SIGNALS]
        self.kinds = seeded(seed, "kinds").sample(kinds, len(kinds))

    def add(self, other):
        """Add what another search has counted."""
        for name in ("counts", "late", "signals"):
            getattr(self, name).update(getattr(other, name))
        for pair, ends in other.ends.items():
            self.ends[pair].update(ends)
        self.wrong += other.wrong
        self.rounds += other.rounds

    def next_kind(self):
        """The signal of the next hit, each as often as any other."""
        self.kinds.append(self.kinds.pop(0))
        return self.kinds[-1]

    def pairs(self, chance):
        """The pairs of the next round: those that were hit least often."""
        order = sorted(
            self.all, key=lambda pair: (self.counts[pair] + self.tried[pair] // TRY_HARD, chance.random())
        )
        first, *others = order[: chance.choice(RUNS_PER_ROUND)]
        # The others continue from what the first has left, which must not be removed.
        keep = [
            (process, phase)
            for process, phase in others
            if phase != "accept" and (phase != "first milliseconds" or process == "main process")
        ]
        return [first, *keep]

    def round(self, project, options):
        """Do one round."""
        number = self.rounds
        self.rounds += 1
        chance = seeded(self.seed, number)
        pairs = self.pairs(chance)
        for hit in Round(project, pairs, chance, [self.next_kind() for _ in pairs]).hits:
            pair = hit.process, hit.phase
            if options.verbose:
                print(
                    f"{time.monotonic() - self.began:.1f}",
                    number,
                    {**vars(hit), "said": ""},
                    file=sys.stderr,
                    flush=True,
                )
            self.tried[pair] += 1
            if hit.in_time:
                self.counts[pair] += 1
                self.tried[pair] = 0
                self.ends[pair][hit.end] += 1
                self.signals[hit.signals] += 1
            elif hit.signals:
                self.late[pair] += 1
            if hit.wrong:
                self.wrong += 1
                print(
                    f"round {self.seed}/{number}: {hit.wrong}\n{hit}\n{hit.said}", file=sys.stderr, flush=True
                )

    def table(self):
        """The pairs, how often each was hit, and how the runs ended."""
        yield f"| phase | process | hits | {' | '.join(ENDS)} |"
        yield f"| --- | --- | ---: |{' ---: |' * len(ENDS)}"
        for phase in POINTS:
            for process in PROCESSES:
                pair = process, phase
                if pair in IMPOSSIBLE:
                    continue
                cells = [str(self.ends[pair][end] or "") for end in ENDS]
                yield f"| {phase} | {process} | {self.counts[pair]} | {' | '.join(cells)} |".replace(
                    "  |", " |"
                )

    def impossible(self):
        """The pairs that cannot exist, and why."""
        for (process, phase), why in IMPOSSIBLE.items():
            yield f"- {phase}, {process}: {why}"


def search(options, number):
    """All rounds of one process, which has a share of the pairs."""
    # The orphans of a run become children of this process, which sees that they end.
    if ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        raise OSError("prctl")
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    found = Search(f"{options.seed}/{number}", PAIRS[number :: options.processes])
    with tempfile.TemporaryDirectory(prefix="kills") as folder:
        project = Project(folder)
        while found.rounds < options.rounds and time.monotonic() - found.began < options.seconds:
            if options.each and min(found.counts[pair] for pair in found.all) >= options.each:
                break
            found.round(project, options)
    return found


def main():
    """All rounds of all processes."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--rounds", type=int, default=400, help="at most so many rounds in each process")
    parser.add_argument("--seconds", type=float, default=float("inf"), help="begin no round after that")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--each", type=int, default=0, help="go on until each pair has so many hits")
    parser.add_argument("--processes", type=int, default=1, help="so many searches at once share the pairs")
    parser.add_argument("--table", action="store_true", help="print the table")
    parser.add_argument("--verbose", action="store_true", help="print each hit")
    options = parser.parse_args()
    with concurrent.futures.ProcessPoolExecutor(options.processes) as pool:
        total = Search(options.seed, PAIRS)
        for found in pool.map(search, itertools.repeat(options), range(options.processes)):
            total.add(found)
    if options.table:
        print("\n".join(total.table()))
        print("\nThese pairs cannot exist:\n\n" + "\n".join(total.impossible()) + "\n")
    signals = ", ".join(f"{count} {what}" for what, count in sorted(total.signals.items()))
    hits, late = total.counts.total(), total.late.total()
    print(
        f"{total.rounds} rounds, {hits} hits in time ({signals}), {late} after the phase, {total.wrong} wrong"
    )
    few = [pair for pair in PAIRS if total.counts[pair] < options.each]
    for process, phase in few:
        print(f"hit only {total.counts[process, phase]} times: {process}, {phase}")
    return bool(total.wrong or few)


if __name__ == "__main__":
    sys.exit(main())
