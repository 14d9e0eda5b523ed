"""Tags: defines the first byte of every encoded value, and the parts that encoders share."""

import sys
from enum import Enum

from ppg_invariants.engine_names import lasting_name
from ppg_invariants.errors import CannotFingerprint

__all__ = ["ENCODING_VERSION", "LARGE", "Tag", "Unencodable", "type_name", "write_count"]

ENCODING_VERSION = 1
LARGE = 1 << 20


class Tag(Enum):
    """Tag: names the first byte of every encoded value."""

    NONE = b"N"
    """None."""
    TRUE = b"T"
    """True."""
    FALSE = b"F"
    """False."""
    INT = b"i"
    """Count, then that many bytes, little-endian two's complement."""
    FLOAT = b"f"
    """8 bytes, IEEE 754 little-endian, with one NaN for all."""
    COMPLEX = b"c"
    """Two floats without their tags."""
    STR = b"s"
    """Count of bytes, then UTF-8 (lone surrogates allowed)."""
    BYTES = b"b"
    """Count, then the bytes."""
    TUPLE = b"("
    """Count, then the items."""
    LIST = b"["
    """Count, then the items."""
    SET = b"{"
    """Count, then the items sorted by their encoding."""
    FROZENSET = b"<"
    """Count, then the items sorted by their encoding."""
    DICT = b":"
    """Count, then pairs of key and value, sorted by the key's encoding."""
    OBJECT = b"o"
    """The name of the type as a STR, then one plain value with the content."""
    BACK = b"^"
    """Count: the number of levels up to the enclosing container that this refers to (1: the innermost)."""
    LARGE = b"#"
    """Count of bytes of an encoding that is too large to keep, then its xxh3_128."""
    CODE = b"&"
    """Count: index of a code object in the list beside the encoding (functions only)."""
    SEEN = b"@"
    """Count: index of an earlier function, class or instance of this encoding (functions only)."""


class Unencodable(Exception):  # noqa: N818 (internal: becomes a CannotFingerprint when it has its path)
    """Unencodable: carries the reason up from the culprit; every level adds its step of the path."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why
        self.steps: list[str] = []

    def located(self, root: str) -> CannotFingerprint:
        """Return the public exception, with the path from `root`."""
        return CannotFingerprint(root + "".join(reversed(self.steps)), self.why)


def module_of(kind: type) -> str:
    """Return the name of a class's module.

    A class may define an attribute `__module__` for its instances, which hides its own.
    """
    modules: list[object] = [base.__module__ for base in kind.__mro__]
    return next((module for module in modules if isinstance(module, str)), "")


def type_name(kind: type) -> str:
    """Return the name under which the type counts: module and qualified name.

    The standard library moves classes between its private modules from version to version, so these do not
    count.
    """
    module = module_of(kind)
    if "._" in module and module.partition(".")[0] in sys.stdlib_module_names:
        module = module.partition("._")[0]
    return lasting_name(module, kind.__qualname__)


def write_count(count: int, out: bytearray) -> None:
    """Append a count (LEB128)."""
    while count > 127:
        out.append(count & 127 | 128)
        count >>= 7
    out.append(count)
