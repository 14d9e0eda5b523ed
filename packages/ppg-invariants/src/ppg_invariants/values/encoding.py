"""Encoding: encodes values as canonical bytes; equal values give equal bytes, different values other bytes.

The encoding is typed, ordered, prefix-free and versioned. A value is one tag byte followed by its payload. A
payload has a fixed length, or begins with a count. So a concatenation of encodings has only one reading.
`decoding` reads encodings to compare two of them.

Which values are equal:

- Types count: ``1``, ``1.0``, ``True`` and ``numpy.int64(1)`` are four values. ``0.0`` and ``-0.0`` differ,
  because ``1 / x`` differs. All NaNs are equal.
- Order and repetition count in lists and tuples, but not in sets and dicts. Elements of sets and dicts are
  sorted by their encoding, never by comparison of the values.
- Dataclasses, attrs and pydantic objects, named tuples and subclasses of the built-in containers count by
  class name and fields. Enum members count by class, name and value.
- A cycle is encoded as the distance to the enclosing container. Sharing is invisible: only content counts.
- Content beyond `LARGE` bytes is represented by its hash, so that the store stays small.
- A value without content that is comparable from run to run (an address, a connection, a lock) raises
  CannotFingerprint with the path to it. `register_encoder` adds new types.

`Encoder` writes the built-in types, and `types` handles further types. `captured` extends the encoder to the
contents of functions: other functions, classes and instances.
"""

import struct
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import xxhash

from ppg_invariants.errors import CannotFingerprint
from ppg_invariants.values.tags import ENCODING_VERSION, LARGE, Tag, Unencodable, type_name, write_count

__all__ = [
    "PLAIN_WRITERS",
    "Encoder",
    "decode_name",
    "encode_name",
    "encode_parameters",
    "fingerprint_encoding",
    "fingerprint_parameters",
]

MAXIMAL_DEPTH = 150
_WORTH_REMEMBERING = 4096

_pack_double = struct.Struct("<d").pack
_NAN = struct.pack("<Q", 0x7FF8000000000000)


_NONE, _TRUE, _FALSE = Tag.NONE.value, Tag.TRUE.value, Tag.FALSE.value
_INT, _FLOAT, _COMPLEX = Tag.INT.value, Tag.FLOAT.value, Tag.COMPLEX.value
_STR, _BYTES, _OBJECT, _DICT = Tag.STR.value, Tag.BYTES.value, Tag.OBJECT.value, Tag.DICT.value
_BACK, _LARGE = Tag.BACK.value, Tag.LARGE.value


def encode_parameters(value: object) -> bytes:
    """Return the canonical encoding of a value made of plain data; see the module docstring.

    Raises CannotFingerprint with the path to the part that has no comparable content.
    """
    return Encoder().encode(value, root="parameters")


def fingerprint_parameters(value: object) -> bytes:
    """Return the fingerprint (16 bytes) of a value made of plain data."""
    return fingerprint_encoding(encode_parameters(value))


def fingerprint_encoding(encoding: bytes) -> bytes:
    """Return the fingerprint (16 bytes) of a value from its encoding."""
    digest: bytes = xxhash.xxh3_128_digest(encoding)
    return digest


