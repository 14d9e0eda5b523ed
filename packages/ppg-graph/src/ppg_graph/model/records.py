"""Records: defines the record of a job's last success, and combines fingerprints."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from hashlib import blake2b
from typing import NamedTuple

from ppg_graph.model.ids import Fingerprint, JobId, NodeKind

__all__ = ["Record", "combine", "is_own_code"]

_OWN_CODE = ("FI:", "command:")
"""Name spaces of the invariants that observe what a job itself calls; the id of the job follows."""

_NO_PARTS: Mapping[str, Fingerprint] = {}


class Record(NamedTuple):
    """Record: holds the facts of a job's last success that decisions need.

    - kind: the job's kind then; a record of another kind is ignored, but OUTPUT and LAZY accept each other's
      records
    - fingerprint: of the content that the job produced
    - upstreams: the consumed fingerprint of each direct upstream, by job id; where the job depended on parts
      only, the combination (`combine`) of their fingerprints. Beside them, what the job read without depending on
      it (`ppg_graph.model.reads`)
    - parts: the fingerprint of each file of a multi-file job
    """

    kind: NodeKind
    fingerprint: Fingerprint
    upstreams: Mapping[JobId, Fingerprint]
    parts: Mapping[str, Fingerprint] = _NO_PARTS


def combine(named: Iterable[tuple[str, Fingerprint]]) -> Fingerprint:
    """Combine several named fingerprints into one. Their order does not matter."""
    digest = blake2b(digest_size=16)
    for name, fingerprint in sorted(named):
        for field_bytes in (name.encode("utf-8", "surrogatepass"), fingerprint):
            digest.update(len(field_bytes).to_bytes(8, "little"))
            digest.update(field_bytes)
    return Fingerprint(digest.digest())


def is_own_code(upstream: str, job_id: str) -> bool:
    """Whether this upstream observes the function or the command that the job itself calls."""
    return upstream.endswith(job_id) and upstream.removesuffix(job_id) in _OWN_CODE
