"""Fingerprints of files, parameters and functions, and the status store that remembers them.

Importing this package imports none of its modules: each is imported when one of its names is first asked for.
A compute node only hashes files, and every job is a fork of it, which pays for all that it has imported.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .compare import (
        FileComparison,
        Verdict,
        compare_files,
        observe_file,
        observe_files,
        observe_modification_time,
    )
    from .content import register_encoder
    from .encoding import encode_parameters, fingerprint_encoding, fingerprint_parameters
    from .errors import (
        CannotFingerprint,
        FileUnobservable,
        InvariantsError,
        LookStopped,
        StoreDamagedWarning,
        StoreError,
        StoreLocked,
        StoreTooNew,
    )
    from .evidence import evidence_of
    from .explain import (
        Added,
        Change,
        Changed,
        Removed,
        SourceChanged,
        describe_changes,
        explain_function,
        explain_parameters,
    )
    from .files import (
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
    from .follow import Follow
    from .functions import FunctionState, fingerprint_function
    from .outputs import fingerprint_outputs
    from .store import StatusStore
    from .stored import (
        CodeEvidence,
        DamageReport,
        FunctionEvidence,
        RunEnd,
        RunEvent,
        RunSummary,
        StoredObservation,
        StoredRecord,
    )
    from .views import Durations, History, StoredRecords

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
    "FileState",
    "FileUnobservable",
    "Follow",
    "FunctionEvidence",
    "FunctionState",
    "History",
    "InvariantsError",
    "LookStopped",
    "Problem",
    "Removed",
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
    "Verdict",
    "compare_files",
    "content_fingerprint",
    "describe_changes",
    "describe_file",
    "describe_files",
    "describe_files_plainly",
    "described",
    "encode_parameters",
    "evidence_of",
    "explain_function",
    "explain_parameters",
    "fingerprint_encoding",
    "fingerprint_function",
    "fingerprint_outputs",
    "fingerprint_parameters",
    "observe_file",
    "observe_files",
    "observe_modification_time",
    "register_encoder",
    "require_algorithm",
]

_MODULES = {
    "compare": "FileComparison Verdict compare_files observe_file observe_files observe_modification_time",
    "content": "register_encoder",
    "encoding": "encode_parameters fingerprint_encoding fingerprint_parameters",
    "errors": "CannotFingerprint FileUnobservable InvariantsError LookStopped StoreDamagedWarning StoreError StoreLocked "
    "StoreTooNew",
    "evidence": "evidence_of",
    "explain": "Added Change Changed Removed SourceChanged describe_changes explain_function explain_parameters",
    "files": "FileProblem FileState Problem content_fingerprint describe_file describe_files describe_files_plainly described "
    "require_algorithm",
    "follow": "Follow",
    "functions": "FunctionState fingerprint_function",
    "outputs": "fingerprint_outputs",
    "store": "StatusStore",
    "stored": "CodeEvidence DamageReport FunctionEvidence RunEnd RunEvent RunSummary StoredObservation "
    "StoredRecord",
    "views": "Durations History StoredRecords",
}
_MODULE_OF = {name: module for module, names in _MODULES.items() for name in names.split()}


def __getattr__(name: str) -> object:
    module = _MODULE_OF.get(name)
    if module is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module  # noqa: PLC0415 (only here it is needed)

    value: object = getattr(import_module(f".{module}", __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
