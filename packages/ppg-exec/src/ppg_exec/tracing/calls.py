"""Calls: reads what strace has printed, as system calls with their arguments.

With `-f` each line begins with the number of a thread. A call that another thread interrupts has two lines, and counts
where it ends. With `-y` a descriptor has the name of its file. Strings and these names have C's escapes.
"""

from __future__ import annotations

import re

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from re import Match

__all__ = ["TRACED", "calls", "listed_names", "text_of"]

TRACED = (
    "open", "openat", "openat2", "creat", "getdents", "getdents64", "rename", "renameat", "renameat2", "unlink", "unlinkat",
    "link", "linkat", "symlink", "symlinkat", "truncate", "execve", "execveat", "chdir", "fchdir", "clone", "clone3", "fork",
    "vfork", "chroot", "pivot_root", "setns", "unshare",
)  # fmt: skip
"""The system calls that say which files are used, and what their paths are relative to."""

_STRING = rb'"((?:[^"\\]|\\.)*)"'
_FOLDER = rb"(?:AT_FDCWD|-?\d+)(?:<((?:[^\\>]|\\.)*)>)?"
_RESULT = rb"\)\s*= (-?\d+)(?:<((?:[^\\>]|\\.)*)>)?(?: (E[A-Z0-9]+))?"
_FLAGS = rb"([A-Z_|0-9x]+)"


def _pattern(*arguments: bytes, rest: bytes = rb"(?:, [^\"]*?)?") -> re.Pattern[bytes]:
    return re.compile(rb"\(" + rb", ".join(arguments) + rest + _RESULT)


_AT = _pattern(_FOLDER, _STRING)
_ONE = _pattern(_STRING)
_TWO = _pattern(_STRING, _STRING)
_TWO_AT = _pattern(_FOLDER, _STRING, _FOLDER, _STRING)
_NEW_PROCESS = re.compile(rb"\((.*)" + _RESULT)

_PATTERNS: dict[bytes, re.Pattern[bytes]] = {
    b"open": _pattern(_STRING, _FLAGS),
    b"openat": _pattern(_FOLDER, _STRING, _FLAGS),
    b"openat2": _pattern(_FOLDER, _STRING, rb"\{flags=" + _FLAGS, rest=rb"(?:, [^\"]*)?\}, \d+"),
    b"creat": _ONE,
    b"getdents": re.compile(rb"\(\d+<((?:[^\\>]|\\.)*)>, \[(.*)\], \d+" + _RESULT),
    b"getdents64": re.compile(rb"\(\d+<((?:[^\\>]|\\.)*)>, \[(.*)\], \d+" + _RESULT),
    b"rename": _TWO,
    b"renameat": _TWO_AT,
    b"renameat2": _TWO_AT,
    b"unlink": _ONE,
    b"unlinkat": _AT,
    b"link": _TWO,
    b"linkat": _TWO_AT,
    b"symlink": _TWO,
    b"symlinkat": _pattern(_STRING, _FOLDER, _STRING),
    b"truncate": _ONE,
    b"execve": re.compile(rb"\(" + _STRING + rb", \[(.*?)\](?:\.\.\.)?, .*" + _RESULT),
    b"execveat": re.compile(rb"\(" + _FOLDER + rb", " + _STRING + rb", \[(.*?)\](?:\.\.\.)?, .*" + _RESULT),
    b"chdir": _ONE,
    b"fchdir": re.compile(rb"\(\d+<((?:[^\\>]|\\.)*)>" + _RESULT),
    **dict.fromkeys((b"clone", b"clone3", b"fork", b"vfork", b"unshare"), _NEW_PROCESS),
    b"chroot": _ONE,
    b"pivot_root": _TWO,
    b"setns": re.compile(rb"\(.*" + _RESULT),
}

_LINE = re.compile(rb"(\d+) +(?:<\.\.\. (\w+) resumed>(.*)|(\w+)(\(.*)|\+\+\+ (exited|killed).*)$")
_UNFINISHED = b" <unfinished ...>"
_NAME = re.compile(rb'd_name="((?:[^"\\]|\\.)*)"')
_ESCAPE = re.compile(rb"\\(x[0-9a-fA-F]{2}|[0-7]{1,3}|.)")
_LETTERS = {b"n": b"\n", b"t": b"\t", b"r": b"\r", b"v": b"\v", b"f": b"\f", b"a": b"\a", b"b": b"\b"}


def calls(lines: Iterable[bytes]) -> Iterator[tuple[int, str, Match[bytes] | None]]:
    """The calls that have ended, each with the thread, its name, and its arguments; a thread that ends is the call ""."""
    begun: dict[int, bytes] = {}
    for line in lines:
        found = _LINE.match(line)
        if found is None:
            continue
        thread = int(found[1])
        name, rest = found[4], found[5]
        if found[6] is not None:
            begun.pop(thread, None)
            yield thread, "", None
            continue
        if found[2] is not None:
            name, rest = found[2], begun.pop(thread, b"") + found[3]
        elif rest.endswith(_UNFINISHED):
            begun[thread] = rest.removesuffix(_UNFINISHED)
            continue
        pattern = _PATTERNS.get(name)
        if pattern is not None and (arguments := pattern.match(rest)) is not None:
            yield thread, name.decode(), arguments


def text_of(escaped: bytes | None) -> str:
    """A string as the program has given it."""
    if escaped is None:
        return ""
    if b"\\" in escaped:
        escaped = _ESCAPE.sub(_unescaped, escaped)
    return escaped.decode("utf-8", "surrogateescape")


def listed_names(entries: bytes) -> Iterator[bytes]:
    """The names among the entries of a folder."""
    for name in _NAME.findall(entries):
        plain = _ESCAPE.sub(_unescaped, name) if b"\\" in name else name
        if plain not in {b".", b".."}:
            yield plain


def _unescaped(found: Match[bytes]) -> bytes:
    code = found[1]
    if code[:1] == b"x" and len(code) > 1:
        return bytes((int(code[1:], 16),))
    if code[:1].isdigit():
        return bytes((int(code, 8) & 0xFF,))
    return _LETTERS.get(code, code)
