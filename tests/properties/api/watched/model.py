"""Model: a random project of modules and a script, as definitions with spots that edits can change.

A `Kind` is a template of `kinds`; a `Definition` is one with a name, a module and the content of its spots. Each
definition refers only to earlier ones, of its own module or of an earlier one. A `Project` is all of them; `text` makes
its files.
"""

import re
from dataclasses import dataclass, replace
from functools import cached_property
from random import Random

from tests.properties.api.watched.kinds import callbacks, classes, functions, objects, values

__all__ = ["KINDS", "SCRIPT", "Definition", "Kind", "Project", "Spot", "random_project", "random_spot"]

SCRIPT = "script"
LAYOUTS = (
    ("alpha",),
    ("alpha", "beta"),
    ("pack.one", "pack.two", "gamma"),
    ("alpha", "pack.one", "pack.inner.two", "beta"),
)
"""Modules of a project, each before those that import it."""
WORDS = ("alpha", "b c", "Gamma", "dd", "e-e", "ffff", "g", "H i")
_SPOT = re.compile("<<(.*?)>>", re.DOTALL)
_REFERENCES = {"@": None, "L": None, "f": "function", "C": "class", "d": "decorator"}
READABLE = ("value", "function", "class", "decorator")


@dataclass(frozen=True)
class Spot:
    """Spot: a place of a template that an edit can change.

    Attributes:
        part: the file of the template; empty for its code.
        what: `#`, `s`, `w`, `@`, `f`, `C`, `d`, `I`, `L`, or alternatives.
    """

    part: str
    what: str

    @property
    def is_reference(self):
        """Whether the content of the spot is the number of another definition."""
        return self.what in _REFERENCES

    @property
    def edit(self):
        """The kind of edit that changes the spot."""
        named = {"#": "number", "s": "text", "w": "text", "@": "what is read", "L": "what is read"}
        named |= {"f": "function", "C": "class", "d": "decorator"}
        edit = named.get(self.what, "alternative")
        return f"{edit} in a file" if self.part not in ("", "use", SCRIPT) else edit


@dataclass(frozen=True)
class Kind:
    """Kind: a template. `parts` has its code by the empty name, and its files."""

    name: str
    sort: str
    use: str
    flags: str
    parts: tuple[tuple[str, str], ...]

    @cached_property
    def spots(self):
        """The spots of all parts, in their order; those of the expression are the last."""
        return tuple(
            Spot(part, what)
            for part, text in (*self.parts, ("use", self.use))
            for what in _SPOT.findall(text)
        )


@dataclass(frozen=True)
class Definition:
    """Definition: a kind with a name, a module, and the content of its spots."""

    number: int
    kind: Kind
    module: str
    spots: tuple[object, ...]

    @property
    def name(self):
        """The name that others read."""
        return f"name{self.number}"

    @property
    def references(self):
        """The numbers of the definitions that it refers to."""
        return {
            content for spot, content in zip(self.kind.spots, self.spots, strict=True) if spot.is_reference
        }

    def with_spot(self, position, content):
        """Return the definition with another content of one spot."""
        return replace(self, spots=(*self.spots[:position], content, *self.spots[position + 1 :]))


@dataclass(frozen=True)
class Project:
    """Project: definitions by number, in an order in which Python can run them.

    Attributes:
        forms: how a module spells a definition of another one, by module and number.
        styles: by module, the neutral edits that were made to its text: kind and seed.
    """

    modules: tuple[str, ...]
    definitions: tuple[Definition, ...]
    forms: tuple[tuple[tuple[str, int], str], ...]
    styles: tuple[tuple[str, str, int], ...] = ()

    @cached_property
    def by_number(self):
        """The definitions by number."""
        return {one.number: one for one in self.definitions}

    @property
    def callbacks(self):
        """The definitions that are jobs."""
        return [one for one in self.definitions if one.kind.sort == "callback"]

    def reached(self, number):
        """The numbers of the definitions that one reaches, with itself."""
        found, waiting = {number}, [number]
        while waiting:
            for other in self.by_number[waiting.pop()].references - found:
                found.add(other)
                waiting.append(other)
        return found

    def with_definition(self, changed):
        """Return the project with another form of one definition."""
        same = tuple(changed if one.number == changed.number else one for one in self.definitions)
        return replace(self, definitions=same)

    def only(self, numbers):
        """Return the project with these definitions only."""
        return replace(self, definitions=tuple(one for one in self.definitions if one.number in numbers))


