"""Arguments: checks arguments that must be True or False."""

__all__ = ["require_flag"]


def require_flag(value: object, argument: str) -> bool:
    """Return `value`, which must be True or False.

    Raises:
        TypeError: the value is neither; the message begins with `argument`.
    """
    if not isinstance(value, bool):
        raise TypeError(f"{argument} must be True or False, not {value!r}")
    return value
