"""What callbacks do by mistake or on purpose with what they inherit. Without pytest: the compute node imports this."""

import ctypes
import fcntl
import marshal
import os
import random
import resource
import select
import signal
import socket
import struct
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any


def inherited(kind: str = "") -> list[int]:
    """The descriptors above the standard streams, of one kind of file if it is given."""
    found = []
    for name in os.listdir("/proc/self/fd"):
        try:
            target = os.readlink(f"/proc/self/fd/{name}")
        except FileNotFoundError:
            continue  # the listing's own
        if int(name) > 2 and kind in target:
            found.append(int(name))
    return found


def _write_to_all(pieces: Iterator[bytes]) -> None:
    for descriptor in inherited():
        for _, piece in zip(range(20), pieces, strict=False):
            try:
                os.write(descriptor, piece)
            except OSError:
                break


def random_bytes(seed: int = 3) -> None:
    chance = random.Random(seed)
    _write_to_all(iter(lambda: chance.randbytes(chance.choice([1, 8, 16, 100, 5000])), None))


def marshalled_values(seed: int = 3) -> None:
    chance = random.Random(seed)
    values: list[object] = [
        (), {}, 5, None, "abc", ([], 0.0), ("JobReport", 1.0, b"x"), ("JobReport", 1.0, 7), ("ValueReturned", None),
        ("JobReport", float("nan"), marshal.dumps(("ValueReturned", 1))), (2**70, True),
    ]  # fmt: skip
    _write_to_all(iter(lambda: marshal.dumps(chance.choice(values)), None))


def reports_that_promise_memory() -> None:
    # A tuple of two thousand million items, in five bytes.
    _write_to_all(iter(lambda: b"(" + struct.pack("<i", 2**31 - 1), None))


class WritesWhenRead:
    """Writes a file when it is unpickled anywhere but in a process of its own choice."""

    def __init__(self, mark: str) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[Callable[..., object], tuple[object, ...]]:
        return open, (self.mark, "w")


class SideEffect(ValueError):
    """An exception that writes a file when it is unpickled outside the process that made it."""

    def __init__(self, mark: str, process: int = 0) -> None:
        super().__init__("it has a side effect")
        self.mark = mark
        if process not in {0, os.getpid()}:
            open(mark, "w").close()

    def __reduce__(self) -> tuple[type, tuple[object, ...]]:
        return SideEffect, (self.mark, os.getpid())


def shut_down() -> None:
    for descriptor in inherited("socket"):
        with socket.socket(fileno=os.dup(descriptor)) as duplicate:
            duplicate.shutdown(socket.SHUT_RDWR)


def read_everything() -> None:
    for descriptor in inherited():
        os.set_blocking(descriptor, False)
        try:
            os.read(descriptor, 1 << 16)
        except OSError:
            continue


def make_all_blocking() -> None:
    for descriptor in inherited():
        os.set_blocking(descriptor, True)


def unregister_all() -> None:
    for descriptor in inherited("eventpoll"):
        poller = select.epoll.fromfd(os.dup(descriptor))
        for number in range(100):
            try:
                poller.unregister(number)
            except OSError:
                continue


def close_all() -> None:
    os.closerange(3, 1 << 16)


def flood_with_descriptors() -> None:
    for descriptor in inherited("socket"):
        with socket.socket(fileno=os.dup(descriptor)) as duplicate:
            try:
                while True:
                    socket.send_fds(duplicate, [b"x"], [0, 1, 2])
            except OSError:
                continue


def send_an_endless_file() -> None:
    zero = os.open("/dev/zero", os.O_RDONLY)
    for descriptor in inherited("socket"):
        with socket.socket(fileno=os.dup(descriptor)) as duplicate:
            socket.send_fds(duplicate, [marshal.dumps(("JobReport", 0.0, 0))], [zero])


def write_the_logbook() -> None:
    for descriptor in inherited("memfd"):
        os.pwrite(descriptor, (3).to_bytes(8, "little") * 3, 0)


def replace_exit() -> None:
    os._exit = lambda _: time.sleep(1000)  # type: ignore[assignment,return-value]


def a_copy_returns() -> None:
    os.fork()


def copies_return() -> None:
    for _ in range(4):
        os.fork()


def a_copy_raises() -> None:
    if os.fork() == 0:
        raise ValueError("raised in the copy")


def _set_flags_of_output(flags: int, cleared: int = 0) -> None:
    for descriptor in (1, 2):
        fcntl.fcntl(descriptor, fcntl.F_SETFL, fcntl.fcntl(descriptor, fcntl.F_GETFL) & ~cleared | flags)


def move_in_the_output() -> None:
    _set_flags_of_output(0, os.O_APPEND)
    for descriptor in (1, 2):
        os.lseek(descriptor, 100, os.SEEK_SET)


def write_the_output_past_the_cache() -> None:
    # Then each write that does not consist of whole blocks fails.
    _set_flags_of_output(os.O_DIRECT)


def lengthen_the_output() -> None:
    os.write(1, b"x" * 5000)
    for descriptor in (1, 2):
        os.ftruncate(descriptor, 1 << 40)


class HidesItself(Exception):
    """An exception with the usual mistake in its __getattr__."""

    def __getattr__(self, name: str) -> Any:
        return self.attributes[name]


class LeavesWhenPrinted(Exception):
    """An exception whose text ends the process."""

    def __str__(self) -> str:
        if self.args:
            sys.exit(3)
        return ""


class LeavesWhenPickled(Exception):
    """An exception whose pickling ends the process."""

    def __reduce__(self) -> tuple[Any, ...]:
        sys.exit(3)


class InterruptsWhenPickled(Exception):
    """An exception whose pickling raises what Ctrl-C raises."""

    def __reduce__(self) -> tuple[Any, ...]:
        raise KeyboardInterrupt


class _Nameless(type):
    def __getattribute__(cls, name: str) -> Any:
        if name in {"__module__", "__qualname__", "__name__"}:
            raise ValueError("there is no name")
        return type.__getattribute__(cls, name)


def nameless() -> BaseException:
    """An exception of a class that has no readable name."""
    return _Nameless("Nameless", (Exception,), {})("the real problem")  # type: ignore[no-any-return]


def use_up_all_descriptors() -> None:
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, 0))
    raise ValueError("the real problem" + "y" * 100_000)


def use_up_the_file_size() -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    raise ValueError("the real problem" + "y" * 100_000)


def a_long_name() -> None:
    class Odd(Exception):
        pass

    Odd.__qualname__ = "x" * 5_000_000
    raise Odd("y" * 5_000_000)


def kill_the_group() -> None:
    os.killpg(0, signal.SIGKILL)


def the_job_itself(how: str) -> Callable[[], Any]:
    """A callback whose forgotten copy returns, and that itself ends in another way, after the copy."""

    def callback() -> str:
        pid = os.fork()
        if pid == 0:
            return "of the copy"
        os.waitpid(pid, 0)
        match how:
            case "raises":
                raise ValueError("the job itself failed")
            case "is killed":
                os.kill(os.getpid(), signal.SIGKILL)
            case "exits":
                os._exit(3)
            case "crashes":
                ctypes.string_at(0)
            case "leaves":
                sys.exit(4)
        return "of the job"

    return callback
