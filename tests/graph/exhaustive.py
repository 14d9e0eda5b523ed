"""Everything small: all graphs, all kinds, all failures, and the histories that lead from one run to the next.

A *move* is what one run is given: what the script says (as always, or with one thing changed), and what somebody
did to the files before it. A *history* is up to three moves, each with a set of jobs that fail and an order of
completion. Runs that begin from the same files and records are the same run, so every graph is explored state by
state, like a model checker does it: what is counted as a history is a path, what is counted as a run was really
run, on the real evaluator and on the reference in lockstep (`reference.lockstep`).

Nothing is random. Two things are left out because they are the same as something that is there: a set of failures
with a job that does not even start, and the second order of completion where never two jobs run at once.

    python -m tests.graph.exhaustive --nodes 4 --effort 'failures, changes' --up-to-isomorphism --shard 0/8
"""

from __future__ import annotations

import argparse
import itertools
import time
from collections.abc import Hashable, Iterator
from dataclasses import dataclass, field, replace
from typing import Literal, Self

from tests.graph.reference.graphs import Graph, graphs, variants, with_reads
from tests.graph.reference.lockstep import Order, Outcome, Schedule, Wrong, run
from tests.graph.reference.moves import ALWAYS, ANYTHING, ANYTHING_READ, EDITS, Menu, Move
from tests.graph.reference.world import Script, State

__all__ = ["EFFORTS", "Counts", "Effort", "explore", "search"]

ORDERS: tuple[Order, Order] = ("first in", "last in")
EMPTY = State({}, {})


Failures = Literal["none", "one", "all"]


@dataclass(frozen=True, slots=True)
class Round:
    """What is tried in one run of a history."""

    menu: Menu
    failures: Failures = "all"


@dataclass(frozen=True, slots=True)
class Effort:
    """How much is tried of each graph."""

    rounds: tuple[Round, ...]
    cuts: bool = False  # also kill and stop every run at every point
    check: bool = False  # the evaluator's own check of its whole state after every event


@dataclass(slots=True)
class Counts:
    """What was covered."""

    graphs: int = 0
    histories: int = 0
    runs: int = 0
    decisions: int = 0
    events: int = 0

    def __iadd__(self, other: Counts) -> Self:
        self.graphs += other.graphs
        self.histories += other.histories
        self.runs += other.runs
        self.decisions += other.decisions
        self.events += other.events
        return self

    def as_row(self) -> tuple[int, int, int, int, int]:
        """In the order of the fields, for reports that go through JSON."""
        return self.graphs, self.histories, self.runs, self.decisions, self.events

    def __str__(self) -> str:
        return (
            f"{self.graphs:,} graphs, {self.histories:,} histories, {self.runs:,} runs, "
            f"{self.decisions:,} decisions, {self.events:,} ends of jobs"
        )


@dataclass(slots=True)
class _Reached:
    """A state, in how many ways it was reached, and one of them."""

    state: State
    paths: int
    story: tuple[str, ...]


def explore(graph: Graph, effort: Effort) -> Counts:
    """Try everything on one graph. Raises Wrong with the history that leads there."""
    return _Exploration(graph, effort).explore()


