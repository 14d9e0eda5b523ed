"""Namespaces: put a prefix before the names of jobs, and of the files that they make.

    with ppg.namespace("qc"):
        raw = ppg.file("raw.txt")(make)          # the job and file `qc/raw.txt`

A namespace counts where a job is declared, for the names that the declaration *gives*. These are the ids of loads,
generators, and invariants of parameters and functions, and the relative names of files that jobs make. Names that *refer* to something are
whole names: inputs, files of other jobs in `depends_on`, targets, ids for `graph[...]`. Absolute names of files stay.
If a job needs the file `raw.txt` by its name, and another job makes `qc/raw.txt`, ppg refuses that when it knows all jobs.

ppg itself names jobs after other jobs (`PI:qc/raw.txt`). Such a name is a `WholeName`.
"""

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple, Self

from ppg.exceptions import JobContractError, PyPipelineGraphError
from ppg.session.current import SESSION

if TYPE_CHECKING:
    from types import TracebackType

    from ppg.paths import PathLike

__all__ = [
    "NameInNamespace",
    "Namespace",
    "WholeName",
    "full_id",
    "full_path",
    "name_in_namespace",
    "namespace",
    "no_namespace_error",
]


class WholeName(str):
    """WholeName: is a name that gets no prefix, because it has one already, or needs none."""

    __slots__ = ()


class Namespace:
    """Namespace: is a `with` block in which the names of declared jobs begin with its name; see `namespace`.

    Attributes:
        name: the name, without those of the namespaces around it.
    """

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name: str = _checked(name)

    def __repr__(self) -> str:
        return f"ppg.namespace({self.name!r})"

    def __enter__(self) -> Self:
        SESSION.enter_namespace(self.name, self)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: "TracebackType | None"
    ) -> None:
        SESSION.leave_namespace(self)


def namespace(name: "PathLike") -> Namespace:
    """Return a block in which jobs, and the files that they make, get names that begin with `name` and a slash.

    A sub-pipeline is a function that declares jobs, and returns those that others need. In two namespaces it makes
    two sets of jobs:

        import ppg

        def counted(text):
            words = ppg.file("words.txt")(lambda out: out.write_text(text))

            @ppg.file("count.txt")
            def count(out, words=words):
                out.write_text(str(len(words.read_text().split())))

            return count

        with ppg.Pipegraph(quiet=True) as graph:
            with ppg.namespace("short"):
                counted("one two")
            with ppg.namespace("long"):
                counted("one two three")
        graph.run()
        assert open("short/count.txt").read() == "2"
        assert graph["long/count.txt"].path.read_text() == "3"

    The prefix counts for what a declaration names: ids of loads and generators, `ParameterInvariant`s and
    `FunctionInvariant`s, and the files that jobs make. Absolute names stay. Inputs, files in `depends_on`, and all
    other names that refer to something, are whole names. Jobs of a generator get the namespace of its declaration.

    `depends_on("raw.txt")` in the namespace is the file `raw.txt`. It is an error if a job makes `qc/raw.txt`, too: pass
    that job, or else `ppg.FileChecksumInvariant("raw.txt")`, or the absolute name.

    Parameters:
        name: letters, or several names with slashes between them: "qc", or "qc/lane1". Blocks can be nested.

    Raises:
        TypeError, ValueError: the name is no relative name of a folder.
    """
    return Namespace(_checked(name))


def full_id(job_id: str) -> str:
    """Return the id of a job that is declared now, by the name in its declaration.

    A wrong name stays as it is, for `require_id`.
    """
    prefix = SESSION.namespace
    if not prefix or isinstance(job_id, WholeName) or not job_id or not isinstance(job_id, str):
        return job_id
    return WholeName(prefix + job_id)


def full_path(path: str) -> str:
    """Return the file that a job makes which is declared now, by the name in its declaration.

    Raises:
        PyPipelineGraphError: the name leads out of the namespace.
    """
    prefix = SESSION.namespace
    if not prefix or isinstance(path, WholeName):
        return path
    if path.startswith("/"):
        return WholeName(path)
    if os.path.normpath(path).split("/", 1)[0] == "..":
        raise PyPipelineGraphError(
            f"The file '{path}' is not in the namespace '{prefix.rstrip('/')}', in which it is declared; give its absolute "
            "name, or declare the job outside of the namespace"
        )
    return WholeName(prefix + path)


class NameInNamespace(NamedTuple):
    """NameInNamespace: the name of a file that a job needs, which is a whole name, but stands in a namespace.

    Attributes:
        name: as it was given.
        namespace: the beginning of the names of jobs there: "qc/".
    """

    name: str
    namespace: str

    def others(self) -> Iterator[tuple[str, str]]:
        """Yield each namespace around the name, the inner ones first, and the file that the name would be with it."""
        steps = self.namespace.split("/")[:-1]
        while steps:
            around = "/".join(steps)
            yield around, f"{around}/{self.name}"
            steps.pop()


def name_in_namespace(name: "PathLike") -> NameInNamespace | None:
    """Return the name of a file that a job needs, if it could be taken for one in the present namespace."""
    prefix = SESSION.namespace
    if not prefix:
        return None
    text = os.fspath(name)
    return None if text.startswith("/") else NameInNamespace(text, prefix)


def no_namespace_error(kind: str, job_id: str) -> JobContractError:
    """Return the error for a kind of the user's own that does not put the namespace before the name of what it makes."""
    return JobContractError(
        f"{kind} '{job_id}' is declared in the namespace '{SESSION.namespace[:-1]}', which jobs of this class do not put "
        "before their names; let its __init__ call ppg.session.namespaces.full_id(name) and use that for what it makes, or "
        "declare the job outside of the namespace"
    )


def _checked(name: object) -> str:
    text = os.fspath(name) if isinstance(name, (str, os.PathLike)) else name
    if not isinstance(text, str):
        raise TypeError(f"ppg.namespace: the name must be a text, not {name!r}")
    text = text.removesuffix("/")
    if (
        not text
        or text.startswith("/")
        or "\0" in text
        or any(part in {"", ".", ".."} for part in text.split("/"))
    ):
        raise ValueError(
            f"ppg.namespace: the name must be a relative name of a folder, such as 'qc' or 'qc/lane1', not {name!r}"
        )
    return text
