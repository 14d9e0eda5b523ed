"""Edits of a function that count and that do not, row by row of docs/fingerprints.md."""

import functools
import os
import textwrap
import threading

import pytest

from ppg_invariants import CannotFingerprint, Follow, fingerprint_function
from ppg_invariants.functions.across_versions import CanonicalCodes


def canonical_after(*functions):
    """Fingerprints of functions from a store that gets the functions in this order."""
    codes = CanonicalCodes([])
    states = [fingerprint_function(function) for function in functions]
    return [state.combine(codes.canonical(state)) for state in states]


def same(first, second):
    before, after = canonical_after(first, second)
    return before == after


BASE = """
def f(a, b=2, *rest, key="k", **options):
    total = 0
    for i in range(a):
        if i % 2 == 0 and i > b:
            total += i * 3
        else:
            total -= 1
    return [total, {"x": (1, 2.5)}, key]
"""

DOES_NOT_COUNT = {
    "a comment": BASE.replace("total = 0", "total = 0  # begin"),
    "a docstring": BASE.replace("    total = 0", '    """What it does."""\n    total = 0'),
    "blank lines": BASE.replace("total = 0\n", "total = 0\n\n\n"),
    "the line it stands on": "import os\n\n\n" + BASE,
    "the name of the function": BASE.replace("def f(", "def renamed(") + "\nf = renamed\n",
    "indentation": "if True:\n" + textwrap.indent(BASE, "  "),
    "annotations of its parameters": BASE.replace("a, b=2", "a: int, b: float = 2"),
    "parentheses and line breaks": BASE.replace(
        "i % 2 == 0 and i > b", "(\n            (i % 2) == 0\n            and i > b\n        )"
    ),
    "a statement joined to another by a semicolon": BASE.replace(
        "    total = 0\n    for", "    total = 0;\n    for"
    ),
    "quotes": BASE.replace('"x"', "'x'"),
    "a trailing comma": BASE.replace("key]", "key,]"),
}


@pytest.mark.parametrize("edit", DOES_NOT_COUNT)
def test_edits_that_do_not_count(scripts, edit):
    assert same(scripts.function(BASE), scripts.function(DOES_NOT_COUNT[edit]))


COUNTS = {
    "a constant": BASE.replace("* 3", "* 4"),
    "the type of a constant": BASE.replace("* 3", "* 3.0"),
    "a constant inside a tuple": BASE.replace("2.5", "2.25"),
    "True instead of 1": BASE.replace("-= 1", "-= True"),
    "an operator": BASE.replace("i * 3", "i + 3"),
    "a comparison": BASE.replace("i > b", "i >= b"),
    "the order of statements": BASE.replace("total += i * 3", "total -= 1").replace(
        "else:\n            total -= 1", "else:\n            total += i * 3"
    ),
    "a default": BASE.replace("b=2", "b=3"),
    "a keyword default": BASE.replace('key="k"', 'key="l"'),
    "the name of a parameter": BASE.replace("*rest", "*others"),
    "the kind of a parameter": BASE.replace("a, b=2", "a, /, b=2"),
    "a name that it uses": BASE.replace("range(a)", "reversed(a)"),
    "being a generator": BASE.replace("return [", "yield ["),
    "a string": BASE.replace('"x"', '"y"'),
    "or instead of and": BASE.replace(" and ", " or "),
}


@pytest.mark.parametrize("edit", COUNTS)
def test_edits_that_count(scripts, edit):
    assert not same(scripts.function(BASE), scripts.function(COUNTS[edit]))


def test_every_count_and_every_kind_of_edit_differs_from_every_other(scripts):
    texts = [BASE, *COUNTS.values()]
    fingerprints = canonical_after(*map(scripts.function, texts))
    assert len(set(fingerprints)) == len(texts)


CLASS_INSIDE = '''
def f():
    class Inner:
        """{doc}"""
        limit = {limit}

        def method(self):
            """{doc}"""
            self.seen = True
            return self.limit
    return Inner().method()
'''


def test_docstrings_and_lines_of_nested_classes_do_not_count_but_their_code_does(scripts):
    base = scripts.function(CLASS_INSIDE.format(doc="one", limit=1))
    assert fingerprint_function(base) == fingerprint_function(
        scripts.function("\n\n" + CLASS_INSIDE.format(doc="two", limit=1))
    )
    assert not same(base, scripts.function(CLASS_INSIDE.format(doc="one", limit=2)))