@dataclass(slots=True)
class _Exploration:
    graph: Graph
    effort: Effort
    counts: Counts = field(default_factory=lambda: Counts(graphs=1))
    expected: dict[int, dict[str, bytes]] = field(default_factory=dict)
    checked: set[Hashable] = field(default_factory=set)
    moves: dict[Menu, list[Move]] = field(default_factory=dict)

    def explore(self) -> Counts:
        level: dict[Hashable, _Reached] = {EMPTY.key(): _Reached(EMPTY, 1, ())}
        script = self.graph.script()
        for round_ in self.effort.rounds:
            after: dict[Hashable, _Reached] = {}
            if round_.menu not in self.moves:  # once, as scripts are told apart by their identity
                self.moves[round_.menu] = [move for moves in round_.menu for move in moves(script)]
            for reached in level.values():
                for move in self.moves[round_.menu]:
                    self._try(reached, move, round_.failures, after)
                    if self.effort.cuts:
                        self._cut_short(reached, move)
            level = after
        return self.counts

    def _try(
        self, reached: _Reached, move: Move, failures: Failures, after: dict[Hashable, _Reached]
    ) -> None:
        """One move, with every set of failures, in both orders of completion."""
        before = reached.state
        state = before if move.before is None else move.before(before)
        if move.before is not None and state.disk == before.disk:
            return
        outcomes: dict[tuple[Order, frozenset[str]], Outcome] = {}
        for failing in _failures(move.script, failures):
            for order in ORDERS:
                outcome = self._same_as_before(outcomes, order, failing)
                if outcome is None:
                    story = (*reached.story, f"{move.label}; failing {sorted(failing)}; {order}")
                    outcome = self._run(state, move.script, Schedule(order, failing), story)
                    self._check_afterwards(outcome, move.script, story)
                outcomes[order, failing] = outcome
                self.counts.histories += reached.paths
                there = after.get(outcome.state.key())
                if there is None:
                    story = (*reached.story, f"{move.label}; failing {sorted(failing)}; {order}")
                    after[outcome.state.key()] = _Reached(outcome.state, reached.paths, story)
                else:
                    there.paths += reached.paths
            first, last = (outcomes[order, failing] for order in ORDERS)
            if not (first.unordered or last.unordered) and _outputs(first) != _outputs(last):
                raise Wrong(
                    f"{self.graph}\n{reached.story} {move.label}; failing {sorted(failing)}\n"
                    f"depends on the schedule: {_outputs(first)} or {_outputs(last)}"
                )

    @staticmethod
    def _same_as_before(
        outcomes: dict[tuple[Order, frozenset[str]], Outcome], order: Order, failing: frozenset[str]
    ) -> Outcome | None:
        for job in failing:
            fewer = outcomes.get((order, failing - {job}))
            if fewer is not None and job not in fewer.started:
                return fewer
        first = outcomes.get(("first in", failing))
        return first if first is not None and not first.was_concurrent else None

    def _run(self, state: State, script: Script, schedule: Schedule, story: tuple[str, ...]) -> Outcome:
        try:
            outcome = run(state, script, schedule, check=self.effort.check)
        except Exception as error:
            history = "\n".join(f"  {index + 1}. {line}" for index, line in enumerate(story))
            raise Wrong(f"{self.graph}\n{history}\n{type(error).__name__}: {error}") from error
        self.counts.runs += 1
        self.counts.decisions += len(outcome.kinds)
        self.counts.events += outcome.events
        return outcome

    # --- the properties -----------------------------------------------------------------------------------------

    def _check_afterwards(self, outcome: Outcome, script: Script, story: tuple[str, ...]) -> None:
        """Correct at once; idle if run again; after a failure, only what failed or was blocked is done."""
        is_complete = not (outcome.failed or outcome.blocked or outcome.was_cut_short)
        if outcome.unordered or (outcome.was_cut_short and script.reads):
            self._check_when_reads_are_known(outcome, script, story, is_complete=is_complete)
            return
        if is_complete:
            self._check_correct(outcome, script, story)
        done = outcome.clean | (outcome.committed & outcome.state.store.keys())
        done = frozenset(job for job in done if outcome.kinds[job] == "OUTPUT")
        key = (outcome.state.key(), id(script), is_complete or done)
        if key in self.checked:
            return
        self.checked.add(key)
        story = (*story, "again")
        again = self._run(outcome.state, script, Schedule(), story)
        if is_complete:
            extra = {job for job in again.started if not _is_due_every_time(again, script, job)}
            if extra:
                raise Wrong(f"{self.graph}\n{story}\nis not idle: {sorted(extra)} started")
        elif outcome.state.is_honest:
            extra = done.intersection(again.started) - script.forced
            if extra:
                raise Wrong(f"{self.graph}\n{story}\nwas done, and is done again: {sorted(extra)}")
            if not (again.failed or again.blocked or again.unordered):
                self._check_correct(again, script, story)

    def _check_when_reads_are_known(
        self, outcome: Outcome, script: Script, story: tuple[str, ...], *, is_complete: bool
    ) -> None:
        """A job may have read something old: the next run is correct, if nothing went wrong, and one more is idle."""
        key = (outcome.state.key(), id(script), is_complete, "unordered")
        if key in self.checked:
            return
        self.checked.add(key)
        runs = 1 if is_complete else 2
        if script.targets is not None:
            runs += len(
                script.reads
            )  # each run may bring the maker of one more read, which then reads itself
        for _ in range(runs):
            story = (*story, "again")
            outcome = self._run(outcome.state, script, Schedule(), story)
            if outcome.failed or outcome.blocked:
                return
        if outcome.unordered and any(outcome.kinds[job] == "GENERATOR" for job in outcome.excluded):
            return  # which may make what is read
        if outcome.unordered:
            raise Wrong(f"{self.graph}\n{story}\nstill do not wait for what they read: {outcome.unordered}")
        self._check_afterwards(outcome, script, story)

    def _check_correct(self, outcome: Outcome, script: Script, story: tuple[str, ...]) -> None:
        if not outcome.state.is_honest:
            return
        expected = self.expected.get(id(script))
        if expected is None:
            expected = script.expected(outcome.state.disk, outcome.excluded)
            if not script.reads:  # else it depends on the files
                self.expected[id(script)] = expected
        for job, kind in outcome.kinds.items():
            takes_part = kind == "OUTPUT" and job not in outcome.excluded
            if takes_part and outcome.state.disk.get(job) != expected[job]:
                raise Wrong(f"{self.graph}\n{story}\n{job} is not what a run from nothing makes")

    def _cut_short(self, reached: _Reached, move: Move) -> None:
        """Kill the run before each change that it makes, and stop it after each job that ends."""
        state = reached.state if move.before is None else move.before(reached.state)
        for order in ORDERS:
            whole = self._run(state, move.script, Schedule(order), (*reached.story, move.label))
            cuts = [Schedule(order, dies_after=count) for count in range(whole.changes)]
            cuts += [Schedule(order, stops_after=count) for count in range(whole.events)]
            for schedule in cuts:
                story = (*reached.story, f"{move.label}; {schedule}")
                outcome = self._run(state, move.script, schedule, story)
                self.counts.histories += reached.paths
                self._check_afterwards(outcome, move.script, story)
            if not whole.was_concurrent:
                break


