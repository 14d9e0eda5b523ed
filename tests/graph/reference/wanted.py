"""What the real evaluator wants after an event, sorted; and whether the reasons that it gives are true."""

from __future__ import annotations

from ppg_graph import (
    AlwaysRuns,
    Block,
    CleanUp,
    Commit,
    Dag,
    Demanded,
    Effect,
    Extended,
    FileChanged,
    FileEmpty,
    FileMissing,
    Forced,
    Forget,
    NodeId,
    NonDeterministic,
    NoRecord,
    Observe,
    ReadChanged,
    Reason,
    Record,
    Rejected,
    Skip,
    Start,
    Targeted,
    UpstreamAdded,
    UpstreamChanged,
    UpstreamRemoved,
)
from tests.graph.reference.evaluator import Reference
from tests.graph.reference.facts import INTACT, path_read

__all__ = ["Wanted", "Wrong", "is_true"]


class Wrong(AssertionError):
    """The real evaluator broke a rule."""


class Wanted:
    """What the real evaluator wants, sorted."""

    def __init__(self, dag: Dag) -> None:
        self.dag = dag
        self.observations: tuple[NodeId, ...] = ()
        self.starts: list[str] = []
        self.reasons: dict[str, tuple[Reason, ...]] = {}
        self.removals: list[str] = []
        self.commits: dict[str, Record] = {}
        self.forgotten: list[str] = []
        self.surprises: list[str] = []
        self.blocked: set[str] = set()
        self.clean: set[str] = set()
        self.not_needed: set[str] = set()
        self.rejected = False
        self.in_order: list[Commit | Forget | CleanUp] = []

    def take(self, effects: list[Effect]) -> None:
        """Sort these effects in, too."""
        name = self.dag.job_id
        for effect in effects:
            match effect:
                case Observe(nodes=nodes):
                    self.observations += nodes
                case Start(node=node, reasons=reasons):
                    self.starts.append(str(name(node)))
                    self.reasons[str(name(node))] = reasons
                case Skip(nodes=nodes, why=why):
                    jobs = {str(name(node)) for node in nodes}
                    if why.name == "CLEAN":
                        self.clean |= jobs
                    else:
                        self.not_needed |= jobs
                case Block(nodes=nodes):
                    self.blocked |= {str(name(node)) for node in nodes}
                case CleanUp(node=node):
                    self.removals.append(str(name(node)))
                    self.in_order.append(effect)
                case Commit(node=node, record=record):
                    self.commits[str(name(node))] = record
                    self.in_order.append(effect)
                case Forget(node=node):
                    self.forgotten.append(str(name(node)))
                    self.in_order.append(effect)
                case NonDeterministic(node=node):
                    self.surprises.append(str(name(node)))
                case Rejected():
                    self.rejected = True
                case Extended():
                    pass
                case _:
                    raise Wrong(f"an effect that nobody knows: {effect}")
        if len(self.starts) != len(set(self.starts)):
            raise Wrong(f"started twice: {self.starts}")


def is_true(reference: Reference, job: str, reason: Reason) -> bool:
    """Is this so? As the reference sees it."""
    now, kind = reference.now, reference.kinds[job]
    past = reference.past(job)
    ups = reference.upstreams(job)
    match reason:
        case NoRecord():
            return past is None and kind in ("OUTPUT", "LAZY")
        case FileMissing() | FileEmpty() | FileChanged():
            known_parts = past.parts if past is not None else {}
            asked = {name for (up, _), names in reference.edges.items() if up == job for name in names or ()}
            return past is not None and (reference.seen[job] != INTACT or not asked <= known_parts.keys())
        case UpstreamChanged(upstream=up) | ReadChanged(upstream=up):
            if isinstance(reason, ReadChanged) != (path_read(str(up)) is not None):
                return False
            both = past is not None and str(up) in past.consumed and str(up) in ups and str(up) in now.known
            return both and now.consumed(str(up), job) != past.consumed[str(up)]
        case UpstreamAdded(upstream=up):
            return past is not None and str(up) in ups and str(up) not in past.consumed
        case UpstreamRemoved(upstream=up):
            return past is not None and str(up) not in ups and str(up) in past.consumed
        case Demanded(by=by):
            down = str(by)
            wants = down in now.must_run or down in reference.running
            return kind in ("LAZY", "LOAD") and wants and down in reference.downstreams(job)
        case Targeted():
            return kind in ("LAZY", "LOAD") and job in reference.asked_for
        case Forced():
            return past is not None and kind in ("OUTPUT", "LAZY") and job in reference.forced
        case AlwaysRuns():
            return kind == "GENERATOR"
        case _:
            return False
