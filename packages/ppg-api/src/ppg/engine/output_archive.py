"""Keeps what jobs have printed until their result is no longer needed, in bounded memory and one descriptor.

Each output comes from the executor in memory, or as a file of its own if it is long. A run of many talkative
jobs would fill the memory, or use up the descriptors, so outputs are moved to one file without a name.
"""

import os

from ppg_exec import Output

__all__ = ["OutputArchive"]

SMALL = 256
"""Bytes up to which an output stays in memory."""


class OutputArchive:
    """The outputs of one run. The file lasts as long as any of them is in use."""

    def __init__(self) -> None:
        self._file: _ArchiveFile | None = None

    def keep(self, output: Output) -> Output | None:
        """The same output, to be held for as long as you like; None if it is empty."""
        if not output:
            return None
        if output.size <= SMALL:
            return output
        try:
            if self._file is None:
                self._file = _ArchiveFile()
            return _Kept(self._file, self._file.append(output), output.size)
        except OSError:
            # No room: then it stays where it is, which holds for as long as there are few of them.
            return output


class _ArchiveFile:
    """An unlinked file that grows."""

    def __init__(self) -> None:
        import tempfile  # noqa: PLC0415 (a run without output does without it)

        with tempfile.TemporaryFile() as file:
            self.descriptor = os.dup(file.fileno())
        self._end = 0

    def __del__(self) -> None:
        if hasattr(self, "descriptor"):
            os.close(self.descriptor)

    def append(self, output: Output) -> int:
        """Copy an output; gives the offset of its copy. Raises OSError if there is no room."""
        begin = end = self._end
        for chunk in output.chunks():
            rest = memoryview(chunk)
            while rest:
                written = os.pwrite(self.descriptor, rest, end)
                end += written
                rest = rest[written:]
        self._end = end
        return begin


class _Kept(Output):
    """An output in the archive."""

    __slots__ = ("_begin", "_file")

    def __init__(self, file: _ArchiveFile, begin: int, size: int) -> None:
        super().__init__()
        self._file = file
        self._begin = begin
        self.size = size

    def read(self, start: int, size: int) -> bytes:
        """At most `size` bytes from offset `start`."""
        return os.pread(self._file.descriptor, max(0, min(size, self.size - start)), self._begin + start)