def _failures(script: Script, which: Failures) -> Iterator[frozenset[str]]:
    """Sets of jobs that fail, small ones first."""
    kinds, _ = script.everything
    jobs = sorted(job for job, kind in kinds.items() if kind != "INVARIANT")
    most = {"none": 0, "one": 1, "all": len(jobs)}[which]
    for size in range(min(most, len(jobs)) + 1):
        for failing in itertools.combinations(jobs, size):
            yield frozenset(failing)


def _outputs(outcome: Outcome) -> tuple[list[str], ...]:
    """Which OUTPUTs were built, skipped, failed and blocked."""
    groups = (outcome.succeeded, outcome.clean, outcome.failed, outcome.blocked)
    return tuple(sorted(job for job in group if outcome.kinds.get(job) == "OUTPUT") for group in groups)


def _is_due_every_time(outcome: Outcome, script: Script, job: str) -> bool:
    """Is it a generator, forced, a load that was asked for, or a lazy job that one needs through lazy jobs only?"""
    asked_for = (script.targets or frozenset()) | script.until
    if outcome.kinds[job] == "GENERATOR" or (outcome.kinds[job] == "LOAD" and job in asked_for):
        return True
    if job in script.forced:
        return True
    _, ups = script.everything
    downs = [down for down in ups if any(up == job for up, _ in ups[down])]
    return outcome.kinds[job] in ("LAZY", "LOAD") and any(
        _is_due_every_time(outcome, script, down) for down in downs
    )


