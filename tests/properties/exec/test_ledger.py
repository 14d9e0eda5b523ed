"""Whatever tasks ask for, claims never exceed the machine."""

from hypothesis import given
from hypothesis import strategies as st

from ppg_exec import Ledger, Unsatisfiable, WaitingLine


@given(
    st.integers(1, 16),
    st.lists(
        st.tuples(st.integers(1, 16), st.integers(0, 200), st.integers(0, 3), st.booleans()), max_size=60
    ),
)
def test_whatever_is_asked_for_claims_never_exceed_the_machine_and_every_task_gets_a_turn(
    cores: int, asked: list[tuple[int, int, int, bool]]
) -> None:
    ledger = Ledger(cores, 160)
    line: WaitingLine[int] = WaitingLine(ledger)
    accepted: dict[int, int] = {}
    for number, (wanted, memory, priority, _) in enumerate(asked):
        try:
            accepted[number] = ledger.claim(wanted, memory)
        except Unsatisfiable:
            assert wanted > cores or memory > 160
            continue
        line.add(number, accepted[number], priority, number)
    running: dict[int, int] = {}
    done = set()
    while len(done) < len(accepted):
        while (chosen := line.pop()) is not None:
            assert chosen[1] == accepted[chosen[0]]
            running[chosen[0]] = chosen[1]
            assert sum(running.values()) <= cores
            assert sum(asked[number][1] for number in running) <= 160 + cores
        assert running, "nothing runs and nothing may start"
        ended = next((number for number in running if asked[number][3]), next(iter(running)))
        ledger.give_back(running.pop(ended))
        done.add(ended)
    assert ledger.free == cores
    assert not len(line)
