"""Engine names: maps ppg's modules to the permanent names under which they count in fingerprints.

A callback may capture a job, or derive a class from a class of ppg. Its fingerprint then contains names of
ppg's modules. A moved module or a new version of ppg is not a change of the user's code. So every module of
ppg counts by the name and version that it had when fingerprints were first recorded. A module newer than this
table counts by its present name, and by the same version of its package.

The same tables resolve old names in pickles, so caches of an older ppg stay readable.
"""

import importlib
from collections.abc import Mapping

__all__ = [
    "ENGINE",
    "engine_version",
    "is_old_module",
    "lasting_module",
    "lasting_name",
    "later_fields",
    "old_definition",
]

ENGINE = ("ppg", "ppg_cli", "ppg_exec", "ppg_graph", "ppg_invariants")
"""ppg's own packages: never the user's project, even if installed as editable source."""

_VERSIONS = {
    "ppg": "",
    "ppg_cli": "0.1.0",
    "ppg_exec": "0.1.0",
    "ppg_graph": "0.1.0",
    "ppg_invariants": "0.1.0",
}

_MODULES = {
    "ppg.session.current": "ppg.session",
    "ppg.graph.generate": "ppg.job_process",
    "ppg.pipegraph": "ppg.pipegraph",
    "ppg.accept.acceptance": "ppg.engine.acceptance",
    "ppg.accept.existing_outputs": "ppg.engine.existing",
    "ppg.accept.takeover": "ppg.engine.verdicts",
    "ppg.arguments": "ppg.flags",
    "ppg.control.commands": "ppg.engine.commands",
    "ppg.control.interrupts": "ppg.engine.interrupts",
    "ppg.control.terminal": "ppg.engine.terminal",
    "ppg.control.gc_pause": "ppg.garbage",
    "ppg.graph.catalogue": "ppg.catalogue",
    "ppg.graph.conflicts": "ppg.declarations",
    "ppg.graph.cycles": "ppg.circles",
    "ppg.graph.declared": "ppg.pipegraph",
    "ppg.graph.extension": "ppg.engine.generation",
    "ppg.graph.find": "ppg.engine.naming",
    "ppg.graph.generated": "ppg.generated",
    "ppg.graph.redefinition": "ppg.redefinition",
    "ppg.html": "ppg.notebook",
    "ppg.inspect.forecast": "ppg.engine.forecast",
    "ppg.inspect.remembered_graph": "ppg.engine.remembered",
    "ppg.inspect.verification": "ppg.engine.verification",
    "ppg.inspect.why": "ppg.engine.why",
    "ppg.jobs.callback_job": "ppg.callback_job",
    "ppg.kinds.execution": "ppg.execution",
    "ppg.jobs.file_jobs": "ppg.file_jobs",
    "ppg.jobs.multi_file_jobs": "ppg.file_jobs",
    "ppg.jobs.generating_jobs": "ppg.generating_jobs",
    "ppg.jobs.invariants": "ppg.invariants",
    "ppg.jobs.job": "ppg.job",
    "ppg.jobs.loading_jobs": "ppg.loading_jobs",
    "ppg.jobs.results_of_job": "ppg.story",
    "ppg.kinds.signature": "ppg.callbacks",
    "ppg.jobs.tool_version": "ppg.tool_version",
    "ppg.launch.forked_node": "ppg.engine.forking",
    "ppg.launch.inline": "ppg.engine.inline",
    "ppg.launch.start": "ppg.engine.beginning",
    "ppg.recipes.cached_jobs": "ppg.cached_jobs",
    "ppg.recipes.decorators": "ppg.decorators",
    "ppg.recipes.external_job": "ppg.external_job",
    "ppg.recipes.plot_job": "ppg.plot_job",
    "ppg.report.broadcast": "ppg.engine.audience",
    "ppg.report.events": "ppg.events",
    "ppg.account.failure_report": "ppg.listeners.failures",
    "ppg.report.frontend": "ppg.engine.frontend",
    "ppg.report.log_files": "ppg.listeners.files",
    "ppg.report.plain": "ppg.listeners.plain",
    "ppg.report.progress": "ppg.listeners.tally",
    "ppg.report.udp_log": "ppg.listeners.udp",
    "ppg.engine.cache_keys": "ppg.engine.sharing",
    "ppg.engine.cache_watch": "ppg.engine.cache_watch",
    "ppg.engine.cleanup": "ppg.engine.leftovers",
    "ppg.engine.driver": "ppg.engine.driver",
    "ppg.outcomes.hints": "ppg.late_binding",
    "ppg.outcomes.outcomes": "ppg.engine.stories",
    "ppg.outcomes.output_archive": "ppg.engine.outputs",
    "ppg.engine.run": "ppg.engine.run",
    "ppg.outcomes.tasks": "ppg.engine.tasks",
    "ppg.script": "ppg.session",
    "ppg.shared_cache.cache": "ppg.shared_cache",
    "ppg.shared_cache.in_job": "ppg.shared_cache_process",
    "ppg.shared_cache.registry": "ppg.shared_cache_entries",
    "ppg.shared_cache.transfer": "ppg.shared_cache_transfer",
    "ppg.shared_cache.upkeep": "ppg.shared_cache_upkeep",
    "ppg.source_location": "ppg.place",
    "ppg.status.history": "ppg.engine.memory",
    "ppg.status.observer": "ppg.engine.observer",
    "ppg.status.reason_details": "ppg.engine.differences",
    "ppg.status.recorder": "ppg.engine.recorder",
    "ppg.status.run_notes": "ppg.engine.notes",
    "ppg.text": "ppg.printable",
    "ppg.worker.cache_files": "ppg.cache_files",
    "ppg.worker.cache_pickler": "ppg.cache_pickler",
    "ppg.worker.calls": "ppg.job_process",
    "ppg.worker.command": "ppg.command",
    "ppg.worker.plot_files": "ppg.plot_files",
    "ppg.worker.role": "ppg.whereabouts",
    "ppg_cli.commands.accept": "ppg_cli.accept_command",
    "ppg_cli.commands.cache": "ppg_cli.cache_command",
    "ppg_cli.commands.graph": "ppg_cli.graph_command",
    "ppg_cli.commands.log": "ppg_cli.log_command",
    "ppg_cli.commands.run": "ppg_cli.run_command",
    "ppg_cli.commands.verify": "ppg_cli.verify_command",
    "ppg_cli.commands.why": "ppg_cli.why_command",
    "ppg_cli.script.declaring": "ppg_cli.declaring",
    "ppg_cli.script.endings": "ppg_cli.endings",
    "ppg_cli.script.running": "ppg_cli.running",
    "ppg_cli.script.script": "ppg_cli.script",
    "ppg_cli.terminal.display": "ppg_cli.display",
    "ppg_cli.terminal.streams": "ppg_cli.streams",
    "ppg_cli.terminal.warnings": "ppg_cli.own_warnings",
    "ppg_exec.attempts": "ppg_exec.tries",
    "ppg_exec.controller.cancellation": "ppg_exec.ending",
    "ppg_exec.controller.dispatcher": "ppg_exec.dispatch",
    "ppg_exec.controller.local": "ppg_exec.local",
    "ppg_exec.controller.lookahead": "ppg_exec.entries",
    "ppg_exec.controller.outcomes": "ppg_exec.outcomes",
    "ppg_exec.controller.registry": "ppg_exec.entries",
    "ppg_exec.controller.reports": "ppg_exec.reception",
    "ppg_exec.forkserver.fork_hooks": "ppg_exec.forkhooks",
    "ppg_exec.forkserver.guard": "ppg_exec.guard",
    "ppg_exec.forkserver.memory_watch": "ppg_exec.memory",
    "ppg_exec.forkserver.server": "ppg_exec.forkserver",
    "ppg_exec.hosts.forked_process": "ppg_exec.forked",
    "ppg_exec.hosts.local_host": "ppg_exec.supervisor",
    "ppg_exec.hosts.nodes": "ppg_exec.fleet",
    "ppg_exec.node.children": "ppg_exec.job_processes",
    "ppg_exec.node.job_process": "ppg_exec.jobprocess",
    "ppg_exec.node.loads": "ppg_exec.loading",
    "ppg_exec.node.node": "ppg_exec.node",
    "ppg_exec.node.node_task": "ppg_exec.nodejob",
    "ppg_exec.node.orphans": "ppg_exec.remnants",
    "ppg_exec.job_output.output_files": "ppg_exec.capture",
    "ppg_exec.job_output.results": "ppg_exec.results",
    "ppg_exec.node.task_table": "ppg_exec.jobs",
    "ppg_exec.pickling.callback_pickler": "ppg_exec.callback_pickler",
    "ppg_exec.pickling.culprit": "ppg_exec.culprit",
    "ppg_exec.pickling.function_parts": "ppg_exec.function_parts",
    "ppg_exec.pickling.receive": "ppg_exec.rebuild",
    "ppg_exec.pickling.send": "ppg_exec.sharing",
    "ppg_exec.resources.core_grants": "ppg_exec.cores",
    "ppg_exec.resources.jobserver": "ppg_exec.pool",
    "ppg_exec.resources.ledger": "ppg_exec.ledger",
    "ppg_exec.resources.machine": "ppg_exec.machine",
    "ppg_exec.transport.channel": "ppg_exec.wire",
    "ppg_exec.transport.logbook": "ppg_exec.logbook",
    "ppg_exec.transport.poller": "ppg_exec.alarm",
    "ppg_graph.decide.admission": "ppg_graph.entry",
    "ppg_graph.decide.consistency": "ppg_graph.selfcheck",
    "ppg_graph.decide.dry_run": "ppg_graph.dryrun",
    "ppg_graph.decide.evaluator": "ppg_graph.evaluator",
    "ppg_graph.decide.explanation": "ppg_graph.explanations",
    "ppg_graph.decide.extension": "ppg_graph.extension",
    "ppg_graph.decide.propagation": "ppg_graph.propagation",
    "ppg_graph.decide.run_state": "ppg_graph.board",
    "ppg_graph.decide.staleness": "ppg_graph.staleness",
    "ppg_graph.model.adjacency": "ppg_graph.adjacency",
    "ppg_graph.model.critical_path": "ppg_graph.priorities",
    "ppg_graph.model.dag": "ppg_graph.dag",
    "ppg_graph.model.ids": "ppg_graph.ids",
    "ppg_graph.model.records": "ppg_graph.records",
    "ppg_graph.model.walks": "ppg_graph.walks",
    "ppg_graph.protocol.effects": "ppg_graph.effects",
    "ppg_graph.protocol.events": "ppg_graph.events",
    "ppg_graph.protocol.reasons": "ppg_graph.reasons",
    "ppg_graph.protocol.states": "ppg_graph.states",
    "ppg_invariants.changes": "ppg_invariants.explain",
    "ppg_invariants.files.compare": "ppg_invariants.compare",
    "ppg_invariants.files.filesystem": "ppg_invariants.mounts",
    "ppg_invariants.files.fingerprint": "ppg_invariants.outputs",
    "ppg_invariants.files.state": "ppg_invariants.files",
    "ppg_invariants.files.timestamps": "ppg_invariants.timestamps",
    "ppg_invariants.functions.across_versions": "ppg_invariants.canonical",
    "ppg_invariants.compiled.bytecode": "ppg_invariants.bytecode",
    "ppg_invariants.objects.captured": "ppg_invariants.captured",
    "ppg_invariants.objects.class_members": "ppg_invariants.classes",
    "ppg_invariants.compiled.code": "ppg_invariants.code",
    "ppg_invariants.functions.evidence": "ppg_invariants.evidence",
    "ppg_invariants.functions.fingerprint": "ppg_invariants.functions",
    "ppg_invariants.compiled.origin": "ppg_invariants.origin",
    "ppg_invariants.functions.references": "ppg_invariants.follow",
    "ppg_invariants.compiled.source": "ppg_invariants.source",
    "ppg_invariants.compiled.syntax": "ppg_invariants.syntax",
    "ppg_invariants.rows.codec": "ppg_invariants.packing",
    "ppg_invariants.sqlite_file.database": "ppg_invariants.database",
    "ppg_invariants.rows.job_names": "ppg_invariants.names",
    "ppg_invariants.sqlite_file.lock": "ppg_invariants.lock",
    "ppg_invariants.sqlite_file.orphaned_log": "ppg_invariants.remains",
    "ppg_invariants.rows.records": "ppg_invariants.stored",
    "ppg_invariants.sqlite_file.repair": "ppg_invariants.salvage",
    "ppg_invariants.sqlite_file.schema": "ppg_invariants.schema",
    "ppg_invariants.store.store": "ppg_invariants.store",
    "ppg_invariants.store.views": "ppg_invariants.views",
    "ppg_invariants.values.arrays": "ppg_invariants.arrays",
    "ppg_invariants.values.decoding": "ppg_invariants.decoding",
    "ppg_invariants.values.encoding": "ppg_invariants.encoding",
    "ppg_invariants.values.tags": "ppg_invariants.encoding",
    "ppg_invariants.values.types": "ppg_invariants.content",
    "ppg_invariants.sqlite_file.header": "ppg_invariants.store.header",
    "ppg_invariants.sqlite_file.writer": "ppg_invariants.store.writer",
    "ppg_invariants.rows.checksums": "ppg_invariants.store.checksums",
    "ppg_exec.job_output.own_descriptors": "ppg_exec.node.own_descriptors",
    "ppg_exec.job_output.report_socket": "ppg_exec.node.report_socket",
    "ppg_exec.job_output.streams": "ppg_exec.node.streams",
    "ppg_exec.names.loaded_names": "ppg_exec.pickling.loaded_names",
    "ppg_exec.names.name_digests": "ppg_exec.pickling.name_digests",
    "ppg_exec.names.node_names": "ppg_exec.pickling.node_names",
    "ppg_exec.transport.forkserver_messages": "ppg_exec.transport.messages",
    "ppg_exec.transport.node_messages": "ppg_exec.transport.messages",
    "ppg.outcomes.verdicts": "ppg.engine.verdicts",
    "ppg.kinds.kind": "ppg.jobs.kind",
    "ppg.kinds.graph_protocol": "ppg.jobs.graph_protocol",
    "ppg.porting.old_modules": "ppg.old_modules",
}
"""By a module's present name, the name under which it counts."""

