"""A forkserver that cannot start: the error says why, in one line."""

import pytest

from ppg_exec import ExecutorError, LocalExecutor, Task

CAUSE = "resource.so: cannot close file descriptor"


def test_a_forkserver_that_cannot_import_a_module_is_one_line_in_the_error(tmp_path, monkeypatch):
    (tmp_path / "resource.py").write_text(f"raise ImportError({CAUSE!r})")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with LocalExecutor(cores=1) as executor:
        executor.submit(Task("t", int))
        with pytest.raises(ExecutorError) as caught:
            first_event(executor)
    assert str(caught.value) == f"the forkserver cannot start: ImportError: {CAUSE}"


def first_event(executor):
    while not (events := executor.poll(60)):
        continue
    return events
