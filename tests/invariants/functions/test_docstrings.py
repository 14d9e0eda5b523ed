"""Docstrings do not count, nor do their copies: the `__doc__` that an object has from a function that it keeps."""

import functools

import pytest

from ppg_invariants import Follow, evidence_of, explain_function, fingerprint_function
from tests.invariants.functions.fingerprints import same

IMPORTS = """
__name__ = 'the_same_name'
import collections, dataclasses, functools, inspect, types
import numpy as np

class Decorator:
    def __init__(self, function):
        functools.update_wrapper(self, function)
    def __call__(self, x):
        return self.__wrapped__(x)

def plain(x):
    {docstring}
    return x + {constant}
"""

KINDS = {
    "vectorized function": "NAME = np.vectorize(plain)",
    "vectorized function, as a decorator with options": (
        "NAME = np.vectorize(otypes=[float])\nNAME = NAME(plain)"
    ),
    "vectorized vectorized function": "NAME = np.vectorize(np.vectorize(plain))",
    "object that wraps a function": "NAME = Decorator(plain)",
    "object that wraps a wrapped function": (
        "@functools.wraps(plain)\ndef wrapper(x):\n    return plain(x)\nNAME = Decorator(wrapper)"
    ),
    "object that wraps an object": "NAME = Decorator(Decorator(plain))",
    "object that wraps a cached function": "NAME = Decorator(functools.lru_cache(plain))",
    "object with the function in a list of a closure": (
        "class C: pass\ndef made(steps):\n    return lambda x: steps[0](x)\n"
        "NAME = C()\nNAME.run, NAME.__doc__ = made([plain]), plain.__doc__"
    ),
    "object with the function in a partial": (
        "class C: pass\nNAME = C()\nNAME.run, NAME.__doc__ = functools.partial(plain, 1), plain.__doc__"
    ),
    "object with a docstring without its indentation": (
        "class C: pass\nNAME = C()\nNAME.run, NAME.__doc__ = plain, inspect.getdoc(plain)"
    ),
    "object with the docstring of a method": (
        "class C:\n    run = plain\n    def __init__(self):\n        self.__doc__ = self.run.__doc__\nNAME = C()"
    ),
    "object with slots": (
        "class C:\n    __slots__ = ('__doc__', 'run')\nNAME = C()\nNAME.run, NAME.__doc__ = plain, plain.__doc__"
    ),
    "object with slots and attributes": (
        "class C:\n    __slots__ = ('run', '__dict__')\n"
        "NAME = C()\nNAME.run, NAME.__doc__ = plain, plain.__doc__"
    ),
    "dataclass that wraps a function": (
        "@dataclasses.dataclass\nclass C:\n    function: object\n    def __post_init__(self):\n"
        "        functools.update_wrapper(self, self.function)\nNAME = C(plain)"
    ),
    "subclass of dict": "class C(dict): pass\nNAME = C(run=1)\nfunctools.update_wrapper(NAME, plain)",
    "subclass of deque": "class C(collections.deque): pass\nNAME = C()\nfunctools.update_wrapper(NAME, plain)",
    "attribute of an enum's kind": "NAME = types.DynamicClassAttribute(plain)",
    "partial that wraps": "NAME = functools.update_wrapper(functools.partial(plain, 1), plain)",
    "property": "NAME = property(plain)",
}

DOCSTRINGS = ["'Old.'", "'New.'", "'Two\\n\\n    lines.\\n    '"]


def read_by_name(scripts, kind, docstring, constant=1):
    text = IMPORTS.format(docstring=docstring, constant=constant) + KINDS[kind]
    return fingerprint_function(scripts.function(f"{text}\ndef f(x):\n    return NAME\n"), follow=Follow())


def captured(scripts, kind, docstring, constant=1, *, follow=True):
    text = IMPORTS.format(docstring=docstring, constant=constant) + KINDS[kind]
    capture = "\ndef made(value):\n    def f(x):\n        return value\n    return f\nf = made(NAME)\n"
    return fingerprint_function(scripts.function(text + capture), follow=Follow() if follow else None)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("state_of", [read_by_name, captured])
def test_the_copy_of_a_docstring_does_not_count_but_the_code_does(scripts, state_of, kind):
    states = {state_of(scripts, kind, docstring) for docstring in DOCSTRINGS}
    assert len(states) == 1
    assert state_of(scripts, kind, DOCSTRINGS[0], constant=2) not in states


@pytest.mark.parametrize("kind", KINDS)
def test_the_copy_of_a_docstring_does_not_count_if_names_are_not_followed(scripts, kind):
    assert len({captured(scripts, kind, docstring, follow=False) for docstring in DOCSTRINGS}) == 1


@pytest.mark.parametrize("kind", ["vectorized function", "object that wraps a function"])
def test_a_docstring_that_is_new_does_not_count(scripts, kind):
    assert read_by_name(scripts, kind, "pass") == read_by_name(scripts, kind, "'New.'")


class Described:
    def __init__(self, text, *parts):
        self.parts = parts
        self.__doc__ = text


def test_another_text_counts_as_doc_of_an_object():
    def documented():
        """Documented."""

    def state_of(value):
        return fingerprint_function(lambda: value)

    old, new, copied, none = (
        state_of(Described(text, documented)) for text in ("old", "new", "Documented.", None)
    )
    assert len({old, new, copied}) == 3
    assert copied == none
    (change,) = explain_function(evidence_of(old), evidence_of(new))
    assert "__doc__" in change.path
    assert (change.old, change.new) == ("'old'", "'new'")


def test_objects_with_the_same_text_that_lead_to_each_other_are_no_copies():
    def circle(text):
        one, other = Described(text), Described(text)
        one.parts, other.parts = (other, one), (one,)
        return lambda: one

    assert same(circle("old"), circle("old"))
    assert not same(circle("old"), circle("new"))


def test_a_key_of_a_dict_is_no_docstring():
    class Register(dict[str, object]):
        pass

    def f():
        """Documented."""

    def holding(text):
        register = Register({"__doc__": text, "f": f})
        register.function = f
        return lambda: register

    assert not same(holding("Documented."), holding("Else."))


def test_a_former_ppg_saw_the_copy():
    def wrapped(text):
        def function():
            pass

        function.__doc__ = text
        value = functools.update_wrapper(Described(text), function)
        return lambda: value

    old, new = (fingerprint_function(wrapped(text), former=True) for text in ("Old.", "New."))
    assert old != new
