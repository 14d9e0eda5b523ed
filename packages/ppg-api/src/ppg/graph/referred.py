"""Referred jobs: finds jobs to which the function of a job refers by a name, without depending on them.

    def plot(out): draw(table.path)          # `table` is a job

Such a function needs that job to be right, and a run that begins with `plot` is wrong. A dependency, also through other
jobs, is enough. Functions of generators declare dependencies by such names, so theirs do not count.
"""

from collections.abc import Iterable, Iterator

from ppg.exceptions import JobContractError
from ppg.graph.conflicts import shown
from ppg.graph.declared import DeclaredGraph
from ppg.jobs.job import Job, JobPart
from ppg.kinds.undeclared import Undeclared, policy_of
from ppg_graph import NodeId, NodeKind
from ppg_invariants import ReferredValues

__all__ = ["messages_on_referred_jobs", "require_no_referred_jobs"]

_WITHOUT_PRODUCT = (NodeKind.GENERATOR, NodeKind.INVARIANT)


def messages_on_referred_jobs(
    pipegraph: DeclaredGraph, jobs: Iterable[Job], policies: Iterable[Undeclared]
) -> Iterator[str]:
    """Yield what is to be said about the functions of jobs that have one of these policies.

    Parameters:
        pipegraph: has the jobs, and their dependencies.
        jobs: the jobs to look at.
        policies: see `Undeclared`.
    """
    values = ReferredValues((Job, JobPart))
    wanted = frozenset(policies)
    for job in jobs:
        callback = job.callback
        if callback is None or job.kind in _WITHOUT_PRODUCT:
            continue
        if policy_of(job.execution.undeclared, pipegraph.undeclared) not in wanted:
            continue
        for name, value, is_inside in values.of(callback):
            needed = value.job if isinstance(value, JobPart) else value
            assert isinstance(needed, Job)
            if needed is job or needed.kind in _WITHOUT_PRODUCT or not pipegraph._has(needed):
                continue
            if is_inside and _is_upstream(pipegraph, job._node, needed._node):
                continue  # an object that has the jobs of all steps
            if not _is_upstream(pipegraph, needed._node, job._node):
                yield _message(pipegraph, job, name, needed)


def require_no_referred_jobs(pipegraph: DeclaredGraph) -> None:
    """Refuse functions that refer to jobs without depending on them, where the policy is "fail".

    Raises:
        JobContractError: there are some; each has a line of the message.
    """
    messages = list(messages_on_referred_jobs(pipegraph, list(pipegraph), ("fail",)))
    if messages:
        raise JobContractError("\n".join(message[0].upper() + message[1:] for message in messages))


def _message(pipegraph: DeclaredGraph, job: Job, name: str, needed: Job) -> str:
    said = (
        f"the function of '{job.job_id}' (declared at {shown(job.declared_at)}) refers to the job '{needed.job_id}' by the "
        f"variable '{name}', but does not depend on it"
    )
    if _is_upstream(pipegraph, job._node, needed._node):
        return f"{said}: that job depends on '{job.job_id}'; let the function use the path as a str, and not the job"
    return f"{said}; add .depends_on('{needed.job_id}') to '{job.job_id}'"


def _is_upstream(pipegraph: DeclaredGraph, upstream: NodeId, downstream: NodeId) -> bool:
    dag = pipegraph.dag
    return dag.has_edge(upstream, downstream) or upstream in dag.ancestors([downstream])
