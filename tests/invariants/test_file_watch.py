"""Whether a file is still the one that its fingerprint was taken from: real files, and what is known of them."""

import os

import pytest

from ppg_invariants import FileStat, FileWatch, KnownFile, describe_file
from ppg_invariants.files.file_watch import LARGEST_REHASHED


@pytest.fixture
def path(tmp_path):
    file = tmp_path / "file"
    file.write_text("content")
    return str(file)


@pytest.fixture
def known(path):
    """What is known of the file before a job reads it."""
    found = FileWatch().begins(path, describe_file(path))
    assert found is not None
    return found


def test_an_untouched_file_is_the_same(path, known):
    assert FileWatch().holds(path, known) == known


@pytest.mark.parametrize("numbers", [{"device": 7}, {"inode": 7}, {"device": 7, "inode": 7}])
def test_other_numbers_of_device_and_inode_alone_cost_a_hash_and_are_no_change(path, known, numbers):
    """Some network file systems number devices and inodes anew."""
    then = known._replace(stat=known.stat._replace(**numbers))
    assert FileWatch().holds(path, then).stat == known.stat
    other = then._replace(state=then.state._replace(digest=b"of other bytes"))
    assert FileWatch().holds(path, other) is None


@pytest.mark.parametrize("field", ["size", "mtime_ns"])
def test_another_size_or_time_is_a_change_whatever_the_content_is(path, known, field):
    then = known._replace(stat=known.stat._replace(**{field: 70}))
    assert FileWatch().holds(path, then) is None


def test_another_inode_with_another_change_time_is_a_change_whatever_the_content_is(path, known):
    then = known._replace(stat=known.stat._replace(inode=7, ctime_ns=7))
    assert FileWatch().holds(path, then) is None


def test_another_change_time_alone_is_a_change_once_a_job_reads_the_file(path, known):
    os.utime(path, ns=(known.stat.mtime_ns, known.stat.mtime_ns))
    assert FileWatch().holds(path, known) is None
    assert FileWatch().begins(path, known.state) is not None, "no job has read it"


def test_a_harmless_cause_counts_once(path, known):
    """After a chmod was forgiven, a write with a restored time cannot hide behind it."""
    os.chmod(path, 0o600)
    known = FileWatch().holds(path, known)
    os.utime(path, ns=(known.stat.mtime_ns, known.stat.mtime_ns))
    assert FileWatch().holds(path, known) is None


def test_before_a_job_reads_the_file_its_content_decides(path, known):
    os.utime(path, (1, 1))
    known = FileWatch().begins(path, known.state)
    assert FileWatch().holds(path, known) == known
    assert FileWatch().begins(path, known.state._replace(digest=b"of other bytes", mtime_ns=7)) is None
    assert FileWatch().begins(path, known.state._replace(size=8)) is None


def test_a_file_that_is_gone_or_became_a_folder_is_a_change(path, known):
    os.unlink(path)
    assert FileWatch().holds(path, known) is None
    assert FileWatch().begins(path, known.state) is None
    os.mkdir(path)
    assert FileWatch().holds(path, known) is None


def test_a_stamp_that_may_hide_a_write_is_not_trusted(path, known, monkeypatch):
    """As on a file system whose clock has not ticked between the hash and a write of as many bytes."""
    monkeypatch.setattr("ppg_invariants.files.timestamps.stamps_are_distinct", lambda directory: False)
    state = known.state._replace(looked_ns=known.state.ctime_ns)
    unsettled = KnownFile(state, known.stat, is_settled=False)
    assert FileWatch().holds(path, unsettled).state.digest == state.digest
    other = unsettled._replace(state=state._replace(digest=b"of other bytes"))
    assert FileWatch().holds(path, other) is None


def test_a_large_file_is_not_read_again_because_of_its_stamp(tmp_path, monkeypatch):
    monkeypatch.setattr("ppg_invariants.files.timestamps.stamps_are_distinct", lambda directory: False)
    path = str(tmp_path / "large")
    with open(path, "wb") as file:
        file.truncate(LARGEST_REHASHED + 1)
    state = describe_file(path)
    state = state._replace(looked_ns=state.ctime_ns)
    watch = FileWatch()
    known = watch.begins(path, state)
    assert known.is_settled
    assert watch.holds(path, known) is known


def test_what_is_no_content_is_compared_by_its_stat_alone(path, known):
    time_only = KnownFile(None, known.stat)
    assert FileWatch().holds(path, time_only) == time_only
    os.chmod(path, 0o600)
    assert isinstance(FileWatch().holds(path, time_only).stat, FileStat)
    os.utime(path, (1, 1))
    assert FileWatch().holds(path, time_only) is None
