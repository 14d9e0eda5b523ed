"""The rules of the decision model, written down as they read: the yardstick of the real evaluator.

After every event everything that follows from what has happened is worked out again, from nothing, over the
whole graph. What has happened is kept as plain sets (`made`, `failed`, `running`, …); what follows from it
(`Conclusions`) is thrown away after every event. Jobs and kinds are strings, a fingerprint ("print") is anything
that compares. It shares no code and no data type with `ppg_graph`.

Points that the rules leave to be read between the lines, and how they are read here:

- A failed job blocks what cannot be decided or cannot run without it. Where its fingerprint is known anyway (a
  load, or a clean lazy job that failed while it was made again), jobs that are clean stay clean; otherwise it
  would depend on the schedule whether they were skipped before the failure or blocked by it. For the same reason a
  job that may yet turn out clean, and so has a fingerprint to give, is not blocked before that is known.
- Demand is withdrawn when whoever demanded is blocked before the demanded job has begun.
- Below a generator that has not ended, a missing upstream (or a narrower set of parts) is not a reason: the edge
  may still come.
- A leftover of a lazy job is not removed before the job is decided: it might yet be blocked.
- When exactly something that can go is removed is left open: `Step.removable` says what can go, `remove` that it is
  gone. By the end of a run all of it must be.
- What a targeted generator makes takes part as if it had been targeted, except that no lazy or load job among it is
  demanded for that.
- A consumed file is known by its name, not by the job that makes it. An edge that the record does not have, and a job
  that only the record has, may be the same files under another id; the id of a job with several files joins their
  names by ":". If ids allow that for all of them, the job is decided by the files when all are known. A load
  whose record holds has the print of that record.
- A job without an invariant of its own code ignores changes of its code, even if its record has that code.
- A lazy or load job counts as settled for its own upstreams if it was made, failed, was blocked, or can no longer
  be demanded because everything directly downstream of it is settled.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping

from tests.graph.reference.facts import INTACT, Edges, Past, Print, Step, below, gone_from, is_of

__all__ = ["Conclusions", "Reference"]

CONTENT = ("OUTPUT", "LAZY")
ON_DEMAND = ("LAZY", "LOAD")
DECIDING = ("OUTPUT", "GENERATOR")


class Reference:
    """Decides a run by the rules, slowly.

    `look(job)` says what there is to be seen of a job: the print of an invariant or None if it cannot be observed;
    of a job with files whether they are as its past says ("INTACT" or anything else).

    Below a generator the real evaluator takes a missing upstream for a reason when all upstreams are known, and not as
    soon as the generator has ended, as it would have to look at all that is below. In graphs where that makes a
    difference (some demand goes out later), a `patient` reference agrees with it.
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
        patient: bool = False,
    ) -> None:
        self.kinds = dict(kinds)
        self.edges = dict(edges)
        self.history = history
        self.look = look
        self.patient = patient
        self.pruned = set(pruned)
        self.targets = None if targets is None else set(targets)
        self.roots = set(self.targets or ())  # these, and what generators among them bring
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
        """Everything has been declared, and nothing was looked at: what can begin?"""
        return self._go_on(Step())

    def observe(self) -> Step:
        """Look at the invariants that may matter and at the files that a record speaks of."""
        for job in self.taking_part:
            kind = self.kinds[job]
            if job in self.seen:
                continue
            if kind == "INVARIANT" and self._may_matter(job):
                self.seen[job] = self.look(job)
                if self.seen[job] is None:
                    self.failed.add(job)
            elif kind in CONTENT and self.past(job) is not None:
                self.seen[job] = self.look(job)
        return self._go_on(Step())

    def succeeded(self, job: str, print_: Print, parts: Mapping[str, Print] | None = None) -> Step:
        """`job` ran, and its outputs are as they should be."""
        step = Step()
        before = self.now  # an extension changes nothing that its generator consumed
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
            if generator in self.roots:
                self.roots.add(job)
        for edge, parts in edges.items():
            before = self.edges.get(edge, frozenset())
            self.edges[edge] = None if parts is None or before is None else parts | before
        if kinds or edges:
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
        """Order the jobs, upstreams first, and settle who takes part."""
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
                if job not in self.roots and not (below({job}, self.edges) & self.roots)
            }
        self.taking_part = [job for job in self.order if job not in self.excluded]
        self.ups = {job: set(self.upstreams(job)) for job in self.order}
        self.downs = {job: set(self.downstreams(job)) - self.excluded for job in self.order}

    def _may_matter(self, invariant: str) -> bool:
        """Does it lie above a job that may have to run? Nobody looks at it otherwise, so it cannot fail."""
        return any(
            self.kinds[job] in DECIDING or job in (self.targets or ())
            for job in below({invariant}, self.edges) - self.excluded
        )

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
        now = self.now = self.conclude()
        for job in now.starts:
            self.running.add(job)
            step.starts.append(job)
        step.removable = now.removable
        return step

    def remove(self, jobs: Collection[str]) -> None:
        """The files or data of these jobs are not there any more, as `Step.removable` allowed."""
        self.there -= set(jobs)
        self.removed |= set(jobs)

    @property
    def is_finished(self) -> bool:
        return not self.running

    def skipped(self) -> set[str]:
        """At the end: everything that took part, did nothing, and was kept from nothing."""
        others = self.excluded | self.failed | self.blocked | self.cancelled | set(self.made)
        idle = {job for job in self.kinds if job not in others and self.kinds[job] != "INVARIANT"}
        return {job for job in idle if job in self.now.clean or self.kinds[job] in ON_DEMAND}


