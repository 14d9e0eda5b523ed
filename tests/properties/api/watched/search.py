"""Edits random projects, and checks that the jobs with other results run again. Run as a program.

    python -m tests.properties.api.watched.search --count 200 --seed 1 --processes 2 --table

A round makes a project: a script and one to four modules, with some thirty definitions, and jobs that read them through
random chains. It runs, and is edited a few times; each time it runs again, verified before. Some edits are neutral: they
change the text only. The same text also runs from nothing, in another folder, with new nodes of ppg. A round is wrong if

- a job did not run, although its result from nothing is another one than before, or its output is not that result;
- a job ran after a neutral edit, or in a run with another PYTHONHASHSEED and no edit;
- `verify` named other jobs than ran;
- a run failed.

A job that ran with the same result after another edit ran in vain; these are counted. Each wrong case is made smaller and
printed, and its round can be repeated with `--only ROUND`; `--keep FOLDER` writes its files there. `--pythons 3.11,3.13`
runs the projects under other versions. `--kinds pattern,set` takes only these kinds of definitions.
"""

import argparse
import difflib
import multiprocessing
import re
import shutil
import signal
import sys
import tempfile
from collections import Counter, defaultdict
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from random import Random

from tests.invariants.across_versions import NEEDED, environment, interpreters
from tests.properties.api.watched.edits import edited, neutrally_edited
from tests.properties.api.watched.model import KINDS, random_project
from tests.properties.api.watched.place import BrokenError, Place
from tests.properties.api.watched.restyle import NEUTRAL
from tests.properties.api.watched.text import files_of
from tests.properties.api.watched.zygote import Zygote

__all__ = ["main"]

STEPS = 5
KINDS_OF_A_ROUND = 26
JOBS = 20
EDITS = 12
MOST_SHRUNK = 2
OUTCOMES = ("other result, ran", "same result, clean", "same result, ran", "wrong")
NOT_WATCHED = (
    "no content",
    "function attribute",
    "annotations",
    "subclasses",
)
"""Kinds that ppg does not watch. `--with` turns them on."""
VERSIONS = ("3.11", "3.12", "3.13")
PACKAGES = (*NEEDED, "cloudpickle")


@dataclass
class Account:
    """Account: what the rounds came to."""

    outcomes: dict[str, Counter] = field(default_factory=lambda: defaultdict(Counter))
    in_vain: Counter = field(default_factory=Counter)
    changed: Counter = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)
    left_out: Counter = field(default_factory=Counter)
    failing: Counter = field(default_factory=Counter)
    runs: int = 0

    def add(self, other):
        """Add another account."""
        for kind, counts in other.outcomes.items():
            self.outcomes[kind] += counts
        self.in_vain += other.in_vain
        self.changed += other.changed
        self.faults += other.faults
        self.left_out += other.left_out
        self.failing += other.failing
        self.runs += other.runs


# -- one round -------------------------------------------------------------------------------------------


