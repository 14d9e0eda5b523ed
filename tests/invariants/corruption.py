"""Damages the store of a project in many ways, and checks that the next runs are right. Run as a program.

    python -m tests.invariants.corruption --count 10000 --seed 1

In every round the store of a recorded project gets one kind of damage, and the project changes or not: its input, a
parameter, an output that is missing or edited. The store is read, which changes nothing. Then the project runs. Afterwards its outputs must be those that a run
from nothing makes, the next run must do nothing, and no other exception than a clear error may occur. The runs take place in
this process (`LocalSystem(inline=True)`); every fiftieth round runs `python script.py` as a process, and checks its
exit status and its output. Every kind of damage and every change of the project occurs equally often.

Prints a table of the kinds and of what came of them, and the rounds that went wrong; each of them can be repeated with
`--only ROUND`.
"""

import argparse
import builtins
import multiprocessing
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import traceback
import warnings
from collections import Counter, defaultdict
from contextlib import suppress
from functools import partial
from pathlib import Path

import ppg
from ppg_invariants import StatusStore, StoreDamagedWarning, StoreError
from tests.invariants.damages import AT_REST, IN_MID_RUN, OBSTACLES

KINDS = [*AT_REST, *OBSTACLES, *IN_MID_RUN]
CHANGES = ["nothing", "input", "parameter", "missing output", "edited output"]
OUTCOMES = [
    "as without damage",
    "warned, ran as without damage",
    "warned, ran more",
    "ran more",
    "error",
    "wrong",
]
EVERY_RUN = {"generator"}
STORE = Path("state") / "store"
A_PROCESS_EVERY = 50


class WrongError(Exception):
    """A round showed a fault."""


# -- the project -----------------------------------------------------------------------------------------


def declare(parameter):
    """Declare the jobs of the project in the working directory."""
    ppg.new_pipegraph(ppg.LocalSystem(inline=True), quiet=True, invariant_status_filename=STORE)
    first = ppg.FileGeneratingJob("first", lambda path: path.write_text(Path("in.txt").read_text() * 2))
    first.depends_on_file("in.txt")

    def make_second(path):
        # Not followed by fingerprints; a damage in mid-run.
        getattr(builtins, "mischief", int)()
        path.write_text(Path("first").read_text() + str(parameter))

    second = ppg.FileGeneratingJob("second", make_second).depends_on("first")
    second.depends_on_params(parameter)
    ppg.MultiFileGeneratingJob(["p", "q"], partial(_write_names, "second")).depends_on("second")
    loaded = {}
    load = ppg.DataLoadingJob("load", lambda: loaded.update(text=Path("second").read_text()))
    load.depends_on("second")
    ppg.FileGeneratingJob("third", lambda path: path.write_text(loaded["text"][::-1])).depends_on(load)
    temporary = ppg.TempFileGeneratingJob("temporary", lambda path: path.write_text("t" * 5))
    ppg.FileGeneratingJob("fourth", lambda path: path.write_text(Path("temporary").read_text())).depends_on(
        temporary
    )

    def generate():
        ppg.FileGeneratingJob("made", lambda path: path.write_text("made")).depends_on("first")

    ppg.JobGeneratingJob("generator", generate).depends_on("first")
    for number in range(12):
        ppg.FileGeneratingJob(f"many/{number}", lambda path: path.write_text(path.name)).depends_on("first")


def _write_names(source, paths):
    for path in paths:
        path.write_text(Path(source).read_text() + path.name)


def run(parameter):
    """Run the project; return the jobs that ran."""
    declare(parameter)
    return set(ppg.run().ran)


SCRIPT = """
import sys
from tests.invariants.corruption import run
print(sorted(run(int(sys.argv[1]))))
"""


def outputs():
    """The content of all outputs, by name."""
    names = [
        "first",
        "second",
        "p",
        "q",
        "third",
        "fourth",
        "made",
        *(f"many/{number}" for number in range(12)),
    ]
    return {name: Path(name).read_bytes() if Path(name).exists() else None for name in names}