class Encoder:
    """Encoder: writes the encoding of one value; each value needs a new encoder."""

    def __init__(self) -> None:
        self._enclosing: dict[int, int] = {}  # id of every container around the current value → depth
        self._shallowest_reference = MAXIMAL_DEPTH
        self._remembered: dict[int, tuple[object, bytes]] = {}
        self._met = 0  # number of parts written so far that depend on earlier parts

    def encode(self, value: object, root: str) -> bytes:
        """Return the encoding of `value`. Raises CannotFingerprint with a path that begins with `root`."""
        out = bytearray((ENCODING_VERSION,))
        try:
            self.write(value, out)
        except Unencodable as reason:
            raise reason.located(root) from None
        except Exception as error:
            # Code of the user's class runs here, which may raise anything; no value may end the run.
            raise CannotFingerprint(root, f"looking at it raised {type(error).__name__}: {error}") from error
        return bytes(out)

    def write(self, value: Any, out: bytearray) -> None:
        """Append the encoding of any value."""
        writer = _WRITERS.get(type(value))
        if writer is not None:
            writer(self, value, out)
        else:
            self.write_other(value, out)

    def write_other(self, value: Any, out: bytearray) -> None:
        """Append the encoding of a value of a type that is not built in."""
        from ppg_invariants.values.types import content_of  # noqa: PLC0415 (few values need it)

        content = content_of(value)
        if content is None:
            raise Unencodable(
                f"a {type_name(type(value))} has no content that can be compared from run to run; "
                "pass plain data instead, or teach ppg the type with register_encoder"
            )
        self.write_object(value, *content, out)

    def write_object(self, value: object, name: str, content: object, out: bytearray) -> None:
        """Append `value` as the name of its type and a plain value with its content."""

        def body(inner: bytearray) -> None:
            inner += _OBJECT
            _write_str(self, name, inner)
            self.write(content, inner)

        self._write_container(value, body, out)

    def write_items(self, tag: bytes, items: Sequence[object] | Iterable[object], out: bytearray) -> None:
        """Append a tagged sequence; an error's path names the index."""
        items = items if isinstance(items, (list, tuple)) else list(items)
        out += tag
        write_count(len(items), out)
        index = 0
        try:
            for item in items:
                self.write(item, out)
                index += 1
        except Unencodable as reason:
            reason.steps.append(f"[{index}]")
            raise

    def write_sorted(self, tag: bytes, items: Iterable[object], out: bytearray) -> None:
        """Append a tagged collection without order."""
        try:
            ordered = self._in_order([(item, None) for item in items])
        except Unencodable as reason:
            reason.steps.append("{…}")
            raise
        out += tag
        write_count(len(ordered), out)
        for encoded, item, _none in ordered:
            self._write_ordered(encoded, item, out)

    def write_mapping(self, items: Iterable[tuple[object, object]], out: bytearray) -> None:
        """Append key-value pairs without order; an error's path names the key."""
        try:
            ordered = self._in_order(items)
        except Unencodable as reason:
            reason.steps.append(".keys()")
            raise
        out += _DICT
        write_count(len(ordered), out)
        for encoded, key, value in ordered:
            self._write_ordered(encoded, key, out)
            try:
                self.write(value, out)
            except Unencodable as reason:
                reason.steps.append(f"[{_brief(key)}]")
                raise

    def _in_order(self, pairs: Iterable[tuple[object, object]]) -> list[tuple[bytes, object, object]]:
        """Return encoded key, key and value of each pair, sorted by the encoded key."""
        ordered = []
        for key, value in pairs:
            encoded = bytearray()
            self.write(key, encoded)
            ordered.append((bytes(encoded), key, value))
        ordered.sort(key=_first)
        return ordered

    def _write_ordered(self, encoded: bytes, _key: object, out: bytearray) -> None:
        """Append a key that `_in_order` encoded."""
        out += encoded

    def _enter(self, container: object) -> None:
        depth = len(self._enclosing)
        if depth >= MAXIMAL_DEPTH:
            raise Unencodable(f"nested more than {MAXIMAL_DEPTH} levels deep; pass flatter data")
        self._enclosing[id(container)] = depth

    def _leave(self, container: object) -> None:
        del self._enclosing[id(container)]

    def _write_container(self, container: object, body: Callable[[bytearray], None], out: bytearray) -> None:
        identity = id(container)
        enclosing = self._enclosing
        depth = len(enclosing)
        known_depth = enclosing.get(identity)
        if known_depth is not None:
            out += _BACK
            write_count(depth - known_depth, out)
            self._shallowest_reference = min(self._shallowest_reference, known_depth)
            return
        remembered = self._remembered.get(identity)
        if remembered is not None:
            out += remembered[1]
            return
        self._enter(container)
        met = self._met
        outer_reference = self._shallowest_reference
        self._shallowest_reference = MAXIMAL_DEPTH
        start = len(out)
        body(out)
        self._leave(container)
        size = len(out) - start
        if size > LARGE and depth > 0:
            digest = xxhash.xxh3_128_digest(memoryview(out)[start:])
            del out[start:]
            out += _LARGE
            write_count(size, out)
            out += digest
        if size > _WORTH_REMEMBERING and self._shallowest_reference >= depth and met == self._met:
            self._remembered[identity] = (container, bytes(memoryview(out)[start:]))
        self._shallowest_reference = min(outer_reference, self._shallowest_reference)