_LATER_FIELDS: dict[str, dict[str, object]] = {
    "ppg.coordinators.DaskCluster": {"lost_after": 60.0},
    "ppg.coordinators.LocalSystem": {"seconds_for_threads": 30.0},
    "ppg.kinds.execution.Execution": {
        "watch_globals": True,
        "undeclared": None,
        "track": None,
        "confine": None,
        "cores": 1,
        "memory": None,
    },
    "ppg.kinds.kind.ProcessCall": {"returns_plain": False},
    "ppg.report.events.JobQueued": {"causes": ()},
    "ppg.report.events.RunStarted": {"durations": None},
    "ppg.report.events.JobStarted": {"machine": ""},
    "ppg.result.JobOutcome": {"machine": "", "machines_lost": 0},
    "ppg.status.run_notes.LastRun": {"report": "", "machine": ""},
    "ppg_exec.tasks.Outcome": {"uses": (), "uses_incomplete": "", "machine": "", "lost": 0},
    "ppg_exec.tasks.Started": {"machine": ""},
    "ppg_exec.tasks.Task": {
        "needs": None,
        "awaits": (),
        "returns_plain": False,
        "tracking": None,
        "own_files": (),
        "own_temporary_folder": False,
    },
    "ppg_invariants.functions.evidence.FunctionEvidence": {"find": None},
    "ppg_invariants.rows.records.StoredObservation": {"own": None},
}
"""Fields that classes of ppg got after fingerprints were first recorded, with their defaults, by present names."""

