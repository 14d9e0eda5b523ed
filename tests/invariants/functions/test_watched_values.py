"""The values of the global names that a function reads: which count, which do not, and what is said of the others."""

import sys

import pytest

from ppg_invariants import Follow, evidence_of, explain_function, fingerprint_function, unwatch
from tests.invariants.hash_seeds import printed_under_hash_seeds

READS = "\ndef read():\n    return NAME\ndef f(x):\n    return read()\n"

IMPORTS = """
import collections, dataclasses, datetime, decimal, enum, fractions, functools, logging, operator, pathlib, random, re
import struct, threading, types, uuid, weakref
import numpy as np
import pandas as pd
"""

COUNTS = {
    "path": ("pathlib.Path('a')", "pathlib.Path('b')"),
    "decimal": ("decimal.Decimal('1.0')", "decimal.Decimal('1.00')"),
    "date": ("datetime.date(2026, 1, 1)", "datetime.date(2026, 1, 2)"),
    "enum": ("enum.Enum('E', {'A': 1}).A", "enum.Enum('E', {'A': 2}).A"),
    "named tuple": ("collections.namedtuple('N', 'a b')(1, 2)", "collections.namedtuple('N', 'a b')(1, 3)"),
    "range": ("range(3)", "range(4)"),
    "slice": ("slice(1, 2)", "slice(1, 3)"),
    "pattern": ("re.compile('a')", "re.compile('a', re.I)"),
    "numpy scalar": ("np.float64(1)", "np.float32(1)"),
    "union of types": ("int | None", "str | None"),
    "tuple of values": ("(1, pathlib.Path('a'))", "(1, pathlib.Path('b'))"),
    "frozenset of values": ("frozenset({pathlib.Path('a')})", "frozenset({pathlib.Path('b')})"),
    "tuple of modules": ("(re, random)", "(re, operator)"),
    "dict": ("{'a': [1, {2}]}", "{'a': [1, {3}]}"),
    "order of a dict": ("dict(a=1, b=2)", "dict(b=2, a=1)"),
    "order of a dict with keys of all kinds": ("{(1, 2): 1, 2: 2}", "{2: 2, (1, 2): 1}"),
    "order of a large dict": (
        "{number: 1 for number in range(200)}",
        "{number: 1 for number in reversed(range(200))}",
    ),
    "list": ("[1]", "[2]"),
    "set": ("{1}", "{2}"),
    "deque": ("collections.deque([1])", "collections.deque([1], 5)"),
    "default dict": ("collections.defaultdict(list)", "collections.defaultdict(dict)"),
    "namespace": ("types.SimpleNamespace(a=1)", "types.SimpleNamespace(a=2)"),
    "array": ("np.arange(3)", "np.arange(4)"),
    "frame": ("pd.DataFrame({'a': [1]})", "pd.DataFrame({'a': [2]})"),
    "generator of numpy": ("np.random.default_rng(0)", "np.random.default_rng(1)"),
    "generator of random": ("random.Random(0)", "random.Random(1)"),
    "getter": ("operator.itemgetter(1)", "operator.itemgetter(2)"),
    "method caller": ("operator.methodcaller('a')", "operator.methodcaller('b')"),
    "partial": ("functools.partial(int, base=2)", "functools.partial(int, base=3)"),
    "alias of a builtin": ("len", "sum"),
    "binary format": ("struct.Struct('<i')", "struct.Struct('<q')"),
    "made dataclass": (
        "dataclasses.make_dataclass('M', ['x'], namespace={'run': lambda self: 1})(1)",
        "dataclasses.make_dataclass('M', ['x'], namespace={'run': lambda self: 2})(1)",
    ),
}

