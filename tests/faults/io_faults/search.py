"""Makes system calls of a run fail, one after the other, and checks that the run and the next ones are right.

    python -m tests.faults.io_faults --calls write,pwrite64,fsync --errors ENOSPC,EIO --every 5 --seed 1

A small project has jobs of all kinds, a shared cache and log files. It runs as a process of its own under strace, which
makes the N-th call of one kind fail, in each process of the run that comes so far. A run without faults counts the calls
first; then each N has its round, or a sample of them: one of every `--every` in a row, by chance. Half of the rounds
begin with nothing, half with a recorded project and a changed input. Half are `ppg run script.py`, half `python script.py`.
With `--short`, a library between the program and the kernel makes writes incomplete instead (`short_writes.py`).

After the run with the fault, the project runs twice without one. A round is wrong in each of these cases:

- a run does not end, or a process of it is left;
- a message is no clear one: an InternalError, or a traceback that shows ppg's own code;
- it ended with exit status 0, but an output is missing or wrong, or the next run runs a job again;
- the second run fails, or an output differs from that of a run from nothing;
- the third run runs more than the generator.

Prints a table of the calls and of how the runs ended. Rounds that went wrong are described, each with the command that repeats it.
"""

import argparse
import os
import random
import re
import runpy
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import ppg  # noqa: F401 (the forks that run the project have it already)
from ppg_cli.main import main as ppg_command
from tests.faults.io_faults.project import EVERY_RUN, Project, lay_out, outputs
from tests.faults.io_faults.short_writes import KINDS as SHORT_KINDS
from tests.faults.io_faults.short_writes import build_library, environment

CALLS = {
    "write": ["ENOSPC", "EIO"],
    "pwrite64": ["ENOSPC", "EIO"],
    "fsync": ["ENOSPC", "EIO"],
    "fdatasync": ["ENOSPC", "EIO"],
    "ftruncate": ["ENOSPC", "EIO"],
    "openat": ["ENOSPC", "EIO", "EMFILE"],
    "mkdir": ["ENOSPC", "EIO"],
    "rename": ["ENOSPC", "EIO"],
    "unlink": ["EIO"],
    "close": ["EIO"],
    "read": ["EIO"],
    "pread64": ["EIO"],
    "sendto": ["EIO", "ENOBUFS"],
    "sendmsg": ["EIO", "ENOBUFS"],
    "socketpair": ["EMFILE"],
    "socket": ["EMFILE"],
    "pipe2": ["EMFILE"],
    "eventfd2": ["EMFILE"],
    "memfd_create": ["EMFILE"],
    "epoll_create1": ["EMFILE"],
    "pidfd_open": ["EMFILE"],
    "clone": ["EAGAIN", "ENOMEM"],
}
"""The calls, and the errors that they can meet."""
OUTCOMES = ["unharmed", "warned", "job failed", "error", "interpreter", "not reached", "wrong"]
LONGEST = 90
"""The seconds after which a run counts as one that does not end. It takes about one, and three under strace."""

ROOT = Path(__file__).parents[3]
OWN_CODE = re.compile(r'File "[^"]*/packages/ppg-[^"]*", line')
NOT_CLEAR = re.compile("InternalError|Exception ignored|defect of ppg|Fatal Python error|Segmentation fault")
INTERPRETER = re.compile(
    r"\.(py|pyc|so)\b|/lib/|/site-packages|__pycache__|/usr/|/etc/|/packages/ppg-|\.pth|pyvenv\.cfg"
)


class WrongError(Exception):
    """A round showed a fault."""


@dataclass(frozen=True)
class Round:
    """Round: one fault, and the project that meets it."""

    call: str
    error: str
    number: int
    path: str | None = None

    @property
    def recorded(self):
        """Whether the project was run before."""
        return self.number % 2 == 0

    @property
    def by_command(self):
        """Whether `ppg run` runs the script, not Python."""
        return self.number // 2 % 2 == 0

    @property
    def command(self):
        """The command line that repeats the round."""
        short = "--short " if self.call in SHORT_KINDS else ""
        return f"{short}--calls '{self.call}' --errors {self.error} --only {self.number}"


@dataclass(frozen=True)
class Ended:
    """Ended: how a run ended, and what it printed."""

    code: int
    said: str
    ran: frozenset[str] | None
    injected: tuple[str, ...] = ()


# -- running ---------------------------------------------------------------------------------------------


