"""A change of parameters or of a function is reported by path, value and diff."""

import pytest

from ppg_graph import JobId
from ppg_invariants import (
    Added,
    Changed,
    Removed,
    SourceChanged,
    StatusStore,
    StoredObservation,
    describe_changes,
    encode_parameters,
    evidence_of,
    explain_function,
    explain_parameters,
    fingerprint_function,
)


@pytest.mark.parametrize(
    ("old", "new", "changes"),
    [
        (1, 2, [Changed("parameters", "1", "2")]),
        (1, True, [Changed("parameters", "1", "True")]),
        ({"a": [1, 2]}, {"a": [1, 3]}, [Changed("parameters['a'][1]", "2", "3")]),
        ({"a": 1}, {"b": 1}, [Removed("parameters['a']", "1"), Added("parameters['b']", "1")]),
        ([1, 2, 3], [1, 3], [Removed("parameters[1]", "2")]),
        ([1, 3], [1, 2, 3], [Added("parameters[1]", "2")]),
        ({1, 2}, {2, "x"}, [Removed("parameters", "1"), Added("parameters", "'x'")]),
        ((1,), [1], [Changed("parameters", "(1,)", "[1]")]),
        (range(3), range(4), [Changed("parameters[0]", "3", "4")]),
        ("x" * 1000, "y", [Changed("parameters", "'" + "x" * 198 + "…", "'y'")]),
    ],
)
def test_changed_parameters_are_reported_by_their_path(old, new, changes):
    assert list(explain_parameters(encode_parameters(old), encode_parameters(new))) == changes


def explained(first, second):
    return explain_function(
        evidence_of(fingerprint_function(first)), evidence_of(fingerprint_function(second))
    )


def test_a_changed_source_is_a_unified_diff(scripts):
    text = "def f(x):\n    y = x + {}\n    return y\n"
    (change,) = explained(scripts.function(text.format(1)), scripts.function(text.format(2)))
    assert isinstance(change, SourceChanged)
    assert change.diff == (
        "--- before\n+++ now\n@@ -1,3 +1,3 @@\n def f(x):\n-    y = x + 1\n+    y = x + 2\n     return y\n"
    )
    assert "the code of f changed" in describe_changes([change])


def test_the_changed_default_and_captured_variable_are_named(scripts):
    text = """
def make(limit, table):
    def helper():
        return {}
    def f(x, size={}):
        return x, size, limit, table, helper
    return f
f = make({}, {})
"""
    base = scripts.function(text.format(1, 2, 3, {"a": 1}))
    other = scripts.function(text.format(1, 3, 4, {"a": 2}))
    assert list(explained(base, other)) == [
        Changed("function → default 'size'", "2", "3"),
        Changed("function → closure 'limit'", "3", "4"),
        Changed("function → closure 'table'['a']", "1", "2"),
    ]
    (change,) = explained(base, scripts.function(text.format(2, 2, 3, {"a": 1})))
    assert isinstance(change, SourceChanged)
    assert change.path == "function → closure 'helper'"
    assert "+    return 2" in change.diff


def test_code_without_text_is_reported_as_changed():
    spaces = [{}, {}]
    exec("f = lambda: 1", spaces[0])
    exec("f = lambda: 2", spaces[1])
    (change,) = explained(spaces[0]["f"], spaces[1]["f"])
    assert "its text is unknown" in describe_changes([change])


def test_the_store_keeps_what_explains_a_change_made_several_runs_ago(tmp_path, scripts):
    texts = ["def f():\n    return 1\n", "def f():\n    return 2\n", "def f():\n    return 3\n"]
    fingerprints = []
    for text in texts:
        with StatusStore.open(tmp_path / "store") as store:
            state = fingerprint_function(scripts.function(text))
            fingerprints.append(store.resolve_function(JobId("F"), state))
            store.remember(JobId("F"), StoredObservation(fingerprints[-1], function=state))
    with StatusStore.open(tmp_path / "store", read_only=True) as store:
        (change,) = explain_function(store.evidence(fingerprints[0]), store.evidence(fingerprints[2]))
    assert "-    return 1\n+    return 3" in change.diff
