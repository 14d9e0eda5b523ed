"""The fixture `local`, but for an executor that runs tasks on a worker of Dask. So tests of the local executor can be used again."""

from collections.abc import Iterator

import pytest

pytest.importorskip("distributed")

from ppg_exec import RemoteExecutor
from tests.exec.dask.clusters import Cluster, fleet_of, running_cluster


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with running_cluster(tmp_path_factory.mktemp("dask")) as cluster:
        yield cluster


@pytest.fixture
def local(cluster: Cluster) -> Iterator[RemoteExecutor]:
    with RemoteExecutor(fleet_of(cluster)) as executor:
        yield executor
