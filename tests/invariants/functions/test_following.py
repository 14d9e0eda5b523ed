"""With a Follow, an edit of a helper is an edit of the function that calls it."""

import sys
import types

import pytest

from ppg_invariants import (
    Added,
    Changed,
    Follow,
    SourceChanged,
    evidence_of,
    explain_function,
    fingerprint_function,
)

TEXT = """
import collections, json, threading
import numpy
import {helpers} as helpers

LIMIT = {limit}
CHOICES = ("a", {choice})
REGISTRY = []
logger = object()

def deep(x):
    return x + {deep}

def helper(x):
    return deep(x) if x else helper(x - 1)

class Tool:
    lock = threading.Lock()
    def use(self):
        return helper(1) + {method}

def f(x):
    REGISTRY.append(logger)
    tool = Tool()
    return [helper(one) for one in x], LIMIT, CHOICES, tool.use(), helpers.clean(x), numpy.mean(x), json.dumps(x)
"""
BASE = {"limit": 1, "choice": "'b'", "deep": 1, "method": 1}


@pytest.fixture
def define(scripts):
    """A function of a script, with a module of helpers; arguments change parts of their text."""

    def make(clean="x", **changes):
        helpers = scripts.module(f"def clean(x):\n    return {clean}\ndef unused(x):\n    return {clean!r}\n")
        name = next(name for name, module in sys.modules.items() if module is helpers)
        module = scripts.module(TEXT.format(helpers=name, **{**BASE, **changes}))
        return module.f

    return make


def followed(function):
    return fingerprint_function(function, follow=Follow())


def test_edits_of_what_a_function_refers_to_count_only_if_it_is_followed(define):
    base = define()
    for changes in [{"limit": 2}, {"choice": "'c'"}, {"deep": 2}, {"method": 2}, {"clean": "x + 1"}]:
        changed = define(**changes)
        assert fingerprint_function(base) == fingerprint_function(changed)
        assert followed(base) != followed(changed), changes


def test_the_same_references_have_the_same_fingerprint(define):
    assert followed(define()) == followed(define())
    assert followed(define()).syntax == followed(define()).syntax is not None


def test_closures_of_one_code_share_what_they_refer_to(scripts):
    text = "def helper():\n    return {}\ndef make(n):\n    return lambda: helper() + n\nf = [make(n) for n in range(3)]\n"
    follow = Follow()
    first = [fingerprint_function(one, follow=follow) for one in scripts.function(text.format(1))]
    second = [fingerprint_function(one, follow=follow) for one in scripts.function(text.format(2))]
    assert len(set(first) | set(second)) == 6
    assert first[0] == fingerprint_function(scripts.function(text.format(1))[0], follow=Follow())


def test_captured_functions_are_followed_too(scripts):
    text = """
def helper():
    return {}
def make():
    def inner():
        return helper()
    return lambda: inner()
f = make()
"""
    first, again, other = (scripts.function(text.format(n)) for n in (1, 1, 2))
    assert followed(first) == followed(again)
    assert followed(first) != followed(other)


def test_a_change_of_a_helper_is_explained(define):
    def explained(**changes):
        return explain_function(evidence_of(followed(define())), evidence_of(followed(define(**changes))))

    assert explained(limit=2) == (Changed("function → refers to 'LIMIT'", "1", "2"),)
    (change,) = explained(clean="x + 1")
    assert isinstance(change, SourceChanged)
    assert change.path == "function → refers to 'helpers.clean'"
    assert "+    return x + 1" in change.diff
    plain = evidence_of(fingerprint_function(define()))
    assert any(
        isinstance(change, Added) for change in explain_function(plain, evidence_of(followed(define())))
    )


def test_installed_packages_count_by_their_version(scripts, monkeypatch):
    import numpy

    from ppg_invariants.functions import modules as module

    assert isinstance(numpy, types.ModuleType)
    function = scripts.function("import numpy\ndef f(x):\n    return numpy.mean(x)\n")
    before = followed(function)
    monkeypatch.setattr(module, "distribution_version", lambda name: "999")
    assert followed(function) != before


def test_long_chains_and_circles_of_helpers_end_and_are_walked_once_each(scripts):
    count = 3000
    text = "\n".join(
        f"def h{n}(x):\n    return h{(n + 1) % count}(x) + h{n * 7 % count}(x)" for n in range(count)
    )
    text += "\ndef f(x):\n    return h0(x)\ndef g(x):\n    return h1(x)\n"
    module, again = scripts.module(text), scripts.module(text)
    other = scripts.module(
        text.replace("def h2999(x):\n    return h0(x)", "def h2999(x):\n    return 1 + h0(x)")
    )
    assert followed(module.f) == followed(again.f)
    assert followed(module.f) != followed(other.f)
    follow = Follow()
    assert fingerprint_function(module.f, follow=follow) != fingerprint_function(module.g, follow=follow)


