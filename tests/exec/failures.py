"""Ways for a callback to fail. Without pytest: the compute node imports this module."""

import ctypes
import os
import threading
import time
from collections.abc import Callable
from typing import Any


def exception() -> None:
    raise ValueError("a plain failure")


def exception_with_a_lock() -> None:
    error = ValueError("holds a lock")
    error.lock = threading.Lock()  # type: ignore[attr-defined]
    raise error


def exception_that_cannot_be_read() -> None:
    class TwoArguments(Exception):
        def __init__(self, first: str, second: str) -> None:
            super().__init__(f"{first} and {second}")

    raise TwoArguments("one", "two")


def exception_without_str() -> None:
    class NoText(Exception):
        def __str__(self) -> str:
            raise RuntimeError("not even this")

    raise NoText


def long_message() -> None:
    raise ValueError("x" * (1 << 20))


class Text(str):
    __slots__ = ()


class TextOfAnotherKind(ValueError):
    def __str__(self) -> str:
        return Text("a text of another kind")


class AttributeOfOurs(ValueError):
    unpicklable_path = object()


def text_of_another_kind() -> None:
    raise TextOfAnotherKind


def attribute_of_ours() -> None:
    raise AttributeOfOurs("with an attribute")


def segmentation_fault() -> None:
    ctypes.string_at(0)


def recursion() -> None:
    recursion()


def memory() -> None:
    bytearray(1 << 60)


def closed_descriptors() -> None:
    os.closerange(0, 256)


def much_output() -> None:
    line = b"y" * (1 << 20)
    for _ in range(256):
        os.write(1, line)


def some_output() -> None:
    os.write(1, b"z" * (1 << 20))


def background_output() -> None:
    os.system("(sleep 0.05; echo late; sleep 100) & echo early")


def daemon() -> None:
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            os.closerange(0, 256)
            time.sleep(1000)
        os._exit(0)
    os.wait()
    print("it is away")


class FailsWhenRead:
    """An object that calls a function when it is unpickled."""

    def __init__(self, fail: Callable[[], object]) -> None:
        self.fail = fail

    def __reduce__(self) -> Any:
        return _call, (self.fail,)


class FailsWhenPickled:
    def __init__(self, fail: Callable[[], object]) -> None:
        self.fail = fail

    def __reduce__(self) -> Any:
        self.fail()
        return int, ()


def _call(function: Callable[[], object]) -> object:
    return function()


def nothing(*arguments: object) -> None:
    pass
