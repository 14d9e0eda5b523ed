"""Functions in other things, row by row of docs/fingerprints.md: partials, decorators, callable objects, functions in C."""

import functools
import os

import pytest

from ppg_invariants import Follow, fingerprint_function
from tests.invariants.functions.fingerprints import canonical_after, same


def test_partials_count_by_function_and_arguments():
    def f(a, b):
        return a, b

    def g(a, b):
        return b, a

    partials = [
        functools.partial(f, 1),
        functools.partial(f, 2),
        functools.partial(f, b=1),
        functools.partial(g, 1),
    ]
    assert len(set(canonical_after(*partials))) == 4
    assert same(functools.partial(f, 1), functools.partial(f, 1))


def test_decorated_functions_count_with_what_decorates_them(scripts):
    text = """
import functools
def times(n):
    def decorate(function):
        @functools.wraps(function)
        def wrapper(*args):
            return function(*args) * n
        return wrapper
    return decorate
@times({n})
def f(x):
    return x + {constant}
"""
    first, again, other_n, other_body = (
        scripts.function(text.format(n=n, constant=c)) for n, c in [(1, 1), (1, 1), (2, 1), (1, 2)]
    )
    assert same(first, again)
    assert not same(first, other_n)
    assert not same(first, other_body)


def test_cached_functions_count_by_what_they_wrap(scripts):
    text = "import functools\n@functools.lru_cache\ndef f(x):\n    return x + {}\n"
    first, again, other = (scripts.function(text.format(c)) for c in (1, 1, 2))
    assert same(first, again)
    assert not same(first, other)


DECORATED = {
    "contextmanager": "@contextlib.contextmanager\ndef f():\n    yield {}\n",
    "ContextDecorator": (
        "class Guard(contextlib.ContextDecorator):\n    def __enter__(self):\n        pass\n"
        "    def __exit__(self, *what):\n        pass\n"
        "@Guard()\ndef f():\n    return {}\n"
    ),
    "several": (
        "@contextlib.contextmanager\n@contextlib.ContextDecorator.__call__.__get__(contextlib.ExitStack())\n"
        "def f():\n    yield {}\n"
    ),
    "a method": (
        "class Kind:\n    @contextlib.contextmanager\n    def use(self):\n        yield {}\nf = Kind.use\n"
    ),
}


@pytest.mark.parametrize("how", DECORATED)
@pytest.mark.parametrize("follow", [True, False])
def test_functions_in_decorators_of_the_standard_library_count_by_what_these_wrap(scripts, how, follow):
    text = f"import contextlib\n{DECORATED[how]}"
    states = [
        fingerprint_function(scripts.function(text.format(n)), follow=Follow() if follow else None)
        for n in (1, 1, 2)
    ]
    assert states[0] == states[1]
    assert states[0] != states[2]
    assert states[0].source is not None


def test_callable_instances_count_by_their_class_and_state(scripts):
    text = """
class Call:
    def __init__(self, n):
        self.n = n
    def __call__(self):
        return self.n + {}
f = Call({})
"""
    first, again, other, state = (scripts.function(text.format(*p)) for p in [(1, 1), (1, 1), (2, 1), (1, 2)])
    assert same(first, again)
    assert not same(first, other)
    assert not same(first, state)


def test_functions_in_c_and_of_the_standard_library_count_by_name():
    functions = [
        len,
        print,
        os.path.join,
        str.upper,
        "abc".upper,
        "abd".upper,
        [].append,
        functools.reduce,
        dict,
    ]
    assert len(set(canonical_after(*functions))) == len(functions)
    assert fingerprint_function(os.path.join).codes == ()


def test_generators_and_coroutines_are_taken(scripts):
    text = "{}def f():\n    {} 1\n"
    functions = [
        scripts.function(text.format(*pair))
        for pair in [("", "return"), ("", "yield"), ("async ", "return"), ("async ", "yield")]
    ]
    assert len(set(canonical_after(*functions))) == 4


def test_a_value_that_cannot_be_called_is_refused():
    with pytest.raises(TypeError, match="cannot be called"):
        fingerprint_function(3)  # type: ignore[arg-type]
