"""Output archive: keeps the outputs of jobs as long as their results, in bounded memory and one descriptor.

The executor gives each output in memory, or in a separate file if it is long. A run of many jobs with long
outputs would fill the memory or use up the descriptors. So outputs are moved to one file without a name.
"""

import os

from ppg_exec import Output

__all__ = ["OutputArchive"]

SMALL = 256
"""Size up to which an output stays in memory, in bytes."""


class OutputArchive:
    """Output archive: keeps the outputs of one run; the file lasts as long as any of them is in use."""

    def __init__(self) -> None:
        self._file: _ArchiveFile | None = None

    def keep(self, output: Output) -> Output | None:
        """Return the same output, moved to the archive if it is long; None if it is empty."""
        if not output:
            return None
        if output.size <= SMALL:
            return output
        try:
            if self._file is None:
                self._file = _ArchiveFile()
            return _Kept(self._file, self._file.append(output), output.size)
        except OSError:
            # There is no room, so the output stays in memory or its own file; that works for a few.
            return output


class _ArchiveFile:
    """Archive file: an unlinked file to which outputs are appended."""

    def __init__(self) -> None:
        import tempfile  # noqa: PLC0415 (a run without output does without it)

        with tempfile.TemporaryFile() as file:
            self.descriptor = os.dup(file.fileno())
        self._end = 0

    def __del__(self) -> None:
        if hasattr(self, "descriptor"):
            os.close(self.descriptor)

    def append(self, output: Output) -> int:
        """Append an output and return the offset of the copy; raise OSError if there is no room."""
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
    """Kept output: reads one output from the archive file."""

    __slots__ = ("_begin", "_file")

    def __init__(self, file: _ArchiveFile, begin: int, size: int) -> None:
        super().__init__()
        self._file = file
        self._begin = begin
        self.size = size

    def read(self, start: int, size: int) -> bytes:
        """Return at most `size` bytes from offset `start`."""
        return os.pread(self._file.descriptor, max(0, min(size, self.size - start)), self._begin + start)
