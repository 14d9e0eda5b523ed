"""Sent exceptions: exceptions and values of job processes that are not unpickled yet.

Unpickling an exception runs code that the job chose. So a job's exception travels as text and as a pickle, and the
main process unpickles it only on request. The field `exception` of a failed end, and of whatever passes it on, holds
a `SentException` until then.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, TypeVar

    T = TypeVar("T")

__all__ = ["SentException", "SentValue", "opens_exception", "unopened_exception"]


class SentValue:
    """SentValue: holds the pickle of what a task has returned, for a process that passes it on."""

    __slots__ = ("pickle",)
    __match_args__ = ("pickle",)

    def __init__(self, pickle: bytes) -> None:
        self.pickle: bytes = pickle


class SentException:
    """SentException: holds the pickle of an exception, and the text that stands for it.

    Parameters:
        pickle: of the exception.
        load: unpickles it.
        type_name: the qualified name of its class, with the module unless that is `builtins`.
        message: its text.
        otherwise: called with class name and message if the pickle cannot be read; its result takes the place of
            the exception. Without it, that place stays empty.
    """

    __slots__ = ("_load", "_opened", "_pickle", "message", "otherwise", "type_name")

    def __init__(
        self,
        pickle: bytes,
        load: Callable[[bytes], Any],
        type_name: str,
        message: str,
        otherwise: Callable[[str, str], BaseException] | None = None,
    ) -> None:
        self._pickle = pickle
        self._load: Callable[[bytes], Any] | None = load
        self._opened: BaseException | None = None
        self.type_name: str = type_name
        self.message: str = message
        self.otherwise: Callable[[str, str], BaseException] | None = otherwise

    def open(self) -> BaseException | None:
        """Return the exception; the same one each time."""
        load, self._load = self._load, None
        if load is not None:
            self._opened = self._read(load)
            self._pickle = b""
        if self._opened is None and self.otherwise is not None:
            self._opened = self.otherwise(self.type_name, self.message)
        return self._opened

    def unopened(self) -> bytes | None:
        """Return the pickle; None if the exception was opened."""
        return None if self._load is None else self._pickle

    def _read(self, load: Callable[[bytes], Any]) -> BaseException | None:
        try:
            exception = load(self._pickle)
            str(exception)  # one that cannot be printed is of no use either
        except KeyboardInterrupt:
            raise
        except BaseException:  # noqa: BLE001 - user code runs here; the text has arrived
            return None
        return exception if isinstance(exception, BaseException) else None


class _OpeningField:
    """_OpeningField: a slot that opens a SentException when it is read."""

    def __init__(self, slot: Any) -> None:
        self._slot = slot

    def __get__(self, owner: object, kind: type) -> Any:
        if owner is None:
            return self
        held = self._slot.__get__(owner, kind)
        return held.open() if type(held) is SentException else held

    def __set__(self, owner: object, value: object) -> None:
        self._slot.__set__(owner, value)

    def held(self, owner: object) -> BaseException | SentException | None:
        value: BaseException | SentException | None = self._slot.__get__(owner, type(owner))
        return value


def opens_exception(kind: type[T]) -> type[T]:
    """Let the slot `exception` of a class open the SentException that it holds when it is read."""
    kind.exception = _OpeningField(kind.__dict__["exception"])  # type: ignore[attr-defined]
    return kind


def unopened_exception(owner: object) -> BaseException | SentException | None:
    """Return what the slot `exception` of an object holds, unopened; its class has `opens_exception`."""
    field = type(owner).exception  # type: ignore[attr-defined]
    assert isinstance(field, _OpeningField)
    return field.held(owner)
