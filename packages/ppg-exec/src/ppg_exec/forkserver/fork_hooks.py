"""Fork hooks: keeps the after-fork hook of `threading` away from forks, as it doubles what a fork costs.

Nearly every library imports `threading`, and that registers a hook which every forked process runs. The hook
forgets the threads that the fork did not copy, and makes new locks in case they were held. It touches 120
pages, half a millisecond's worth of page faults. A compute node has one thread, so the hook would find
nothing to forget. So the forkserver imports `threading` first and keeps the hook. A job process runs it only
if its node had more threads than that one.
"""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

__all__ = ["import_threading"]


def import_threading() -> list[Callable[[], Any]]:
    """Import `threading` before any other module does; returns the hooks that it has for forked processes."""
    kept: list[Callable[[], Any]] = []
    register = os.register_at_fork

    def keep(**hooks: Callable[[], Any]) -> None:
        child = hooks.pop("after_in_child", None)
        if child is not None:
            kept.append(child)
        if hooks:
            register(**hooks)

    os.register_at_fork = keep  # type: ignore[assignment]
    try:
        import threading  # noqa: F401, PLC0415 - the hooks of this import are kept
    finally:
        os.register_at_fork = register
    return kept
