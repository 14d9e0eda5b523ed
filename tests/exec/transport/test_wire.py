"""Messages arrive whole and in order, with their descriptors, however the socket cuts them."""

import pytest

from ppg_exec.transport.channel import Channel, pair
from ppg_exec.transport.messages import FROM_NODE, TO_NODE, FromNode, Go, TaskEnded, ToNode


def test_what_was_sent_before_the_end_is_read() -> None:
    ours, theirs = pair()
    sender: Channel[ToNode, FromNode] = Channel(ours, FROM_NODE)
    receiver: Channel[FromNode, ToNode] = Channel(theirs, TO_NODE)
    sender.put(Go(1))
    sender.flush()
    sender.close()
    assert receiver.receive() == [Go(1)]
    with pytest.raises(EOFError):
        receiver.receive()
    receiver.put(TaskEnded(1, 0, 0, (0.0, 0.0, 0.0, 0), None, "", b"", b"", "", None, ()))
    with pytest.raises(EOFError):
        receiver.flush()
    receiver.close()
