"""The rules of the decision model, written down as they read: the yardstick of the real evaluator.

After every event everything that follows from what has happened is worked out again, from nothing, over the
whole graph. What has happened is kept as plain sets (`made`, `failed`, `running`, …); what follows from it
(`Conclusions`) is thrown away after every event. Jobs and kinds are strings, a fingerprint ("print") is anything
that compares. It shares no code and no data type with `ppg_graph`.

Points that the rules leave to be read between the lines, and how they are read here:

- A failed job blocks what cannot be decided or cannot run without it. Where its fingerprint is known anyway (a
  load, or a clean lazy job that failed while it was made again), jobs that are clean stay clean; otherwise it
  would depend on the schedule whether they were skipped before the failure or blocked by it.
- Demand is withdrawn when whoever demanded is blocked before the demanded job has begun.
- Below a generator that has not ended, a missing upstream (or a narrower set of parts) is not a reason: the edge
  may still come.
- A lazy or load job counts as settled for its own upstreams if it was made, failed, was blocked, or can no longer
  be demanded because everything directly downstream of it is settled.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Mapping
from dataclasses import dataclass, field

__all__ = ["INTACT", "Conclusions", "Past", "Reference", "Step", "below"]

Print = Hashable
Edges = Mapping[tuple[str, str], frozenset[str] | None]

INTACT = "INTACT"
CONTENT = ("OUTPUT", "LAZY")
ON_DEMAND = ("LAZY", "LOAD")
DECIDING = ("OUTPUT", "GENERATOR")


def below(jobs: Collection[str], edges: Edges) -> set[str]:
    """What can be reached downstream of `jobs`: without them, unless there is a cycle."""
    found: set[str] = set()
    while True:
        more = {down for up, down in edges if up in found or up in jobs} - found
        if not more:
            return found
        found |= more


@dataclass(frozen=True, slots=True)
class Past:
    """A job's last success: its kind, its print, and the print of everything that it consumed."""

    kind: str
    print: Print
    consumed: Mapping[str, Print]
    parts: Mapping[str, Print]


@dataclass(slots=True)
class Step:
    """What one event led to."""

    starts: list[str] = field(default_factory=list)
    removals: list[str] = field(default_factory=list)
    commits: dict[str, Past] = field(default_factory=dict)
    forgotten: list[str] = field(default_factory=list)
    surprises: list[str] = field(default_factory=list)
    rejected: bool = False


