"""Registry: the entries of a shared cache on disk, and how each appears and disappears as a whole.

    <folder>/v1/3f/3fa9…/manifest.json   the entry's names, sizes and hashes, and its origin
    <folder>/v1/3f/3fa9…/0, 1, …         the files, by their position in the manifest
    <folder>/v1/staging/…                entries that are being written or removed

`publish` writes an entry under `staging`, syncs it to disk, and renames it to its place. The rename fails if an entry
is there. Then the first one stays; both come from the same inputs. Entries never change. `discard` removes an entry
by a rename into `staging`. So a reader sees a whole entry or none. A crash leaves files in `staging`, which are
removed when they are a day old.

Files of an entry are named by their position, so output names, however odd, occur only in the manifest.
"""

# ruff: noqa: PTH101, PTH102, PTH104, PTH108, PTH112, PTH116, PTH118, PTH120, PTH123, PTH208
# Paths are strings here, as everywhere in job processes, because these do not import pathlib.

import contextlib
import errno
import json
import os
import socket
import stat
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple, TypeVar

from ppg.shared_cache.transfer import NotAsStatedError, open_regular

__all__ = [
    "MANIFEST",
    "CachedFile",
    "CachedRead",
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
"""Version of folders and manifests; a ppg that writes another version uses another folder."""
MANIFEST = "manifest.json"
MOST_BYTES = 1 << 26
"""The largest manifest that is read or written: about 400,000 files."""
SECONDS_UNTIL_LEFT_BEHIND = 24 * 3600.0
EXECUTABLE = 0o111
"""The only bits of permission that an entry gives to a file."""
_SHARED_MODE = 0o777 | stat.S_ISGID | stat.S_ISVTX


_Value = TypeVar("_Value")


class DamagedError(Exception):
    """DamagedError: an entry differs from what was written."""


class CachedFile(NamedTuple):
    """CachedFile: one file of an entry.

    - name: as the job calls it
    - size: in bytes
    - digest: xxh3_128 of its content
    - executable: its bits of execution permission, of 0o111
    """

    name: str
    size: int
    digest: bytes
    executable: int


class CachedRead(NamedTuple):
    """CachedRead: a file that the job of an entry read without depending on it.

    - path: relative to the project, or absolute
    - digest: xxh3_128 of its content; None: it was not there
    """

    path: str
    digest: bytes | None


class Entry(NamedTuple):
    """Entry: the files and the origin of one key.

    - folder: where it was found
    - descriptor: of that folder; reads through it stay in this entry even if another one takes its place
    - files: the files in it
    - made_by: its origin: user, host, project, time (seconds since the epoch), and seconds that the job took
    - reads: files that the job read besides those that the key stands for
    """

    folder: str
    descriptor: int
    files: tuple[CachedFile, ...]
    made_by: Mapping[str, object]
    reads: tuple[CachedRead, ...] = ()

    @property
    def is_in_place(self) -> bool:
        """Whether this entry is still at its place, so that no process is removing it."""
        return _is_at(self.folder, self.descriptor)


def entry_folder(cache: str, key: str) -> str:
    """Return the folder of a key's entry, whether it exists or not."""
    return os.path.join(_versioned(cache), key[:2], key)


@contextlib.contextmanager
def opened(cache: str, key: str) -> Iterator[Entry | None]:
    """Open the entry of a key while the context lasts; None if there is none.

    Raises:
        DamagedError: its manifest is missing or cannot be understood.
        OSError: it cannot be read.
    """
    folder = entry_folder(cache, key)
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError:
        descriptor = None
    except OSError as error:
        if error.errno not in {errno.ENOTDIR, errno.ELOOP}:
            raise
        if os.path.lexists(folder):
            raise DamagedError("it is no folder") from None
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
        opened_file, found = open_regular(MANIFEST, descriptor)
        with open(opened_file, "rb") as file:
            if found.st_size > MOST_BYTES:
                raise DamagedError(f"its manifest has {found.st_size} bytes")
            content = json.loads(file.read(MOST_BYTES))
        files = tuple(map(_described, _checked(content["files"], list)))
        made_by = _checked(content["made_by"], dict)
        reads = tuple(map(_read_besides, _checked(content.get("reads", []), list)))
        identity = (content["format"], content["key"])
    except FileNotFoundError:
        if _is_at(folder, descriptor):
            raise DamagedError("its manifest is missing") from None
        # Another process is removing the entry.
        return None
    except NotAsStatedError as error:
        raise DamagedError(f"its manifest {error.strerror}") from error
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise DamagedError(f"its manifest cannot be understood ({type(error).__name__}: {error})") from error
    if identity != (FORMAT, key) or not files:
        raise DamagedError("its manifest is that of another entry")
    return Entry(folder, descriptor, files, made_by, reads)


def _described(one: Mapping[str, object]) -> CachedFile:
    """Return a file of a manifest; raise KeyError, TypeError or ValueError if it cannot be understood."""
    size = _checked(one["size"], int)
    if size < 0:
        raise ValueError(f"a size of {size} bytes")
    executable = _checked(one["executable"], int) & EXECUTABLE
    digest = bytes.fromhex(_checked(one["xxh3_128"], str))
    return CachedFile(_checked(one["name"], str), size, digest, executable)


def _read_besides(one: Mapping[str, object]) -> CachedRead:
    """Return a read of a manifest; raise KeyError, TypeError or ValueError if it cannot be understood."""
    digest = one["xxh3_128"]
    return CachedRead(
        _checked(one["path"], str), None if digest is None else bytes.fromhex(_checked(digest, str))
    )


def _checked(value: object, wanted: type[_Value]) -> _Value:
    if type(value) is not wanted:
        raise TypeError(f"{wanted.__name__} expected, not {type(value).__name__}")
    return value


def _is_at(folder: str, descriptor: int) -> bool:
    try:
        return os.path.samestat(os.stat(folder), os.fstat(descriptor))
    except (FileNotFoundError, NotADirectoryError):
        return False


def mark_used(entry: Entry) -> None:
    """Record that an entry is used now, so that `prune` removes it later."""
    # A process that may not write to the cache cannot prune it either.
    with contextlib.suppress(OSError):
        os.utime(entry.descriptor)


def publish(
    cache: str,
    key: str,
    files: Sequence[CachedFile],
    copy: Callable[[int, str, int], None],
    made_by: Mapping[str, object],
    reads: Sequence[CachedRead] = (),
) -> None:
    """Keep files under a key, unless it has an entry already.

    Parameters:
        cache: the folder of the cache.
        key: in hexadecimal digits.
        files: describes the files, by position.
        copy: called with the position of a file, its name in the cache, and the permissions that other users need.
        made_by: the origin to record.
        reads: what the job read besides.

    Raises:
        OSError: the entry cannot be written; nothing of it stays.
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
            "reads": [
                {"path": one.path, "xxh3_128": None if one.digest is None else one.digest.hex()}
                for one in reads
            ],
        }
        text = json.dumps(manifest, indent=1).encode()
        if len(text) > MOST_BYTES:
            raise OSError(  # noqa: TRY301 (the entry is removed as after any error)
                errno.EFBIG, f"the names of its {len(files)} files are too long for a manifest"
            )
        _write(os.path.join(staged, MANIFEST), text, mode & 0o444)
        for position in range(len(files)):
            _sync(os.path.join(staged, str(position)))
        _sync(staged)
        _make_folder(os.path.dirname(place), mode)
        try:
            os.rename(staged, place)
        except OSError as error:
            if error.errno not in {errno.EEXIST, errno.ENOTEMPTY}:
                raise
            # Another process published the same key first.
            _remove(staged)
            return
    except BaseException:
        _remove(staged)
        raise
    _sync(os.path.dirname(place))


def discard(cache: str, key: str) -> None:
    """Remove the entry of a key, if there is one.

    Raises:
        OSError: the entry cannot be removed.
    """
    staged = _staging_name(cache)
    try:
        os.rename(entry_folder(cache, key), staged)
    except FileNotFoundError:
        return
    _remove(staged)


def remove_leftovers(cache: str) -> None:
    """Remove the files of killed processes from `staging`, once they are so old that no process can use them."""
    staging = os.path.join(_versioned(cache), "staging")
    oldest = time.time() - SECONDS_UNTIL_LEFT_BEHIND
    try:
        names = os.listdir(staging)
    except FileNotFoundError:
        return
    for name in names:
        path = os.path.join(staging, name)
        # Another process may remove it first, and files of another user wait for a process of that user.
        with contextlib.suppress(OSError):
            if os.stat(path, follow_symlinks=False).st_mtime < oldest:
                _remove(path)


def keys(cache: str) -> Iterator[str]:
    """Yield the keys of all entries.

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
    """Make the folders that every entry needs; return the permissions of folders in the cache."""
    with contextlib.suppress(FileExistsError):
        os.mkdir(cache)
    mode = os.stat(cache).st_mode & _SHARED_MODE
    _make_folder(_versioned(cache), mode)
    _make_folder(os.path.join(_versioned(cache), "staging"), mode)
    return mode


def _make_folder(path: str, mode: int) -> None:
    """Make a folder with the permissions of the cache's folder, whatever the umask."""
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
    """Remove a folder under `staging`; `remove_leftovers` retries what cannot be removed now."""
    import shutil  # noqa: PLC0415 (only where something is removed)

    try:
        os.unlink(folder)
    except (IsADirectoryError, PermissionError):
        shutil.rmtree(folder, ignore_errors=True)
    except OSError:
        return  # another process removes it
