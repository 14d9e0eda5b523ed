"""Unloading in a compute node that took the place of a dead one: the value was never there, and that is no error."""

from ppg.worker.calls import load_entry, unload_attribute, unload_entry


class Owner:
    value: int | None = None


def test_an_entry_is_removed_once_and_its_absence_is_no_error():
    dictionary: dict[object, object] = {}
    load_entry(dictionary, "value", lambda: 1, "load")
    for _ in range(2):
        unload_entry(dictionary, "value", "load")
        assert dictionary == {}


def test_an_attribute_is_removed_once_and_its_absence_is_no_error():
    owner = Owner()
    owner.value = 1
    for _ in range(2):
        unload_attribute(owner, "value", "load")
        assert owner.value is None