def change_project(change):
    """Change the project; return the parameter of the next run."""
    if change == "input":
        Path("in.txt").write_text("other")
    elif change == "missing output":
        Path("second").unlink()
    elif change == "edited output":
        Path("first").write_text("edited")
    return 2 if change == "parameter" else 1


def template(folder):
    """Record the project in a folder, with an earlier store, and with the log of a killed writer."""
    (folder / "state").mkdir(parents=True)
    os.chdir(folder)
    Path("in.txt").write_text("earlier")
    run(0)
    shutil.copyfile(STORE, STORE.with_name("earlier"))
    Path("in.txt").write_text("input")
    run(1)
    shutil.copytree(folder, f"{folder}-killed", copy_function=shutil.copy2)
    os.chdir(f"{folder}-killed")
    child = os.fork()
    if child == 0:
        store = StatusStore.open(STORE)
        for job_id, stored in list(store.records().items()):
            store.put(job_id, stored)
        store.flush()
        os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(child, 0)


def expectations(base):
    """By change of the project: the outputs of a run from nothing, and how many jobs run if nothing is damaged."""
    found = {}
    for change in CHANGES:
        folder = base / f"expected {change}"
        shutil.copytree(base / "recorded", folder, copy_function=shutil.copy2)
        os.chdir(folder)
        parameter = change_project(change)
        ran = len(run(parameter))
        shutil.rmtree("state")
        Path("state").mkdir()
        for name in outputs():
            Path(name).unlink(missing_ok=True)
        run(parameter)
        found[change] = outputs(), ran
    return found


# -- one round -------------------------------------------------------------------------------------------


def one_round(number, seed, base, expected):
    """Damage a copy of the project, run it, and check it; return the kind and the outcome."""
    chance = random.Random(f"{seed} {number}")
    damage = KINDS[number % len(KINDS)]
    change = chance.choice(CHANGES)
    folder = base / f"round {os.getpid()}"
    shutil.rmtree(folder, ignore_errors=True)
    killed = chance.random() < 0.3
    shutil.copytree(base / ("recorded-killed" if killed else "recorded"), folder, copy_function=shutil.copy2)
    os.chdir(folder)
    if damage in IN_MID_RUN:
        change = "parameter"
    parameter = change_project(change)
    try:
        outcome = _damaged_run(damage, parameter, chance, expected[change], number)
    except Exception as error:
        told = "".join(traceback.format_exception(error)).strip()
        return damage.__name__, "wrong", f"round {number} ({damage.__name__}, {change}, {killed=}): {told}"
    finally:
        builtins.__dict__.pop("mischief", None)
    return damage.__name__, outcome, None


def _damaged_run(damage, parameter, chance, expected, number):
    right, usual = expected
    path = Path.cwd() / STORE
    if damage in IN_MID_RUN:
        builtins.mischief = partial(damage, path, chance)
    else:
        damage(path, chance)
        _read(path)
    as_process = number % A_PROCESS_EVERY < 1 and damage not in IN_MID_RUN
    ran, told, error = (_run_as_process if as_process else _run_here)(parameter)
    builtins.__dict__.pop("mischief", None)
    if error is not None:
        if damage not in OBSTACLES and "another program" not in error and "newer ppg" not in error:
            raise WrongError(error)
        # The user does as the message says.
        shutil.rmtree("state")
        Path("state").mkdir()
        _run_here(parameter)
    elif damage in OBSTACLES:
        raise WrongError("no error names the obstacle")
    _check(right, parameter)
    if error is not None:
        return "error"
    if told:
        return OUTCOMES[1] if ran <= usual else OUTCOMES[2]
    return OUTCOMES[0] if ran <= usual else OUTCOMES[3]


