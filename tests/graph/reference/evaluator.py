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
- A failed load keeps its record, which says nothing of whether it runs.
- A job without an invariant of its own code ignores changes of its code, even if its record has that code.
- What a job read and did not declare is an invariant with the path in its name. With an OUTPUT upstream it has the print
  of that file; with generators only, it is looked at when they have ended. Below it all is as below any upstream.
- A record has the reads of its run. One that only the record has is no reason, but has the print of a file that may
  have got an edge. A load that ran has a print made of its reads, too, unless its record holds.
- A generator may add edges to what declared edges put downstream of it, and to reads directly downstream.
- A run until a job is one without anything downstream of it, and the job is demanded as a target is. A forced job has
  a record that does not hold. If there are targets, both are targets; a forced job is not demanded for that.
- A lazy or load job counts as settled for its own upstreams if it was made, failed, was blocked, or can no longer
  be demanded because everything directly downstream of it is settled.
- The files of a lazy job stay while a load that has read them may be repeated: until everything directly downstream of
  the load is settled, and no load among it may be repeated.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping

from tests.graph.reference.conclusions import CONTENT, DECIDING, ON_DEMAND, Conclusions
from tests.graph.reference.facts import (
    NONE,
    Edges,
    Past,
    Print,
    Prints,
    Step,
    below,
    path_read,
    reads_of,
)

__all__ = ["Reference"]


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
        until: Collection[str] = (),
        forced: Collection[str] = (),
        patient: bool = False,
    ) -> None:
        self.kinds = dict(kinds)
        self.edges = dict(edges)
        self.history = history
        self.look = look
        self.patient = patient
        self.pruned = set(pruned)
        self.targets = None if targets is None else set(targets)
        self.until = set(until)
        self.forced = set(forced)
        self.asked_for = (self.targets or set()) | self.until  # what is wanted for its own sake
        self.roots = self.asked_for | self.forced  # these, and what generators among them bring
        self.seen: dict[str, Print] = {}
        self.made: dict[str, Print] = {}
        self.made_parts: dict[str, Prints] = {}
        self.read: dict[str, Prints] = {}
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
            if kind == "INVARIANT" and self._may_matter(job) and self._is_to_be_looked_at(job):
                self.seen[job] = self.look(job)
                if self.seen[job] is None:
                    self.failed.add(job)
            elif kind in CONTENT and self.past(job) is not None:
                self.seen[job] = self.look(job)
        return self._go_on(Step())

    def succeeded(self, job: str, print_: Print, parts: Prints = NONE, reads: Prints = NONE) -> Step:
        """`job` ran, and its outputs are as they should be. `reads` is what it read and did not declare."""
        step = Step()
        before = self.now  # an extension changes nothing that its generator consumed
        self.running.remove(job)
        kind = self.kinds[job]
        consumed = {up: before.consumed(up, job) for up in self.upstreams(job) if path_read(up) is None}
        past, known = self.past(job), before.known.get(job)
        behind = self.read.get(job, NONE if past is None else reads_of(past))
        found_other = any(reads.get(name, old) != old for name, old in behind.items())
        if kind == "LOAD":
            holds = past is not None and past.print == known and not found_other
            self.made[job] = known if holds else ("load", frozenset({**consumed, **reads}.items()))
        elif job in before.known:  # rule 6: made again, and keeps the print that others have seen
            if print_ != known and found_other:
                reads = (
                    behind  # that print was made of these, and the next run will see that they have changed
                )
            elif print_ != known:
                step.surprises.append(job)
            self.made[job] = known
            self.made_parts[job] = before.parts[job]
        else:
            self.made[job] = print_
            self.made_parts[job] = parts
        if kind in ON_DEMAND:
            self.there.add(job)
        self.read[job] = reads
        step.commits[job] = Past(kind, self.made[job], {**consumed, **reads}, self.made_parts.get(job, {}))
        return self._go_on(step)

    def did_fail(self, job: str) -> Step:
        """`job` ran and failed."""
        self.running.remove(job)
        self.failed.add(job)
        return self._go_on(Step(forgotten=[] if self.kinds[job] == "LOAD" else [job]))

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
        self.excluded = self.pruned | below(self.pruned | self.until, self.edges)
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
            self.kinds[job] in DECIDING or job in self.asked_for
            for job in below({invariant}, self.edges) - self.excluded
        )

    def _is_to_be_looked_at(self, invariant: str) -> bool:
        """Nobody makes what it stands for, and no generator may still do so."""
        return all(self.kinds[up] == "GENERATOR" and up in self.made for up in self.upstreams(invariant))

    def past(self, job: str) -> Past | None:
        """The record of `job`, unless it is of a kind that says nothing about it."""
        past = self.history.get(job)
        if past is None or past.kind == self.kinds[job]:
            return past
        return past if past.kind in CONTENT and self.kinds[job] in CONTENT else None

    def _is_forbidden(self, generator: str, kinds: Mapping[str, str], edges: Edges) -> bool:
        """Rule 9, and what no graph may have: jobs twice, edges to nowhere, cycles."""
        waiting = below({generator}, [edge for edge in self.edges if path_read(edge[0]) is None])
        if any(job in self.kinds for job in kinds):
            return True
        for up, down in edges:
            if (up not in self.kinds and up not in kinds) or (down not in self.kinds and down not in kinds):
                return True
            if down not in kinds and down not in waiting:
                return True
            kind_of = {**self.kinds, **kinds}
            may_be_read = path_read(down) is not None and kind_of[up] in DECIDING
            if kind_of[down] == "INVARIANT" and not may_be_read:
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