# --- how much -------------------------------------------------------------------------------------------------

EFFORTS = {
    # Every set of failures; and then what is left is done.
    "failures": Effort((Round(ALWAYS),)),
    # The same, and then anything is changed.
    "failures, changes": Effort((Round(ALWAYS), Round(ANYTHING, "none"))),
    # Anything is changed, anything fails; and once more.
    "changes, changes": Effort((Round(ANYTHING), Round(ANYTHING, "none"))),
    "all pairs": Effort((Round(ANYTHING), Round(ANYTHING))),
    "all triples": Effort((Round(ANYTHING), Round(ANYTHING), Round(ANYTHING, "one"))),
    # A first run, then an edit, and both are killed and stopped at every point.
    "cuts": Effort((Round(ALWAYS, "none"), Round(EDITS, "none")), cuts=True),
    "cuts of changes": Effort((Round(ANYTHING, "none"),), cuts=True),
    "all cuts": Effort((Round(ANYTHING, "one"), Round(ANYTHING, "none")), cuts=True),
    # Anything is changed, and what is read without a word may be declared or not.
    "reads": Effort((Round(ALWAYS, "one"), Round(ANYTHING_READ, "one"))),
    "reads, no failures": Effort((Round(ALWAYS, "none"), Round(ANYTHING_READ, "none"))),
    "all reads": Effort((Round(ANYTHING_READ, "one"), Round(ANYTHING_READ, "one"))),
    "cuts of reads": Effort((Round(ALWAYS, "none"), Round(ANYTHING_READ, "none")), cuts=True),
    "edits": Effort((Round(ALWAYS, "none"), Round(EDITS, "none"))),
}


def search(
    nodes: int,
    effort: Effort,
    *,
    shard: int = 0,
    shards: int = 1,
    seconds: float | None = None,
    of_variants: bool = False,
    of_reads: bool = False,
    up_to_isomorphism: bool = False,
) -> Counts:
    """Explore every `shards`-th graph, or all variants of those, or those with something that is read.

    Stops after `seconds`, if given; the counts say how far it came.
    """
    counts = Counts()
    until = None if seconds is None else time.monotonic() + seconds
    for index, graph in enumerate(graphs(nodes, up_to_isomorphism=up_to_isomorphism)):
        if index % shards != shard:
            continue
        if until is not None and time.monotonic() > until:
            break
        for chosen in variants(graph) if of_variants else with_reads(graph) if of_reads else (graph,):
            counts += explore(chosen, effort)
    return counts


def main() -> None:
    """Search from the command line, for as long as you like."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--nodes", type=int, default=3)
    parser.add_argument("--effort", choices=sorted(EFFORTS), default="failures")
    parser.add_argument("--shard", default="0/1", help="which part of the graphs: 3/8 is the fourth eighth")
    parser.add_argument("--seconds", type=float, default=None)
    parser.add_argument("--variants", action="store_true")
    parser.add_argument("--reads", action="store_true")
    parser.add_argument("--up-to-isomorphism", action="store_true")
    parser.add_argument("--check", action="store_true", help="the evaluator checks itself after every event")
    options = parser.parse_args()
    shard, shards = map(int, options.shard.split("/"))
    effort = replace(EFFORTS[options.effort], check=options.check)
    began = time.monotonic()
    counts = search(
        options.nodes,
        effort,
        shard=shard,
        shards=shards,
        seconds=options.seconds,
        of_variants=options.variants,
        of_reads=options.reads,
        up_to_isomorphism=options.up_to_isomorphism,
    )
    print(f"{options.nodes} nodes, {options.effort}: {counts}; {time.monotonic() - began:.1f} s")


if __name__ == "__main__":
    main()
