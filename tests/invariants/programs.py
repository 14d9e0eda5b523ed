"""Random small functions as trees, rendered as source in any style, and edited at random places."""

import random

from hypothesis import strategies as st

NAMES = ("x", "y", "a", "b")
OPERATORS = ("+", "-", "*", "//", "%", "&", "|", "^")
COMPARISONS = ("<", "<=", "==", "!=", ">", ">=")

constants = st.one_of(
    st.integers(-3, 300),
    st.booleans(),
    st.sampled_from([1.0, 2.0, -0.0, 0.5, "", "x", "1", b"1", None, (1,), (1.0,), (True, "a")]),
).map(lambda value: ("const", value))

expressions = st.recursive(
    st.one_of(constants, st.sampled_from(NAMES).map(lambda name: ("name", name))),
    lambda inner: st.one_of(
        st.tuples(st.just("binary"), st.sampled_from(OPERATORS), inner, inner),
        st.tuples(st.just("compare"), st.sampled_from(COMPARISONS), inner, inner),
        st.tuples(st.just("choice"), inner, inner, inner),
        st.tuples(st.just("list"), inner, inner),
        st.tuples(st.just("and"), inner, inner),
        st.tuples(st.just("or"), inner, inner),
        st.tuples(st.just("lambda"), inner),
        st.tuples(st.just("comprehension"), inner),
        st.tuples(st.just("format"), inner),
    ),
    max_leaves=8,
)

statements = st.recursive(
    st.one_of(
        st.tuples(st.just("assign"), st.sampled_from(NAMES), expressions),
        st.tuples(st.just("augment"), st.sampled_from(NAMES), st.sampled_from(OPERATORS), expressions),
        st.tuples(st.just("return"), expressions),
        st.tuples(st.just("yield"), expressions),
    ),
    lambda inner: st.one_of(
        st.tuples(
            st.just("if"), expressions, st.lists(inner, min_size=1, max_size=3), st.lists(inner, max_size=2)
        ),
        st.tuples(st.just("for"), st.sampled_from(NAMES), st.lists(inner, min_size=1, max_size=2)),
        st.tuples(
            st.just("try"), st.lists(inner, min_size=1, max_size=2), st.lists(inner, min_size=1, max_size=2)
        ),
        st.tuples(st.just("with"), st.lists(inner, min_size=1, max_size=2)),
        st.tuples(st.just("def"), st.lists(inner, min_size=1, max_size=2)),
    ),
    max_leaves=6,
)

programs = st.tuples(st.just("body"), st.lists(statements, min_size=1, max_size=4))

PLAIN = None
"""The plain style, without random choices."""


def source(program, style=PLAIN, name="f"):
    """Text of a module that defines the function; `style` is the seed of how it looks."""
    whims = None if style is None else random.Random(style)
    indent = " " * (4 if whims is None else whims.choice((1, 2, 3, 8)))
    lines = [f"def {name}(x, y):"]
    if whims is not None and whims.random() < 0.5:
        lines.append(indent + '"""A docstring."""')
    lines += [indent + "a = b = 0", *_block(program[1], indent, indent, whims)]
    lines.append(indent + "return a, b, x, y")
    if whims is not None and whims.random() < 0.5:
        lines = ["class Somewhere:", *(indent + line for line in lines), f"{name} = Somewhere.{name}"]
    if whims is not None:
        lines = ["# moved"] * whims.randrange(3) + lines
    return "\n".join(lines) + "\n"


def outcome(function, arguments):
    """Return a function's result or error as a value for an exact comparison."""
    try:
        result = function(*arguments)
        if hasattr(result, "__next__"):
            result = ["yielded", *(one for _, one in zip(range(50), result, strict=False))]
    except Exception as error:
        return type(error).__name__
    return _exactly(result)


def edited(program, data):
    """The program with one of its expressions, statements or operators replaced by another."""
    places = list(_places(program))
    place = data.draw(st.sampled_from(places), label="place")
    old = _at(program, place)
    if isinstance(old, str):
        new = data.draw(
            st.sampled_from(OPERATORS if old in OPERATORS else COMPARISONS if old in COMPARISONS else NAMES)
        )
    else:
        kinds = ("assign", "augment", "return", "yield", "if", "for", "try", "with", "def")
        new = data.draw(statements if old[0] in kinds else expressions, label="replacement")
    return _replaced(program, place, new)