def _read(path):
    """Read the store as `ppg why` and `ppg log` do; that changes nothing, and meets clear errors only."""
    files = {name: (name.read_bytes() if name.is_file() else None) for name in path.parent.iterdir()}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", StoreDamagedWarning)
        try:
            with StatusStore.open(path, read_only=True) as store:
                for job_id in store.job_ids():
                    store.observation(job_id)
                    store.noted("ran", job_id)
                dict(store.records())
                for one in store.runs():
                    store.events(one.run_id)
        except StoreError:
            pass  # as the run: `_damaged_run` decides whether an error is right
    if files != {name: (name.read_bytes() if name.is_file() else None) for name in path.parent.iterdir()}:
        raise WrongError("a reader changed the folder")


def _check(right, parameter):
    found = outputs()
    if found != right:
        wrong = sorted(name for name in right if found[name] != right[name])
        raise WrongError(f"outputs differ from those of a run from nothing: {wrong}")
    # A page that the run did not read can be damaged still: then the next one says so, and runs nothing either.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", StoreDamagedWarning)
        again = run(parameter)
    if again != EVERY_RUN:
        raise WrongError(f"the run after that ran {sorted(again)}")
    left = [name for name in os.listdir("state") if ".new" in name or name.endswith(("-wal", "-shm"))]
    left = [name for name in left if ".damaged-" not in name]
    if left:
        raise WrongError(f"left behind: {left}")


def _run_here(parameter):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            ran = run(parameter)
        except ppg.PyPipelineGraphError as error:
            if isinstance(error, ppg.RuntimeError):
                raise
            return 0, False, str(error)
    foreign = [str(one.message) for one in caught if one.category is not StoreDamagedWarning]
    if foreign:
        raise WrongError(f"other warnings: {foreign}")
    return len(ran), bool(caught), None


def _run_as_process(parameter):
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(parameter)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
    )
    if done.returncode == 0:
        if "Traceback" in done.stderr or "InternalError" in done.stderr:
            raise WrongError(done.stderr)
        return done.stdout.count("'") // 2, "StoreDamagedWarning" in done.stderr, None
    last = done.stderr.strip().splitlines()[-1]
    if done.returncode != 1 or not last.startswith("ppg.exceptions.PyPipelineGraphError: "):
        raise WrongError(f"exit status {done.returncode}: {done.stderr}")
    return 0, False, last


# -- all rounds ------------------------------------------------------------------------------------------


def rounds(numbers, seed, processes=1):
    """Yield the kind, the outcome and the fault of each round, in their order."""
    here = Path.cwd()
    with tempfile.TemporaryDirectory() as name:
        base = Path(name)
        try:
            template(base / "recorded")
            one = partial(one_round, seed=seed, base=base, expected=expectations(base))
            if processes == 1:
                yield from map(one, numbers)
            else:
                with multiprocessing.get_context("fork").Pool(processes) as pool:
                    yield from pool.imap(one, numbers, chunksize=20)
        finally:
            os.chdir(here)


def table(results):
    """The outcomes by kind of damage, in Markdown."""
    counts = defaultdict(Counter)
    for kind, outcome, _ in results:
        counts[kind][outcome] += 1
    lines = [f"| damage | rounds | {' | '.join(OUTCOMES)} |", "| --- |" + " ---: |" * (1 + len(OUTCOMES))]
    for damage in KINDS:
        one = counts[damage.__name__]
        cells = [str(one[outcome] or "") for outcome in OUTCOMES]
        lines.append(f"| {damage.__name__.replace('_', ' ')} | {one.total()} | {' | '.join(cells)} |")
    return "\n".join(lines)


def main():
    """All rounds of the command line; exit with 1 if one went wrong."""
    parser = argparse.ArgumentParser(description="Damage the store of a project in many ways.")
    parser.add_argument("--count", type=int, default=500)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--only", type=int, help="only the round of this number")
    options = parser.parse_args()
    numbers = range(options.count) if options.only is None else [options.only]
    results = []
    with suppress(KeyboardInterrupt):
        for result in rounds(numbers, options.seed, options.processes):
            results.append(result)
            if result[2] is not None:
                print(result[2], file=sys.stderr, flush=True)
    print(table(results))
    sys.exit(any(fault for *_, fault in results))


if __name__ == "__main__":
    main()
