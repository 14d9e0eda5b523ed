"""The messages of the executor's processes: docs/executor.md shows them as they are, and each arrives as it was sent.

`python -m tests.exec.transport.test_messages` prints the table for that page.
"""

import marshal
import os
import sys
import typing
from pathlib import Path
from typing import Any

import pytest

from ppg_exec.links import messages as link_messages
from ppg_exec.transport import forkserver_messages, node_messages
from ppg_exec.transport.channel import Channel, pair
from ppg_exec.transport.messages import Descriptor, Message, UnexpectedMessage, decode, encode, unhandled
from ppg_exec.transport.node_messages import (
    TO_NODE,
    Go,
    JobReport,
    TaskStarted,
    ValueReturned,
    encoded_job_report,
    encoded_value,
)

PAGE = Path(__file__).resolve().parents[3] / "docs/executor.md"
TABLES_AND_UNIONS: list[tuple[dict[str, Any], Any]] = [
    (forkserver_messages.TO_FORKSERVER, forkserver_messages.ToForkserver),
    (forkserver_messages.FROM_FORKSERVER, forkserver_messages.FromForkserver),
    (node_messages.TO_NODE, node_messages.ToNode),
    (node_messages.FROM_NODE, node_messages.FromNode),
    (node_messages.FROM_JOB, node_messages.FromJob),
    (node_messages.REPORTS, node_messages.Report),
    (link_messages.TO_AGENT, link_messages.ToAgent),
    (link_messages.FROM_AGENT, link_messages.FromAgent),
]
"""Of each direction its classes by their tags, and their union."""
KINDS: list[type[Message]] = [kind for table, _ in TABLES_AND_UNIONS for kind in table.values()]
VALUES: dict[object, object] = {
    int: 7, float: 1.5, bool: True, str: "text", bytes: b"bytes", object: (1, [2]), Descriptor: 3, type(None): None,
    list[int]: [1, 2], list[tuple[int, int]]: [(1, 2)], dict[int, int]: {1: 2}, tuple[str, ...]: ("a", "b"),
    list[tuple[str, str]]: [("a", "b")], list[tuple[str, str, str]]: [("a", "b", "c")],
    dict[str, str]: {"a": "b"}, tuple[object, ...]: ("a", 1), tuple[tuple[object, ...], ...]: (("a", 1),),
    tuple[tuple[str, int, int], ...]: (("a", 1, 2),),
    dict[str, dict[str, bytes]]: {"a": {"b": b"c"}}, tuple[tuple[str, str], ...]: (("a", "b"),),
    tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]: (("/a/",), (), ("/b/", "/c/")), tuple[float, float, float, int]: (1.0, 2.0, 3.0, 4),
}  # fmt: skip
"""One value of each type that a field has."""


def documented_table() -> str:
    """The table of all messages, from the classes."""
    lines = ["| direction | message | fields | meaning |", "| --- | --- | --- | --- |"]
    for kind in KINDS:
        fields = [
            f"`{name}`" + (" (descriptor)" if place in kind.descriptors else "")
            for place, name in enumerate(kind.fields)
        ]
        noun, _, meaning = (kind.__doc__ or "").partition("\n")[0].partition(": ")
        assert noun == kind.__name__
        assert meaning.endswith(".")
        lines.append(
            f"| {kind.direction} | `{noun}` | {', '.join(fields) or '–'} | {meaning.removesuffix('.')} |"
        )
    return "\n".join(lines)


def test_the_page_shows_every_message_with_its_fields_and_direction_in_order() -> None:
    section = PAGE.read_text().partition("\n## Messages\n")[2].partition("\n## ")[0]
    shown = "\n".join(line for line in section.splitlines() if line.startswith("|"))
    assert shown == documented_table(), "run python -m tests.exec.transport.test_messages"


