"""The ambush of `tests.faults.kills`: finds the processes of a run, waits for a phase, and hits one of them."""

import fcntl
import os
import select
import signal
import socket
import time
from contextlib import suppress
from pathlib import Path

PATIENCE = 120.0
"""Seconds after which a run counts as hanging, on a busy machine."""


def children(pid):
    """The pids of the children of a process; none if it is gone."""
    found = []
    with suppress(OSError):
        for thread in os.listdir(f"/proc/{pid}/task"):
            found += map(int, Path(f"/proc/{pid}/task/{thread}/children").read_text().split())
    return found


def is_alive(pid):
    """Whether a process exists and is no zombie."""
    with suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0] not in "ZX"
    return False


def beneath(pid):
    """All living processes beneath one."""
    found, waiting = [], [pid]
    while waiting:
        new = children(waiting.pop())
        waiting += new
        found += filter(is_alive, new)
    return found


def described(pids):
    """What /proc says of processes that should not be there."""
    lines = []
    for pid in pids:
        with suppress(OSError):
            words = (
                Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ")[-80:].decode(errors="replace")
            )
            place = Path(f"/proc/{pid}/wchan").read_text()
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()[:2]
            lines.append(f"{pid} (state {state[0]}, parent {state[1]}, in {place}): {words}")
    return "; ".join(lines)


class Ambush:
    """Ambush: waits for the phase, and hits a process of the run."""

    def __init__(self, project, hit, chance):
        self.project, self.planned, self.chance = project, hit, chance
        self.connection = None

    def __enter__(self):
        path = self.project.base / "socket"
        path.unlink(missing_ok=True)
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(path))
        self.listener.listen(1)
        self.lock = os.open(self.project.base / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC)
        fcntl.flock(self.lock, fcntl.LOCK_EX)
        return self

    def __exit__(self, *_error):
        self.stop_listening()
        self.release()

    def stop_listening(self):
        """Let processes that wait for the hit go on."""
        (self.project.base / "socket").unlink(missing_ok=True)
        self.listener.close()
        if self.connection is not None:
            self.connection.close()

    def release(self):
        """Let the parked jobs end."""
        if self.lock >= 0:
            os.close(self.lock)
            self.lock = -1

    def wait_and_hit(self, run, which, doubled):
        """Wait for the phase to be announced, and hit; say in the hit whether it was in time."""
        hit, chance = self.planned, self.chance
        ended = os.pidfd_open(run.pid)
        try:
            ready, _, _ = select.select([self.listener, ended], [], [], PATIENCE)
        finally:
            os.close(ended)
        if self.listener not in ready:
            hit.note = "the phase was not reached"
            return
        self.connection, _ = self.listener.accept()
        self.connection.setblocking(False)
        if not hit.held:
            delay = chance.choice([0.0, 0.0002, 0.002, 0.01]) * chance.random()
            select.select([], [], [], delay)
        victim = self.victim(run.pid)
        until = time.monotonic() + (3 if hit.held else 0)
        while victim is None and time.monotonic() < until and run.poll() is None:
            select.select([], [], [], 0.001)
            victim = self.victim(run.pid)
        if victim is None:
            hit.note = "there was no such process"
            return
        hit.in_time = not self.is_over()
        self.strike(victim, which, doubled, run.pid)

    def is_over(self):
        """Whether the announced phase has ended."""
        try:
            return not self.connection.recv(64, socket.MSG_PEEK) or self.is_closed()
        except BlockingIOError:
            return False

    def is_closed(self):
        poll = select.poll()
        poll.register(self.connection, select.POLLHUP)
        return bool(poll.poll(0))

    def strike(self, victim, which, doubled, main):
        """Send the signal, once or twice, or to two processes."""
        hit, chance = self.planned, self.chance
        victims = [victim]
        hit.signals = which.name if which is not signal.SIGSTOP else "SIGSTOP, SIGCONT"
        if doubled == "twice":
            victims.append(victim)
            hit.signals += " twice"
        elif doubled == "two processes":
            other = chance.choice(beneath(main) or [victim])
            victims.append(other)
            hit.signals += " to two processes"
        for number, one in enumerate(victims):
            if number:
                select.select([], [], [], chance.choice([0.0, 0.001, 0.01]))
            with suppress(ProcessLookupError):
                os.kill(one, which)
                if which is signal.SIGSTOP:
                    select.select([], [], [], chance.choice([0.0, 0.01, 0.1]))
                    os.kill(one, signal.SIGCONT)

    def victim(self, main):
        """A process of the wanted role, or None."""
        role = self.planned.process
        if role == "main process":
            return main
        guards = children(main)
        forkservers = [pid for guard in guards for pid in children(guard)]
        if role in {"guard", "forkserver"}:
            return next(iter(guards if role == "guard" else forkservers), None)
        nodes = [pid for forkserver in forkservers for pid in children(forkserver)]
        fresh = {int(parent) for name, parent in self.project.ran() if name == "fresh"} & set(nodes)
        if role in {"compute node", "fresh node"}:
            wanted = [pid for pid in nodes if (pid in fresh) == (role == "fresh node")]
            return next(iter(wanted), None)
        jobs = [pid for node in nodes for pid in children(node) if is_alive(pid)]
        if role == "child of a job":
            jobs = [pid for job in jobs for pid in children(job) if is_alive(pid)]
        return self.chance.choice(jobs) if jobs else None
