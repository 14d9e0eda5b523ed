"""A store that lacks descriptors reports it, at every number of descriptors that is too small."""

import os
import resource

import pytest

from ppg_invariants import StatusStore, StoreError


@pytest.fixture
def few_descriptors():
    """`few_descriptors(n)` leaves n descriptors that can be opened."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)

    def leave(count):
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
        lowest_free = os.dup(0)
        os.close(lowest_free)
        resource.setrlimit(resource.RLIMIT_NOFILE, (lowest_free + count, before[1]))

    yield leave
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


@pytest.mark.parametrize("exists", [False, True], ids=["new", "existing"])
def test_the_limit_of_open_files_is_named_as_what_to_raise(tmp_path, few_descriptors, exists):
    path = tmp_path / "store"
    if exists:
        StatusStore.open(path).close()
    refused = []
    for count in range(12):
        few_descriptors(count)
        try:
            StatusStore.open(path).close()
        except StoreError as error:
            few_descriptors(100)
            refused.append(str(error))
        else:
            break
    few_descriptors(100)
    assert refused
    assert len(refused) < 12
    assert all("(ulimit -n)" in message for message in refused), refused


def test_a_file_in_place_of_the_folder_is_named(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match="directory"):
        StatusStore.open(tmp_path / "file" / "store")


@pytest.mark.parametrize("target", ["store", "missing/store"])
def test_a_link_that_leads_nowhere_is_named(tmp_path, target):
    (tmp_path / "store").symlink_to(target)
    with pytest.raises(StoreError, match="remove it, if it is a link"):
        StatusStore.open(tmp_path / "store")
