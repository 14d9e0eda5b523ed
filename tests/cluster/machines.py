"""Machines: namespaces of this machine that act as a site: a head and machines, each with an address and a host name.

Each has its own network, mounts, folder `/tmp`, and processes. Those of the head contain all others. So the end of its first
process ends everything, and a folder is all that is left. Nothing of this machine's network changes. It needs root.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

__all__ = ["HEAD", "MISSING", "NET", "Site", "running_site", "until"]

HEAD = "head"
NET = "10.77.0"
"""The head has the address 10.77.0.1, machine m1 has 10.77.0.11. Nothing outside of the namespaces sees them."""

_NEW = ["unshare", "--net", "--mount", "--uts", "--pid", "--fork", "--kill-child", "--mount-proc"]
_BEGIN = Path(__file__).with_name("machine.sh")


def _missing() -> str:
    if os.geteuid() != 0:
        return "only root can make namespaces of networks"
    for tool in ("ip", "nsenter", "unshare"):
        if shutil.which(tool) is None:
            return f"{tool} is not here; Debian's packages iproute2 and util-linux have it"
    probe = [*_NEW, "ip", "link", "add", "bridge0", "type", "bridge"]
    tried = subprocess.run(probe, capture_output=True, text=True, check=False)
    return f"no namespaces can be made here: {tried.stderr.strip()}" if tried.returncode else ""


MISSING = _missing()
"""Why there can be no machines; empty if there can."""

_OF_THE_USER = ("TMPDIR", "TMP", "TEMP", "XDG_RUNTIME_DIR")


def until(found: Callable[[], Any], what: str, patience: float = 60.0) -> Any:
    """Look again and again until something is found, in which nothing takes part that could send a signal."""
    deadline = time.monotonic() + patience
    while not (result := found()):
        assert time.monotonic() < deadline, f"not within {patience} s: {what}"
        time.sleep(0.05)
    return result


class Site:
    """A head and some machines. `lasts`: whether they stay when this process ends."""

    def __init__(self, folder: Path, count: int, *, shared: Sequence[Path] = (), lasts: bool = False) -> None:
        self.folder = folder
        self.names = [f"m{number}" for number in range(1, count + 1)]
        self.address = {HEAD: f"{NET}.1"} | {name: f"{NET}.1{name[1:]}" for name in self.names}
        self._shared = [folder, *shared, *_python_folders()]
        self._lasts = lasts
        self._first: dict[str, int] = {}
        self._spaces: dict[str, int] = {}
        self._wires: dict[str, str] = {}
        self._outer: list[subprocess.Popen[bytes]] = []
        self._begun: list[subprocess.Popen[bytes]] = []

    # ---- the life of machines

    def start(self) -> None:
        """Start the head, then the machines."""
        lines = [f"{address} {name}\n" for name, address in self.address.items()]
        (self.folder / "hosts").write_text("127.0.0.1 localhost\n" + "".join(lines))
        for name in (HEAD, *self.names):
            self.start_machine(name)

    def start_machine(self, name: str) -> None:
        """Start the head, a machine, or one that has crashed."""
        (self.folder / name).mkdir(exist_ok=True)
        (self.folder / name).chmod(0o1777)
        shared = [str(path) for path in self._shared if path.is_relative_to("/tmp")]
        with (self.folder / f"{name}.log").open("ab") as log:
            process = subprocess.Popen(
                [*([] if name == HEAD else self._enter(HEAD)), *_NEW,
                 "bash", _BEGIN, name, self.address[name], self.folder, *shared],
                stdin=subprocess.DEVNULL if self._lasts and name == HEAD else subprocess.PIPE,
                stdout=subprocess.PIPE, stderr=log, cwd="/", start_new_session=True,
                env={**os.environ, "LASTS": "yes" if self._lasts else "no"},
            )  # fmt: skip
        self._outer.append(process)
        depth = 2 if name == HEAD else 3
        if name != HEAD:
            self._expect(process, b"wired", name)
            self._first[name] = first = _first_process(process.pid, depth)
            inside = _numbers(first)[-2]
            self._wires[name] = wire = f"{name}-{inside}"
            # The address of the card stays when a machine is revived, as the others remember it for a while.
            card = ["name", "eth0", "address", f"02:00:00:00:00:{int(name[1:]):02x}", "netns", str(inside)]
            self.run(HEAD, ["ip", "link", "add", wire, "type", "veth", "peer", *card])
            self.run(HEAD, ["ip", "link", "set", wire, "master", "bridge0", "up"])
            assert process.stdin is not None
            process.stdin.write(b"\n")
            process.stdin.close()
        self._expect(process, b"ready", name)
        self._first[name] = first = _first_process(process.pid, depth)
        self._spaces[name] = os.stat(f"/proc/{first}/ns/pid").st_ino

    def _expect(self, process: subprocess.Popen[bytes], word: bytes, name: str) -> None:
        assert process.stdout is not None
        assert process.stdout.readline().strip() == word, (self.folder / f"{name}.log").read_text()

    def cut(self, name: str) -> None:
        """Take the link of a machine down: nothing gets through, and nothing is refused."""
        self.run(HEAD, ["ip", "link", "set", self._wires[name], "down"])

    def mend(self, name: str) -> None:
        """Take the link of a machine up again."""
        self.run(HEAD, ["ip", "link", "set", self._wires[name], "up"])

    def crash(self, name: str) -> None:
        """End all processes of a machine at once, as the loss of its power does."""
        os.kill(self._first[name], signal.SIGKILL)
        until(lambda: not self.processes(name), f"the processes of {name} end")

    def revive(self, name: str) -> None:
        """Start a machine that has crashed."""
        self.start_machine(name)

    def close(self) -> None:
        """End everything."""
        # The number of a first process that has ended may belong to another process by now, which is none.
        if HEAD in self._first and _numbers(self._first[HEAD])[1:] == [1]:
            os.kill(self._first[HEAD], signal.SIGKILL)
        for process in reversed(self._outer):
            for pipe in (process.stdin, process.stdout):
                if pipe is not None:
                    pipe.close()
            process.wait()
        for process in self._begun:
            process.wait()

    # ---- what runs on them

    def _enter(self, name: str) -> list[str]:
        return ["nsenter", "--target", str(self._first[name]), "--net", "--mount", "--uts", "--pid", "--"]

    def command(self, name: str, arguments: Sequence[str | Path], cwd: Path | str = "/") -> list[str]:
        """The command line that runs another one on a machine."""
        return [*self._enter(name), "env", "--chdir", str(cwd), *map(str, arguments)]

    def run(
        self, name: str, arguments: Sequence[str | Path], cwd: Path | str = "/", *, check: bool = True,
        env: Mapping[str, str] | None = None, timeout: float = 300,
    ) -> subprocess.CompletedProcess[str]:  # fmt: skip
        """Run a command on a machine, to its end."""
        done = subprocess.run(
            self.command(name, arguments, cwd), capture_output=True, text=True, timeout=timeout, check=False,
            env=self.environment() | dict(env or {}), stdin=subprocess.DEVNULL,
        )  # fmt: skip
        assert not check or done.returncode == 0, f"{name}: {arguments}: {done.stdout}{done.stderr}"
        return done

    def begin(
        self, name: str, arguments: Sequence[str | Path], log: Path, cwd: Path | str = "/",
        env: Mapping[str, str] | None = None,
    ) -> subprocess.Popen[bytes]:  # fmt: skip
        """Begin a command on a machine; its process is a child of the one that is returned."""
        with log.open("wb") as file:
            process = subprocess.Popen(
                self.command(name, arguments, cwd), stdin=subprocess.DEVNULL, stdout=file, stderr=file,
                start_new_session=True, env=self.environment() | dict(env or {}),
            )  # fmt: skip
        self._begun.append(process)
        return process

    def environment(self) -> dict[str, str]:
        """The variables of commands: those of this process but for the places of temporary files."""
        return {name: value for name, value in os.environ.items() if name not in _OF_THE_USER}

    def processes(self, name: str) -> dict[int, str]:
        """The command lines of all processes of a machine but the first, by the numbers that this machine gives them."""
        found = {}
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit() and self._is_on(name, entry) and int(entry.name) != self._first[name]:
                words = _read(entry / "cmdline").replace("\0", " ").strip()
                if words and not words.startswith("unshare "):
                    found[int(entry.name)] = words
        return found

    def _is_on(self, name: str, process: Path) -> bool:
        try:
            return os.stat(process / "ns/pid").st_ino == self._spaces[name]
        except OSError:
            return False  # it has ended

    # ---- for another process

    def save(self) -> None:
        """Write what another process needs to know."""
        facts = {"names": self.names, "first": self._first, "wires": self._wires, "spaces": self._spaces}
        (self.folder / "site.json").write_text(json.dumps(facts))

    @classmethod
    def load(cls, folder: Path) -> "Site":
        """The site that another process has started."""
        facts = json.loads((folder / "site.json").read_text())
        site = cls(folder, len(facts["names"]), lasts=True)
        site._first, site._wires, site._spaces = facts["first"], facts["wires"], facts["spaces"]
        return site


def _python_folders() -> list[Path]:
    """Where the interpreter and the packages are."""
    root = Path(__file__).resolve().parents[2]
    return [root, Path(sys.prefix), Path(sys.base_prefix)]


def _read(path: Path) -> str:
    try:
        return path.read_text(errors="replace")
    except OSError:
        return ""  # the process has ended


def _numbers_at(process: Path) -> list[int]:
    for line in _read(process / "status").splitlines():
        if line.startswith("NSpid:"):
            return [int(word) for word in line.split()[1:]]
    return []


def _numbers(pid: int) -> list[int]:
    """The numbers of a process in the namespaces of processes that it is in, the outermost first."""
    return _numbers_at(Path(f"/proc/{pid}"))


def _first_process(pid: int, depth: int) -> int:
    """The descendant of a process that is the first one of its namespace, which lies so deep."""
    waiting = [pid]
    while waiting:
        looked_at = waiting.pop()
        numbers = _numbers(looked_at)
        if len(numbers) == depth and numbers[-1] == 1:
            return looked_at
        waiting += map(int, _read(Path(f"/proc/{looked_at}/task/{looked_at}/children")).split())
    raise AssertionError(f"process {pid} has begun no namespace")


@contextmanager
def running_site(count: int, shared: Sequence[Path] = (), kind: type[Site] = Site) -> Iterator[Any]:
    """A site of so many machines, which all see the folders `shared`."""
    with tempfile.TemporaryDirectory(prefix="ppg-site-") as folder:
        site = kind(Path(folder), count, shared=shared)
        try:
            site.start()
            yield site
        finally:
            site.close()
