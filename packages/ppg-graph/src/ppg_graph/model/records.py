"""What is remembered of a job's last success, and fingerprints that are made of other fingerprints."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from hashlib import blake2b
from typing import NamedTuple

from ppg_graph.model.ids import Fingerprint, JobId, NodeKind

__all__ = ["Record", "combine"]

_NO_PARTS: Mapping[str, Fingerprint] = {}


class Record(NamedTuple):
    """A job's last success, as far as decisions go.

    - kind: what the job was; a record of another kind counts as none, but OUTPUT and LAZY share theirs
    - fingerprint: what the job produced
    - upstreams: what it consumed, by job id of each direct upstream: the upstream's fingerprint then, or the
      combination (`combine`) of the parts' fingerprints where it depended on parts only
    - parts: the fingerprint of each file of a multi-file job
    """

    kind: NodeKind
    fingerprint: Fingerprint
    upstreams: Mapping[JobId, Fingerprint]
    parts: Mapping[str, Fingerprint] = _NO_PARTS


def combine(named: Iterable[tuple[str, Fingerprint]]) -> Fingerprint:
    """One fingerprint for several named ones; their order does not matter."""
    digest = blake2b(digest_size=16)
    for name, fingerprint in sorted(named):
        for field_bytes in (name.encode("utf-8", "surrogatepass"), fingerprint):
            digest.update(len(field_bytes).to_bytes(8, "little"))
            digest.update(field_bytes)
    return Fingerprint(digest.digest())