def test_names_that_change_places_count(scripts):
    text = "def a():\n    return 1\ndef b():\n    return 2\n{}\ndef f():\n    return a(), b()\n"
    assert followed(scripts.function(text.format("pass"))) != followed(
        scripts.function(text.format("a, b = b, a"))
    )


def test_helpers_without_comparable_defaults_count_by_their_code(scripts):
    text = (
        "import threading\ndef helper(lock=threading.Lock()):\n    return {}\ndef f():\n    return helper()\n"
    )
    first, again, other = (scripts.function(text.format(n)) for n in (1, 1, 2))
    assert followed(first) == followed(again)
    assert followed(first) != followed(other)


HELPERS_BESIDE_PLAIN_FUNCTIONS = {
    "contextmanager": (
        "@contextlib.contextmanager\ndef helper():\n    yield deep()\n",
        "with helper() as value:\n        return value",
    ),
    "a decorated method": (
        "class Helper:\n    @contextlib.contextmanager\n    def use(self):\n        yield deep()\n",
        "with Helper().use() as value:\n        return value",
    ),
    "cached property": (
        "class Helper:\n    @functools.cached_property\n    def value(self):\n        return deep()\n",
        "return Helper().value",
    ),
    "singledispatch": (
        (
            "@functools.singledispatch\ndef helper(x):\n    return 0\n"
            "@helper.register\ndef of_int(x: int):\n    return deep()\n"
        ),
        "return helper(1)",
    ),
    "singledispatchmethod": (
        "class Helper:\n    @functools.singledispatchmethod\n    def use(self, x):\n        return deep()\n",
        "return Helper().use(1)",
    ),
    "without comparable default": (
        "@contextlib.contextmanager\ndef helper(lock=threading.Lock()):\n    yield deep()\n",
        "with helper() as value:\n        return value",
    ),
    "of its own": (
        (
            "def decorated(function):\n    lock = threading.Lock()\n"
            "    @functools.wraps(function)\n    def inner():\n        with lock:\n            return function()\n"
            "    return inner\n@decorated\ndef helper():\n    return deep()\n"
        ),
        "return helper()",
    ),
}


@pytest.mark.parametrize("how", HELPERS_BESIDE_PLAIN_FUNCTIONS)
def test_helpers_in_decorators_count_with_all_that_they_lead_to(scripts, how):
    helper, use = HELPERS_BESIDE_PLAIN_FUNCTIONS[how]
    text = (
        "import contextlib, functools, threading\n"
        f"def deep():\n    return {{}}\n{helper}def f():\n    {use}\n"
    )
    first, again, other = (followed(scripts.function(text.format(n))) for n in (1, 1, 2))
    assert first == again
    assert first != other


def test_a_decorated_function_itself_is_followed_where_it_was_written(scripts):
    text = "import contextlib\ndef deep():\n    return {}\n@contextlib.contextmanager\ndef f():\n    yield deep()\n"
    first, again, other = (followed(scripts.function(text.format(n))) for n in (1, 1, 2))
    assert first == again
    assert first != other


def test_a_function_in_an_installed_decorator_counts_by_both(scripts, monkeypatch, tmp_path):
    from ppg_invariants.objects import captured as module

    folder = tmp_path / "site-packages"
    folder.mkdir()
    (folder / "decorators_of_others.py").write_text(
        "import functools\nCALLS = 0\ndef retry(times):\n    def decorate(function):\n"
        "        @functools.wraps(function)\n        def inner():\n            print(CALLS)\n"
        "            return [function() for _ in range(times)]\n        return inner\n    return decorate\n"
    )
    monkeypatch.syspath_prepend(folder)
    text = "import decorators_of_others\n@decorators_of_others.retry({})\ndef f():\n    return {}\n"
    first, again, times, body = (
        followed(scripts.function(text.format(*n))) for n in ((3, 1), (3, 1), (4, 1), (3, 2))
    )
    assert first == again
    assert len({first, times, body}) == 3
    sys.modules["decorators_of_others"].CALLS += 1
    assert followed(scripts.function(text.format(3, 1))) == first
    monkeypatch.setattr(module, "distribution_version", lambda name: "999")
    assert followed(scripts.function(text.format(3, 1))) != first
    monkeypatch.delitem(sys.modules, "decorators_of_others")