_DEFINITIONS = {
    "ppg.recipes.value_loading.ValueLoadingJob": "ppg.decorators",
    "ppg.kinds.upstream.Upstream": "ppg.decorators",
    "ppg.recipes.declarations._declared": "ppg.decorators",
    "ppg.pipegraph.RedefinablePipegraph": "ppg.redefinition",
    "ppg_invariants.functions.evidence.FunctionEvidence": "ppg_invariants.stored",
    "ppg_invariants.functions.evidence.CodeEvidence": "ppg_invariants.stored",
    "ppg.accept.takeover.TakeOver": "ppg.engine.takeover",
    "ppg.graph.declared.Life": "ppg.life",
    "ppg.inspect.forecast.Preview": "ppg.engine.preview",
    "ppg.inspect.forecast.preview_of": "ppg.engine.preview",
    "ppg.jobs.job.JobList": "ppg.job_list",
    "ppg.jobs.job.listed": "ppg.job_list",
    "ppg.launch.start.LateExecutor": "ppg.engine.late_executor",
    "ppg.outcomes.hints.with_hint": "ppg.engine.hints",
    "ppg.outcomes.outcomes.result_of": "ppg.engine.ending",
    "ppg.shared_cache.upkeep.CachedEntry": "ppg.shared_cache",
    "ppg.text.counted": "ppg.counted",
    "ppg.text.earlier_attempts": "ppg.tries",
    "ppg.text.earlier_tries": "ppg.tries",
    "ppg_exec.controller.outcomes.OomCounter": "ppg_exec.causes",
    "ppg_exec.controller.outcomes.died": "ppg_exec.causes",
    "ppg_exec.controller.registry.Registry": "ppg_exec.register",
    "ppg_exec.controller.registry.Streams": "ppg_exec.register",
    "ppg_exec.node.loads.collapse": "ppg_exec.hugepages",
    "ppg_exec.node.loads.collapsible": "ppg_exec.hugepages",
    "ppg_exec.pickling.function_parts.Importability": "ppg_exec.importable",
    "ppg_exec.resources.task_tokens.TaskTokens": "ppg_exec.pool",
    "ppg_exec.transport.poller.Poller": "ppg_exec.readiness",
    "ppg_graph.protocol.events.FileStatus": "ppg_graph.observations",
    "ppg_graph.protocol.events.Files": "ppg_graph.observations",
    "ppg_graph.protocol.events.Unobservable": "ppg_graph.observations",
    "ppg_invariants.errors.remedy": "ppg_invariants.scarcity",
}
"""By definition, the module under which it counts, if it differs from that of the rest of its module."""

