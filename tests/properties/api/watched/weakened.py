"""Weakened: faults that are made in ppg on purpose, so that a test can show that the search finds them."""

from unittest import mock

__all__ = ["WEAKENED", "weaken"]


def _dict_contents():
    """Dicts count by their number of entries."""
    from ppg_invariants.values.encoding import Encoder

    mock.patch.object(Encoder, "write_mapping", lambda self, items, out: self.write(len(items), out)).start()


def _class_bodies():
    """Classes of the project count by name."""
    from ppg_invariants.objects.captured import CapturedEncoder

    mock.patch.object(CapturedEncoder, "_class_content", lambda _self, kind: kind.__qualname__).start()


def _base_classes():
    """Classes count without their bases."""
    from ppg_invariants.objects.captured import CapturedEncoder

    own = CapturedEncoder._class_content

    def content(self, kind):
        found = own(self, kind)
        return {**found, "bases": ()} if isinstance(found, dict) else found

    mock.patch.object(CapturedEncoder, "_class_content", content).start()


def _defaults():
    """Defaults of functions do not count."""
    from ppg_invariants.functions import references
    from ppg_invariants.objects.captured import CapturedEncoder

    mock.patch.object(references, "plain_function", return_value=None).start()
    mock.patch.object(
        CapturedEncoder, "_write_defaults", lambda self, _function, _code, out: self.write(None, out)
    ).start()


def _values():
    """Values of global names, such as configurations, do not count."""
    from ppg_invariants.functions.references import Follow

    mock.patch.object(Follow, "_item_of_value", return_value=None).start()


def _helpers():
    """Functions that a value leads to are not followed."""
    from ppg_invariants.functions.references import Follow

    own = Follow._references
    mock.patch.object(Follow, "_references", lambda self, met: own(self, met[:1])).start()


def _objects():
    """Objects count by the code of their class, without their attributes."""
    from ppg_invariants.functions.global_names import ValueEncoder

    mock.patch.object(ValueEncoder, "_instance_content", lambda _self, value: type(value)).start()


def _flags_of_patterns():
    """Patterns count without their flags."""
    import re

    from ppg_invariants import register_encoder

    register_encoder(re.Pattern, lambda pattern: pattern.pattern)


def _order_of_items():
    """Lists count in any order."""
    from ppg_invariants.values import encoding

    def write(encoder, value, out):
        encoder._write_container(value, lambda inner: encoder.write_sorted(b"l", value, inner), out)

    mock.patch.dict(encoding._WRITERS, {list: write}).start()


def _lines_of_code():
    """The first line of a function counts, as no edit of comments may."""
    from ppg_invariants.objects.whole_objects import WholeObjectsEncoder

    def line(self, _function, code, out):
        self.write(code.object.co_firstlineno, out)
        return 0

    mock.patch.object(WholeObjectsEncoder, "_more_of_function", line).start()


WEAKENED = {
    function.__name__.strip("_").replace("_", " "): function
    for function in (
        _dict_contents,
        _class_bodies,
        _base_classes,
        _defaults,
        _values,
        _helpers,
        _objects,
        _flags_of_patterns,
        _order_of_items,
        _lines_of_code,
    )
}


def weaken(name):
    """Make one of these faults in this process, and in those that it forks."""
    WEAKENED[name]()
