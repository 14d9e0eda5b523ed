"""The fixture `local`, but for an executor whose tasks an agent runs. So tests of the local executor can be used again."""

from collections.abc import Iterator

import pytest

from ppg_exec import RemoteExecutor
from tests.exec.conftest import assert_nothing_is_left
from tests.exec.remote.agents import fleet_of

__all__ = ["local"]


@pytest.fixture
def local() -> Iterator[RemoteExecutor]:
    """An executor with an agent that has two cores; nothing of it may be left afterwards."""
    fleet = fleet_of(cores=2, grace=0.5)
    with RemoteExecutor(fleet) as executor:
        yield executor
        markers = [process.marker for process in fleet.processes().values()]
    for marker in markers:
        assert_nothing_is_left(marker)
