"""Restyle: edits of a module's text that change no result: comments, docstrings, formatting, order, annotations."""

import ast
import io
import tokenize
from random import Random

__all__ = ["NEUTRAL", "restyled"]


def restyled(head, blocks, end, styles):
    """Return the text of a module after its neutral edits.

    Parameters:
        head: the lines of its imports.
        blocks: the definitions with their texts.
        end: text that stays the last.
        styles: kinds of edits with a seed each, in their order.
    """
    for kind, seed in styles:
        if kind == "order of definitions":
            blocks = _another_order(Random(seed), blocks)
        elif kind == "order of imports":
            head = Random(seed).sample(head, len(head))
        elif kind == "a definition that nothing uses":
            blocks = [*blocks, (None, f"def unused{seed}(x, y={seed}):\n    return [x, y]")]
            head = [*head, "import keyword"]
    text = "\n".join(head) + "\n\n\n" + "\n\n\n".join(text for _, text in blocks) + "\n" + end
    for kind, seed in styles:
        if kind in _OF_TEXT:
            text = _OF_TEXT[kind](Random(seed), text)
            compile(text, "restyled", "exec")
    return text


def _another_order(random, blocks):
    """Any order in which each definition still comes after those that it refers to."""
    left, done, ordered = list(blocks), set(), []
    here = {one.number for one, _ in blocks if one is not None}
    while left:
        ready = [
            block
            for block in left
            if block[0] is None or not ((block[0].references & here) - done - {block[0].number})
        ]
        # Those that replace a name of the module go on in their order.
        chained = [block for block in ready if "__getattr__(name" in block[1]]
        block = random.choice([one for one in ready if one not in chained[1:]])
        left.remove(block)
        ordered.append(block)
        if block[0] is not None:
            done.add(block[0].number)
    return ordered


# -- by lines --------------------------------------------------------------------------------------------


def _statement_lines(text):
    """The numbers of lines on which a statement begins, from 0, with their indentations."""
    return {
        node.lineno - 1 if not getattr(node, "decorator_list", None) else node.decorator_list[0].lineno - 1: (
            node.col_offset
        )
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.stmt)
    }


def _comments(random, text):
    starts = _statement_lines(text)
    lines = []
    for number, line in enumerate(text.split("\n")):
        if number in starts and random.random() < 0.4:
            lines.append(" " * starts[number] + f"# {random.randrange(1000)}: 'why' it is so")
        can_end = line.strip() and not line.endswith("\\")
        lines.append(line + f"  # noqa {random.randrange(99)}" if can_end and random.random() < 0.3 else line)
    return "\n".join(lines)


def _blank_lines(random, text):
    starts = _statement_lines(text)
    lines = []
    for number, line in enumerate(text.split("\n")):
        if number in starts:
            lines += [""] * random.choice([0, 0, 1, 3])
        lines.append(line)
    return "\n".join(lines) + "\n" * random.randrange(4)


# -- by tokens -------------------------------------------------------------------------------------------


def _with_tokens(text, change):
    """Replace tokens: `change` gets the token, the depth of brackets and the token before, and returns text or None."""
    lines = text.splitlines(keepends=True)
    starts = [0]
    for line in lines:
        starts.append(starts[-1] + len(line))
    pieces, at, depth, inside, before = [], 0, 0, 0, None
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        name = tokenize.tok_name[token.type]
        # In f-strings nothing is changed.
        inside += (name == "FSTRING_START") - (name == "FSTRING_END")
        if token.type == tokenize.OP:
            depth += (token.string in "([{") - (token.string in ")]}")
        new = None if inside else change(token, depth, before)
        if new is not None:
            start = starts[token.start[0] - 1] + token.start[1]
            pieces += [text[at:start], new]
            at = starts[token.end[0] - 1] + token.end[1]
        if token.type not in (tokenize.NL, tokenize.COMMENT):
            before = token
    return "".join([*pieces, text[at:]])


