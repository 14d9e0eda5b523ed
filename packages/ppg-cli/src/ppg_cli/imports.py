"""Imports: lets the modules of a command be imported without searches for unused objects among them."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["kept_for_good"]


@contextmanager
def kept_for_good() -> Iterator[None]:
    """Leave what is made within the `with` block out of all searches for unused cycles of objects.

    Modules stay until the process ends. Searches among their objects, during the imports and at the end, slow
    small runs down. Nothing of the user's script may be made in the block: such a search calls `__del__` of what
    is in an unused cycle.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        if was_enabled:
            gc.enable()