_RENAMED = {
    "ppg.kinds.upstream.Upstream": "_Upstream",
    "ppg.text.earlier_attempts": "earlier_tries",
    "ppg_exec.tasks.RunsIn": "Place",
    "ppg_graph.protocol.events.LeftoverRejected": "Unusable",
    "ppg_invariants.errors.ObservationInterrupted": "LookStopped",
}
"""By renamed public definition, the name under which it counts; its module keeps that name as an alias."""


def engine_version(module: str) -> str | None:
    """Return the version under which a module of ppg counts; None for all other modules."""
    return _VERSIONS.get(module.partition(".")[0])


def lasting_module(module: str) -> str:
    """Return the name under which a module counts."""
    return _MODULES.get(module, module)


def later_fields(kind: type) -> Mapping[str, object]:
    """Return the fields that a class got after fingerprints were first recorded, with their defaults.

    Such a field counts only if it has another value. So a captured object of ppg stays the same in a newer ppg.
    """
    return _LATER_FIELDS.get(f"{kind.__module__}.{kind.__qualname__}", {})


def lasting_name(module: str, qualname: str) -> str:
    """Return the name under which a class or function counts: module and qualified name."""
    first, dot, rest = qualname.partition(".")
    present = f"{module}.{first}"
    moved = _DEFINITIONS.get(present) or _MODULES.get(module, module)
    return f"{moved}.{_RENAMED.get(present, first)}{dot}{rest}"


def is_old_module(name: str) -> bool:
    """Whether an older ppg had a module of this name."""
    return name in _MODULES.values() or name in _DEFINITIONS.values()


def old_definition(module: str, name: str) -> object:
    """Return the definition that an older ppg's `module` had as `name`.

    Raises:
        AttributeError: no older ppg had this module, or the name does not exist any more.
    """
    if not name.startswith("__"):
        homes = [
            present.rpartition(".")[0]
            for present, older in _DEFINITIONS.items()
            if older == module and present.rpartition(".")[2] == name
        ]
        homes += [present for present, older in _MODULES.items() if older == module]
        for home in homes:
            found: object = vars(importlib.import_module(home)).get(name)
            if found is not None:
                return found
    raise AttributeError(f"module '{module}' has no attribute '{name}'")
