"""The shared cache on disk: entries, and how they appear and disappear as a whole.

    <folder>/v1/3f/3fa9…/manifest.json   what is in the entry: names, sizes, hashes; who made it
    <folder>/v1/3f/3fa9…/0, 1, …         the files, by their position in the manifest
    <folder>/v1/staging/…                entries that are being written, and those that are being removed

An entry is written under `staging`, synced to disk, and renamed to its place. The rename fails if an entry is there: who
comes first has made it, and since both had the same inputs, it does not matter who. Entries are never changed. They
are removed by a rename into `staging`. So whoever looks sees a whole entry or none; a crash leaves something in
`staging`, which is removed when it is a day old.

All files of an entry are read under names that cannot be odd, so names of outputs occur in the manifest only.
"""

# ruff: noqa: PTH101, PTH102, PTH104, PTH112, PTH116, PTH118, PTH120, PTH123, PTH208
# Paths are strings here, as everywhere in job processes, in which pathlib is not imported.

import contextlib
import errno
import json
import os
import socket
import stat
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

__all__ = [
    "MANIFEST",
    "CachedFile",
    "DamagedError",
    "Entry",
    "discard",
    "entry_folder",
    "keys",
    "mark_used",
    "opened",
    "publish",
    "remove_leftovers",
]

FORMAT = 1
"""Of folders and manifests; versions of ppg that write another one use other folders."""
MANIFEST = "manifest.json"
SECONDS_UNTIL_LEFT_BEHIND = 24 * 3600.0
_SHARED_MODE = 0o777 | stat.S_ISGID | stat.S_ISVTX


class DamagedError(Exception):
    """An entry is not what it was when it was written."""


class CachedFile(NamedTuple):
    """One file of an entry.

    - name: as the job calls it
    - size: in bytes
    - digest: xxh3_128 of its content
    - executable: its bits of execution permission
    """

    name: str
    size: int
    digest: bytes
    executable: int


class Entry(NamedTuple):
    """A whole entry.

    - folder: where it was found
    - descriptor: of that folder: what is read through it is of this entry, also if another one takes its place
    - files: what is in it
    - made_by: who made it
    """

    folder: str
    descriptor: int
    files: tuple[CachedFile, ...]
    made_by: Mapping[str, object]

    @property
    def is_in_place(self) -> bool:
        """Whether nobody has begun to remove it."""
        return _is_at(self.folder, self.descriptor)


def entry_folder(cache: str, key: str) -> str:
    """Where the entry of a key is, or would be."""
    return os.path.join(_versioned(cache), key[:2], key)


@contextlib.contextmanager
def opened(cache: str, key: str) -> Iterator[Entry | None]:
    """The entry of a key, for as long as it is looked at; None if there is none.

    Raises:
        DamagedError: it cannot be understood.
        OSError: it cannot be read.
    """
    folder = entry_folder(cache, key)
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError):
        descriptor = None
    if descriptor is None:
        yield None
        return
    try:
        yield _read(folder, descriptor, key)
    finally:
        os.close(descriptor)


def _read(folder: str, descriptor: int, key: str) -> Entry | None:
    try:
        with open(os.open(MANIFEST, os.O_RDONLY | os.O_CLOEXEC, dir_fd=descriptor), "rb") as file:
            content = json.loads(file.read())
        files = tuple(
            CachedFile(
                str(one["name"]), int(one["size"]), bytes.fromhex(one["xxh3_128"]), int(one["executable"])
            )
            for one in content["files"]
        )
        made_by = dict(content["made_by"])
        whose = (content["format"], content["key"])
    except FileNotFoundError:
        if _is_at(folder, descriptor):
            raise DamagedError("its manifest is missing") from None
        # It is being removed.
        return None
    except (ValueError, KeyError, TypeError) as error:
        raise DamagedError(f"its manifest cannot be understood ({type(error).__name__}: {error})") from error
    if whose != (FORMAT, key) or not files:
        raise DamagedError("its manifest is that of another entry")
    return Entry(folder, descriptor, files, made_by)


def _is_at(folder: str, descriptor: int) -> bool:
    try:
        return os.path.samestat(os.stat(folder), os.fstat(descriptor))
    except (FileNotFoundError, NotADirectoryError):
        return False


def mark_used(entry: Entry) -> None:
    """Note that an entry was used now, for whoever makes room in the cache."""
    # In a cache that can only be read nobody makes room either.
    with contextlib.suppress(OSError):
        os.utime(entry.descriptor)


