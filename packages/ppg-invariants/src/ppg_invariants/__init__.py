"""ppg_invariants: fingerprints files, parameters and functions, and keeps them in the status store.

Importing this package imports none of its modules. Each module is imported at the first use of one of its
names. A compute node only hashes files, and every job is a fork of it. So each fork pays for all imports of
the node.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ppg_invariants.changes import (
        Added,
        Change,
        Changed,
        Removed,
        SourceChanged,
        describe_changes,
        explain_function,
        explain_parameters,
    )
    from ppg_invariants.engine_names import is_old_module, lasting_name, old_definition
    from ppg_invariants.errors import (
        CannotFingerprint,
        FileUnobservable,
        InvariantsError,
        ObservationInterrupted,
        StoreDamagedWarning,
        StoreError,
        StoreLocked,
        StoreTooNew,
    )
    from ppg_invariants.files.compare import (
        FileComparison,
        Verdict,
        compare_files,
        observe_file,
        observe_files,
        observe_modification_time,
    )
    from ppg_invariants.files.file_watch import FileStat, FileWatch, KnownFile
    from ppg_invariants.files.filesystem import Location, file_system_type, location_of
    from ppg_invariants.files.fingerprint import fingerprint_outputs
    from ppg_invariants.files.obstacles import obstacle
    from ppg_invariants.files.private_files import open_private
    from ppg_invariants.files.state import (
        FileProblem,
        FileState,
        Problem,
        content_fingerprint,
        describe_file,
        describe_files,
        describe_files_plainly,
        described,
        require_algorithm,
    )
    from ppg_invariants.files.timestamps import stamps_are_distinct
    from ppg_invariants.files.trees import (
        Tree,
        describe_tree_plainly,
        is_file,
        observe_tree,
        plain_file,
        tree_described,
    )
    from ppg_invariants.functions.evidence import CodeEvidence, FunctionEvidence, evidence_of
    from ppg_invariants.functions.fingerprint import FunctionState, fingerprint_function
    from ppg_invariants.functions.references import Follow
    from ppg_invariants.functions.resolution import ResolvedFunction
    from ppg_invariants.objects.referred import ReferredValues
    from ppg_invariants.objects.watched import LeftOut, is_of_project, unwatch
    from ppg_invariants.rows.records import (
        DamageReport,
        RunEnd,
        RunEvent,
        RunSummary,
        StoredObservation,
        StoredRecord,
    )
    from ppg_invariants.sqlite_file.header import is_status_file
    from ppg_invariants.store.store import StatusStore
    from ppg_invariants.store.views import Durations, History, StoredRecords
    from ppg_invariants.values.encoding import encode_parameters, fingerprint_encoding, fingerprint_parameters
    from ppg_invariants.values.types import register_encoder

__all__ = [
    "Added",
    "CannotFingerprint",
    "Change",
    "Changed",
    "CodeEvidence",
    "DamageReport",
    "Durations",
    "FileComparison",
    "FileProblem",
    "FileStat",
    "FileState",
    "FileUnobservable",
    "FileWatch",
    "Follow",
    "FunctionEvidence",
    "FunctionState",
    "History",
    "InvariantsError",
    "KnownFile",
    "LeftOut",
    "Location",
    "ObservationInterrupted",
    "Problem",
    "ReferredValues",
    "Removed",
    "ResolvedFunction",
    "RunEnd",
    "RunEvent",
    "RunSummary",
    "SourceChanged",
    "StatusStore",
    "StoreDamagedWarning",
    "StoreError",
    "StoreLocked",
    "StoreTooNew",
    "StoredObservation",
    "StoredRecord",
    "StoredRecords",
    "Tree",
    "Verdict",
    "compare_files",
    "content_fingerprint",
    "describe_changes",
    "describe_file",
    "describe_files",
    "describe_files_plainly",
    "describe_tree_plainly",
    "described",
    "encode_parameters",
    "evidence_of",
    "explain_function",
    "explain_parameters",
    "file_system_type",
    "fingerprint_encoding",
    "fingerprint_function",
    "fingerprint_outputs",
    "fingerprint_parameters",
    "is_file",
    "is_of_project",
    "is_old_module",
    "is_status_file",
    "lasting_name",
    "location_of",
    "observe_file",
    "observe_files",
    "observe_modification_time",
    "observe_tree",
    "obstacle",
    "old_definition",
    "open_private",
    "plain_file",
    "register_encoder",
    "require_algorithm",
    "stamps_are_distinct",
    "tree_described",
    "unwatch",
]

_MODULES = {
    "files.compare": "FileComparison Verdict compare_files observe_file observe_files observe_modification_time",
    "values.types": "register_encoder",
    "engine_names": "is_old_module lasting_name old_definition",
    "values.encoding": "encode_parameters fingerprint_encoding fingerprint_parameters",
    "errors": "CannotFingerprint FileUnobservable InvariantsError LookStopped ObservationInterrupted StoreDamagedWarning "
    "StoreError StoreLocked StoreTooNew",
    "functions.evidence": "CodeEvidence FunctionEvidence evidence_of",
    "changes": "Added Change Changed Removed SourceChanged describe_changes explain_function explain_parameters",
    "files.state": "FileProblem FileState Problem content_fingerprint describe_file describe_files describe_files_plainly described "
    "require_algorithm",
    "files.file_watch": "FileStat FileWatch KnownFile",
    "functions.references": "Follow",
    "functions.resolution": "ResolvedFunction",
    "objects.referred": "ReferredValues",
    "objects.watched": "LeftOut is_of_project unwatch",
    "functions.fingerprint": "FunctionState fingerprint_function",
    "files.fingerprint": "fingerprint_outputs",
    "sqlite_file.header": "is_status_file",
    "store.store": "StatusStore",
    "files.obstacles": "obstacle",
    "files.private_files": "open_private",
    "files.filesystem": "Location file_system_type location_of",
    "files.timestamps": "stamps_are_distinct",
    "files.trees": "Tree describe_tree_plainly is_file observe_tree plain_file tree_described",
    "rows.records": "DamageReport RunEnd RunEvent RunSummary StoredObservation StoredRecord",
    "store.views": "Durations History StoredRecords",
}
_MODULE_OF = {name: module for module, names in _MODULES.items() for name in names.split()}


def __getattr__(name: str) -> object:
    module = _MODULE_OF.get(name)
    if module is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module  # noqa: PLC0415 (only this function needs it)

    value: object = getattr(import_module(f".{module}", __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
