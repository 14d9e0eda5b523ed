"""What functions capture, row by row of docs/fingerprints.md: values, functions, classes, instances, modules."""

import functools
import os
import threading

import pytest

from ppg_invariants import CannotFingerprint, fingerprint_function
from tests.invariants.functions.fingerprints import canonical_after, same


def test_captured_values_count_and_their_names_are_in_the_message():
    def make(value):
        return lambda: value

    assert same(make(1), make(1))
    assert len(set(canonical_after(make(1), make(1.0), make(True), make("1"), make([1])))) == 5
    with pytest.raises(CannotFingerprint, match=r"function → closure 'value'\['lock'\]") as caught:
        fingerprint_function(make({"lock": threading.Lock()}))
    assert caught.value.path == "function → closure 'value'['lock']"


def test_defaults_that_cannot_be_fingerprinted_are_named():
    def f(a, connection=threading.Lock()):  # noqa: B008
        return a, connection

    with pytest.raises(CannotFingerprint, match="function → default 'connection'"):
        fingerprint_function(f)


def test_a_captured_variable_without_a_value_is_a_clear_error():
    def make():
        def f():
            return later

        state = None
        with pytest.raises(CannotFingerprint, match="no value yet") as caught:
            fingerprint_function(f)
        assert "closure 'later'" in str(caught.value)
        later = 1
        return state, f

    _, f = make()
    fingerprint_function(f)


def test_captured_functions_count_by_their_code_recursively(scripts):
    text = """
def outer(n):
    def helper(x):
        return x + {constant}
    def middle(x):
        return helper(x) * n
    def f():
        return middle(1)
    return f
f = outer({n})
"""
    first, second, third, again = (
        scripts.function(text.format(constant=constant, n=n))
        for constant, n in [(1, 1), (2, 1), (1, 2), (1, 1)]
    )
    assert same(first, again)
    assert not same(first, second)
    assert not same(first, third)


def test_functions_that_capture_themselves_or_each_other_end(scripts):
    text = """
def outer():
    def even(n):
        return n == 0 or odd(n - 1)
    def odd(n):
        return n != {0} and even(n - 1)
    def f():
        return f, even
    return f
f = outer()
"""
    first, again, other = (scripts.function(text.format(zero)) for zero in (0, 0, 1))
    assert same(first, again)
    assert not same(first, other)


def test_many_functions_that_all_capture_each_other_take_no_exponential_time():
    def make(count):
        functions = []
        for _ in range(count):
            functions.append(lambda: functions)
        return functions[0]

    assert same(make(60), make(60))
    assert not same(make(60), make(61))


def test_the_order_of_captured_sets_of_functions_does_not_count(scripts):
    text = """
def outer():
    items = {{{order}}}
    return lambda: items
a = lambda: 1
b = lambda: 2
c = lambda: 3
f = outer()
"""
    assert same(
        scripts.function(text.format(order="a, b, c")), scripts.function(text.format(order="c, a, b"))
    )


def test_self_does_not_count_neither_bound_nor_captured(scripts):
    text = """
class Job:
    def __init__(self, value):
        self.value = value
        self.lock = __import__("threading").Lock()
    def method(self):
        return self.value
    def callback(self):
        return lambda: self.value
"""
    module = scripts.module(text)
    assert same(module.Job(1).method, module.Job(2).method)
    assert same(module.Job(1).method, module.Job.method)
    assert same(module.Job(1).callback(), module.Job(2).callback())


def test_captured_instances_count_by_their_class_and_state(scripts):
    text = """
class Thing:
    def __init__(self, value):
        self.value = value
    def area(self):
        return self.value * {factor}
def make(value):
    thing = Thing(value)
    return lambda: thing.area()
f = make({value})
"""
    base, again, other_state, other_code = (
        scripts.function(text.format(factor=factor, value=value))
        for factor, value in [(1, 1), (1, 1), (1, 2), (2, 1)]
    )
    assert same(base, again)
    assert not same(base, other_state)
    assert not same(base, other_code)


def test_captured_classes_count_by_their_methods_and_bases(scripts):
    text = '''
import dataclasses, enum
class Base:
    def shared(self):
        return {base}
@dataclasses.dataclass
class Point(Base):
    """A point."""
    x: int = {default}
    def norm(self):
        return abs(self.x) + {own}
class Colour(enum.Enum):
    RED = {member}
def make(point, colour):
    return lambda: (point, colour)
f = make(Point, Colour)
'''
    base = {"base": 1, "default": 1, "own": 1, "member": 1}
    first = scripts.function(text.format(**base))
    assert same(first, scripts.function(text.format(**base).replace("A point.", "Another text.")))
    for change in base:
        assert not same(first, scripts.function(text.format(**{**base, change: 2}))), change


def test_captured_modules_count_by_name():
    def make(module):
        return lambda: module

    assert same(make(os), make(os))
    assert not same(make(os), make(functools))


def test_captured_dataclasses_and_enums_count_by_their_methods_too(scripts):
    text = """
import dataclasses, enum
@dataclasses.dataclass
class Settings:
    depth: int
    def limit(self):
        return self.depth * {factor}
class Colour(enum.Enum):
    RED = 1
    def shade(self):
        return {shade}
def make(settings, colour):
    return lambda: (settings.limit(), colour.shade())
f = make(Settings({depth}), Colour.RED)
"""
    base = {"factor": 1, "shade": 1, "depth": 1}
    first = scripts.function(text.format(**base))
    assert same(first, scripts.function(text.format(**base)))
    for change in base:
        assert not same(first, scripts.function(text.format(**{**base, change: 2}))), change


def test_super_does_not_make_the_whole_class_count(scripts):
    text = """
import threading
class Job:
    lock = threading.Lock()
    def other(self):
        return {}
    def f(self):
        return super().__repr__()
f = Job.f
"""
    assert same(scripts.function(text.format(1)), scripts.function(text.format(2)))