def _kinds(text):
    found = []
    for block in re.split("^== ", text.strip(), flags=re.MULTILINE)[1:]:
        head, _, body = block.partition("\n")
        name, sort, use, flags = [*(part.strip() for part in head.split(" | ")), ""][:4]
        parts = re.split("^-- (.*)\n", "\n" + body, flags=re.MULTILINE)
        named = [("", parts[0].strip("\n"))]
        named += [(parts[at], parts[at + 1]) for at in range(1, len(parts), 2)]
        found.append(Kind(name, sort, use, flags, tuple(named)))
    return found


KINDS = {
    "basics": _kinds(callbacks.BASICS),
    "values": _kinds(values.VALUES + objects.OBJECTS),
    "configurations": _kinds(values.CONFIGURATIONS),
    "numpy": _kinds(values.WITH_NUMPY),
    "pandas": _kinds(values.WITH_PANDAS),
    "code": _kinds(functions.FUNCTIONS + classes.CLASSES + callbacks.DECORATORS),
    "callbacks": _kinds(callbacks.CALLBACKS),
    "other ways": _kinds(callbacks.OTHER_WAYS),
}


def random_project(random: Random, kinds, jobs):
    """Return a project that has each of these kinds and this number of jobs.

    Parameters:
        kinds: the kinds of its definitions, beside the basic ones.
        jobs: the number of jobs.
    """
    modules = (*random.choice(LAYOUTS), SCRIPT)
    made: list[Definition] = []

    def add(kind, module):
        number = len(made)
        reader = Definition(number, kind, module, ())
        spots = [random_spot(random, spot, made, reader, modules) for spot in kind.spots]
        made.append(Definition(number, kind, module, tuple(spots)))

    wanted = [(random.randrange(len(modules)), kind) for kind in kinds]
    last = len(modules) - 1
    wanted = [(min(at, last - 1) if "module" in kind.flags else at, kind) for at, kind in wanted]
    wanted += [(0, kind) for kind in KINDS["basics"]]
    random.shuffle(wanted)
    wanted.sort(key=lambda one: (one[0], one[1].name not in _BASIC))
    for at, kind in wanted:
        add(kind, modules[at])
    _read_each(random, made, jobs, modules, add)
    forms = {}
    for module in modules:
        for one in made:
            if one.module != module:
                forms[module, one.number] = random.choice(_forms(module, one))
    return Project(modules, tuple(made), tuple(sorted(forms.items())))


_BASIC = {kind.name for kind in KINDS["basics"]}


def _read_each(random, made, jobs, modules, add):
    """Add callbacks that read everything."""
    unread = [one for one in made if one.kind.sort in READABLE]
    random.shuffle(unread)
    for _ in range(jobs):
        module = random.choice((SCRIPT, SCRIPT, modules[-2]))
        kind = random.choice(KINDS["callbacks"])
        if "partial" in kind.name or "closure" in kind.name:
            module = SCRIPT
        add(kind, module)
        job = made[-1]
        for at, spot in enumerate(kind.spots):
            if spot.what == "@" and unread and _may_read(job, unread[-1], modules):
                job = job.with_spot(at, unread.pop().number)
        made[-1] = job


def _may_read(reader, read, modules):
    if read.module == reader.module:
        return read.number < reader.number and "elsewhere" not in read.kind.flags
    return modules.index(read.module) < modules.index(reader.module)


def random_spot(random, spot, made, reader, modules):
    """Return a content for a spot of a definition; None if there is none."""
    if spot.what == "#":
        return random.randrange(100)
    if spot.what in ("s", "w"):
        return random.choice(WORDS)
    if spot.what == "I":
        return None
    if spot.is_reference:
        sort = _REFERENCES[spot.what]
        fitting = [
            one.number
            for one in made
            if _may_read(reader, one, modules)
            and (one.kind.sort == sort if sort else one.kind.sort in READABLE)
            and (spot.what != "L" or one.module != reader.module)
        ]
        return random.choice(fitting) if fitting else None
    return random.randrange(len(spot.what.split("|")))


def _forms(user, one):
    parent, _, _ = one.module.rpartition(".")
    if "elsewhere" in one.kind.flags:
        return ["module", "module as", "name"]
    if "module" in one.kind.flags:
        # A name of the script would travel by value.
        return ["module", "module as"]
    forms = ["module", "module as", "name", "name as", "star", "call"]
    if parent:
        forms.append("from parent")
        if user.rpartition(".")[0] == parent:
            forms += ["relative name", "relative module"]
        if not user.startswith("pack."):
            forms += ["from package", "package"]
    return forms
