"""Current: the current pipegraph and namespace of a process. All other modules of ppg take their pipegraph as an argument.

`new_pipegraph()` sets the pipegraph of the whole process. A `with` block sets the pipegraph, or the namespace, of its
own thread and asyncio task, until the block ends. A thread that the block starts has no part in it. So a declaration in
a thread without a block is refused while another thread has one.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from ppg.exceptions import JobContractError, PyPipelineGraphError
from ppg.worker.role import ROLE, Role

if TYPE_CHECKING:
    from ppg.kinds.graph_protocol import GraphProtocol

__all__ = ["SESSION", "Kept", "Session", "pipegraph_for"]


class _Place:
    """_Place: has the current pipegraph of a `with` block, or of the process.

    Attributes:
        pipegraph: the pipegraph, which `new_pipegraph()` in the block replaces.
        owner: the pipegraph that the block entered; None for the process.
        outer: the block around it, or None.
        is_over: whether the block has ended. Generator functions can end an outer block before an inner one.
        is_made: whether `new_pipegraph()` set the pipegraph.
    """

    __slots__ = ("is_made", "is_over", "outer", "owner", "pipegraph")

    def __init__(self, owner: object = None, outer: "_Place | None" = None) -> None:
        self.pipegraph: GraphProtocol | None = None
        self.owner: object = owner
        self.outer: _Place | None = outer
        self.is_over: bool = False
        self.is_made: bool = False


class _Prefix:
    """_Prefix: has the beginning of names in a namespace: "", or "qc/"; the other attributes are those of `_Place`."""

    __slots__ = ("is_over", "outer", "owner", "text")

    def __init__(self, text: str, owner: object = None, outer: "_Prefix | None" = None) -> None:
        self.text: str = text
        self.owner: object = owner
        self.outer: _Prefix | None = outer
        self.is_over: bool = False


_Block = TypeVar("_Block", _Place, _Prefix)

_PLACE: ContextVar[_Place | None] = ContextVar("ppg_pipegraph", default=None)
_PREFIX: ContextVar[_Prefix | None] = ContextVar("ppg_namespace", default=None)


class Kept(NamedTuple):
    """Kept: the state of a session that was set aside."""

    base: _Place
    base_prefix: _Prefix
    open: list[object]
    last: "GraphProtocol | None"
    place: _Place | None
    prefix: _Prefix | None


class Session:
    """Session: has the state of a process that uses ppg through its module-level functions."""

    def __init__(self) -> None:
        self._base = _Place()
        self._base_prefix = _Prefix("")
        # The blocks of all threads that have not ended.
        self._open: list[object] = []
        self._last: GraphProtocol | None = None

    @property
    def pipegraph(self) -> "GraphProtocol | None":
        """The current pipegraph, or None before the first `new_pipegraph()`.

        Raises:
            PyPipelineGraphError: this thread has no `with` block, and another one has.
        """
        place = _PLACE.get()
        if place is None:
            if self._open:
                self._require_clear()
            return self._base.pipegraph
        return place.pipegraph

    @pipegraph.setter
    def pipegraph(self, pipegraph: "GraphProtocol | None") -> None:
        place = _PLACE.get() or self._base
        place.pipegraph = pipegraph
        place.is_made = False

    @property
    def namespace(self) -> str:
        """The beginning of the names of jobs that are declared now: "", or "qc/".

        Raises:
            PyPipelineGraphError: this thread has no `with` block, and another one has.
        """
        prefix = _PREFIX.get()
        if prefix is None:
            if self._open and _PLACE.get() is None:
                self._require_clear()
            return self._base_prefix.text
        return prefix.text

    @namespace.setter
    def namespace(self, namespace: str) -> None:
        prefix = _PREFIX.get() or self._base_prefix
        prefix.text = namespace

    @property
    def last(self) -> "GraphProtocol | None":
        """The pipegraph that a script would mean: the current one, or else the last one that a block entered."""
        current = (_PLACE.get() or self._base).pipegraph
        return self._last if current is None else current

    def replace(self, pipegraph: "GraphProtocol") -> "GraphProtocol | None":
        """Make a new pipegraph the current one; return the one that `new_pipegraph()` had made current before."""
        place = _PLACE.get() or self._base
        replaced = place.pipegraph if place.is_made else None
        place.pipegraph = pipegraph
        place.is_made = True
        return replaced

    def enter(self, pipegraph: "GraphProtocol | None", owner: object) -> None:
        """Begin a block with another pipegraph.

        Parameters:
            pipegraph: the current one in the block.
            owner: the pipegraph that the script entered.
        """
        place = _Place(owner, _PLACE.get())
        place.pipegraph = pipegraph
        self._last = pipegraph
        self._open.append(place)
        _PLACE.set(place)

    def leave(self, owner: object) -> None:
        """End the innermost block that entered this pipegraph."""
        self._leave(_PLACE, owner)

    def enter_namespace(self, name: str, owner: object) -> None:
        """Begin a block with a namespace within the present one."""
        prefix = _Prefix(f"{self.namespace}{name}/", owner, _PREFIX.get())
        self._open.append(prefix)
        _PREFIX.set(prefix)

    def leave_namespace(self, owner: object) -> None:
        """End the innermost block of this namespace."""
        self._leave(_PREFIX, owner)

    def _leave(self, innermost: "ContextVar[_Block | None]", owner: object) -> None:
        """End the innermost block of an owner; the current one is then the innermost that has not ended."""
        left = innermost.get()
        while left is not None and (left.owner is not owner or left.is_over):
            left = left.outer
        if left is not None:
            left.is_over = True
            self._open.remove(left)
        now = innermost.get()
        while now is not None and now.is_over:
            now = now.outer
        innermost.set(now)

    @contextmanager
    def whole_names(self) -> Iterator[None]:
        """Leave all namespaces for a while: ppg itself makes jobs with whole names."""
        if not self.namespace:
            yield
            return
        kept = _PREFIX.get()
        _PREFIX.set(_Prefix("", outer=kept))
        try:
            yield
        finally:
            _PREFIX.set(kept)

    def set_aside(self) -> Kept:
        """Return the state, and begin as a process that has no pipegraph."""
        kept = Kept(self._base, self._base_prefix, self._open, self._last, _PLACE.get(), _PREFIX.get())
        self._base, self._base_prefix, self._open, self._last = _Place(), _Prefix(""), [], None
        _PLACE.set(None)
        _PREFIX.set(None)
        return kept

    def restore(self, kept: Kept) -> None:
        """Return to a state that was set aside."""
        self._base, self._base_prefix, self._open, self._last = kept[:4]
        _PLACE.set(kept.place)
        _PREFIX.set(kept.prefix)

    def _require_clear(self) -> None:
        """Refuse to take the pipegraph of the process for that of a block which has started this thread.

        Raises:
            PyPipelineGraphError: it is not clear which one is meant.
        """
        if _PREFIX.get() is None and threading.current_thread() is not threading.main_thread():
            raise PyPipelineGraphError(
                "It is not clear which pipegraph and namespace this thread uses: a `with` block counts for its own thread, "
                "and another thread is in one. Write `with graph:` and `with ppg.namespace(...):` in this thread, too"
            )


SESSION = Session()

_IN_A_SCRIPT = Role.SCRIPT
"""A constant, because looking it up would take half of the time of finding the pipegraph."""


def pipegraph_for(intent: str = "use it", job_id: str | None = None) -> "GraphProtocol":
    """Return the current pipegraph.

    Parameters:
        intent: what the caller wants to do with it, for messages.
        job_id: the job for which the caller needs it, if there is one.

    Raises:
        PyPipelineGraphError: there is none yet.
        JobContractError: this is the compute node, and it loads data.
    """
    current = SESSION.pipegraph
    if ROLE.now is _IN_A_SCRIPT and current is not None:
        return current
    if job_id is not None:
        intent = f"{intent} '{job_id}'"
    if ROLE.now is Role.LOAD:
        raise JobContractError(f"A load cannot {intent}: only scripts and JobGeneratingJobs declare jobs")
    if current is None and ROLE.now is Role.JOB:
        # Jobs that a job declares never run, but it must not fail for sharing code with the script.
        from ppg.kinds.graph_protocol import NowhereGraph  # noqa: PLC0415 (few jobs declare jobs)

        SESSION.pipegraph = current = NowhereGraph()
    if current is None:
        raise PyPipelineGraphError(f"There is no pipegraph to {intent}; call ppg.new_pipegraph() first")
    return current