DEFINITIONS = {
    "attribute of an instance": ("class C: pass\nNAME = C()\nNAME.a = {}\n", "1", "2"),
    "code of the class of an instance": ("class C:\n    def run(self): return {}\nNAME = C()\n", "1", "2"),
    "bound method: code": ("class C:\n    def run(self): return {}\nNAME = C().run\n", "1", "2"),
    "bound method: object": (
        "class C:\n    def run(self): pass\nc = C()\nc.a = {}\nNAME = c.run\n",
        "1",
        "2",
    ),
    "callable instance": ("class C:\n    def __call__(self): return {}\nNAME = C()\n", "1", "2"),
    "decorator that is a class": (
        "class D:\n    def __init__(self, f): self.f = f\n@D\ndef NAME(): return {}\n",
        "1",
        "2",
    ),
    "frozen dataclass": (
        "@dataclasses.dataclass(frozen=True)\nclass C:\n    a: int\nNAME = C({})\n",
        "1",
        "2",
    ),
    "functions in a tuple": ("def a(): return {}\ndef b(): pass\nNAME = (a, b)\n", "1", "2"),
    "classes in a tuple": ("class A:\n    def run(self): return {}\nNAME = (A, 1)\n", "1", "2"),
    "functions in a dict": ("def a(): return {}\nNAME = dict(a=a)\n", "1", "2"),
    "what a function in a list reads": ("X = {}\ndef a(): return X\nNAME = [a]\n", "1", "2"),
    "what a method of an instance reads": (
        "X = [{}]\nclass C:\n    def run(self): return X\nNAME = C()\n",
        "1",
        "2",
    ),
    "bound method in a partial": (
        (
            "class C:\n    def __init__(self, a): self.a = a\n    def run(self, x): pass\n"
            "NAME = functools.partial(C({}).run, 1)\n"
        ),
        "1",
        "2",
    ),
    "bound method in a tuple with functions": (
        (
            "class C:\n    def __init__(self, a): self.a = a\n    def run(self): pass\n"
            "def f(): pass\nNAME = (C({}).run, f)\n"
        ),
        "1",
        "2",
    ),
    "bound method in a cache": (
        (
            "class C:\n    def __init__(self, a): self.a = a\n    def run(self): pass\n"
            "NAME = functools.lru_cache(C({}).run)\n"
        ),
        "1",
        "2",
    ),
    "bound method as a default of a helper": (
        (
            "class C:\n    def __init__(self, a): self.a = a\n    def run(self): pass\n"
            "def NAME(step=C({}).run): pass\n"
        ),
        "1",
        "2",
    ),
    "bound method as a member of a class": (
        (
            "class C:\n    def __init__(self, a): self.a = a\n    def run(self): pass\n"
            "class NAME:\n    step = C({}).run\n"
        ),
        "1",
        "2",
    ),
    "class of a class method": (
        "class C:\n    size = {}\n    @classmethod\n    def run(cls): return cls.size\nNAME = C.run\n",
        "1",
        "2",
    ),
    "argument of a decorator that is a class": (
        (
            "class D:\n    def __init__(self, a): self.a = a\n    def __call__(self, function):\n"
            "        def run(): return self.a * function()\n        return run\n"
            "@D({})\ndef NAME(): return 1\n"
        ),
        "1",
        "2",
    ),
    "metadata of a field": (
        (
            "@dataclasses.dataclass\nclass NAME:\n"
            "    a: int = dataclasses.field(default=1, metadata=dict(unit={}))\n"
        ),
        "1",
        "2",
    ),
    "attribute of an enum that is no member": (
        "class E(enum.Enum):\n    limit = enum.nonmember({})\n    A = 1\nNAME = E.A\n",
        "1",
        "2",
    ),
    "order of the members of an enum": (
        "class NAME(enum.Enum):\n    {}\n",
        "A = 1; B = 2",
        "B = 2; A = 1",
    ),
    "class that is registered with an abstract one": (
        "import abc\nclass NAME(abc.ABC): pass\nNAME.register({})\n",
        "int",
        "str",
    ),
    "attribute of a member of an enum": (
        "class E(enum.Enum):\n    A = 1\nNAME = E.A\nNAME.label = {}\n",
        "1",
        "2",
    ),
    "attribute of a member of an enum that is read through the enum": (
        "class NAME(enum.Enum):\n    A = 1\nNAME.A.label = {}\n",
        "1",
        "2",
    ),
    "attribute of a member that its class does not set": (
        (
            "class NAME(enum.Enum):\n    A = 1\n\n    def __init__(self, value):\n        self.half = value / 2\n"
            "NAME.A.friend = {}\n"
        ),
        "NAME.A",
        "3",
    ),
    "attribute beside the fields of a dataclass": (
        "@dataclasses.dataclass\nclass C:\n    a: int = 1\nNAME = C()\nNAME.b = {}\n",
        "1",
        "2",
    ),
    "attribute of a subclass of deque": (
        "class C(collections.deque): pass\nNAME = C()\nNAME.b = {}\n",
        "1",
        "2",
    ),
    "attribute of a subclass of a named tuple": (
        "class C(collections.namedtuple('C', 'a')): pass\nNAME = C(1)\nNAME.b = {}\n",
        "1",
        "2",
    ),
    "attribute of a subclass of date": (
        "class C(datetime.date): pass\nNAME = C(2026, 1, 1)\nNAME.b = {}\n",
        "1",
        "2",
    ),
    "notes of a frame": ("NAME = pd.DataFrame(dict(a=[1]))\nNAME.attrs['unit'] = {}\n", "1", "2"),
    "an object with a lock": (
        "class C:\n    def __init__(self, a): self.a, self.lock = a, threading.Lock()\nNAME = C({})\n",
        "1",
        "2",
    ),
    "an object with weak references": (
        (
            "class C:\n    def __init__(self, a): self.a, self.made = a, weakref.WeakValueDictionary()\n"
            "NAME = C({})\n"
        ),
        "1",
        "2",
    ),
    "function beside what has no content": (
        "def f(): return {}\nNAME = (f, (x for x in []))\n",
        "1",
        "2",
    ),
    "function of a partial with what has no content": (
        "def f(x): return {}\nNAME = functools.partial(f, (x for x in []))\n",
        "1",
        "2",
    ),
    "wrapped function": ("@functools.lru_cache\ndef NAME(): return {}\n", "1", "2"),
}