def _chosen_kinds(number, options, libraries):
    """The kinds of a round: all kinds have their turn, and those of libraries are in few rounds."""
    common = [*KINDS["values"], *KINDS["configurations"], *KINDS["code"]]
    common += [kind for kind in KINDS["other ways"] if any(flag in kind.flags for flag in options.also)]
    common = [
        kind
        for kind in common
        if not any(flag in kind.flags for flag in NOT_WATCHED if flag not in options.also)
    ]
    if options.kinds:
        return [kind for kind in common if kind.name in options.kinds]
    groups = [common, *(KINDS[name] for name in ("numpy", "pandas") if name in libraries)]
    turns = sum(len(group) for group in groups) // KINDS_OF_A_ROUND + 1
    random = Random(f"{options.seed} {number // turns}")
    ordered = [kind for group in groups for kind in random.sample(group, len(group))]
    return [kind for at, kind in enumerate(ordered) if at * turns // len(ordered) == number % turns]


def _one_round(number, options, base):
    account = Account()
    random = Random(f"{options.seed} {number}")
    zygotes = _zygotes(options, options.pythons[number % len(options.pythons)])
    kinds = _chosen_kinds(number, options, zygotes[0].libraries)
    project = random_project(random, kinds, JOBS)
    place = Place(base / f"round {multiprocessing.current_process().name}")
    shutil.rmtree(place.folder, ignore_errors=True)
    try:
        project, place, before = _first_run(account, place, zygotes[0], project)
        for step in range(STEPS):
            if step % 2 == number % 2:
                kind = NEUTRAL[(number * STEPS + step) // 2 % len(NEUTRAL)]
                after, edit = neutrally_edited(random, project, kind)
                edits = [edit]
            else:
                after, edits = edited(random, project, EDITS, apart=step > 1)
            right = _result_from_nothing(account, place, zygotes[0], after)
            if right is None:
                continue
            _one_step(account, place, zygotes, (project, before), (after, right), edits, random, number)
            before = right
            project = after
            if account.faults:  # what follows from a wrong case says nothing
                break
        account.runs += 1
        idle = place.run(zygotes[1])
        if (idle.ran or idle.would) and not account.faults:
            raise BrokenError(f"a run without an edit, with another PYTHONHASHSEED, ran {sorted(idle.ran)}")
    except BrokenError as error:
        account.faults.append(f"round {number}: {error}")
        _keep(options, number, files_of(project), {})
    account.faults = [
        _small(fault, options, base, zygotes) if at < MOST_SHRUNK else f"round {number}: more of the kind"
        for at, fault in enumerate(account.faults)
    ]
    return account


_FAILED = re.compile(r"^  '(out\d+)': (.*)$", re.MULTILINE)


def _first_run(account, place, zygote, project):
    """Run a project for the first time; leave out jobs that fail, as what they read cannot be sent to their process."""
    while True:
        shutil.rmtree(place.folder, ignore_errors=True)
        place = Place(place.folder)
        place.write(project)
        account.runs += 1
        try:
            return project, place, place.run(zygote).outputs
        except BrokenError as error:
            failed = dict(_FAILED.findall(str(error)))
            if not failed or "Fix them and run again" not in str(error):
                raise
            for why in failed.values():
                account.failing[why.rpartition(" → ")[2]] += 1
            kept = {one.number for one in project.definitions if f"out{one.number}" not in failed}
            project = project.only(kept)


def _result_from_nothing(account, place, zygote, project):
    """Return the outputs of a run from nothing; None if the edit makes a job fail, which is no question of the search."""
    account.runs += 1
    try:
        return place.fresh(project, zygote)
    except BrokenError as error:
        failed = _FAILED.findall(str(error))
        if not failed:
            raise
        for _, why in failed:
            account.failing[why.rpartition(" → ")[2]] += 1
        return None


def _one_step(account, place, zygotes, old, new, edits, random, number):
    """Edit the project, run it, and judge each job; `old` and `new` are projects with their outputs from nothing."""
    (project, before), (after, right) = old, new
    place.write(after)
    ran = place.run(zygotes[random.randrange(2)])
    account.runs += 1
    for line in ran.said.splitlines():
        if "is not watched" in line:
            account.left_out[line.partition(": ")[2].partition("name")[0] + line.rpartition(": ")[2]] += 1
    is_neutral = edits[0].number is None if edits else False
    for job in after.callbacks:
        out = f"out{job.number}"
        reached = project.reached(job.number) | after.reached(job.number)
        reaching = [edit for edit in edits if edit.number is None or edit.number in reached]
        label = (
            "no edit of what it reads"
            if not reaching
            else f"{'neutral: ' if is_neutral else ''}{reaching[0].kind}"
            if len(reaching) == 1
            else "several"
        )
        is_other = right[out] != before[out]
        did_run = out in ran.ran
        fault = None
        if is_neutral and is_other:
            raise BrokenError(f"the search is wrong: {label} changed a result: {before[out]} → {right[out]}")
        if ran.outputs.get(out) != right[out]:
            fault = "is stale" if not did_run else "has another result than from nothing"
        elif (is_neutral or not reaching) and did_run:
            fault = "ran in vain"
        elif (out in ran.would) != did_run:
            fault = f"ran: {did_run}, but verify said {out in ran.would}"
        outcome = OUTCOMES[3] if fault else OUTCOMES[0] if is_other else OUTCOMES[2 if did_run else 1]
        account.outcomes[label][outcome] += 1
        if fault:
            account.faults.append((fault, job, project, after, [(e.kind, e.what) for e in reaching], number))
        elif len(reaching) == 1 and not is_neutral:
            if is_other:
                account.changed[reaching[0].what] += 1
            elif did_run:
                account.in_vain[reaching[0].kind, reaching[0].what] += 1


_ZYGOTES = {}


def _zygotes(options, python):
    """The processes that run projects: two for each version, with different hash seeds."""
    if python not in _ZYGOTES:
        _ZYGOTES[python] = [Zygote(python, seed, options.weakened) for seed in (1, 2)]
    return _ZYGOTES[python]


# -- wrong cases -----------------------------------------------------------------------------------------


def _small(fault, options, base, zygotes):
    """Describe a wrong case, made as small as it goes."""
    if isinstance(fault, str):
        return fault
    what, job, before, after, edits, number = fault
    reached = before.reached(job.number) | after.reached(job.number)
    out = f"out{job.number}"

    def is_wrong(old, new):
        place = Place(base / f"small {multiprocessing.current_process().name}")
        shutil.rmtree(place.folder, ignore_errors=True)
        try:
            place.write(old)
            place.run(zygotes[0])
            right = place.fresh(new, zygotes[0])
            place.write(new)
            ran = place.run(zygotes[0])
        except BrokenError:
            return False
        if "vain" in what:
            return out in ran.ran
        return ran.outputs[out] != right[out] or (out in ran.would) != (out in ran.ran)

    note = ""
    candidates = [(before.only(reached), after.only(reached))]
    candidates += [(replace(old, styles=()), replace(new, styles=())) for old, new in candidates]
    for old, new in candidates:
        if is_wrong(old, new):
            before, after = old, new
        elif old is candidates[0][0]:
            note = " (only in the whole project)"
            break
    if not note:
        for one in after.definitions:
            changed = before.by_number[one.number]
            if changed != one:
                fewer = after.with_definition(changed)
                if is_wrong(before, fewer):
                    after = fewer
    old, new = files_of(before), files_of(after)
    _keep(options, number, old, new)
    shown = [f"round {number}: {out} {what}{note}, after {edits}"]
    for path in sorted(old | new):
        lines = [files.get(path, "").splitlines() for files in (old, new)]
        shown += [f"--- {path}", *lines[0]]
        shown += [*difflib.unified_diff(*lines, "before", "after", lineterm="", n=0)]
    return "\n".join(shown)


def _keep(options, number, old, new):
    if options.keep:
        for name, files in (("before", old), ("after", new)):
            for path, text in files.items():
                target = Path(options.keep) / f"round-{number}" / name / path
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_text(text)


# -- all rounds ------------------------------------------------------------------------------------------


def table(account):
    """The outcomes by kind of edit, in Markdown."""
    lines = [f"| edit | jobs | {' | '.join(OUTCOMES)} |", "| --- |" + " ---: |" * (1 + len(OUTCOMES))]
    for kind, counts in sorted(account.outcomes.items()):
        cells = [str(counts[outcome] or "") for outcome in OUTCOMES]
        lines.append(f"| {kind} | {counts.total()} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _pythons(wanted):
    found = interpreters()
    wanted = [version for version in VERSIONS if version in found] if wanted == ["all"] else wanted
    missing = [version for version in wanted if version not in found]
    if missing:
        sys.exit(f"there is no Python {', '.join(missing)} here")
    return [str(environment(version, found[version], PACKAGES)) for version in wanted]


def main():
    """All rounds of the command line; exit with 1 if one went wrong."""
    parser = argparse.ArgumentParser(description="Edit random projects and check what runs again.")
    parser.add_argument("--count", type=int, default=50, help="rounds")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--only", type=int, help="only the round of this number")
    parser.add_argument(
        "--pythons", default="", help="versions, such as 3.11,3.13; else the one that runs this"
    )
    parser.add_argument("--with", dest="also", default="", help=f"also these kinds: {','.join(NOT_WATCHED)}")
    parser.add_argument(
        "--kinds", default="", help="only these kinds, such as pattern,set, and the basic ones"
    )
    parser.add_argument("--keep", help="a folder for the files of wrong cases")
    parser.add_argument("--weakened", default="", help="a fault that is made in ppg on purpose")
    parser.add_argument("--until-wrong", action="store_true", help="stop at the first wrong case")
    parser.add_argument("--table", action="store_true")
    options = parser.parse_args()
    signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored in the background of a script
    options.kinds = [name for name in options.kinds.split(",") if name]
    options.also = [name for name in options.also.split(",") if name]
    options.pythons = _pythons(options.pythons.split(",")) if options.pythons else [sys.executable]
    numbers = range(options.count) if options.only is None else [options.only]
    account = Account()
    with tempfile.TemporaryDirectory() as name:
        one = partial(_one_round, options=options, base=Path(name))
        with suppress(KeyboardInterrupt), multiprocessing.get_context("fork").Pool(options.processes) as pool:
            for result in pool.imap_unordered(one, numbers):
                account.add(result)
                for fault in result.faults:
                    print(fault, file=sys.stderr, flush=True)
                if result.faults and options.until_wrong:
                    break
    if options.table:
        print(table(account))
    for (edit, what), count in account.in_vain.most_common():
        print(f"in vain: {count} × {edit} of {what}")
    for line, count in account.left_out.most_common():
        print(f"not watched: {count} × {line}")
    for why, count in account.failing.most_common():
        print(f"left out, failing: {count} × {why}")
    judged = sum(counts.total() for counts in account.outcomes.values())
    silent = {kind.name for kind in _chosen_all(options)} - account.changed.keys()
    print(f"kinds without an edit that changed a result: {', '.join(sorted(silent)) or 'none'}")
    print(f"{account.runs} runs, {judged} jobs judged, {len(account.faults)} wrong")
    sys.exit(bool(account.faults))


def _chosen_all(options):
    turns = range(100)
    return {kind for number in turns for kind in _chosen_kinds(number, options, ("numpy", "pandas"))}


if __name__ == "__main__":
    main()
