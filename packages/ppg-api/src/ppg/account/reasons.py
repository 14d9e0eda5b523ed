"""Reasons: groups jobs that run for equal reasons, and finds the jobs that run because of them.

A job has reasons of its own (a parameter changed, its file is missing), or it follows other jobs. It follows a job upstream
with another result, or a job downstream that needs it. Jobs with equal reasons of their own are one group. A job that only follows
belongs to the group that it follows from, over however many jobs in between. Each job is counted once.

The groups depend on the reasons alone, not on the order in which jobs were decided.
"""

from collections import deque
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from ppg.status.causes import FOLLOWING, Cause, CauseKind

__all__ = ["Group", "GroupedReasons", "grouped_reasons", "named", "reasons_in_words"]

MOST_GROUPS = 6
"""Number of groups with a line each; one more has the jobs of all others."""
MOST_OF_A_KIND = 3
"""Number of groups with reasons of the same kinds that have a line each."""
MOST_REASONS = 3
"""Number of reasons of one job that its line has."""
NAMES_SHOWN = 3
"""Number of jobs of a group that its line names."""

_RANK = {kind: rank for rank, kind in enumerate(CauseKind)}


@dataclass(frozen=True, slots=True)
class Group:
    """Group: jobs with equal reasons, and the jobs that run because of these alone.

    Attributes:
        words: the reasons in one line.
        job_ids: the jobs that have these reasons.
        followers: the jobs that have no reason of their own, and follow from jobs of this group only.
    """

    words: str
    job_ids: tuple[str, ...]
    followers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class GroupedReasons:
    """Grouped reasons: holds all jobs of a run that had a reason to run, each once.

    Attributes:
        groups: what changed first; of the same kind, the largest first.
        of_several: the jobs that follow from several of the groups.
    """

    groups: tuple[Group, ...]
    of_several: tuple[str, ...]


def grouped_reasons(causes: Mapping[str, Sequence[Cause]], order: Iterable[str]) -> GroupedReasons:
    """Group jobs by their reasons.

    Parameters:
        causes: why each job runs, by job id.
        order: job ids in the order in which a group names them; ids that are missing there come last, sorted.
    """
    position: dict[str, int] = {}
    for job_id in (*(each for each in order if each in causes), *sorted(causes)):
        position.setdefault(job_id, len(position))
    job_ids = sorted(causes, key=position.__getitem__)
    own = {job_id: _own(job_id, causes) for job_id in job_ids}
    # A job may follow from itself by way of others: it needs data that came out differently. Then that is the reason.
    reached: set[str] = set()
    for kinds in ((CauseKind.RESULTS,), tuple(FOLLOWING), ()):
        reached = _reached([job_id for job_id in job_ids if own[job_id]], causes)
        for job_id in job_ids:
            if job_id not in reached:
                found = {cause.kind for cause in causes[job_id] if cause.kind in kinds}
                own[job_id] = tuple(Cause(kind.value, kind) for kind in found)
    merged = _merged([(own[job_id], job_id) for job_id in job_ids if own[job_id] or job_id not in reached])
    masks = _masks(merged, own, causes)
    singles: dict[int, list[str]] = {1 << number: [] for number in range(len(merged))}
    of_several: list[str] = []
    for job_id in job_ids:
        if not own[job_id] and job_id in reached:
            singles.get(masks[job_id], of_several).append(job_id)
    return GroupedReasons(
        tuple(
            Group(words, tuple(members), tuple(singles[1 << number]))
            for number, (words, members) in enumerate(merged)
        ),
        tuple(of_several),
    )


def reasons_in_words(causes: Iterable[Cause]) -> str:
    """Return the reasons of a job in one line, those of many jobs upstream or downstream by their number."""
    texts: list[str] = []
    following: dict[CauseKind, list[str]] = {}
    for cause in sorted(causes, key=_sorted_by):
        if cause.kind in FOLLOWING:
            following.setdefault(cause.kind, []).append(cause.text)
        elif cause.text not in texts:
            texts.append(cause.text)
    for kind, same in following.items():
        texts.append(same[0] if len(same) == 1 else f"{kind.value}: {len(same):,}")
    more = len(texts) - MOST_REASONS
    return "; ".join(texts[:MOST_REASONS]) + (f"; and {more:,} more" if more > 0 else "")