def _in_child(folder, output, ready, gate, by_command, marker, variables):
    """Run the script as a user's process would, once the gate opens. Before, tell that only the gate is missing."""
    os.setsid()
    os.environ["PPG_IO_FAULTS"] = marker
    with output.open("wb") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.chdir(folder)
    os.write(ready, b"x")
    # The gate stays open: no call of this function may be the one that fails. The tracer comes while this one waits, so
    # a fault of the first `read` hits it, and no call of the run.
    try:
        os.read(gate, 1)
    except OSError:
        os.read(gate, 1)
    if variables is not None:
        program = ["-c", "from ppg_cli.main import main; main()", "run"] if by_command else []
        command = [sys.executable, *program, "script.py"]
        os.execve(sys.executable, command, {**variables, "PPG_IO_FAULTS": marker})
    sys.argv = ["ppg", "run", "script.py"] if by_command else ["script.py"]
    sys.path[0] = str(folder)
    code = 0
    try:
        if by_command:
            ppg_command()
        else:
            runpy.run_path("script.py", run_name="__main__")
    except SystemExit as ending:
        code = ending.code if isinstance(ending.code, int) else int(ending.code is not None)
    except BaseException as error:
        code = 1
        shown = error.__traceback__
        while shown is not None and shown.tb_frame.f_code.co_filename != "script.py":
            shown = shown.tb_next
        sys.excepthook(type(error), error.with_traceback(shown), shown)
    finally:
        try:
            sys.stdout.flush()
            sys.stderr.flush()
        except OSError:
            code = code or 120  # as Python does
        os._exit(code)


def run(folder, by_command=True, strace=(), log=None, variables=None):
    """Run the project in a process of its own; with options of strace, under strace, from its first step on.

    With `variables` it is a new program with this environment, otherwise a fork that has imported ppg already.
    """
    output = folder.with_name("output")
    marker = str(time.monotonic_ns())
    tracer = None
    gate, opener = os.pipe()
    prepared, ready = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.close(opener)
            _in_child(folder, output, ready, gate, by_command, marker, variables)
        finally:
            os._exit(70)
    os.close(gate)
    os.close(ready)
    # The calls that prepare the run must not fail.
    os.read(prepared, 1)
    os.close(prepared)
    if strace:
        said = folder.with_name("strace")
        with said.open("wb") as file:
            command = ["strace", "-f", "-y", "-s", "60", "-o", log, *strace, "-p", str(child)]
            tracer = subprocess.Popen(command, stderr=file)
        while f"Process {child} attached" not in said.read_text(errors="replace"):
            if tracer.poll() is not None:
                os.kill(child, signal.SIGKILL)
                os.waitpid(child, 0)
                raise OSError(f"strace cannot trace here: {said.read_text().strip()}")
            time.sleep(0.002)
    os.write(opener, b"x")
    os.close(opener)
    try:
        status = _wait(lambda: os.waitpid(child, os.WNOHANG)[1] if _has_ended(child) else None)
        if status is None:
            raise WrongError(f"the run did not end within {LONGEST} s: {_read(output)}")
        if tracer is not None and _wait(tracer.poll) is None:
            raise WrongError(f"a process of the run was left: {_read(output)}")
        left = _wait(lambda: True if not _processes(marker) else None, 20)
        if left is None:
            raise WrongError(f"processes of the run were left: {_processes(marker)}")
    finally:
        _end(child, tracer, marker)
    text = _read(output)
    found = re.search(r"^RAN(.*)$", text, re.MULTILINE)
    injected = () if log is None else tuple(line for line in _calls(_read(log)) if "(INJECTED)" in line)
    return Ended(os.waitstatus_to_exitcode(status), text, found and frozenset(found[1].split()), injected)


def _calls(log):
    """Yield the lines of strace, each with its whole call: it cuts a line where another process comes between."""
    begun = {}
    for line in log.splitlines():
        pid = line.split(maxsplit=1)[0]
        if line.endswith(" <unfinished ...>"):
            begun[pid] = line.removesuffix(" <unfinished ...>")
        elif " resumed>" in line:
            yield begun.pop(pid, "") + line.partition(" resumed>")[2]
        else:
            yield line


