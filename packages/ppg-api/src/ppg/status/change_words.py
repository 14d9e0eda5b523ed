"""Change words: says in one sentence what changed between two looks at parameters or at a function.

Imported only where there is a change to tell.
"""

import re
from collections.abc import Callable, Iterator, Sequence

from ppg.jobs.invariants import ITS_FILES, name_space_of, readable_name
from ppg.text import counted
from ppg_graph import JobId
from ppg_invariants import (
    Added,
    Change,
    Changed,
    FunctionEvidence,
    Removed,
    SourceChanged,
    describe_changes,
    explain_function,
    explain_parameters,
)

__all__ = ["change_lines", "change_sentence"]

LONGEST = 60
"""Characters of a value in a sentence."""

NOUNS = {"PI:": "parameters", "command:": "command", "rendering:": "rendering", "version:": "answer"}
RENDERING = ("dpi", "width", "height", "argument")
"""What the parts of the parameters of a plot's rendering are, in their order."""

_WHAT_HAPPENED = {Added: "was added", Removed: "was removed", Changed: "changed"}
"""What happened to a file of a folder."""

_KEY = re.compile(r"\[(?:'([^']*)'|\"([^\"]*)\")\](.*)", re.DOTALL)
_INDEX = re.compile(r"\[(\d)\](.*)", re.DOTALL)
_STEP = re.compile(r"function → (default|closure|refers to) '([^']*)'(.*)", re.DOTALL)


def change_sentence(
    invariant: JobId,
    old: bytes | FunctionEvidence,
    new: bytes | FunctionEvidence,
    is_unedited: Callable[[], bool] = lambda: False,
) -> str | None:
    """What changed, in one line: `minq: 20 → 29`, `helper() changed (used by make)`; None if nothing is found.

    Parameters:
        invariant: what observed it.
        old: evidence of the last success.
        new: evidence of now.
        is_unedited: asked whether no module was edited since; then a global with another value is called so.

    Raises:
        ValueError: the evidence is damaged.
    """
    if isinstance(old, bytes) and isinstance(new, bytes):
        sentences = [
            _of_value(invariant, change) for change in explain_parameters(old, new, with_diffs=False)
        ]
    elif isinstance(old, FunctionEvidence) and isinstance(new, FunctionEvidence):
        sentences = list(dict.fromkeys(_of_function(invariant, old, new, is_unedited)))
    else:
        return None
    if not sentences:
        return None
    more = len(sentences) - 1
    return f"{sentences[0]}, and {counted(more, 'more change')}" if more else sentences[0]


def change_lines(old: bytes | FunctionEvidence, new: bytes | FunctionEvidence) -> list[str]:
    """Every change with its path, and the diff of each source; nothing if the sentence says it all.

    Raises:
        ValueError: the evidence is damaged.
    """
    changes: Sequence[Change] = ()
    if isinstance(old, bytes) and isinstance(new, bytes):
        changes = explain_parameters(old, new)
    elif isinstance(old, FunctionEvidence) and isinstance(new, FunctionEvidence):
        changes = explain_function(old, new)
    if len(changes) == 1 and not isinstance(changes[0], SourceChanged) and _is_short(changes[0]):
        return []
    return describe_changes(changes).splitlines()


def _of_value(invariant: JobId, change: Change) -> str:
    """A change of parameters, of a command, of a rendering, or of what a tool answers."""
    space = name_space_of(invariant)
    noun = NOUNS.get(space, "parameters")
    place = change.path.removeprefix("parameters")
    if space == "folder:" and (key := _KEY.fullmatch(place)) is not None:
        return f"{key[1] or key[2]} {_WHAT_HAPPENED[type(change)]} ({readable_name(invariant)})"
    if space == "version:":
        return f"{readable_name(invariant)}: {_ends(change)}"
    if space == "rendering:" and (index := _INDEX.fullmatch(place)) is not None:
        return f"{RENDERING[min(int(index[1]), 3)]}{index[2]} of {readable_name(invariant)}: {_ends(change)}"
    if (key := _KEY.fullmatch(place)) is not None and space in {"PI:", "command:"}:
        of = " of the command" if space == "command:" else ""
        return f"{key[1] or key[2]}{key[3]}{of}: {_ends(change)}"
    return f"{noun}{place}: {_ends(change)}"


def _of_function(
    invariant: JobId, old: FunctionEvidence, new: FunctionEvidence, is_unedited: Callable[[], bool]
) -> Iterator[str]:
    """The changes of a function: its own code first, then helpers, then values."""
    own = _function_name(new.codes[0].name) if new.codes else ""
    function = own or readable_name(invariant)
    space = name_space_of(invariant)
    # A lambda has no name, and those of a thousand jobs have changed in the same way.
    user = own.removesuffix("()") or ("its function" if space == "FI:" else invariant.removeprefix(space))
    used = f" (used by {user})"
    if old.values == new.values and len(old.codes) == len(new.codes):
        # What the code holds and its names stand for is the same, so only code changed. Nothing needs to be decoded.
        for number, (before, after) in enumerate(zip(old.codes, new.codes, strict=True)):
            if before.canonical != after.canonical:
                name = _function_name(after.name) or "a lambda"
                yield f"{function} changed" if number == 0 else f"{name} changed{used}"
        return
    for change in explain_function(old, new, with_diffs=False):
        step = _STEP.fullmatch(change.path)
        if ITS_FILES in change.path:
            yield f"{function} gets its files with other names, or in another order"
            continue
        if step is None:
            yield f"{function} changed"
            continue
        kind, name, rest = step.groups()
        if kind == "default":
            yield f"default {name}{rest} of {function}: {_ends(change)}"
        elif kind == "closure":
            yield f"{name}{rest} (captured by {function}): {_ends(change)}"
        elif isinstance(change, SourceChanged):
            yield f"{_function_name(change.name) or f'{name}()'} changed{used}"
        elif rest and isinstance(change, Changed):
            yield f"{name}{rest}: {_ends(change)}{used}{_by_itself(name, is_unedited)}"
        elif rest:
            yield f"{name}{rest} changed{used}"
        elif isinstance(change, Added):
            yield f"{function} uses {name} now"
        elif isinstance(change, Removed):
            yield f"{function} uses {name} no longer"
        else:
            yield f"{name}: {_ends(change)}{used}{_by_itself(name, is_unedited)}"


def _by_itself(name: str, is_unedited: Callable[[], bool]) -> str:
    """What to add about a global with another value, if no module was edited."""
    if not is_unedited():
        return ""
    return f"; no module was edited: if {name} decides no result, call ppg.unwatched({name!r})"


def _function_name(qualified: str) -> str:
    """The name of a function as a call; empty for a lambda, which has none."""
    name = qualified.rpartition(".")[2]
    return "" if name.startswith("<") else f"{name}()"


def _ends(change: Change) -> str:
    match change:
        case Changed(_, old, new):
            return f"{_short(old)} → {_short(new)}"
        case Added(_, new):
            return f"added, {_short(new)}"
        case Removed(_, old):
            return f"removed, was {_short(old)}"
        case SourceChanged(_, name):
            return f"{_function_name(name) or 'a lambda'} changed"


def _is_short(change: Change) -> bool:
    texts = [text for text in (getattr(change, "old", ""), getattr(change, "new", "")) if text]
    return all(_short(text) == text for text in texts)


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= LONGEST else line[: LONGEST - 1] + "…"
