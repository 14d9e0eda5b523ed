"""Messages of any size arrive whole and in order, however the socket cuts them."""

import os
import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ppg_exec.transport.channel import Channel, pair
from ppg_exec.transport.node_messages import FROM_NODE, TO_NODE, FromNode, TaskEnded, ToNode


def descriptor_of(text: str) -> int:
    made = os.memfd_create(text)
    os.write(made, text.encode())
    return made


def content_of(descriptor: int) -> str:
    content = os.pread(descriptor, 100, 0).decode()
    os.close(descriptor)
    return content


@given(st.lists(st.tuples(st.integers(0, 300_000), st.integers(0, 3)), max_size=12))
def test_messages_of_any_size_arrive_in_order_with_their_descriptors(sizes: list[tuple[int, int]]) -> None:
    ours, theirs = pair()
    ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 8192)
    sender: Channel[FromNode, ToNode] = Channel(ours, TO_NODE)
    receiver: Channel[ToNode, FromNode] = Channel(theirs, FROM_NODE)
    for number, (size, descriptors) in enumerate(sizes):
        report, stdout, stderr = (
            descriptor_of(f"{number} {place}") if place < descriptors else b"" for place in range(3)
        )
        sender.put(
            TaskEnded(
                number=number, successor=0, status=0, usage=(0.0, 0.0, 0.0, 0), report=report, uses=b"", refusal="",
                stdout=stdout, stderr=stderr, expected="", cause="x" * size, warnings=(), differing=(),
            )
        )  # fmt: skip
    received: list[FromNode] = []
    while len(received) < len(sizes):
        sender.flush()
        received += receiver.receive()
    for number, (message, (size, descriptors)) in enumerate(zip(received, sizes, strict=True)):
        assert isinstance(message, TaskEnded)
        assert (message.number, message.cause) == (number, "x" * size)
        for place, found in enumerate((message.report, message.stdout, message.stderr)):
            if place < descriptors:
                assert isinstance(found, int)
                assert content_of(found) == f"{number} {place}"
            else:
                assert found == b""
    sender.close()
    with pytest.raises(EOFError):
        receiver.receive()
    receiver.close()
