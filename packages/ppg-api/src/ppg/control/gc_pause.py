"""GC pause: delays Python's search for unused cycles of objects while a run is planned."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["collected_later"]


@contextmanager
def collected_later() -> Iterator[None]:
    """Disable Python's collector of unused cycles within the `with` block.

    Planning a run makes millions of objects, and all of them stay. Repeated searches through them would take
    a tenth of the time.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()