class Reference:
    """Decides a run by the rules, slowly.

    `look(job)` says what there is to be seen of a job: the print of an invariant or None if it cannot be observed;
    of a job with files whether they are as its past says ("INTACT" or anything else).
    """

    def __init__(
        self,
        kinds: Mapping[str, str],
        edges: Edges,
        history: Mapping[str, Past],
        look: Callable[[str], Print],
        *,
        pruned: Collection[str] = (),
        targets: Collection[str] | None = None,
    ) -> None:
        self.kinds = dict(kinds)
        self.edges = dict(edges)
        self.history = history
        self.look = look
        self.pruned = set(pruned)
        self.targets = None if targets is None else set(targets)
        self.seen: dict[str, Print] = {}
        self.made: dict[str, Print] = {}
        self.made_parts: dict[str, Mapping[str, Print]] = {}
        self.there: set[str] = set()  # made on demand in this run, and not removed since
        self.removed: set[str] = set()
        self.running: set[str] = set()
        self.failed: set[str] = set()
        self.blocked: set[str] = set()
        self.cancelled: set[str] = set()
        self.is_stopped = False
        self._survey()

    # --- events ------------------------------------------------------------------------------------------------

    def start(self) -> Step:
        """Everything has been declared: what can begin?"""
        return self._go_on(Step())

    def succeeded(self, job: str, print_: Print, parts: Mapping[str, Print] | None = None) -> Step:
        """`job` ran, and its outputs are as they should be."""
        step = Step()
        before = self.conclude()
        self.running.remove(job)
        kind = self.kinds[job]
        if kind == "LOAD":
            self.made[job] = before.known[job]
        elif job in before.known:  # rule 6: made again, and keeps the print that others have seen
            if print_ != before.known[job]:
                step.surprises.append(job)
            self.made[job] = before.known[job]
            self.made_parts[job] = before.parts[job]
        else:
            self.made[job] = print_
            self.made_parts[job] = parts or {}
        if kind in ON_DEMAND:
            self.there.add(job)
        consumed = {up: before.consumed(up, job) for up in self.upstreams(job)}
        step.commits[job] = Past(kind, self.made[job], consumed, self.made_parts.get(job, {}))
        return self._go_on(step)

    def did_fail(self, job: str) -> Step:
        """`job` ran and failed."""
        self.running.remove(job)
        self.failed.add(job)
        return self._go_on(Step(forgotten=[job]))

    def did_not_begin(self, job: str) -> Step:
        """`job` was told to start but was taken back before it began."""
        self.running.remove(job)
        self.cancelled.add(job)
        return self._go_on(Step())

    def generated(self, generator: str, print_: Print, kinds: Mapping[str, str], edges: Edges) -> Step:
        """`generator` ran, and made these jobs and edges."""
        if self._is_forbidden(generator, kinds, edges):
            step = self.did_fail(generator)
            step.rejected = True
            return step
        for job, kind in kinds.items():
            self.kinds[job] = kind
        for edge, parts in edges.items():
            before = self.edges.get(edge, frozenset())
            self.edges[edge] = None if parts is None or before is None else parts | before
        self._survey()
        return self.succeeded(generator, print_)

    def stop(self) -> Step:
        """Start nothing more."""
        self.is_stopped = True
        return self._go_on(Step())

    # --- what the graph says ----------------------------------------------------------------------------------

    def upstreams(self, job: str) -> list[str]:
        return [up for up, down in self.edges if down == job]

    def downstreams(self, job: str) -> list[str]:
        return [down for up, down in self.edges if up == job]

    def _survey(self) -> None:
        """Order the jobs, upstreams first; settle who takes part; look at what is there to be seen."""
        self.order: list[str] = []
        while len(self.order) < len(self.kinds):
            ready = [
                job
                for job in self.kinds
                if job not in self.order and all(up in self.order for up in self.upstreams(job))
            ]
            if not ready:
                raise ValueError("cycle")
            self.order += ready
        self.excluded = self.pruned | below(self.pruned, self.edges)
        if self.targets is not None:
            self.excluded |= {
                job
                for job in self.kinds
                if job not in self.targets and not (below({job}, self.edges) & self.targets)
            }
        for job, kind in self.kinds.items():
            if job in self.seen or job in self.excluded:
                continue
            if kind == "INVARIANT":
                self.seen[job] = self.look(job)
                if self.seen[job] is None:
                    self.failed.add(job)
            elif kind in CONTENT and self.past(job) is not None:
                self.seen[job] = self.look(job)

    def past(self, job: str) -> Past | None:
        """The record of `job`, unless it is of a kind that says nothing about it."""
        past = self.history.get(job)
        if past is None or past.kind == self.kinds[job]:
            return past
        return past if past.kind in CONTENT and self.kinds[job] in CONTENT else None

    def _is_forbidden(self, generator: str, kinds: Mapping[str, str], edges: Edges) -> bool:
        """Rule 9, and what no graph may have: jobs twice, edges to nowhere, cycles."""
        waiting = below({generator}, self.edges)
        if any(job in self.kinds for job in kinds):
            return True
        for up, down in edges:
            if (up not in self.kinds and up not in kinds) or (down not in self.kinds and down not in kinds):
                return True
            if down not in kinds and down not in waiting:
                return True
        together = {**self.edges, **edges}
        return any(job in below({job}, together) for job in (*self.kinds, *kinds))

    # --- what follows -----------------------------------------------------------------------------------------

    def conclude(self) -> Conclusions:
        """All that follows from what has happened. Being blocked is final, so that is remembered."""
        while True:
            now = Conclusions(self)
            if now.blocked <= self.blocked:
                return now
            self.blocked |= now.blocked

    def _go_on(self, step: Step) -> Step:
        now = self.conclude()
        for job in now.starts:
            self.running.add(job)
            step.starts.append(job)
        for job in now.removals:
            self.there.discard(job)
            self.removed.add(job)
            step.removals.append(job)
        return step

    @property
    def is_finished(self) -> bool:
        return not self.running

    def skipped(self) -> set[str]:
        """At the end: everything that took part, did nothing, and was kept from nothing."""
        now = self.conclude()
        others = self.excluded | self.failed | self.blocked | self.cancelled | set(self.made)
        idle = {job for job in self.kinds if job not in others and self.kinds[job] != "INVARIANT"}
        return {job for job in idle if job in now.clean or self.kinds[job] in ON_DEMAND}


