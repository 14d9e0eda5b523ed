"""Inputs: lists from the status store what a job depended on, what it read besides, and what it did not read."""

from collections.abc import Iterator
from pathlib import Path

from ppg.exceptions import PyPipelineGraphError
from ppg.inspect.forecast import ReadOnlyHistory, read_only_history
from ppg.inspect.why import job_in_store
from ppg.jobs.invariants import readable_name
from ppg_graph import ABSENT, JobId, is_read

__all__ = ["inputs_from_store"]


def inputs_from_store(status_path: Path, name: str) -> list[str]:
    """List the inputs of a job's last success, without the script that declares it.

    Parameters:
        status_path: the status file.
        name: the job's id, or a file in whatever spelling; the pipegraph's root is taken to be the folder of the
            status file.

    Returns:
        Lines of text.

    Raises:
        PyPipelineGraphError: there is no such status file, it knows no such job, or the job has no record.
    """
    with read_only_history(status_path) as memory:
        job_id = job_in_store(status_path, name, memory)
        if job_id not in memory.history:
            raise PyPipelineGraphError(
                f"'{job_id}' has no record of a success, so what it read is not known; run it once"
            )
        return list(_inputs(job_id, memory))


def _inputs(job_id: JobId, memory: ReadOnlyHistory) -> Iterator[str]:
    upstreams = memory.history[job_id].upstreams
    yield f"{job_id} depends on"
    declared = [upstream for upstream in upstreams if not is_read(upstream)]
    yield from (f"  {readable_name(upstream)}" for upstream in declared)
    if not declared:
        yield "  nothing"
    reads = [(upstream, seen) for upstream, seen in upstreams.items() if is_read(upstream)]
    if reads:
        yield "it read besides, and runs again if one of these changes"
        for upstream, seen in reads:
            yield f"  {readable_name(upstream)}{' (not there)' if seen == ABSENT else ''}"
    unread, last = memory.last_unread(job_id), memory.last_run(job_id)
    if unread is not None and last is not None and unread[0] == last.run_id:
        yield "its Python code did not read, although it depends on them"
        yield from (f"  {path}" for path in unread[1])