def publish(
    cache: str,
    key: str,
    files: Sequence[CachedFile],
    copy: Callable[[int, str, int], None],
    made_by: Mapping[str, object],
) -> None:
    """Keep files under a key, unless something is kept there already.

    Parameters:
        cache: the folder of the cache.
        key: in hexadecimal digits.
        files: what is kept.
        copy: called with the position of a file, the name under which to put it into the cache, and the permissions
            that others need.
        made_by: what to note of who made it.

    Raises:
        OSError: it cannot be written; nothing of it stays.
    """
    place = entry_folder(cache, key)
    if os.path.isdir(place):
        return
    mode = _prepared(cache)
    remove_leftovers(cache)
    staged = _staging_name(cache)
    _make_folder(staged, mode)
    try:
        for position in range(len(files)):
            copy(position, os.path.join(staged, str(position)), mode & 0o444)
        manifest = {
            "format": FORMAT,
            "key": key,
            "files": [
                {
                    "name": one.name,
                    "size": one.size,
                    "xxh3_128": one.digest.hex(),
                    "executable": one.executable,
                }
                for one in files
            ],
            "made_by": made_by,
        }
        _write(os.path.join(staged, MANIFEST), json.dumps(manifest, indent=1).encode(), mode & 0o444)
        for position in range(len(files)):
            _sync(os.path.join(staged, str(position)))
        _sync(staged)
        _make_folder(os.path.dirname(place), mode)
        try:
            os.rename(staged, place)
        except OSError as error:
            if error.errno not in {errno.EEXIST, errno.ENOTEMPTY}:
                raise
            # Somebody else was first.
            _remove(staged)
            return
    except BaseException:
        _remove(staged)
        raise
    _sync(os.path.dirname(place))


def discard(cache: str, key: str) -> None:
    """Remove an entry; no harm if there is none.

    Raises:
        OSError: it cannot be removed.
    """
    grave = _staging_name(cache)
    try:
        os.rename(entry_folder(cache, key), grave)
    except FileNotFoundError:
        return
    _remove(grave)


def remove_leftovers(cache: str) -> None:
    """Remove what processes that were killed have left behind, once it is old enough that nobody can be at it."""
    staging = os.path.join(_versioned(cache), "staging")
    oldest = time.time() - SECONDS_UNTIL_LEFT_BEHIND
    try:
        names = os.listdir(staging)
    except FileNotFoundError:
        return
    for name in names:
        path = os.path.join(staging, name)
        # Whoever else tidies up may be faster, and what belongs to others may have to wait for them.
        with contextlib.suppress(OSError):
            if os.stat(path, follow_symlinks=False).st_mtime < oldest:
                _remove(path)


def keys(cache: str) -> Iterator[str]:
    """The keys of all entries.

    Raises:
        OSError: the folder cannot be read.
    """
    for initials in _names_in(_versioned(cache)):
        if len(initials) == 2:
            for key in _names_in(os.path.join(_versioned(cache), initials)):
                if key.startswith(initials):
                    yield key


def _names_in(folder: str) -> list[str]:
    try:
        return sorted(os.listdir(folder))
    except (FileNotFoundError, NotADirectoryError):
        return []


def _versioned(cache: str) -> str:
    return os.path.join(cache, f"v{FORMAT}")


def _staging_name(cache: str) -> str:
    unique = f"{socket.gethostname()}-{os.getpid()}-{os.urandom(8).hex()}"
    return os.path.join(_versioned(cache), "staging", unique)


def _prepared(cache: str) -> int:
    """Make the folders that there have to be; gives the permissions that folders in the cache have."""
    with contextlib.suppress(FileExistsError):
        os.mkdir(cache)
    mode = os.stat(cache).st_mode & _SHARED_MODE
    _make_folder(_versioned(cache), mode)
    _make_folder(os.path.join(_versioned(cache), "staging"), mode)
    return mode


def _make_folder(path: str, mode: int) -> None:
    """Make a folder that is as open to others as the cache itself, whatever the umask."""
    try:
        os.mkdir(path)
    except FileExistsError:
        return
    os.chmod(path, mode)


def _write(path: str, data: bytes, mode: int) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with open(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fchmod(descriptor, mode | 0o400)
        os.fsync(descriptor)


def _sync(path: str) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _remove(folder: str) -> None:
    """Remove a folder under `staging`, which nobody reads; what cannot be removed is left for `remove_leftovers`."""
    import shutil  # noqa: PLC0415 (only where something is removed)

    shutil.rmtree(folder, ignore_errors=True)
