"""ppg_graph: decides, without IO, which jobs of a graph must run, and why.

Drawings, dry runs and priorities are imported at their first use, because only some runs need them.
"""

from typing import TYPE_CHECKING

from ppg_graph.decide.evaluator import Evaluator, ProtocolError
from ppg_graph.decide.explanation import Explanation
from ppg_graph.decide.run_state import InternalError
from ppg_graph.model.dag import Dag
from ppg_graph.model.ids import Fingerprint, JobId, NodeId, NodeKind
from ppg_graph.model.parts import is_pattern, matcher, parts_matching, shown_part
from ppg_graph.model.reads import (
    ABSENT,
    UNCERTAIN,
    circle_id,
    is_read,
    link_id,
    listing_id,
    path_of_read,
    read_id,
)
from ppg_graph.model.records import Record, combine
from ppg_graph.model.walks import CycleFoundError, cycle_through
from ppg_graph.protocol.effects import (
    Block,
    CleanUp,
    Commit,
    Effect,
    Extended,
    Forget,
    NonDeterministic,
    Observe,
    Rejected,
    Skip,
    SkipReason,
    Start,
)
from ppg_graph.protocol.events import (
    Cancelled,
    Event,
    Failed,
    Files,
    FileStatus,
    Generated,
    LeftoverRejected,
    NewEdge,
    NewJob,
    Observation,
    Observed,
    Stopped,
    Succeeded,
    Unobservable,
)
from ppg_graph.protocol.reasons import (
    AlwaysRuns,
    Demanded,
    FileChanged,
    FileEmpty,
    FileMissing,
    Forced,
    NoRecord,
    ReadChanged,
    Reason,
    Targeted,
    UpstreamAdded,
    UpstreamChanged,
    UpstreamRemoved,
    describe,
)
from ppg_graph.protocol.states import LEGAL_MOVES, NodeState, state_diagram

if TYPE_CHECKING:
    from ppg_graph.decide.dry_run import DryRun, MayRun, dry_run, to_observe
    from ppg_graph.drawing import Format, Grouping, by_directory, by_kind, by_prefix, draw
    from ppg_graph.model.critical_path import longest_remaining

__all__ = [
    "ABSENT",
    "LEGAL_MOVES",
    "UNCERTAIN",
    "AlwaysRuns",
    "Block",
    "Cancelled",
    "CleanUp",
    "Commit",
    "CycleFoundError",
    "Dag",
    "Demanded",
    "DryRun",
    "Effect",
    "Evaluator",
    "Event",
    "Explanation",
    "Extended",
    "Failed",
    "FileChanged",
    "FileEmpty",
    "FileMissing",
    "FileStatus",
    "Files",
    "Fingerprint",
    "Forced",
    "Forget",
    "Format",
    "Generated",
    "Grouping",
    "InternalError",
    "JobId",
    "LeftoverRejected",
    "MayRun",
    "NewEdge",
    "NewJob",
    "NoRecord",
    "NodeId",
    "NodeKind",
    "NodeState",
    "NonDeterministic",
    "Observation",
    "Observe",
    "Observed",
    "ProtocolError",
    "ReadChanged",
    "Reason",
    "Record",
    "Rejected",
    "Skip",
    "SkipReason",
    "Start",
    "Stopped",
    "Succeeded",
    "Targeted",
    "Unobservable",
    "UpstreamAdded",
    "UpstreamChanged",
    "UpstreamRemoved",
    "by_directory",
    "by_kind",
    "by_prefix",
    "circle_id",
    "combine",
    "cycle_through",
    "describe",
    "draw",
    "dry_run",
    "is_pattern",
    "is_read",
    "link_id",
    "listing_id",
    "longest_remaining",
    "matcher",
    "parts_matching",
    "path_of_read",
    "read_id",
    "shown_part",
    "state_diagram",
    "to_observe",
]

_MODULES = {
    "drawing": "Format Grouping by_directory by_kind by_prefix draw",
    "decide.dry_run": "DryRun MayRun dry_run to_observe",
    "model.critical_path": "longest_remaining",
    # The former name of LeftoverRejected.
    "protocol.events": "Unusable",
}
_MODULE_OF = {name: module for module, names in _MODULES.items() for name in names.split()}


def __getattr__(name: str) -> object:
    module = _MODULE_OF.get(name)
    if module is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module  # noqa: PLC0415 (most imports of ppg_graph do not need it)

    value: object = getattr(import_module(f"{__name__}.{module}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
