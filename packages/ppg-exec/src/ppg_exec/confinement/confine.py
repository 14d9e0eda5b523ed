"""Confine: restricts a job process to what its task names."""

from __future__ import annotations

from ppg_exec.confinement.landlock import ALL, EXECUTE, READ_FILE, TRUNCATE, WRITE_FILE, Ruleset

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from ppg_exec.confinement.system import CommonAccess

__all__ = ["confine_process"]

_INPUT = READ_FILE | EXECUTE
_OUTPUT = READ_FILE | EXECUTE | WRITE_FILE | TRUNCATE
_STREAMS = (1, 2)


def confine_process(
    common: CommonAccess,
    reads: Iterable[str],
    writes: Iterable[str],
    private_folder: str,
    folders: Iterable[str] = (),
) -> None:
    """Restrict this process, and whatever it starts, to some files; this cannot be undone.

    Descriptors that are open stay usable. So do pipes, sockets, and files in memory.

    Args:
        common: what all confined tasks may use.
        reads: files to read, also as programs. Those that are not there are left out.
        writes: files to write; they must exist. The process can neither remove nor replace them.
        private_folder: a folder in which everything is allowed.
        folders: others in which everything is allowed.

    Raises:
        OSError: the kernel refuses a rule; nothing is restricted then.

    """
    with Ruleset() as rules:
        for path, rights in common.trees:
            rules.allow(path, rights)
        for path in common.modules:
            rules.allow(path, READ_FILE)
        for path in reads:
            rules.allow(path, _INPUT)
        for path in writes:
            rules.allow(path, _OUTPUT)
        for stream in _STREAMS:
            # Programs open the streams by their names in /dev again; the kernel then asks for the file beneath.
            rules.allow_opened(stream, _OUTPUT & ~EXECUTE)
        for folder in (private_folder, *folders):
            rules.allow(folder, ALL)
        rules.restrict()
