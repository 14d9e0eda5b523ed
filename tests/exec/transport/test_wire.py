"""Messages arrive whole and in order, with their descriptors, however the socket cuts them."""

import os

import pytest

from ppg_exec.transport.channel import Channel, pair
from ppg_exec.transport.messages import UnexpectedMessage
from ppg_exec.transport.node_messages import FROM_NODE, TO_NODE, FromNode, Go, TaskEnded, ToNode


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
    receiver.put(TaskEnded(1, 0, 0, (0.0, 0.0, 0.0, 0), None, b"", "", b"", b"", "", None, (), ()))
    with pytest.raises(EOFError):
        receiver.flush()
    receiver.close()


def ended(number: int, report: int | None) -> TaskEnded:
    return TaskEnded(number, 0, 0, (0.0, 0.0, 0.0, 0), report, b"", "", b"", b"", "", None, (), ())


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


def test_a_reader_that_fails_loses_neither_the_later_messages_nor_their_descriptors() -> None:
    before = descriptors()
    ours, theirs = pair()
    sender: Channel[FromNode, ToNode] = Channel(ours, TO_NODE)
    receiver: Channel[ToNode, FromNode] = Channel(theirs, FROM_NODE)
    for number in range(4):
        sender.put(ended(number, os.open(os.devnull, os.O_RDONLY)))
    sender.flush()

    def fail() -> None:
        for message in receiver.each():
            os.close(message.report)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    message = next(receiver.each())
    assert message.number == 1
    os.close(message.report)
    sender.close()
    receiver.close()
    assert descriptors() == before


def test_a_wrong_message_behind_others_leaks_no_descriptors() -> None:
    before = descriptors()
    ours, theirs = pair()
    sender: Channel[FromNode | ToNode, ToNode] = Channel(ours, TO_NODE)
    receiver: Channel[ToNode, FromNode] = Channel(theirs, FROM_NODE)
    for message in (ended(1, os.open(os.devnull, os.O_RDONLY)), Go(1)):
        sender.put(message)
    sender.put(ended(2, os.open(os.devnull, os.O_RDONLY)))
    sender.flush()
    with pytest.raises(UnexpectedMessage):
        receiver.receive()
    sender.close()
    receiver.close()
    assert descriptors() == before
