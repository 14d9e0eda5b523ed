"""Parts: which files of a folder a pattern matches, and what that counts as."""

import pytest

from ppg_graph import Fingerprint, combine, is_pattern, matcher, parts_matching, shown_part
from ppg_graph.model.parts import lacking_parts, part_fingerprint

NAMES = ["a.txt", "b.fa", "sub/a.txt", "sub/x/a.txt", "[x].txt", "a-b", ".h", "sub/.h", "new\nline"]


@pytest.mark.parametrize(
    ("pattern", "matching"),
    [
        ("*", ["a.txt", "b.fa", "[x].txt", "a-b", ".h", "new\nline"]),
        ("*.txt", ["a.txt", "[x].txt"]),
        ("**", NAMES),
        ("**/*", NAMES),
        ("**/*.txt", ["a.txt", "sub/a.txt", "sub/x/a.txt", "[x].txt"]),
        ("sub/*", ["sub/a.txt", "sub/.h"]),
        ("sub/**", ["sub/a.txt", "sub/x/a.txt", "sub/.h"]),
        ("**/x/*", ["sub/x/a.txt"]),
        ("?.??", ["b.fa"]),
        ("[ab].*", ["a.txt", "b.fa"]),
        ("[!a]*", ["b.fa", "[x].txt", ".h", "new\nline"]),
        ("[a-b].fa", ["b.fa"]),
        ("[[]x].txt", ["[x].txt"]),
        ("[", []),
        ("a.txt", ["a.txt"]),
    ],
)
def test_patterns_match_as_those_of_paths(pattern: str, matching: list[str]) -> None:
    assert list(filter(matcher(pattern), NAMES)) == matching
    assert list(parts_matching([f"in/{name}" for name in NAMES], f"in//{pattern}")) == [
        f"in/{name}" for name in matching
    ]


def test_a_pattern_counts_as_the_files_that_it_matches() -> None:
    parts = {name: Fingerprint(name.encode()) for name in ("in/a", "in/b", "in/sub/a")}
    assert part_fingerprint(parts, "in/a") == b"in/a"
    assert part_fingerprint(parts, "in//*") == combine(
        [("in/a", Fingerprint(b"in/a")), ("in/b", Fingerprint(b"in/b"))]
    )
    assert part_fingerprint(parts, "in//*.txt") == combine([])
    with pytest.raises(KeyError):
        part_fingerprint(parts, "in/c")


def test_a_pattern_is_never_missing() -> None:
    assert lacking_parts({"in/a", "in/b", "in//*"}, {"in/a": Fingerprint(b"")}) == {"in/b"}


def test_a_name_that_looks_like_a_pattern_is_none() -> None:
    assert is_pattern("in//*")
    assert not is_pattern("in/*")
    assert shown_part("in//sub/*") == "in/sub/*"
    assert list(parts_matching({"in/*", "in/a"}, "in/*")) == ["in/*"]
