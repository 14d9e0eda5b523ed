"""Announces phases of a run to the harness of `tests.faults.kills`; a copy of this module is its `sitecustomize`.

Every Python process of a run imports it at its start, and forks have it from their parent. `plan.json`, beside the
copy, names the phase and the point of it that the harness waits for. At that point the process connects to the
harness. If the plan says so, it goes on only after the hit. The connection is closed when the phase ends, so the
harness sees whether its hit was in time.
"""

import atexit
import builtins
import contextlib
import functools
import json
import os
import socket
import sys
import time
from pathlib import Path

POINTS = {
    "first milliseconds": [
        "interpreter",
        "ppg.launch.start:start_run",
        "ppg_invariants.store.store:StatusStore.open",
        "ppg.engine.driver:Driver.__init__",
    ],
    "accept": [
        "ppg.accept.acceptance:acceptance_of",
        "ppg.accept.takeover:TakeOver.decide",
        "ppg.accept.acceptance:_write",
        "ppg_invariants.sqlite_file.writer:Writer.flush",
    ],
    "generators": ["callback", "ppg.engine.driver:Driver._extended"],
    "loads": ["callback"],
    "clean-up": ["ppg.engine.cleanup:discard_files", "ppg.engine.cleanup:remove_files"],
    "cache store": [
        "ppg.shared_cache.registry:publish",
        "ppg.shared_cache.registry:_write",
        "ppg.shared_cache.registry:_sync",
    ],
    "commit": [
        "ppg_invariants.sqlite_file.writer:Writer.flush",
        "ppg_invariants.sqlite_file.writer:Writer._transact",
    ],
    "last milliseconds": [
        "ppg.status.recorder:Recorder.finish",
        "ppg.launch.start:LateExecutor.__exit__",
        "ppg_invariants.store.store:StatusStore.close",
        "ppg.control.interrupts:Interrupts.__exit__",
        "exit",
    ],
}
"""The points at which each phase is announced: a function `module:name`, or an event that is named here."""
LONG_PHASES = {"first milliseconds", "last milliseconds"}
"""Phases that do not end with the function of the point."""


class Announcer:
    """Announcer: what one process says to the harness."""

    def __init__(self, plan):
        self.plan = plan
        self.passed = 0
        self.connection = None

    def begin(self, phase, point):
        """Connect to the harness if it waits for this point; whether that was so."""
        plan = self.plan
        if (phase, point) != (plan["phase"], plan["point"]) or self.connection is not None:
            return False
        if plan["parked"] and not self.is_parked():
            return False
        self.passed += 1
        if self.passed < plan["occurrence"]:
            return False
        connection = socket.socket(socket.AF_UNIX)
        try:
            connection.connect(plan["socket"])
            connection.send(b"%d\n" % os.getpid())
            if plan["held"]:
                connection.recv(1)  # until the hit
        except OSError:
            connection.close()  # the harness has what it waits for
            return False
        self.connection = connection
        return True

    def end(self):
        """Close the connection: the phase is over."""
        if self.connection is not None:
            self.connection.close()
            self.connection = None

    def is_parked(self):
        """Whether the jobs that last until the hit have begun."""
        return all(os.path.exists(f"{self.plan['folder']}/parked.{name}") for name in ("wide", "fresh"))

    @contextlib.contextmanager
    def within(self, phase, point):
        """Announce a phase that lasts as long as the block."""
        begun = self.begin(phase, point)
        try:
            yield
        finally:
            if begun and phase not in LONG_PHASES:
                self.end()

    # -- for the callbacks of the project --------------------------------------------------------------

    def ran(self, name):
        """Note that a job ran, and in which process."""
        with open(f"{self.plan['folder']}/ran", "ab", buffering=0) as file:
            file.write(f"{name} {os.getppid()}\n".encode())

    def child(self, name):
        """The program that a job starts; in a round with parked jobs it lasts until the hit."""
        if not self.plan["parked"]:
            return ["sleep", "0.004"]
        Path(f"{self.plan['folder']}/parked.{name}").touch()
        # The harness holds this lock until its hit.
        return ["flock", "--shared", f"{self.plan['folder']}/lock", "true"]

    def gate(self):
        """Let the job that all others need wait until the parked jobs have begun."""
        until = time.monotonic() + 10
        while self.plan["parked"] and not self.is_parked() and time.monotonic() < until:
            time.sleep(0.001)

    def fails(self):
        """Whether the job that can fail fails in this run."""
        return self.plan["fails"]


def wrapped(function, points, announcer):
    """The function, which announces that it is called."""

    def announced(*arguments, **options):
        with contextlib.ExitStack() as stack:
            for phase, point in points:
                stack.enter_context(announcer.within(phase, point))
            return function(*arguments, **options)

    announced.__name__, announced.__qualname__ = function.__name__, function.__qualname__
    announced.__module__, announced.__doc__ = function.__module__, function.__doc__
    return announced


class Finder:
    """Finder: wraps the functions of the points as their modules are imported."""

    def __init__(self, announcer):
        self.announcer = announcer
        self.modules = {}
        for phase, points in POINTS.items():
            for point in points:
                module, colon, name = point.partition(":")
                if colon:
                    self.modules.setdefault(module, {}).setdefault(name, []).append((phase, point))

    def find_spec(self, name, path=None, target=None):
        """The spec that the other finders have, with the functions wrapped after the module has run."""
        if name not in self.modules:
            return None
        for finder in sys.meta_path:
            spec = None if finder is self else finder.find_spec(name, path, target)
            if spec is not None:
                spec.loader.exec_module = functools.partial(self.execute, spec.loader.exec_module)
                return spec
        return None

    def execute(self, execute, module):
        """Execute a module, and wrap its points."""
        execute(module)
        self.wrap(module)

    def wrap(self, module):
        """Wrap the functions of the points of a module."""
        for name, points in self.modules[module.__name__].items():
            owner = module
            *outer, last = name.split(".")
            for part in outer:
                owner = getattr(owner, part)
            found = vars(owner)[last]
            if isinstance(found, classmethod):
                setattr(owner, last, classmethod(wrapped(found.__func__, points, self.announcer)))
            else:
                setattr(owner, last, wrapped(found, points, self.announcer))
        if module.__name__ == "ppg.engine.driver":
            self.end_first_phase(module.Driver)

    def end_first_phase(self, driver):
        run = driver.run

        def run_after_the_first_milliseconds(*arguments):
            self.announcer.end()
            return run(*arguments)

        driver.run = run_after_the_first_milliseconds


def install():
    """Wrap the points in this process and its forks."""
    plan = json.loads(Path(__file__).with_name("plan.json").read_text())
    announcer = Announcer(plan)
    builtins.announcer = announcer
    sys.meta_path.insert(0, Finder(announcer))
    if "-c" not in sys.orig_argv:
        announcer.begin("first milliseconds", "interpreter")
        atexit.register(announcer.begin, "last milliseconds", "exit")


if __name__ == "sitecustomize":
    install()
