"""How many of something there are, in words."""

__all__ = ["counted"]


def counted(number: int, noun: str, plural: str = "") -> str:
    """`1 job`, `2 jobs`, `12,345 jobs`.

    Parameters:
        number: how many.
        noun: of one; may be preceded by an adjective.
        plural: of several, if that is not the noun with an s.
    """
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"