def named(job_ids: Collection[str], shown: int = NAMES_SHOWN) -> str:
    """Return the names of the first jobs, with an ellipsis if there are more."""
    names = [job_id for job_id, _ in zip(job_ids, range(shown), strict=False)]
    return ", ".join(names) + (", …" if len(job_ids) > shown else "")


def _own(job_id: str, causes: Mapping[str, Sequence[Cause]]) -> tuple[Cause, ...]:
    """The causes of a job that no other job of the run explains."""
    first = tuple(cause for cause in causes[job_id] if cause.kind not in FOLLOWING)
    return first or tuple(
        cause for cause in causes[job_id] if cause.follows not in causes or cause.follows == job_id
    )


def _followers(causes: Mapping[str, Sequence[Cause]]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for job_id, reasons in causes.items():
        for cause in reasons:
            if cause.kind in FOLLOWING and cause.follows in causes:
                found.setdefault(cause.follows, []).append(job_id)
    return found


def _reached(roots: Iterable[str], causes: Mapping[str, Sequence[Cause]]) -> set[str]:
    followers = _followers(causes)
    reached = set(roots)
    waiting = deque(reached)
    while waiting:
        for follower in followers.get(waiting.popleft(), ()):
            if follower not in reached:
                reached.add(follower)
                waiting.append(follower)
    return reached


def _sorted_by(cause: Cause) -> tuple[int, str]:
    return _RANK[cause.kind], cause.text


def _merged(jobs: Iterable[tuple[Sequence[Cause], str]]) -> list[tuple[str, list[str]]]:
    """The groups in order, so few that each can have a line."""
    of_kinds: dict[tuple[CauseKind, ...], dict[tuple[str, ...], tuple[str, list[str]]]] = {}
    for causes, job_id in jobs:
        ordered = sorted(set(causes), key=_sorted_by)
        kinds = tuple(dict.fromkeys(cause.kind for cause in ordered))
        texts = tuple(cause.text for cause in ordered)
        equal = of_kinds.setdefault(kinds, {})
        if texts not in equal:
            equal[texts] = reasons_in_words(ordered) or "no reason is known", []
        equal[texts][1].append(job_id)
    groups: list[tuple[tuple[int, int, str], str, list[str]]] = []
    for kinds, equal in of_kinds.items():
        rank = _RANK[kinds[0]] if kinds else len(_RANK)
        same = sorted(equal.values(), key=lambda group: (-len(group[1]), group[0]))
        if len(same) > MOST_OF_A_KIND:
            told = [group for group in same[: MOST_OF_A_KIND - 1] if len(group[1]) > 1]
            words = "; ".join(kind.value for kind in kinds) + (", in other ways" if told else "")
            same = [*told, (words, [job_id for _, members in same[len(told) :] for job_id in members])]
        groups += [((rank, -len(members), words), words, members) for words, members in same]
    groups.sort(key=lambda group: group[0])
    found = [(words, members) for _, words, members in groups[:MOST_GROUPS]]
    rest = [job_id for _, _, members in groups[MOST_GROUPS:] for job_id in members]
    if rest:
        found.append((f"{len(groups) - MOST_GROUPS} other reasons", rest))
    return found


def _masks(
    groups: Iterable[tuple[str, Iterable[str]]],
    own: Mapping[str, Sequence[Cause]],
    causes: Mapping[str, Sequence[Cause]],
) -> dict[str, int]:
    """The groups that each job belongs to or follows from, as bits."""
    followers = _followers(causes)
    masks: dict[str, int] = {}
    for number, (_, members) in enumerate(groups):
        masks.update(dict.fromkeys(members, 1 << number))
    waiting = deque(masks)
    while waiting:
        job_id = waiting.popleft()
        for follower in followers.get(job_id, ()):
            before = masks.get(follower, 0)
            # A job with reasons of its own is in its own group, whatever it follows besides.
            after = before if own[follower] else before | masks[job_id]
            if after != before:
                masks[follower] = after
                waiting.append(follower)
    return masks