def test_code_of_nested_functions_counts(scripts):
    text = "def f():\n    def g(x):\n        return x + {}\n    return [g(1), (lambda y: y * {})(2)]\n"
    functions = [scripts.function(text.format(*pair)) for pair in [(1, 1), (2, 1), (1, 2), (1, 1)]]
    one, two, three, again = canonical_after(*functions)
    assert one == again
    assert len({one, two, three}) == 3


def test_without_source_comments_and_docstrings_still_do_not_count():
    spaces = [{}, {}, {}]
    exec("def f(x):\n    return x + 1", spaces[0])
    exec("def g(x):\n\n    'doc'\n    # comment\n    return (x +\n 1)", spaces[1])
    exec("def f(x):\n    return x + 2", spaces[2])
    first, second, third = (fingerprint_function(space.get("f") or space["g"]) for space in spaces)
    assert first.syntax is None
    assert first.source is None
    assert first == second
    assert first != third


def test_lambdas_on_one_line_have_each_their_own_source_and_fingerprint(scripts):
    module = scripts.module(
        "pair = (lambda x: x + 1), (lambda x: x + 2); third = lambda: (lambda: 3)\nfourth = third()\n"
    )
    functions = [*module.pair, module.third, module.fourth]
    sources = [fingerprint_function(function).source for function in functions]
    assert sources == ["lambda x: x + 1\n", "lambda x: x + 2\n", "lambda: (lambda: 3)\n", "lambda: 3\n"]
    assert len(set(canonical_after(*functions))) == 4


def test_lambdas_behind_wide_characters_are_found(scripts):
    module = scripts.module("text = 'äöü→', (lambda: 'ä'), (lambda: 'ö')\n")
    assert [fingerprint_function(one).source for one in module.text[1:]] == ["lambda: 'ä'\n", "lambda: 'ö'\n"]


def test_a_file_that_was_edited_since_the_import_gives_no_source(scripts, tmp_path):
    path = tmp_path / "late.py"
    path.write_text("def f():\n    return 1\n")
    space = {}
    exec(compile(path.read_text(), str(path), "exec"), space)
    path.write_text("def f():\n    return 2\n")
    state = fingerprint_function(space["f"])
    assert state.source is None
    assert state.syntax is None


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


def test_captured_modules_count_by_name():
    def make(module):
        return lambda: module

    assert same(make(os), make(os))
    assert not same(make(os), make(functools))


def test_generators_and_coroutines_are_taken(scripts):
    text = "{}def f():\n    {} 1\n"
    functions = [
        scripts.function(text.format(*pair))
        for pair in [("", "return"), ("", "yield"), ("async ", "return"), ("async ", "yield")]
    ]
    assert len(set(canonical_after(*functions))) == 4


def test_names_are_counted_but_values_of_globals_are_not(scripts):
    text = "LIMIT = {}\ndef f():\n    return LIMIT\n"
    assert same(scripts.function(text.format(1)), scripts.function(text.format(2)))
    assert not same(
        scripts.function(text.format(1)), scripts.function(text.format(1).replace("LIMIT", "BOUND"))
    )


def test_private_names_count_as_mangled(scripts):
    text = "class {0}:\n    def f(self):\n        return self.__x\nf = {0}.f\n"
    assert not same(scripts.function(text.format("A")), scripts.function(text.format("B")))


def test_a_value_that_cannot_be_called_is_refused():
    with pytest.raises(TypeError, match="cannot be called"):
        fingerprint_function(3)  # type: ignore[arg-type]


def test_a_fingerprint_contains_no_addresses():
    def make():
        class Local:
            def __repr__(self):
                return hex(id(self))

        thing = Local()
        return lambda: thing

    assert same(make(), make())


def test_the_names_of_keyword_arguments_in_a_call_count():
    def removed(path):
        path.unlink(missing_ok=True)

    def removed_again(path):
        path.unlink(missing_ok=True)

    def walked(path):
        path.unlink(follow_ok=True)

    assert same(removed, removed_again)
    assert not same(removed, walked)


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
