"""Confined hints: says which file or load a confined job was denied, and the line that declares it.

A denied access shows in the text of an exception, or in what a program has printed: "cat: a.txt: Permission denied". The
words of such lines that name files are compared with what the job may use.
"""

import os
import re
from collections.abc import Iterable, Iterator

from ppg.graph.conflicts import shown
from ppg.jobs.job import Job
from ppg.jobs.loading_jobs import AttributeLoadingJob, DictEntryLoadingJob
from ppg.outcomes.confinement import common_of, limits_of
from ppg.paths import absolute
from ppg.recipes.external_job import ExternalJob
from ppg_exec import Output

__all__ = ["hint_of_confined", "went_on_without"]

MOST_READ = 1 << 16
"""Bytes from the end of a job's output that are searched."""
MOST_NAMED = 5
DENIED = re.compile(
    r"permission denied|cross-device link|operation not permitted|\bEACCES\b|\bEXDEV\b|\[Errno 1[38]\]",
    re.IGNORECASE,
)
EXISTS = re.compile(r"file exists|already exists|\bEEXIST\b|\[Errno 17\]", re.IGNORECASE)
QUOTED = re.compile(r"""'([^']+)'|"([^"]+)"|`([^`']+)'|‘([^’]+)’""")
"""A name in the quotes of Python, of shells, and of GNU's tools."""
BEFORE = re.compile(r"([^:]+): permission denied", re.IGNORECASE)


def hint_of_confined(job: Job, text: str, output: Output) -> str | None:
    """Return what a confined job was denied, with the remedy; None if nothing shows that it was denied something.

    Parameters:
        job: a confined job that has failed.
        text: the traceback, or another text about the failure.
        output: what the job has printed to stderr.
    """
    said = (*text.splitlines(), *output.text(MOST_READ).splitlines())
    lines = [line for line in said if DENIED.search(line)]
    if not lines:
        return _undeclared_load(job, text) or _is_there_before(job, filter(EXISTS.search, said))
    found = list(dict.fromkeys(_denied(job, lines)))
    if found:
        return "\n".join(found[:MOST_NAMED])
    return (
        f"'{job.job_id}' is confined: it reads only what it depends on, and writes only its outputs and in TMPDIR. "
        "Find the file that was denied, and add it with depends_on_file, or give the job confine=False"
    )


def went_on_without(job: Job, paths: Iterable[str]) -> str:
    """Return why a confined job fails that was denied files, and has returned nevertheless.

    Without confinement it would have read them, and confining a job counts as no change.

    Parameters:
        job: the job.
        paths: the files, absolute.
    """
    names = list(dict.fromkeys(job.pipegraph._file_id(path) for path in paths))[:MOST_NAMED]
    shown_names = ", ".join(f"'{name}'" for name in names)
    lines = "".join(f".depends_on_file({name!r})" for name in names)
    return (
        f"'{job.job_id}' is confined and was denied {shown_names}, on which it does not "
        f"depend, but returned nevertheless. Add job{lines} where it is declared ({shown(job.declared_at)}), or do not "
        "let it try to read that"
    )


def _denied(job: Job, lines: Iterable[str]) -> Iterator[str]:
    """Yield a hint for each file that a job was denied, most certain ones first."""
    limits, common = limits_of(job), common_of(job)
    own = set(limits.writes)
    reads = set(map(os.path.realpath, limits.reads))
    for line in lines:
        paths = [path for name in _names(line) if (path := _located(job, name)) is not None]
        others = [
            path
            for path in paths
            if path not in own and not _is_folder(path) and not common.may_read(os.path.realpath(path))
        ]
        for path in others:
            is_input = os.path.realpath(path) in reads
            yield _is_input(job, path) if is_input else _is_neither(job, path)
        outputs = [path for path in paths if path in own]
        if outputs and not others:
            yield _is_output(job, outputs[0])
        if not paths and (missing := _missing(job, line)) is not None:
            yield _is_new(job, missing)


def _is_folder(path: str) -> bool:
    """Whether there is a folder; unlike pathlib's, this raises nothing for names that cannot be looked at."""
    return os.path.isdir(path)  # noqa: PTH112


