"""Paths: turns file names into job ids, with one spelling per file, relative to the pipegraph's root."""

import functools
import os
from collections.abc import Iterable
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from ppg.exceptions import JobContractError, PyPipelineGraphError
from ppg_invariants import obstacle

if TYPE_CHECKING:
    from ppg_graph import JobId

__all__ = [
    "FileName",
    "NamedAfterFile",
    "PathLike",
    "make_folder",
    "normalised",
    "normalised_folder",
    "require_folder",
    "require_no_obstacle",
    "require_path",
]

LONGEST_ROOT = 3_500
"""Bytes; ppg's own files and folders need a part of the 4,096 that the kernel allows."""

PathLike = str | os.PathLike[str]
"""Types that ppg accepts as a file name."""


def require_path(value: object, argument: str, owner: object = None) -> str:
    """Return `value` as a string, or raise an error that names the argument.

    Parameters:
        value: the user's argument.
        argument: the argument's name in messages.
        owner: the object that takes the argument, unless `argument` names it.

    Raises:
        TypeError: the value is neither a str nor a path, or it is a job.
        ValueError: the value is empty, or names a folder (`folder/`, `.`, `..`), or contains a NUL.
    """
    if type(value) is str and value.isascii() and value and value[-1] not in "/." and "\0" not in value:
        return value  # nearly all of them
    if owner is not None:
        argument = f"{type(owner).__name__}: {argument}"
    if isinstance(value, bytes):
        raise TypeError(f"{argument} must be a str or a Path, not bytes: {value!r}")
    refuse_job(value, argument)
    try:
        text = os.fspath(value)  # type: ignore[call-overload]
    except TypeError:
        raise TypeError(
            f"{argument} must be a str or a Path, not {type(value).__name__}: {value!r}"
        ) from None
    if not isinstance(text, str):
        raise TypeError(f"{argument} must be a str or a Path of text, not of bytes: {value!r}")
    try:
        os.fsencode(text)
    except UnicodeEncodeError as error:
        raise ValueError(
            f"{argument} cannot be a file's name: {text!r} ({error.reason}); use characters that UTF-8 can encode"
        ) from None
    if text.rpartition("/")[2] in {"", ".", ".."} or "\0" in text:
        raise ValueError(f"{argument} must name a file: {text!r}")
    return text


def refuse_job(value: object, argument: str) -> None:
    """Refuse a job where a file is named, although a job of one file can be used as its path.

    The job that is declared would not depend on it.

    Raises:
        TypeError: the value is a job; the message begins with `argument`.
    """
    if hasattr(type(value), "implicit_invariants"):
        raise TypeError(
            f"{argument} must be a str or a Path, not the job {value!r}; depend on that job, or name another file"
        )


def normalised(path: str, root: str) -> str:
    """Return `path` in the one spelling that ppg uses for that file.

    Symbolic links are not followed: a link and its target are two names.

    Parameters:
        path: absolute, or relative to `root`.
        root: the absolute, normalised folder of the pipegraph.
    """
    folder, slash, name = path.rpartition("/")
    if slash and name and name != "." and name != "..":
        # Folders are cached, because there are more files than folders.
        inside = _normalised_folder(folder, root)
        if not inside.startswith(".."):
            return inside + name
        # Outside of the root, `path` may be a folder above the root, or the root itself.
    return _normalised(path, root)


@functools.lru_cache(maxsize=1024)
def _normalised_folder(folder: str, root: str) -> str:
    """Beginning of the names of files in this folder."""
    # Names of files directly in the root contain no folder, so the result is empty for them.
    return _normalised(f"{folder}/?", root)[:-1]


def _normalised(path: str, root: str) -> str:
    path = os.path.normpath(path)
    if not path.startswith("/"):
        if path.startswith(".."):
            # Such a path may lead back into the root: `../project/a` is `a`.
            return os.path.relpath(os.path.join(root, path), root)  # noqa: PTH118 (a hot path of declaration)
        return path
    prefix = root if root.endswith("/") else root + "/"
    if path.startswith(prefix):
        return path[len(prefix) :]
    return os.path.relpath(path, root)


def absolute(job_path: str, root: str) -> str:
    """Return the absolute name of a file, from its normalised name."""
    if job_path[0] not in "/.":
        return f"{root.rstrip('/')}/{job_path}"  # nearly all of them, and there may be a million
    return os.path.normpath(os.path.join(root, job_path))  # noqa: PTH118 (a hot path of a run)


def require_folder(value: object, argument: str) -> str:
    """Return the name of a folder as a string.

    Raises:
        TypeError: the value is neither a str nor a path, or it is a job; the message begins with `argument`.
        ValueError: the value is empty, or contains a NUL.
    """
    refuse_job(value, argument)
    try:
        text = os.fspath(value)  # type: ignore[call-overload]
    except TypeError:
        text = None
    if not isinstance(text, str):
        raise TypeError(f"{argument} must be a str or a Path, not {type(value).__name__}: {value!r}")
    if not text or "\0" in text:
        raise ValueError(f"{argument} must name a folder: {text!r}")
    return text