def _has_ended(child):
    return os.waitid(os.P_PID, child, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


def _wait(ask, longest=LONGEST):
    """Ask until the answer is not None, or until the time is over."""
    deadline = time.monotonic() + longest
    while (answer := ask()) is None and time.monotonic() < deadline:
        time.sleep(0.005)
    return answer


def _processes(marker):
    """The processes that the run of this marker has started."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            # A process that has ended, and waits for its parent, has no environment.
            if f"PPG_IO_FAULTS={marker}".encode() in Path("/proc", pid, "environ").read_bytes():
                found.append(int(pid))
        except OSError:
            pass  # ended meanwhile, or another user's
    return found


def _end(child, tracer, marker):
    for pid in _processes(marker):
        os.kill(pid, signal.SIGKILL)
    with suppress(ChildProcessError):  # ended already
        os.waitpid(child, 0)
    if tracer is not None and _wait(tracer.poll, 10) is None:
        tracer.kill()
        tracer.wait()


def _read(path):
    return path.read_text(errors="replace")


# -- the project -----------------------------------------------------------------------------------------


def prepare(base):
    """Make the project, recorded and not, and its right outputs."""
    lay_out(base / "new")
    lay_out(base / "recorded")
    (base / "recorded/in.txt").write_text("earlier\n")
    lay_out(base / "right")
    for folder in (base / "recorded", base / "right"):
        ended = run(folder)
        if ended.code != 0:
            raise AssertionError(ended.said)
    (base / "recorded/in.txt").write_text("input\n")
    right = outputs(base / "right")
    return Project(base, {False: right, True: right})


def count_calls(project, calls):
    """The largest number of calls of each kind that one process of a run makes."""
    counts = Counter()
    for recorded in (False, True):
        log = project.base / "log"
        ended = run(project.copy(recorded), strace=["-e", f"trace={','.join(calls)}"], log=log)
        if ended.code != 0:
            raise AssertionError(ended.said)
        here = Counter(re.findall(r"^(\d+) +(\w+)\(", _read(log), re.MULTILINE))
        for (_, call), count in here.items():
            counts[call] = max(counts[call], count)
    return counts


# -- one round -------------------------------------------------------------------------------------------


def one_round(one, project, run_faulty):
    """Run the project with the fault, and twice without; return the outcome, and what was wrong."""
    folder = project.copy(one.recorded)
    try:
        ended = run_faulty(one, folder)
        try:
            return _check(ended, folder, project.right[one.recorded]), None
        except WrongError as error:
            injected = "\n".join(ended.injected[:8])
            raise WrongError(
                f"{error}\ninjected:\n{injected}\nexit status {ended.code}, and it said:\n{ended.said}"
            ) from None
    except WrongError as error:
        return "wrong", f"WRONG {one.command}\n{error}"


def _check(ended, folder, right):
    outcome = _outcome(ended)
    if ended.code == 0:
        if outputs(folder) != right:
            raise WrongError("exit status 0, but outputs are missing or wrong")
        if "warning" not in ended.said and not _has_full_log(folder):
            raise WrongError("a log is not complete, and no warning says so")
    second = run(folder)
    if second.code != 0:
        raise WrongError(f"the next run failed: {second.said}")
    if outputs(folder) != right:
        raise WrongError(f"the next run left other outputs than a run from nothing: {outputs(folder)}")
    if ended.code == 0 and second.ran != EVERY_RUN:
        raise WrongError(f"exit status 0, but the next run ran {sorted(second.ran)}: {second.said}")
    third = run(folder)
    if third.code != 0 or third.ran != EVERY_RUN:
        raise WrongError(f"the third run: {third.said}")
    left = [
        name for name in os.listdir(folder / "state") if name not in ("store", "store.lock", "store.output")
    ]
    if left or (folder / "temporary").exists():
        raise WrongError(f"left behind: {left}")
    return outcome


def _has_full_log(folder):
    return "run finished" in _read(folder / "logs/ppg_run.txt")


def _shown(ended):
    """What the run printed, without the traceback that Python prints of a script's error."""
    text, _, last = ended.said.rpartition("\nppg.exceptions.")
    if not text or ended.code == 0 or last.startswith("InternalError"):
        return ended.said
    return re.split(r"^Traceback", text, maxsplit=1, flags=re.MULTILINE)[0] + last


def _outcome(ended):
    if not ended.injected:
        if ended.code != 0:
            raise WrongError("a run without a fault failed")
        return "not reached"
    # A module that cannot be loaded ends Python's import, wherever that stands; and Python may not even start.
    all_interpreter = any(part in ended.said for part in ("<frozen importlib", "<frozen getpath>")) or all(
        INTERPRETER.search(line) for line in ended.injected
    )
    if ended.code < 0:
        raise WrongError("a signal ended the run")
    unclear = NOT_CLEAR.search(ended.said)
    if (unclear or OWN_CODE.search(_shown(ended))) and not (all_interpreter and ended.code != 0):
        raise WrongError(f"not a clear message ({unclear[0] if unclear else 'a traceback of ppg'})")
    if ended.code == 0:
        return "warned" if "arning" in ended.said else "unharmed"
    if all_interpreter:
        return "interpreter"
    if re.search(r"^FAILED|ppg: failed|, [1-9]\d* failed", ended.said, re.MULTILINE):
        return "job failed"
    if not re.search(r"rror: .+|ppg: .+", ended.said):
        raise WrongError("no message says what happened")
    return "error"


def run_with_fault(one, folder, project):
    """Run the project; strace makes the N-th call fail in each process that comes so far.

    With a path, only calls on that file count.
    """
    options = ["-e", f"trace={one.call}", "-e", f"inject={one.call}:error={one.error}:when={one.number}"]
    if one.path is not None:
        options += ["-P", folder / one.path]
    return run(folder, one.by_command, options, project.base / "log")


def run_with_short_writes(one, folder, project, library):
    """Run the project with a library that makes writes incomplete; the number of the round is its seed."""
    report = project.base / "report"
    report.unlink(missing_ok=True)
    ended = run(folder, one.by_command, variables=environment(library, one.call, one.number, report))
    return replace(ended, injected=("by the library",) if report.exists() else ())


# -- all rounds ------------------------------------------------------------------------------------------


def sample(count, every, chance):
    """One number of every so many in a row, from 1 to the count."""
    return sorted({min(first + chance.randrange(every), count) for first in range(1, count + 1, every)})


def table(results):
    """How the runs ended, by call and error, in Markdown."""
    lines = [
        f"| call | error | faults | {' | '.join(OUTCOMES)} |",
        "| --- | --- |" + " ---: |" * (1 + len(OUTCOMES)),
    ]
    counts = {}
    for one, outcome in results:
        counts.setdefault((one.call, one.error), Counter())[outcome] += 1
    for (call, error), outcomes in counts.items():
        cells = [str(outcomes[outcome] or "") for outcome in OUTCOMES]
        lines.append(f"| {call} | {error} | {outcomes.total()} | {' | '.join(cells)} |")
    return "\n".join(lines)


def main():
    """All rounds of the command line; exit with 1 if one went wrong."""
    parser = argparse.ArgumentParser(description="Make system calls of a run fail.")
    parser.add_argument("--calls", help="the calls, of " + ", ".join(CALLS))
    parser.add_argument("--errors", help="only these errors")
    parser.add_argument("--every", type=int, default=1, help="one fault of every so many in a row")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--at-most", type=int, help="only so many faults of all, by chance")
    parser.add_argument("--path", help="only calls on this file of the project, such as state/store-wal")
    parser.add_argument("--only", type=int, help="only the fault of this number")
    parser.add_argument("--short", action="store_true", help="incomplete writes instead of errors")
    parser.add_argument("--count", type=int, default=40, help="with --short: how many runs of each kind")
    options = parser.parse_args()
    calls = options.calls.split(",") if options.calls else list(SHORT_KINDS if options.short else CALLS)
    results = []
    wrong = False
    with tempfile.TemporaryDirectory() as name:
        # The pool of cores of other programs must not suffer.
        (Path(name) / "runtime").mkdir(mode=0o700)
        os.environ["XDG_RUNTIME_DIR"] = str(Path(name) / "runtime")
        project = prepare(Path(name))
        if options.short:
            run_faulty = partial(run_with_short_writes, project=project, library=build_library(project.base))
        else:
            run_faulty = partial(run_with_fault, project=project)
        # A search in the background of a shell can be interrupted, too; then the table has what was done.
        signal.signal(signal.SIGINT, signal.default_int_handler)
        with suppress(KeyboardInterrupt):
            for one in _rounds(options, calls, project):
                outcome, fault = one_round(one, project, run_faulty)
                results.append((one, outcome))
                if fault is not None:
                    wrong = True
                    print(fault, file=sys.stderr, flush=True)
    print(table(results))
    sys.exit(wrong)


def _rounds(options, calls, project):
    """The rounds that the options ask for, in order."""
    if options.short:
        counts = Counter(dict.fromkeys(calls, options.count))
    elif options.only is None:
        counts = count_calls(project, calls)
    rounds = []
    for call in calls:
        errors = ["-"] if options.short else CALLS.get(call, ["EIO"])
        for error in options.errors.split(",") if options.errors else errors:
            chance = random.Random(f"{options.seed} {call} {error}")
            numbers = sample(counts[call], options.every, chance) if options.only is None else [options.only]
            rounds += [Round(call, error, number, options.path) for number in numbers]
    if options.at_most is None:
        return rounds
    chosen = random.Random(options.seed).sample(range(len(rounds)), min(options.at_most, len(rounds)))
    return [rounds[position] for position in sorted(chosen)]
