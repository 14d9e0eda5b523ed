"""What controllers and agents send to each other: frames, ends, settings, silence."""

import json
import marshal
import pickle
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ppg_exec.links.ends import decode_end, encode_end
from ppg_exec.links.frames import Frames, framed
from ppg_exec.links.hello import Facts, Settings, about_this_process, problem_of, read_about
from ppg_exec.links.silence import Silence
from ppg_exec.sent_exceptions import SentException, SentValue, unopened_exception
from ppg_exec.tasks import Cancelled, Died, Raised, Refused, Succeeded, TimedOut, Unpicklable


@given(st.lists(st.binary(max_size=50)), st.lists(st.integers(1, 30), min_size=1))
def test_messages_come_out_of_a_stream_as_they_went_in_however_it_is_cut(
    bodies: list[bytes], cuts: list[int]
) -> None:
    stream = b"".join(map(framed, bodies))
    frames = Frames()
    found: list[bytes] = []
    turn = 0
    while stream:
        size = cuts[turn % len(cuts)]
        found += frames.feed(stream[:size])
        stream = stream[size:]
        turn += 1
    assert found == bodies


def test_a_stream_of_something_else_is_noticed() -> None:
    with pytest.raises(ValueError, match="no stream of messages"):
        Frames().feed(b"GET / HTTP/1.1\r\n")


@pytest.mark.parametrize(
    "end",
    [
        Succeeded({"a": (1, [2.5])}), Raised(None, "KeyError", "'a'", "Traceback…"), Died(3, None, "it left"),
        Died(None, 9, "memory", of_memory=True), Unpicklable("result", "a lock"), Refused("too wide"), TimedOut(2.5), Cancelled(),
    ],
    ids=lambda end: type(end).__name__,
)  # fmt: skip
def test_an_end_arrives_as_it_was(end: Any) -> None:
    travelled = marshal.loads(marshal.dumps(encode_end(end)))
    assert decode_end(travelled, pickle.loads) == end


def test_what_was_pickled_is_passed_on_and_read_at_the_end_of_the_way_alone() -> None:
    assert decode_end(encode_end(Succeeded(SentValue(pickle.dumps({1, 2})))), pickle.loads) == Succeeded(
        {1, 2}
    )

    def fail(_pickle: bytes) -> None:
        raise AssertionError("nothing reads it on the way")

    sent = SentException(pickle.dumps(ValueError("a")), fail, "ValueError", "a")
    values = encode_end(Raised(sent, "ValueError", "a", ""))  # type: ignore[arg-type]
    end = decode_end(values, pickle.loads)
    assert isinstance(end, Raised)
    assert isinstance(unopened_exception(end), SentException)
    assert str(end.exception) == "a"


def test_a_result_that_cannot_be_read_fails_its_task_alone() -> None:
    end = decode_end(("pickled", b"no pickle"), pickle.loads)
    assert isinstance(end, Unpicklable)
    assert "cannot be read" in end.message


def test_settings_and_facts_arrive_as_they_were() -> None:
    settings = Settings(cores=3, path=("a", "b"), packages={"numpy": "2"}, proof=("/f", "x"), silence=30.0)
    assert Settings.from_json(settings.to_json()) == settings
    facts = Facts(2, 100, {"numpy": None}, ("it is full",))
    assert Facts.from_json(facts.to_json()) == facts


def test_a_machine_with_another_version_is_refused_in_a_sentence() -> None:
    assert read_about(about_this_process())[1] == ""
    other = json.loads(about_this_process()) | {"python": [3, 9], "machine": "m1"}
    name, problem = read_about(json.dumps(other))
    assert name == "m1"
    assert "version of Python is 3.9" in problem
    settings = Settings(packages={"numpy": "2.0", "ppg-exec": "1", "pandas": "3"})
    facts = Facts(1, 1, {"numpy": "1.9", "ppg-exec": "1"})
    problem = problem_of("m1", facts, settings)
    assert "numpy is 1.9 there, and 2.0 here" in problem
    assert "pandas is missing there" in problem
    assert "ppg-exec" not in problem
    assert "it is full" in problem_of("m1", Facts(1, 1, problems=("it is full",)), settings)


def test_silence_is_over_after_its_limit_unless_something_was_heard_or_it_is_suspended() -> None:
    silence = Silence(30.0, 100.0)
    assert not silence.is_over(129.9)
    assert silence.is_over(130.0)
    silence.heard(125.0)
    assert silence.left(130.0) == 25.0
    silence.suspend()
    assert not silence.is_over(1000.0)
    assert silence.left(1000.0) is None
    silence.resume(1000.0)
    assert silence.left(1000.0) == 30.0
    assert not Silence(None, 0.0).is_over(1e9)
