"""Fields that classes of ppg got after stores were recorded."""

import dataclasses
import importlib

import pytest

import ppg
import ppg_exec
from ppg_invariants import engine_names, fingerprint_function


def fingerprint_of(value):
    return fingerprint_function(lambda: value).bytecode


def test_a_later_field_counts_with_another_value_than_its_default():
    same = ppg_exec.Task("a", int, returns_plain=False)
    assert fingerprint_of(ppg_exec.Task("a", int)) == fingerprint_of(same)
    assert fingerprint_of(ppg_exec.Task("a", int, returns_plain=True)) != fingerprint_of(same)
    assert fingerprint_of(ppg.ProcessCall(int, returns_plain=True)) != fingerprint_of(ppg.ProcessCall(int))


@pytest.mark.parametrize("name", engine_names._LATER_FIELDS)
def test_the_table_of_later_fields_has_their_names_and_defaults(name):
    module, _, kind = name.rpartition(".")
    fields = getattr(importlib.import_module(module), kind)
    known = getattr(fields, "_field_defaults", None)
    if known is None:
        known = {field.name: field.default for field in dataclasses.fields(fields)}
    for field, default in engine_names._LATER_FIELDS[name].items():
        assert known[field] == default