SAME = {
    "content of a cache": (
        "@functools.lru_cache\ndef NAME(a): return a\nNAME(1)\n",
        "@functools.lru_cache\ndef NAME(a): return a\nNAME(2)\n",
    ),
    "content of a cached property": (
        "class C:\n    @functools.cached_property\n    def p(self): return 1\nNAME = C()\n",
        "class C:\n    @functools.cached_property\n    def p(self): return 1\nNAME = C()\nNAME.p\n",
    ),
    "lock": ("NAME = threading.Lock()\n", "NAME = threading.Lock()\nNAME.acquire()\n"),
    "lock of an object": (
        "class C: pass\nNAME = C()\nNAME.lock = threading.Lock()\n",
        "class C: pass\nNAME = C()\nNAME.lock = threading.Lock()\nNAME.lock.acquire()\n",
    ),
    "logger": ("NAME = logging.getLogger('a')\n", "NAME = logging.getLogger('b')\n"),
}


@pytest.fixture
def state(scripts):
    def state_of(definition):
        follow = Follow()
        found = fingerprint_function(scripts.function(IMPORTS + definition + READS), follow=follow)
        return found, follow.take_left_out()

    return state_of


@pytest.mark.parametrize("kind", COUNTS)
def test_a_value_of_a_global_counts_by_its_content(state, kind):
    one, other = (f"NAME = {text}\n" for text in COUNTS[kind])
    assert state(one) == state(one)
    assert state(one)[1] == state(other)[1] == []
    assert state(one)[0] != state(other)[0]


@pytest.mark.parametrize("kind", DEFINITIONS)
def test_code_and_state_behind_a_global_count(state, kind):
    text, one, other = DEFINITIONS[kind]
    assert state(text.format(one)) == state(text.format(one))
    assert state(text.format(one))[0] != state(text.format(other))[0]


@pytest.mark.parametrize("kind", SAME)
def test_what_decides_no_result_does_not_count_and_gives_no_warning(state, kind):
    one, other = map(state, SAME[kind])
    assert one == other
    assert one[1] == []


