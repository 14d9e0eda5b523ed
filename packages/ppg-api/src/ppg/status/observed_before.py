"""Observed before: gives a made file the fingerprint that it had as an input, if its bytes are the same.

Inputs and outputs are hashed with different algorithms. Without this, a job that begins to make an input file would
change the fingerprint of that file.
"""

from dataclasses import replace

from ppg.jobs.job import Job
from ppg.kinds.kind import JobOutputs
from ppg.paths import absolute
from ppg.status.history import History
from ppg_graph import Fingerprint, JobId, combine
from ppg_invariants import FileState, content_fingerprint, describe_file

__all__ = ["as_observed_before"]


def as_observed_before(job: Job, outputs: JobOutputs, history: History) -> JobOutputs:
    """Return the outputs, with the observed fingerprint of each file that a job downstream consumed as an input.

    Only such a file is hashed again. A file with a fingerprint that does not stand for its content alone keeps it.
    """
    known: dict[str, Fingerprint] = {}
    for path, state in outputs.files.items():
        before = history.input_file(JobId(path))
        if before is None or before.algorithm == state.algorithm or before.size != state.size:
            continue
        fingerprint = Fingerprint(content_fingerprint(before))
        own = outputs.parts.get(path, outputs.fingerprint)
        if own != content_fingerprint(state) or not _is_consumed(job, path, fingerprint, history):
            continue
        now = describe_file(absolute(path, job.pipegraph.root), algorithm=before.algorithm, empty_ok=True)
        if isinstance(now, FileState) and now.has_content_of(before) and _has_same_stat(now, state):
            known[path] = fingerprint
    if not known:
        return outputs
    if not outputs.parts:
        return replace(outputs, fingerprint=next(iter(known.values())))
    parts = {**outputs.parts, **known}
    is_combined = outputs.fingerprint == combine(outputs.parts.items())
    return replace(
        outputs, parts=parts, fingerprint=combine(parts.items()) if is_combined else outputs.fingerprint
    )


def _is_consumed(job: Job, path: str, fingerprint: Fingerprint, history: History) -> bool:
    """Return whether a job directly downstream consumed the file with this fingerprint."""
    return any(
        (record := history.history.get(downstream.job_id)) is not None
        and record.upstreams.get(JobId(path)) == fingerprint
        for downstream in job.downstreams
    )


def _has_same_stat(now: FileState, before: FileState) -> bool:
    """Return whether nothing has written the file in between."""
    return now[:4] == before[:4]