def _names(line: str) -> Iterator[str]:
    """Yield the words of a line that may name files: in quotes, or between spaces and colons."""
    quoted = [next(filter(None, match)) for match in QUOTED.findall(line)]
    yield from quoted
    if not quoted:
        # A name may contain spaces, but begins behind a colon: "cat: a b.txt: Permission denied".
        parts = [part.strip() for part in line.split(":")]
        yield from parts
        for part in parts:
            yield from (word.strip(",;()[]") for word in part.split())


def _located(job: Job, name: str) -> str | None:
    """Return the absolute path of an existing file that a job calls by a name; None if there is none."""
    # A shell may have changed its folder.
    for folder, called in (
        (folder, called) for folder in _folders(job) for called in (name, name.lstrip("./"))
    ):
        path = absolute(called, folder) if called else ""
        if path and "\0" not in path and os.path.lexists(path) and path != folder:
            return os.path.normpath(path)
    return None


def _folders(job: Job) -> Iterator[str]:
    if isinstance(job, ExternalJob):
        yield job.folder
    yield job.pipegraph.root


def _missing(job: Job, line: str) -> str | None:
    """Return the path of a file that a job could not make."""
    names = [next(filter(None, match)) for match in QUOTED.findall(line)]
    # "bash: line 1: a.txt: Permission denied"
    names += [match.strip().rpartition(" ")[2] for match in BEFORE.findall(line)]
    for name in names:
        path = absolute(name, next(_folders(job)))
        if "\0" not in path and _is_folder(path.rpartition("/")[0]):
            return path
    return None


def _line_for(job: Job, path: str) -> str:
    name = job.pipegraph._file_id(path)
    return f"job.depends_on_file({name!r})"


def _is_output(job: Job, path: str) -> str:
    name = job.pipegraph._file_id(path)
    return (
        f"'{job.job_id}' is confined: it can write its output '{name}', but neither remove it nor rename a file to it. "
        f"Write '{name}' itself, or write a file in TMPDIR and copy it (shutil.copyfile, cp), or give the job confine=False"
    )


def _is_there_before(job: Job, lines: Iterable[str]) -> str | None:
    """Return a hint if a line names an output that was not to be there."""
    own = limits_of(job).writes
    for path in (_located(job, name) for line in lines for name in _names(line)):
        if path in own:
            name = job.pipegraph._file_id(path)
            return (
                f"'{job.job_id}' is confined, so ppg has made its output '{name}', empty, before it began. "
                f'Let it overwrite \'{name}\' (mode "w" instead of "x", options like --force), or give the job confine=False'
            )
    return None


def _is_input(job: Job, path: str) -> str:
    name = job.pipegraph._file_id(path)
    return (
        f"'{job.job_id}' is confined: it can read its input '{name}', but neither change nor move it. "
        "Copy it to TMPDIR and change the copy, or give the job confine=False"
    )


def _is_neither(job: Job, path: str) -> str:
    name = job.pipegraph._file_id(path)
    return (
        f"'{job.job_id}' is confined, and does not depend on '{name}'. If it reads that file, add "
        f"{_line_for(job, path)} where it is declared ({shown(job.declared_at)}); if it makes that file, add it to the job's files"
    )


def _is_new(job: Job, path: str) -> str:
    name = job.pipegraph._file_id(path)
    return (
        f"'{job.job_id}' is confined, and '{name}' is none of its files. Add it to the job's files where it is declared "
        f"({shown(job.declared_at)}), or write it in TMPDIR. A file that is written and then renamed to an output fails, too: "
        "write the output itself, or copy the file to it"
    )


def _undeclared_load(job: Job, text: str) -> str | None:
    """Return a hint if the last line of a traceback names what a load sets on which a job does not depend."""
    last = next((line for line in reversed(text.splitlines()) if line.strip()), "")
    if not last.startswith(("AttributeError", "KeyError")):
        return None
    loads = limits_of(job).loads
    for load in job.pipegraph:
        if isinstance(load, AttributeLoadingJob):
            is_named = f"attribute '{load.attribute_name}'" in last
        elif isinstance(load, DictEntryLoadingJob):
            is_named = last == f"KeyError: {load.key!r}"
        else:
            continue
        if is_named and load.job_id not in loads:
            return (
                f"'{job.job_id}' is confined, and has no data of loads on which it does not depend. The load "
                f"'{load.job_id}' sets this: add job.depends_on(pipegraph.job({load.job_id!r})) where the job is declared "
                f"({shown(job.declared_at)})"
            )
    return None
