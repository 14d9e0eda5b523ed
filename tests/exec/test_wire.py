"""Messages arrive whole and in order, with their descriptors, however the socket cuts them."""

import os
import socket
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ppg_exec.transport.channel import Channel, pair


@given(st.lists(st.tuples(st.integers(0, 300_000), st.integers(0, 3)), max_size=12))
def test_messages_of_any_size_arrive_in_order_with_their_descriptors(sizes: list[tuple[int, int]]) -> None:
    ours, theirs = pair()
    ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 8192)
    sender, receiver = Channel(ours), Channel(theirs)
    for number, (size, descriptors) in enumerate(sizes):
        made = []
        for _ in range(descriptors):
            made.append(os.memfd_create(str(number)))
            os.write(made[-1], str(number).encode())
        sender.put(("m", number, b"x" * size, descriptors), tuple(made))
    received: list[tuple[Any, ...]] = []
    while len(received) < len(sizes):
        sender.flush()
        received += receiver.receive()
    for number, (message, (size, descriptors)) in enumerate(zip(received, sizes, strict=True)):
        assert message == ("m", number, b"x" * size, descriptors)
        for _ in range(descriptors):
            descriptor = receiver.next_descriptor()
            assert os.pread(descriptor, 100, 0) == str(number).encode()
            os.close(descriptor)
    sender.close()
    with pytest.raises(EOFError):
        receiver.receive()
    receiver.close()


def test_what_was_said_before_the_end_is_heard() -> None:
    ours, theirs = pair()
    sender, receiver = Channel(ours), Channel(theirs)
    sender.put(("last words",))
    sender.flush()
    sender.close()
    assert receiver.receive() == [("last words",)]
    with pytest.raises(EOFError):
        receiver.receive()
    receiver.put(("too late",))
    with pytest.raises(EOFError):
        receiver.flush()
    receiver.close()
