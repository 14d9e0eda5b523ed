"""Jobs that take a cached or stored value run again when the code of its classes changes.

The pickle has a class, or a function, by its name alone.
"""

import os
import subprocess
import sys
import textwrap

import pytest

SCRIPT = """
import functools, sys
import ppg
from parts import Base, scale

class Reads(Base):
    def total(self):
        return {method}

class Other:
    def total(self):
        return {other}

@functools.lru_cache
def wrapped():
    return {wrapped}

class Single:
    def __reduce__(self):
        return "single"
    def total(self):
        return {method}
single = Single()

ppg.new_pipegraph(quiet=True)

def calculate():
    return {value}

def use(value):
    return str({use})
"""
STORED = """
@ppg.cached("value")
def value():
    return calculate()

@ppg.file("out")
def out(path, value=value):
    path.write_text(use(value))
"""
CACHED = """
got = {}
def out(path):
    path.write_text(use(got["value"]))
load = ppg.CachedDataLoadingJob("value", calculate, functools.partial(got.__setitem__, "value"))
ppg.FileGeneratingJob("out", out).depends_on(load)
"""
PARTS = """
FACTOR = {factor}
class Base:
    def scaled(self):
        return scale(self.total())
def scale(number):
    return number * FACTOR
"""
BASE = {"method": "1", "other": "1", "wrapped": "1", "factor": "1"}
INSTANCE = {"value": "Reads()", "use": "value.scaled()"}

declarations = pytest.mark.parametrize("declared", [STORED, CACHED], ids=["stored", "cached"])


def ran(folder, declared, **parts):
    """The jobs that a run of the script runs, and what it makes."""
    (folder / "parts.py").write_text(textwrap.dedent(PARTS.format(**BASE | parts)))
    text = SCRIPT.format(**BASE | INSTANCE | parts) + declared + "\nprint(sorted(ppg.run().ran))\n"
    (folder / "script.py").write_text(text)
    ended = subprocess.run(
        [sys.executable, "-B", "script.py"],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    return ended.stdout.strip(), (folder / "out").read_text()


@declarations
@pytest.mark.parametrize(
    ("same", "edit"),
    [
        ({}, {"method": "2"}),
        ({}, {"factor": "2"}),
        ({"value": "[{'x': Reads()}]", "use": "value[0]['x'].total()"}, {"method": "2"}),
        ({"value": "Reads", "use": "value().total()"}, {"method": "2"}),
        ({"value": "scale", "use": "value(1)"}, {"factor": "2"}),
        ({"value": "wrapped", "use": "value()"}, {"wrapped": "2"}),
        ({"value": "single", "use": "value.total()"}, {"method": "2"}),
        ({"value": "__import__('parts')", "use": "value.scale(1)"}, {"factor": "2"}),
        ({"value": "{1, 2, Reads}", "use": "[one().total() for one in value if isinstance(one, type)][0]"}, {"method": "2"}),
    ],
    ids=["method", "global of a base", "nested", "class", "function", "wrapped function", "name of a global", "module", "in a set"],
)  # fmt: skip
def test_an_edit_of_code_that_the_value_has_by_name_reaches_the_jobs_that_take_it(
    tmp_path, declared, same, edit
):
    assert ran(tmp_path, declared, **same)[1] == "1"
    again, made = ran(tmp_path, declared, **same, **edit)
    assert "'out'" in again
    assert made == "2"
    assert ran(tmp_path, declared, **same, **edit) == ("[]", "2")


@declarations
def test_an_edit_of_other_code_reaches_none(tmp_path, declared):
    value = "(lambda other: Reads())(Other())"  # the calculation refers to a class that the value has not
    ran(tmp_path, declared, value=value)
    again, _ = ran(tmp_path, declared, value=value, other="2")
    assert "value" in again
    assert "'out'" not in again


@declarations
def test_plain_values_have_no_more_than_their_pickle(tmp_path, declared):
    ran(tmp_path, declared, value="[1, {'x': 2.0}]", use="value[0]")
    (file,) = [path for path in tmp_path.rglob("*value*") if path.is_file() and "ppg" not in path.parts]
    assert file.read_bytes().endswith(b".")


DIFFERENT = """
import collections, sys, typing
import ppg

class Names(set):
    pass

class Fixed(frozenset):
    __slots__ = ()

class Ordered(set):
    def __init__(self, names=()):
        self.names = list(names)
        set.__init__(self, self.names)
    def __iter__(self):
        return iter(self.names)
    def __reduce__(self):
        return Ordered, (self.names,)

class Marked:
    def __init__(self):
        self.__wrapped__ = 3

def local():
    class Local:
        pass
    return Local

ppg.new_pipegraph(quiet=True, cache_folder=sys.argv[1])
MADE = {
    "set": lambda: Names("abcdefgh"),
    "frozenset": lambda: {Fixed("abcdefgh")},
    "ordered": lambda: Ordered("hgfedcba"),
    "class": local,
    "instances": lambda: [local()(), local()()],
    "tuple": lambda: collections.namedtuple("Inner", "a b")(1, {"a", "b"}),
    "variable": lambda: typing.TypeVar("T"),
    "attribute": lambda: Marked(),
}
for name, make in MADE.items():
    ppg.cached(name)(make)
ppg.run()
for name in MADE:
    value = ppg.read(name)
    if name == "instances":
        assert type(value[0]) is not type(value[1])
    if name == "set":
        assert type(value) is Names and value == Names("abcdefgh")
    if name == "ordered":
        assert value.names == list("hgfedcba")
"""


def test_equal_values_of_all_classes_make_the_same_bytes_in_every_process(tmp_path):
    (tmp_path / "script.py").write_text(DIFFERENT)
    made = []
    for seed in ("1", "2"):
        ended = subprocess.run(
            [sys.executable, "-B", "script.py", f"cache{seed}"],
            cwd=tmp_path,
            env=os.environ | {"PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert ended.returncode == 0, ended.stderr
        made.append({path.name: path.read_bytes() for path in (tmp_path / f"cache{seed}/values").iterdir()})
    assert len(made[0]) == 8
    assert [name for name in made[0] if made[0][name] != made[1][name]] == []