@pytest.mark.parametrize(
    ("definition", "why"),
    [
        ("NAME = open(__import__('os').devnull)\n", "cannot pickle"),
        ("NAME = (one for one in [1])\n", "cannot pickle"),
        ("NAME = __import__('sqlite3').connect(':memory:')\n", "cannot pickle"),
        ("class C:\n    def __reduce_ex__(self, _): raise KeyError('x')\nNAME = C()\n", "KeyError|'x'"),
        ("NAME = np.zeros(1 << 30, dtype=np.int8)\n", "it has more than 256 MiB"),
        ("NAME = list(range(300_001))\n", "it has more than 300,000 parts"),
    ],
)
def test_a_value_that_cannot_count_is_left_out_and_named_once(scripts, definition, why):
    follow = Follow()
    function = scripts.function(IMPORTS + definition + READS)
    found = fingerprint_function(function, follow=follow)
    (left_out,) = follow.take_left_out()
    assert left_out.name == "NAME"
    assert any(part in left_out.why for part in why.split("|"))
    fingerprint_function(function, follow=follow)
    assert follow.take_left_out() == []
    assert found == fingerprint_function(scripts.function(IMPORTS + READS), follow=Follow())
    getattr(function.__globals__["NAME"], "close", lambda: None)()


def test_no_attribute_of_a_lazy_object_is_made_by_looking_at_it(state):
    text = """
class Lazy:
    def __getattr__(self, name):
        if name.startswith("__reduce") or name in ("__getstate__", "__getnewargs_ex__", "__getnewargs__"):
            raise AttributeError(name)
        self.__dict__[name] = 1
        return 1
NAME = Lazy()
"""
    assert state(text) == state(text)
    (module,) = [module for module in list(sys.modules.values()) if hasattr(module, "Lazy")][-1:]
    assert vars(module.NAME) == {}


def test_unwatched_names_do_not_count(scripts):
    one, other = (
        scripts.function(f"NAME = [{n}]\nNUMBER = {n}\ndef f(x): return NAME, NUMBER\n") for n in (1, 2)
    )
    assert fingerprint_function(one, follow=Follow()) != fingerprint_function(other, follow=Follow())
    for function in (one, other):
        unwatch(function.__globals__["__name__"], ["NAME", "NUMBER"])
    assert fingerprint_function(one, follow=Follow()) == fingerprint_function(other, follow=Follow())


def test_a_value_that_leads_back_to_itself_ends(state):
    assert state("NAME = []\nNAME.append(NAME)\n")[1] == []
    assert state("class C: pass\nNAME = C()\nNAME.self = NAME\nNAME.read = lambda: NAME\n")[1] == []


def test_a_changed_value_is_explained_by_its_path(state):
    one, other = (evidence_of(state(f"NAME = {{'minq': {n}}}\n")[0]) for n in (20, 29))
    (change,) = explain_function(one, other)
    assert (change.path, change.old, change.new) == ("function → refers to 'NAME'['minq']", "20", "29")


@pytest.mark.parametrize("value", ["['{}/data']", "pathlib.Path('{}/data')", "[{{'a': '{}/data'}}]"])
def test_a_path_in_the_project_counts_relative_to_its_root(scripts, value):
    def state_of(folder, root):
        function = scripts.function(f"{IMPORTS}NAME = ({value.format(folder)},)\n{READS}")
        return fingerprint_function(function, follow=Follow(root=root))

    assert state_of("/old", "/old") == state_of("/new", "/new")
    assert state_of("/old", "/old") != state_of("/new", "/old")
    assert state_of("/older", "/old") != state_of("/newer", "/new")


def test_values_without_order_do_not_depend_on_the_hash_seed(tmp_path):
    (tmp_path / "values.py").write_text(
        "import enum\nclass D(dict): pass\ndef a(): pass\ndef b(): return 1\nclass Flags(enum.Flag):\n    A = 1\n    B = 2\n"
        "D1 = D(a=1)\nD1.more = {'q', 'r', 's'}\nVALUES = [{'a', 'bb', 'ccc'}, {1: {'x', 'y'}}, {a, b}, D1, Flags.A | Flags.B]\n"
        "def f():\n    return VALUES, D1\n"
    )
    script = (
        "import values\nfrom ppg_invariants import Follow, fingerprint_function\n"
        "follow = Follow()\nprint(fingerprint_function(values.f, follow=follow).bytecode.hex(), follow.take_left_out())"
    )
    found = printed_under_hash_seeds(script, tmp_path)
    (one,) = found
    assert one.endswith(b" []\n")
