"""What the compute node can import without importing pytest."""

from typing import Any


class Holder:
    """Something that loads put attributes on."""


def pass_on(sender: Any, table: Any, value: object) -> Any:
    """What arrives in a table of objects of what a sender sends."""
    payload, introduced = sender.dump({"callback": value})
    return table.load(payload, introduced)[0]
