"""Edits: changes of a project that can change results, and neutral ones."""

from dataclasses import dataclass, replace

from tests.properties.api.watched.model import random_spot
from tests.properties.api.watched.restyle import NEUTRAL

__all__ = ["Edit", "edited", "neutrally_edited"]


@dataclass(frozen=True)
class Edit:
    """Edit: its kind, the kind of the definition that it changes, and the number of that; None for all."""

    kind: str
    what: str
    number: int | None


def edited(random, project, count, *, apart):
    """Make up to so many edits, each of another definition; return the project and the edits.

    With `apart`, hardly a job is reached by two of them, so that it is known which edit has changed its result.
    """
    edits = []
    changed = set()
    readers = {one.number: set() for one in project.definitions}
    for job in project.callbacks:
        for number in project.reached(job.number):
            readers[number].add(job.number)
    taken = set()
    for one in random.sample(project.definitions, len(project.definitions)):
        if len(edits) == count:
            break
        if one.number in changed or (apart and (taken & readers[one.number] or not readers[one.number])):
            continue
        made = random.choice(_EDITS)(random, project, one)
        if made is None:
            continue
        new, kind, numbers = made
        if changed & set(numbers):
            continue
        project = new
        changed |= set(numbers)
        taken |= set().union(*(readers[number] for number in numbers))
        edits += [Edit(kind, project.by_number[number].kind.name, number) for number in numbers]
    return project, edits


def neutrally_edited(random, project, kind=None):
    """Make one neutral edit of all modules; return the project and the edit."""
    kind = kind or random.choice(NEUTRAL)
    styles = [style for style in project.styles if style[1] != kind]
    styles += [(module, kind, random.randrange(10_000)) for module in project.modules]
    return replace(project, styles=tuple(styles)), Edit(kind, "everything", None)


def _spot(random, project, one):
    if not one.spots:
        return None
    at = random.randrange(len(one.spots))
    spot = one.kind.spots[at]
    content = random_spot(random, spot, project.definitions, one, project.modules)
    if content is None or content == one.spots[at]:
        return None
    return project.with_definition(one.with_spot(at, content)), spot.edit, [one.number]


def _order(random, project, one):
    """Exchange two numbers of a definition."""
    numbers = [at for at, spot in enumerate(one.kind.spots) if spot.what == "#"]
    if len(numbers) < 2:
        return None
    first, second = random.sample(numbers, 2)
    if one.spots[first] == one.spots[second]:
        return None
    changed = one.with_spot(first, one.spots[second]).with_spot(second, one.spots[first])
    return project.with_definition(changed), "order of numbers", [one.number]


def _exchange(random, project, one):
    """Exchange the bodies of two functions, or of two classes, of one module."""
    sort = one.kind.sort
    if sort not in ("function", "class"):
        return None
    fitting = [
        other
        for other in project.definitions
        if other.kind.sort == sort
        and other.module == one.module
        and other.number > one.number
        and (other.kind, other.spots) != (one.kind, one.spots)
        and all(number < one.number for number in other.references)
    ]
    if not fitting:
        return None
    other = random.choice(fitting)
    project = project.with_definition(replace(one, kind=other.kind, spots=other.spots))
    project = project.with_definition(replace(other, kind=one.kind, spots=one.spots))
    return project, f"two of a kind exchanged: {sort}", [one.number, other.number]


_EDITS = (_spot, _spot, _spot, _spot, _order, _exchange)
