"""What refers to modules of ppg that are not documented: their names count in the same ways.

It has a status store of its own, apart from that of `pipeline.py`: scripts that do so are promised nothing.
"""

import json

from helpers import keeps

import ppg
import ppg.engine.frontend
import ppg.file_jobs
import ppg_exec.tasks
import ppg_graph.reasons
import ppg_invariants.encoding
from ppg import exceptions
from ppg.decorators import upstream
from ppg.loading_jobs import LoadingJob
from ppg.paths import require_path

ppg.new_pipegraph(invariant_status_filename=".internal_status")


def write_followed(path):
    name = require_path("a.txt", "a name")
    path.write_text(
        f"{exceptions.CycleError.__name__} {name} {LoadingJob.__name__} {upstream is ppg.upstream}\n"
    )


ppg.FileGeneratingJob("internal/followed.txt", write_followed)
for name, value in {
    "modules": [ppg.file_jobs, exceptions, ppg.engine.frontend, ppg_graph.reasons],
    "classes": [ppg.file_jobs.FileJob, LoadingJob, ppg.engine.frontend.PlainFrontend],
    "functions": [require_path, ppg.file_jobs.FileJob.share],
}.items():
    ppg.FileGeneratingJob(f"internal/{name}.txt", keeps(value))
for package, value in {
    "ppg-graph": ppg_graph.reasons.describe,
    "ppg-invariants": [ppg_invariants.encoding.type_name, ppg_invariants.encoding.Tag],
    "ppg-exec": ppg_exec.tasks.Task,
}.items():
    ppg.FileGeneratingJob(f"internal/versioned/{package}/names.txt", keeps(value))

result = ppg.run_pipegraph()
print(json.dumps({"ran": result.ran, "taken from the shared cache": result.taken_from_cache}))
