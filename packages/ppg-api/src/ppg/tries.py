"""How the earlier tries of a job that was tried again ended, as messages tell it."""

import itertools
from collections.abc import Sequence

from ppg.counted import counted

__all__ = ["earlier_tries"]


def earlier_tries(earlier: Sequence[str], attempts: int) -> list[str]:
    """A text for each earlier try, or for several in a row that ended alike: `try 1: ...`, `tries 2 to 5: ...`.

    Parameters:
        earlier: how each ended, the oldest first; of many only the last ones.
        attempts: how often the job was started in all.
    """
    number = attempts - len(earlier)
    told = [f"{counted(number - 1, 'earlier try', 'earlier tries')}: not kept"] if number > 1 else []
    for end, group in itertools.groupby(earlier):
        last = number + len(list(group)) - 1
        several = f"tries {number} {'and' if last == number + 1 else 'to'} {last}"
        told.append(f"{several if last > number else f'try {number}'}: {end}")
        number = last + 1
    return told