def _quotes(random, text):
    def change(token, _depth, _before):
        quoted = token.string
        if token.type != tokenize.STRING or "\\" in quoted or quoted[0] not in "'\"" or quoted[:3] in _LONG:
            return None
        inner = quoted[1:-1]
        choices = [quote for quote in ('"', "'", '"""', "'''") if quote[0] not in inner]
        return random.choice(choices).join(["", inner, ""]) if choices else None

    return _with_tokens(text, change)


_LONG = ('"""', "'''")


def _parentheses(random, text):
    def change(token, _depth, _before):
        if token.type == tokenize.NUMBER and random.random() < 0.5:
            return f"({token.string})"
        return None

    def may(text):
        # A number in a pattern, or behind a dot, takes no parentheses.
        return "match " not in text

    blocks = text.split("\n\n\n")
    return "\n\n\n".join(_with_tokens(block, change) if may(block) else block for block in blocks)


def _split_texts(random, text):
    def change(token, _depth, before):
        quoted = token.string
        is_simple = token.type == tokenize.STRING and quoted[0] in "'\"" and "\\" not in quoted
        if not is_simple or quoted[:3] in _LONG or len(quoted) < 4 or random.random() < 0.3:
            return None
        if before is None or before.type in (tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT):
            return None
        cut = random.randrange(1, len(quoted) - 2) + 1
        return f"({quoted[:cut]}{quoted[0]} {quoted[0]}{quoted[cut:]})"

    return _with_tokens(text, change)


def _line_breaks(random, text):
    def change(token, depth, _before):
        if depth and token.type == tokenize.OP and token.string in ",([{" and random.random() < 0.5:
            return token.string + "\n" + " " * random.randrange(9)
        return None

    return _with_tokens(text, change)


# -- by syntax tree --------------------------------------------------------------------------------------


def _formatting(_random, text):
    return ast.unparse(ast.parse(text)) + "\n"


def _docstrings(random, text):
    tree = ast.parse(text)
    for node in ast.walk(tree):
        if (
            isinstance(node, (ast.FunctionDef, ast.ClassDef, ast.Module))
            and node.body
            and random.random() < 0.6
        ):
            old = ast.get_docstring(node, clean=False)
            words = ast.Expr(ast.Constant(f"{old or ''} Says {random.randrange(1000)} things."))
            node.body[: old is not None] = [words]
    return ast.unparse(ast.fix_missing_locations(tree)) + "\n"


def _annotations(random, text):
    """Annotate functions of the module and methods of its classes; not nested ones, which count by their code."""
    tree = ast.parse(text)
    bodies = [tree.body, *(node.body for node in tree.body if isinstance(node, ast.ClassDef))]
    for node in (node for body in bodies for node in body if isinstance(node, ast.FunctionDef)):
        for argument in [*node.args.args, *node.args.kwonlyargs]:
            if argument.arg not in ("self", "cls", "meta") and random.random() < 0.6:
                argument.annotation = ast.parse(
                    random.choice(["int", "'text'", "list[str]"]), mode="eval"
                ).body
        if random.random() < 0.5:
            node.returns = ast.parse(random.choice(["object", "'a | b'"]), mode="eval").body
    return ast.unparse(ast.fix_missing_locations(tree)) + "\n"


def _order_of_methods(random, text):
    """Exchange neighbouring methods without decorators."""
    tree = ast.parse(text)
    for node in ast.walk(tree):
        if not isinstance(node, ast.ClassDef):
            continue
        for at in range(len(node.body) - 1):
            both = node.body[at : at + 2]
            are_plain = all(isinstance(one, ast.FunctionDef) and not one.decorator_list for one in both)
            if are_plain and both[0].name != both[1].name and random.random() < 0.7:
                node.body[at : at + 2] = both[::-1]
    return ast.unparse(tree) + "\n"


_OF_TEXT = {
    "comments": _comments,
    "blank lines": _blank_lines,
    "docstrings": _docstrings,
    "formatting": _formatting,
    "line breaks": _line_breaks,
    "quotes": _quotes,
    "parentheses": _parentheses,
    "texts in two pieces": _split_texts,
    "annotations": _annotations,
    "order of methods": _order_of_methods,
}
NEUTRAL = ("order of definitions", "order of imports", "a definition that nothing uses", *_OF_TEXT)
"""The kinds of edits after which nothing may run."""