class Conclusions:
    """What follows from what has happened in a `Reference`, worked out from nothing: one question after another."""

    def __init__(self, facts: Reference) -> None:
        self.facts = facts
        self.kinds, self.ups, self.downs, self.jobs = facts.kinds, facts.ups, facts.downs, facts.taking_part
        self.lost = facts.failed | facts.blocked
        self.find_clean_and_stale()
        self.find_usable()
        self.find_needed()
        self.find_demanded()
        self.find_blocked()
        self.find_starts()
        self.find_removable()

    def find_clean_and_stale(self) -> None:
        """Which fingerprints are known, which jobs are clean, and which have a reason to be done again?"""
        facts = self.facts
        self.known: dict[str, Print] = {}
        self.parts: dict[str, Mapping[str, Print]] = {}
        self.stale: set[str] = set()
        self.clean: set[str] = set()
        may_get_edges: set[str] = set()
        for job in self.jobs:
            kind, ups = self.kinds[job], self.ups[job]
            for up in ups:
                is_open = self.kinds[up] == "GENERATOR" and (facts.patient or up not in facts.made)
                if up in may_get_edges or is_open:
                    may_get_edges.add(job)
            if job in facts.made:
                self.known[job] = facts.made[job]
                self.parts[job] = facts.made_parts.get(job, {})
            elif kind == "INVARIANT":
                if facts.seen.get(job) is not None:
                    self.known[job] = facts.seen[job]
            elif kind == "LOAD":
                if self.known.keys() >= ups:
                    past = facts.past(job)
                    if past is not None and self._is_same(job, past):
                        self.known[job] = past.print
                    else:
                        self.known[job] = ("load", frozenset((up, self.consumed(up, job)) for up in ups))
            elif kind in CONTENT:
                past = facts.past(job)
                may_get_more = job in may_get_edges and not (facts.patient and self.known.keys() >= ups)
                if past is None or self._has_a_reason(job, past, may_get_more):
                    self.stale.add(job)
                elif self.known.keys() >= ups and job in facts.seen:
                    self.clean.add(job)
                    self.known[job] = past.print
                    self.parts[job] = past.parts

    def find_usable(self) -> None:
        """Whose files and data can be used as they are?"""
        facts = self.facts
        intact = {job for job in self.jobs if self.kinds[job] == "LAZY" and facts.seen.get(job) == INTACT}
        self.leftovers = intact - facts.removed - facts.failed
        self.usable = facts.there | (self.leftovers & self.clean)

    def find_needed(self) -> None:
        """Which OUTPUTs, GENERATORs and targets are still to be decided or done, and above whom do they lie?"""
        facts = self.facts
        targets = {job for job in facts.targets or () if self.kinds[job] in ON_DEMAND}
        self.wanted = targets - self.usable - facts.made.keys()
        to_do = {job for job in self.jobs if self.kinds[job] in DECIDING} - self.clean
        to_do = (to_do | self.wanted) - self.lost - facts.made.keys()
        self.needed: set[str] = set()
        for job in reversed(self.jobs):
            for down in self.downs[job]:
                if down in to_do or down in self.needed:
                    self.needed.add(job)

    def find_demanded(self) -> None:
        """Who has to run, and who is demanded for it?"""
        facts = self.facts
        self.must_run: set[str] = set()
        for job in reversed(self.jobs):
            if job in self.lost or job in facts.running or job in facts.cancelled:
                continue
            is_demanded = job in self.wanted
            for down in self.downs[job]:
                if down in self.must_run or down in facts.running:
                    is_demanded = True
            match self.kinds[job]:
                case "OUTPUT":
                    runs = job in self.stale
                case "GENERATOR":
                    runs = job not in facts.made
                case "LAZY" if job in self.stale:
                    runs = is_demanded or job in self.needed
                case "LAZY" if job not in facts.made:
                    runs = is_demanded and job in facts.seen and job not in self.leftovers
                case "LAZY" | "LOAD":
                    runs = is_demanded and job not in facts.there
                case _:
                    runs = False
            if runs:
                self.must_run.add(job)

    def find_blocked(self) -> None:
        """Who cannot be decided any more, or cannot get what it needs?"""
        facts = self.facts
        self.blocked: set[str] = set()
        never_clean = self.stale | {job for job in self.jobs if self.kinds[job] == "GENERATOR"}
        for job in self.jobs:
            if job in self.lost or job in facts.running or job in facts.cancelled:
                continue
            for up in self.ups[job]:
                is_undecidable = up not in self.known and job not in facts.made
                is_certain = job in never_clean or self.known.keys() >= self.ups[job]
                is_missed = job in self.must_run and self.kinds[up] in ON_DEMAND and up not in self.usable
                is_starved = is_certain and is_missed
                if up in self.lost and (is_undecidable or is_starved):
                    self.blocked.add(job)

    def find_starts(self) -> None:
        """Who can begin now?"""
        self.starts: list[str] = []
        for job in self.jobs:
            ups = self.ups[job]
            on_demand = {up for up in ups if self.kinds[up] in ON_DEMAND}
            is_there = self.known.keys() >= ups and self.usable >= on_demand
            to_be_seen = self.kinds[job] in CONTENT and self.facts.past(job) is not None
            if to_be_seen and job not in self.facts.seen:
                continue  # its reasons are not complete
            if is_there and job in self.must_run - self.blocked:
                self.starts.append(job)
        if self.facts.is_stopped:
            self.starts = []

    def find_removable(self) -> None:
        """For whom is everything downstream over, and what can go?"""
        facts = self.facts
        active = facts.running | self.must_run
        settled = set(self.lost)
        kept = self.lost | active
        for job in reversed(self.jobs):
            if job in active or job in self.wanted:
                continue
            is_over = job in facts.made or job in self.clean
            if is_over if self.kinds[job] in DECIDING else job in facts.made or settled >= self.downs[job]:
                settled.add(job)
        might_be_blocked: set[str] = set()
        for job in self.jobs:
            for up in self.ups[job]:
                if up in active or up in might_be_blocked:
                    might_be_blocked.add(job)
            is_lazy = self.kinds[job] == "LAZY"
            if is_lazy and (job in (facts.targets or ()) or self.lost & self.downs[job]):
                kept.add(job)
            if job in might_be_blocked and not self.known.keys() >= self.ups[job]:
                kept.add(job)
        going = (facts.there | self.leftovers) - kept
        self.removable = [job for job in self.jobs if job in going and settled >= self.downs[job]]

    def consumed(self, up: str, down: str) -> Print:
        """What `down` sees of `up`: all of it, or the named parts."""
        names = self.facts.edges[up, down]
        if names is None:
            return self.known[up]
        return ("parts", frozenset((name, self.parts[up].get(name)) for name in names))

    def _has_a_reason(self, job: str, past: Past, may_get_edges: bool) -> bool:
        ups, edges = self.ups[job], self.facts.edges.items()
        if self.facts.kinds[job] == "OUTPUT" and self.facts.seen.get(job, INTACT) != INTACT:
            return True
        if any(up == job and not (names or set()) <= past.parts.keys() for (up, _), names in edges):
            return True
        if any(
            self.consumed(up, job) != past.consumed[up]
            for up in ups & past.consumed.keys()
            if up in self.known and not (may_get_edges and self.facts.edges[up, job] is not None)
        ):
            return True
        new, old = ups - past.consumed.keys(), gone_from(past, job, ups)
        if not new:
            return bool(old) and not may_get_edges
        if not all(any(is_of(name, gone) for gone in old for name in self._names(up, job)) for up in new):
            return True
        files = {name for up in new for name in self._names(up, job)}
        if not may_get_edges and not all(any(is_of(name, gone) for name in files) for gone in old):
            return True
        return self.known.keys() >= ups and not may_get_edges and not self._is_same(job, past)

    def _is_same(self, job: str, past: Past) -> bool:
        """Did the job consume exactly these files, with these prints, whatever the ids of their makers?"""
        ups = self.ups[job]
        if any(self.consumed(up, job) != past.consumed[up] for up in ups & past.consumed.keys()):
            return False
        files: dict[str, Print] = {}
        for up in ups - past.consumed.keys():
            names = self.facts.edges[up, job]
            parts = self.parts.get(up) or {up: self.known[up]}
            files |= {name: parts[name] for name in (parts if names is None else names)}
        found: set[str] = set()
        for gone in gone_from(past, job, ups):
            names = {gone} if gone in files else {name for name in files if is_of(name, gone)}
            together = frozenset((name, files[name]) for name in names)
            if not names or past.consumed[gone] not in (("parts", together), files.get(gone)):
                return False
            found |= names
        return found == files.keys()

    def _names(self, up: str, job: str) -> Collection[str]:
        """The files that the job may consume of this upstream, as far as ids and edges say."""
        names = self.facts.edges[up, job]
        if names is not None:
            return names
        return {up, *up.split(":")} if self.kinds[up] in CONTENT else {up}