def test_every_class_is_in_the_table_and_the_union_of_one_direction() -> None:
    defined = {
        value
        for module in (forkserver_messages, node_messages, link_messages)
        for value in vars(module).values()
        if isinstance(value, type) and issubclass(value, Message) and value is not Message
    }
    assert sorted(KINDS, key=str) == sorted(defined, key=str)
    for table, union in TABLES_AND_UNIONS:
        assert tuple(table.values()) == (typing.get_args(union) or (union,))
        assert len({kind.direction for kind in table.values()}) == 1
    directions = {kind.direction for kind in KINDS}
    assert len(directions) == len(TABLES_AND_UNIONS)


def instances(kind: type[Any]) -> list[Any]:
    """Messages in which each field has a value of each of its types."""
    possible = []
    for name in kind.fields:
        annotation = eval(kind.__annotations__[name], vars(sys.modules[kind.__module__]))
        is_union = "|" in kind.__annotations__[name]
        possible.append(
            [VALUES[each] for each in (typing.get_args(annotation) if is_union else (annotation,))]
        )
    most = max(map(len, possible), default=1)
    return [kind(*(values[turn % len(values)] for values in possible)) for turn in range(most)]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_every_message_arrives_as_it_was_sent(kind: type[Message]) -> None:
    (table,) = (table for table, _ in TABLES_AND_UNIONS if kind.__name__ in table)
    for message in instances(kind):
        ours, theirs = pair()
        sender: Channel[Any, Any] = Channel(ours, {})
        receiver: Channel[Any, Any] = Channel(theirs, table)
        values = list(message)
        travelling = [place for place in kind.descriptors if isinstance(values[place], int)]
        for place in travelling:
            values[place] = os.memfd_create("sent")
            os.write(values[place], kind.fields[place].encode())
        sender.put(kind(*values))
        sender.flush()
        (arrived,) = receiver.receive()
        assert type(arrived) is kind
        for place, name in enumerate(kind.fields):
            found = getattr(arrived, name)
            if place in travelling:
                assert os.pread(found, 100, 0) == name.encode()
                os.close(found)
            else:
                assert found == values[place]
        sender.close()
        receiver.close()


def test_a_message_is_made_by_place_or_by_name_and_never_changes() -> None:
    started = TaskStarted(1, pid=2, when=3.0)
    assert started == TaskStarted(number=1, pid=2, when=3.0)
    assert repr(started) == "TaskStarted(number=1, pid=2, when=3.0)"
    match started:
        case TaskStarted(number, when=when):
            assert (number, when) == (1, 3.0)
    with pytest.raises(AttributeError):
        started.pid = 4  # type: ignore[misc]
    for wrong in ({"number": 1}, {"number": 1, "pid": 2, "when": 3.0, "other": 4}):
        with pytest.raises((TypeError, KeyError)):
            TaskStarted(**wrong)  # type: ignore[arg-type]


def test_what_jobs_write_without_a_class_is_the_message_of_that_class() -> None:
    report = encoded_value([1, "two"])
    assert decode(report, node_messages.REPORTS) == ValueReturned([1, "two"])
    arrived = decode(encoded_job_report(2.0, report, b"uses", (("a", "b"),)), node_messages.FROM_JOB)
    assert type(arrived) is JobReport
    assert arrived == JobReport(2.0, report, b"uses", (("a", "b"),))


def test_a_message_that_nothing_sends_there_is_named_in_the_error() -> None:
    data, descriptors = encode(TaskStarted(1, 2, 3.0))
    assert descriptors == ()
    with pytest.raises(UnexpectedMessage, match=r"'TaskStarted' has arrived where .* RunTask, Go,"):
        decode(data, TO_NODE)
    with pytest.raises(UnexpectedMessage, match="'news'"):
        decode(marshal.dumps(("news", 1)), TO_NODE)
    with pytest.raises(UnexpectedMessage, match=r"'Go' has arrived with 2 fields"):
        decode(marshal.dumps(("Go", 1, 2)), TO_NODE)
    with pytest.raises(UnexpectedMessage, match=r"Go\(number=1\)"):
        unhandled(Go(1))  # type: ignore[arg-type]


if __name__ == "__main__":
    print(documented_table())