def normalised_folder(path: str, root: str) -> str:
    """Return the one spelling of a folder's name, as `normalised` does for files; `.` is the root itself."""
    return normalised(f"{path.rstrip('/') or '/'}/?", root)[:-1].rstrip("/") or "."


def working_root(root: PathLike | None) -> str:
    """Return the absolute folder that job ids are relative to; the working directory by default.

    Raises:
        PyPipelineGraphError: the working directory has been removed, or its name is too long for files in it.
    """
    try:
        folder = os.path.normpath(Path(root).absolute() if root is not None else Path.cwd())
    except FileNotFoundError:
        raise PyPipelineGraphError(
            "The pipegraph has no folder, because the working directory has been removed; change to another one, or give "
            "root= with a whole name"
        ) from None
    length = len(os.fsencode(folder))
    if length > LONGEST_ROOT:
        raise PyPipelineGraphError(
            f"The pipegraph's folder has a name of {length:,} bytes, and its files would have names that Linux refuses "
            f"(4,096 bytes); use a folder with a name of at most {LONGEST_ROOT:,}: '{folder[:40]}…'"
        )
    return folder


def make_folder(root: str) -> None:
    """Make the folder of a pipegraph, if it is missing.

    Raises:
        PyPipelineGraphError: it cannot be made.
    """
    try:
        Path(root).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise PyPipelineGraphError(
            f"The pipegraph's folder '{root}' cannot be made: {error.strerror}; give another one as root="
        ) from error


class NamedAfterFile:
    """Named after file: the base of jobs with the name of one file as their id; they are `os.PathLike`."""

    __slots__ = ()

    if TYPE_CHECKING:
        job_id: JobId

    @property
    def path(self) -> Path:
        """The file, relative to the pipegraph's root."""
        return Path(self.job_id)

    def __fspath__(self) -> str:
        return self.job_id


class FileName:
    """File name: the base of objects that stand for a file, and that can be used as its `Path`."""

    __slots__ = ()

    def __fspath__(self) -> str:
        raise NotImplementedError

    def __truediv__(self, part: PathLike) -> Path:
        return Path(self) / part

    @property
    def name(self) -> str:
        """The last part of the file's name."""
        return Path(self).name

    @property
    def stem(self) -> str:
        """The last part without its suffix."""
        return Path(self).stem

    @property
    def suffix(self) -> str:
        """The last suffix: `.txt`."""
        return Path(self).suffix

    @property
    def suffixes(self) -> list[str]:
        """All suffixes."""
        return Path(self).suffixes

    @property
    def parts(self) -> tuple[str, ...]:
        """The folders and the last part."""
        return Path(self).parts

    @property
    def parent(self) -> Path:
        """The file's folder."""
        return Path(self).parent

    def exists(self) -> bool:
        """Whether the file exists."""
        return Path(self).exists()

    def is_file(self) -> bool:
        """Whether it is a regular file, or a link to one."""
        return Path(self).is_file()

    def stat(self) -> os.stat_result:
        """Return the file's stat."""
        return Path(self).stat()

    def absolute(self) -> Path:
        """Return the absolute name, from the working directory."""
        return Path(self).absolute()

    def resolve(self) -> Path:
        """Return the absolute name, with symbolic links followed."""
        return Path(self).resolve()

    def as_posix(self) -> str:
        """Return the name as text."""
        return Path(self).as_posix()

    def with_name(self, name: str) -> Path:
        """Return the file of another name in the same folder."""
        return Path(self).with_name(name)

    def with_stem(self, stem: str) -> Path:
        """Return the name with another stem."""
        return Path(self).with_stem(stem)

    def with_suffix(self, suffix: str) -> Path:
        """Return the name with another suffix."""
        return Path(self).with_suffix(suffix)

    def read_text(self, encoding: str | None = None, errors: str | None = None) -> str:
        """Return the file's content as text."""
        return Path(self).read_text(encoding, errors)

    def read_bytes(self) -> bytes:
        """Return the file's content."""
        return Path(self).read_bytes()

    def open(self, mode: str = "r", **options: Any) -> IO[Any]:
        """Open the file as `Path.open` does."""
        return Path(self).open(mode, **options)

    def joinpath(self, *parts: PathLike) -> Path:
        """Return a name inside, if it is a folder."""
        return Path(self).joinpath(*parts)


def require_no_obstacle(paths: Iterable[str], owner: str) -> None:
    """Refuse a job if something that is no file stands in the place of an output.

    Parameters:
        paths: the absolute names of its outputs.
        owner: the job in messages, quoted.

    Raises:
        JobContractError: there is such an obstacle.
    """
    for path in paths:
        # Most outputs do not exist yet, and this check raises nothing.
        if os.access(path, os.F_OK, follow_symlinks=False) and (what := obstacle(path)) is not None:
            raise JobContractError(
                f"{owner} was not started: its output '{path}' is {what}, which ppg neither removes nor replaces; "
                f"{_remedy(what)}"
            )


def _remedy(what: str) -> str:
    if what == "a device":
        return "declare a file as output instead"
    if "link" in what:
        return "remove the link, or declare the file to which it is to lead"
    return "move it away, or declare another file"
