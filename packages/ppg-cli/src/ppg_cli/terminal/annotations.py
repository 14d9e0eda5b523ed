"""Annotations: tells GitHub which lines of the script failed; it shows them beside the code of a pull request."""

import os
from collections.abc import Mapping
from typing import TextIO

from ppg import Event, JobFailed, Warned

__all__ = ["GithubAnnotations", "in_github_actions"]


def in_github_actions(environment: Mapping[str, str] = os.environ) -> bool:
    """Whether this process runs in GitHub Actions."""
    return environment.get("GITHUB_ACTIONS") == "true"


class GithubAnnotations:
    """GitHub annotations: writes a command of GitHub Actions for each failure and each warning.

    Parameters:
        stream: stderr; GitHub reads commands in both streams.
        workspace: the folder of the repository, to which names of files are relative.
    """

    def __init__(self, stream: TextIO, workspace: str | None = None) -> None:
        self._stream = stream
        self._workspace = workspace or os.environ.get("GITHUB_WORKSPACE") or os.getcwd()  # noqa: PTH109 (a text)

    def __call__(self, event: Event) -> None:
        """Write the annotation of an event."""
        match event:
            case JobFailed(job_id, outcome):
                place = self._place(outcome.declared_at)
                title = _property(f"job '{job_id}' failed")
                self._write(f"::error {place}title={title}::{_message(outcome.error or 'it failed')}")
            case Warned(message):
                self._write(f"::warning title=ppg::{_message(message)}")
            case _:
                pass

    def _place(self, declared_at: str | None) -> str:
        file, _, line = (declared_at or "").rpartition(":")
        if not file or not line.isdecimal():
            return ""
        return f"file={_property(os.path.relpath(file, self._workspace))},line={line},"

    def _write(self, line: str) -> None:
        self._stream.write(f"{line}\n")
        self._stream.flush()


def _message(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _message(text).replace(":", "%3A").replace(",", "%2C")