def _exactly(value):
    if isinstance(value, (list, tuple)):
        return (type(value).__name__, *map(_exactly, value))
    if callable(value):
        return ("function", outcome(value, ()))
    if value is None or isinstance(value, (bool, int, float, complex, str, bytes)):
        return (type(value).__name__, repr(value))
    return (type(value).__name__,)  # the repr of a generator, say, has an address


def _places(node, path=()):
    for index, part in enumerate(node):
        here = (*path, index)
        if isinstance(part, list):
            for position, one in enumerate(part):
                yield (*here, position)
                yield from _places(one, (*here, position))
        elif isinstance(part, tuple) and node[0] != "const":
            yield here
            yield from _places(part, here)
        elif (
            index > 0
            and isinstance(part, str)
            and part in (*OPERATORS, *COMPARISONS, *NAMES)
            and node[0] != "const"
        ):
            yield here


def _at(node, path):
    for step in path:
        node = node[step]
    return node


def _replaced(node, path, new):
    if not path:
        return new
    first, *rest = path
    parts = list(node)
    parts[first] = _replaced(parts[first], rest, new)
    return parts if isinstance(node, list) else tuple(parts)


def _block(statements_of_it, indent, step, whims):
    lines = []
    for statement in statements_of_it:
        if whims is not None and whims.random() < 0.2:
            lines += ["", indent + "# a comment"]
        lines += _statement(statement, indent, step, whims)
    return lines


def _statement(node, indent, step, whims):
    def block(body):
        return _block(body, indent + step, step, whims)

    match node:
        case ("assign", name, value):
            return [f"{indent}{name} = {_text(value, whims)}"]
        case ("augment", name, operator, value):
            return [f"{indent}{name} {operator}= {_text(value, whims)}"]
        case ("return", value):
            return [f"{indent}return {_text(value, whims)}"]
        case ("yield", value):
            return [f"{indent}yield {_text(value, whims)}"]
        case ("if", condition, then, otherwise):
            lines = [f"{indent}if {_text(condition, whims)}:", *block(then)]
            return [*lines, f"{indent}else:", *block(otherwise)] if otherwise else lines
        case ("for", name, body):
            return [f"{indent}for {name} in range(3):", *block(body)]
        case ("try", body, handler):
            return [f"{indent}try:", *block(body), f"{indent}except TypeError:", *block(handler)]
        case ("with", body):
            return [f"{indent}with memoryview(b'') as a:", *block(body)]
        case ("def", body):
            docstring = [f'{indent}{step}"""Inner."""'] if whims is not None and whims.random() < 0.5 else []
            head = f"{indent}def inner(x=x, y=y, a=0, b=0):"
            return [head, *docstring, *block(body), f"{indent}{step}return a", f"{indent}a = inner()"]
    raise AssertionError(node)


def _text(node, whims):
    def inner(one):
        text = _text(one, whims)
        if whims is not None and whims.random() < 0.2:
            return f"({text}  # why\n)" if whims.random() < 0.3 else f"(\n{text}\n)"
        return f"({text})"

    match node:
        case ("const", value):
            return repr(value)
        case ("name", name):
            return name
        case ("binary" | "compare", operator, left, right):
            return f"({inner(left)} {operator} {inner(right)})"
        case ("choice", condition, then, otherwise):
            return f"({inner(then)} if {inner(condition)} else {inner(otherwise)})"
        case ("list", first, second):
            comma = "," if whims is not None and whims.random() < 0.5 else ""
            return f"[{inner(first)}, {inner(second)}{comma}]"
        case ("and" | "or" as word, left, right):
            return f"({inner(left)} {word} {inner(right)})"
        case ("lambda", value):
            return f"(lambda: {inner(value)})()"
        case ("comprehension", value):
            return f"[{inner(value)} for a in range(2)]"
        case ("format", value):
            return "f'{" + _text(value, PLAIN).replace("'", '"') + "}'"
    raise AssertionError(node)
