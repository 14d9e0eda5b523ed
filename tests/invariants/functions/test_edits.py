"""Edits of a function that count and that do not, row by row of docs/fingerprints.md."""

import textwrap

import pytest

from ppg_invariants import fingerprint_function
from tests.invariants.functions.fingerprints import canonical_after, same

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


def test_names_are_counted_but_values_of_globals_are_not(scripts):
    text = "LIMIT = {}\ndef f():\n    return LIMIT\n"
    assert same(scripts.function(text.format(1)), scripts.function(text.format(2)))
    assert not same(
        scripts.function(text.format(1)), scripts.function(text.format(1).replace("LIMIT", "BOUND"))
    )


def test_private_names_count_as_mangled(scripts):
    text = "class {0}:\n    def f(self):\n        return self.__x\nf = {0}.f\n"
    assert not same(scripts.function(text.format("A")), scripts.function(text.format("B")))


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