def encode_name(name: str) -> bytes:
    """Return the encoding of a str alone, without the version."""
    out = bytearray()
    _write_str(None, name, out)
    return bytes(out)


def decode_name(encoded: bytes) -> str:
    """Return the str that `encode_name` encoded, for messages."""
    start = next(index for index in range(1, len(encoded)) if encoded[index] < 128) + 1
    return encoded[start:].decode("utf-8", "surrogatepass")


def _first(entry: tuple[bytes, object, object]) -> bytes:
    return entry[0]


def _brief(key: object) -> str:
    if isinstance(key, (str, int, float, bytes, bool, type(None))):
        text = repr(key)
        return text if len(text) <= 60 else text[:57] + "…"
    return f"<{type(key).__name__}>"


def _write_none(_encoder: Encoder | None, _value: None, out: bytearray) -> None:
    out += _NONE


def _write_bool(_encoder: Encoder | None, value: bool, out: bytearray) -> None:
    out += _TRUE if value else _FALSE


def _write_int(_encoder: Encoder | None, value: int, out: bytearray) -> None:
    count = value.bit_length() // 8 + 1
    out += _INT
    write_count(count, out)
    out += value.to_bytes(count, "little", signed=True)


def _write_float(_encoder: Encoder | None, value: float, out: bytearray) -> None:
    out += _FLOAT
    out += _pack_double(value) if value == value else _NAN


def _write_complex(_encoder: Encoder, value: complex, out: bytearray) -> None:
    out += _COMPLEX
    for part in (value.real, value.imag):
        out += _pack_double(part) if part == part else _NAN


def _write_str(_encoder: Encoder | None, value: str, out: bytearray) -> None:
    encoded = value.encode("utf-8", "surrogatepass")
    out += _STR
    count = len(encoded)
    if count < 128:
        out.append(count)
    else:
        write_count(count, out)
    out += encoded


def _write_bytes(_encoder: Encoder | None, value: bytes, out: bytearray) -> None:
    if len(value) > LARGE:
        out += _LARGE
        write_count(len(value), out)
        hasher = xxhash.xxh3_128(_BYTES)
        hasher.update(value)
        out += hasher.digest()
        return
    out += _BYTES
    write_count(len(value), out)
    out += value


def _write_sequence(tag: bytes) -> Callable[[Encoder, Any, bytearray], None]:
    def write(encoder: Encoder, value: Sequence[object], out: bytearray) -> None:
        if not value:
            out += tag
            out.append(0)
        else:
            encoder._write_container(value, lambda inner: encoder.write_items(tag, value, inner), out)

    return write


def _write_unordered(tag: bytes) -> Callable[[Encoder, Any, bytearray], None]:
    def write(encoder: Encoder, value: Iterable[object], out: bytearray) -> None:
        encoder._write_container(value, lambda inner: encoder.write_sorted(tag, value, inner), out)

    return write


def _write_dict(encoder: Encoder, value: dict[object, object], out: bytearray) -> None:
    encoder._write_container(value, lambda inner: encoder.write_mapping(value.items(), inner), out)


PLAIN_WRITERS: dict[type, Callable[[Encoder | None, Any, bytearray], None]] = {
    type(None): _write_none,
    bool: _write_bool,
    int: _write_int,
    float: _write_float,
    str: _write_str,
    bytes: _write_bytes,
}
"""Writers of values that hold no other values; they need no encoder."""

_WRITERS: dict[type, Callable[[Encoder, Any, bytearray], None]] = {
    **PLAIN_WRITERS,
    complex: _write_complex,
    tuple: _write_sequence(Tag.TUPLE.value),
    list: _write_sequence(Tag.LIST.value),
    set: _write_unordered(Tag.SET.value),
    frozenset: _write_unordered(Tag.FROZENSET.value),
    dict: _write_dict,
}