class Conclusions:
    """What follows from the state of a `Reference`, worked out from nothing. One paragraph a question."""

    def __init__(self, facts: Reference) -> None:
        self.facts = facts
        kinds, order = facts.kinds, facts.order
        part_of_it = [job for job in order if job not in facts.excluded]
        ups: dict[str, list[str]] = {job: [] for job in order}
        downs: dict[str, list[str]] = {job: [] for job in order}
        for up, down in facts.edges:
            ups[down].append(up)
            if down not in facts.excluded:
                downs[up].append(down)
        self.ups = ups

        # Which fingerprints are known, which jobs are clean, and which have a reason to be done again?
        self.known: dict[str, Print] = {}
        self.parts: dict[str, Mapping[str, Print]] = {}
        self.stale: set[str] = set()
        self.clean: set[str] = set()
        waits_for_generator: set[str] = set()
        for job in part_of_it:
            kind = kinds[job]
            if any(
                (kinds[up] == "GENERATOR" and up not in facts.made) or up in waits_for_generator
                for up in ups[job]
            ):
                waits_for_generator.add(job)
            if job in facts.made:
                self.known[job] = facts.made[job]
                self.parts[job] = facts.made_parts.get(job, {})
            elif kind == "INVARIANT":
                if facts.seen[job] is not None:
                    self.known[job] = facts.seen[job]
            elif kind == "LOAD":
                if all(up in self.known for up in ups[job]):
                    self.known[job] = ("load", frozenset((up, self.consumed(up, job)) for up in ups[job]))
            elif kind in CONTENT:
                past = facts.past(job)
                if past is None or self._has_a_reason(job, past, job in waits_for_generator):
                    self.stale.add(job)
                elif all(up in self.known for up in ups[job]):
                    self.clean.add(job)
                    self.known[job] = past.print
                    self.parts[job] = past.parts

        # Whose files and data can be used as they are?
        leftovers = {job for job in part_of_it if kinds[job] == "LAZY" and facts.seen.get(job) == INTACT}
        leftovers -= facts.removed | facts.failed
        usable = facts.there | (leftovers & self.clean)

        # Which OUTPUTs and GENERATORs are still to be decided or done, and above whom do they lie?
        over = facts.excluded | facts.failed | facts.blocked | set(facts.made)
        to_do = {job for job in part_of_it if kinds[job] in DECIDING and job not in over | self.clean}
        needed: set[str] = set()
        for job in reversed(part_of_it):
            if any(down in to_do or down in needed for down in downs[job]):
                needed.add(job)

        # Who has to run, and who is demanded for it?
        self.must_run: set[str] = set()
        out_of_play = facts.failed | facts.blocked | facts.running | facts.cancelled
        for job in reversed(part_of_it):
            if job in out_of_play:
                continue
            kind = kinds[job]
            is_demanded = any(down in self.must_run or down in facts.running for down in downs[job]) or (
                kind == "LAZY" and facts.targets is not None and job in facts.targets
            )
            if kind == "OUTPUT":
                runs = job in self.stale
            elif kind == "GENERATOR":
                runs = job not in facts.made
            elif kind == "LOAD" or job in facts.made:
                runs = kind in ON_DEMAND and is_demanded and job not in facts.there
            else:
                runs = kind == "LAZY" and (
                    (job in self.stale and (job in needed or is_demanded))
                    or (is_demanded and job not in leftovers)
                )
            if runs:
                self.must_run.add(job)

        # Who cannot be decided any more, or cannot get what it needs?
        self.blocked: set[str] = set()
        lost = facts.failed | facts.blocked
        for job in part_of_it:
            if job in out_of_play or job in facts.made:
                undecidable = False
            else:
                undecidable = any(up in lost and up not in self.known for up in ups[job])
            starved = job in self.must_run and any(
                up in lost and kinds[up] in ON_DEMAND and up not in usable for up in ups[job]
            )
            if undecidable or starved:
                self.blocked.add(job)

        # Who begins now?
        self.starts: list[str] = []
        if not facts.is_stopped:
            self.starts = [
                job
                for job in part_of_it
                if job in self.must_run
                and job not in self.blocked
                and all(up in self.known for up in ups[job])
                and all(up in usable for up in ups[job] if kinds[up] in ON_DEMAND)
            ]

        # For whom is everything downstream over, and what can go?
        settled: set[str] = set(facts.failed | facts.blocked)
        for job in reversed(part_of_it):
            if kinds[job] in DECIDING:
                is_settled = job in facts.made or job in self.clean
            elif kinds[job] in ON_DEMAND:
                is_settled = job in facts.made or all(down in settled for down in downs[job])
            else:
                is_settled = True
            if is_settled and job not in facts.running:
                settled.add(job)
        self.removals = [
            job
            for job in part_of_it
            if job in facts.there | leftovers
            and job not in facts.running | facts.failed | facts.blocked | self.must_run
            and not (facts.targets is not None and job in facts.targets and kinds[job] == "LAZY")
            and all(down in settled for down in downs[job])
            and (kinds[job] == "LOAD" or not any(down in lost for down in downs[job]))
        ]

    def consumed(self, up: str, down: str) -> Print:
        """What `down` sees of `up`: all of it, or the named parts."""
        names = self.facts.edges[up, down]
        if names is None:
            return self.known[up]
        return ("parts", frozenset((name, self.parts[up].get(name)) for name in names))

    def _has_a_reason(self, job: str, past: Past, may_get_edges: bool) -> bool:
        ups = self.ups[job]
        if self.facts.kinds[job] == "OUTPUT" and self.facts.seen[job] != INTACT:
            return True
        if any(up not in past.consumed for up in ups):
            return True
        if not may_get_edges and any(up not in ups for up in past.consumed):
            return True
        return any(
            self.consumed(up, job) != past.consumed[up]
            for up in ups
            if up in self.known and not (may_get_edges and self.facts.edges[up, job] is not None)
        )
