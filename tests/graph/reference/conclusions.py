"""What follows from what has happened in a run, by the rules as the reference reads them (`reference.evaluator`)."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING

from tests.graph.reference.facts import (
    INTACT,
    Past,
    Print,
    gone_from,
    is_among,
    is_of,
    path_read,
    reads_of,
)

if TYPE_CHECKING:
    from tests.graph.reference.evaluator import Reference

__all__ = ["CONTENT", "DECIDING", "ON_DEMAND", "Conclusions"]

CONTENT = ("OUTPUT", "LAZY")
ON_DEMAND = ("LAZY", "LOAD")
DECIDING = ("OUTPUT", "GENERATOR")


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
                makers = [up for up in ups if self.kinds[up] == "OUTPUT"]
                if makers and self.known.keys() >= ups:
                    path = path_read(job) or ""
                    self.known[job] = self.parts[makers[0]].get(path, self.known[makers[0]])
                elif facts.seen.get(job) is not None:
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
                if past is None or job in facts.forced or self._has_a_reason(job, past, may_get_more):
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
        targets = {job for job in facts.asked_for - facts.excluded if self.kinds[job] in ON_DEMAND}
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
        # What a load has read stays while another process may have to repeat the load.
        released: set[str] = set()
        for job in reversed(self.jobs):
            if job in settled and (self.kinds[job] != "LOAD" or released >= self.downs[job]):
                released.add(job)
        might_be_blocked: set[str] = set()
        for job in self.jobs:
            for up in self.ups[job]:
                if up in active or up in might_be_blocked:
                    might_be_blocked.add(job)
            is_lazy = self.kinds[job] == "LAZY"
            if is_lazy and (job in facts.asked_for or self.lost & self.downs[job]):
                kept.add(job)
            if job in might_be_blocked and not self.known.keys() >= self.ups[job]:
                kept.add(job)
        going = (facts.there | self.leftovers) - kept
        self.removable = [
            job
            for job in self.jobs
            if job in going and (released if self.kinds[job] == "LAZY" else settled) >= self.downs[job]
        ]

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
        if not all(any(is_among(name, past, old) for name in self._names(up, job)) for up in new):
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
        read = {path_read(name): print_ for name, print_ in reads_of(past).items()}
        found = {name for name, print_ in files.items() if name in read and read[name] == print_}
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
