"""File: finds `ppg.toml`, or `pyproject.toml` with a table `[tool.ppg]`, and reads it."""

import errno
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ppg_cli.settings.keys import JOB_KEYS, KEYS, SettingsError, check_keys

__all__ = ["SettingsFile", "find_settings"]

NAME = "ppg.toml"
PROJECT = "pyproject.toml"


@dataclass(frozen=True, slots=True)
class SettingsFile:
    """Settings file: what a file says, checked.

    Attributes:
        path: of the file; None if there is none.
        always: the keys that hold for each run.
        profiles: the keys of each profile.
    """

    path: Path | None = None
    always: Mapping[str, Any] = field(default_factory=dict)
    profiles: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


def find_settings(folder: Path) -> SettingsFile:
    """Return the settings of the nearest file, in a folder or above it.

    Raises:
        SettingsError: the file cannot be read, has an unknown key or a wrong value, or belongs to another user.
    """
    for place in (folder, *folder.parents):
        own, project = _table(place / NAME), _table(place / PROJECT)
        if own is not None and project is not None:
            raise SettingsError(
                f"{place / NAME}: '{PROJECT}' beside it has a table [tool.ppg], too; keep the settings in one of them"
            )
        for path, table in ((place / NAME, own), (place / PROJECT, project)):
            if table is not None:
                if place != folder:
                    _require_trust(path, folder)
                return _checked(path, table)
    return SettingsFile()


def _table(path: Path) -> dict[str, Any] | None:
    """Return the settings in a file; None if it has none."""
    try:
        content = path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        if path.name == PROJECT or error.errno == errno.ENAMETOOLONG:
            return None  # it may belong to another project, above this one
        raise SettingsError(
            f"{path}: it cannot be read ({error.strerror}); change its mode, or move it away"
        ) from error
    import tomllib  # noqa: PLC0415 (most folders have no such file)

    try:
        table = tomllib.loads(content.decode())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        if path.name == PROJECT and b"tool.ppg" not in content:
            return None
        raise SettingsError(f"{path}: it is not TOML: {error}; correct it there") from error
    if path.name == NAME:
        return table
    found = table.get("tool", {}).get("ppg")
    if found is not None and not isinstance(found, dict):
        raise SettingsError(
            f"{path}: 'tool.ppg' must be a table, not {found!r}; write [tool.ppg] above its keys"
        )
    return found


def _require_trust(path: Path, folder: Path) -> None:
    """Refuse a file above the folder that another user has put there: its prologue would be executed."""
    owner = path.stat().st_uid
    if owner not in {0, os.geteuid(), folder.stat().st_uid}:
        raise SettingsError(
            f"{path}: it lies above '{folder}' and belongs to another user (number {owner}), so it is not used; "
            f"make a {NAME} of your own in '{folder}', which may be empty"
        )


def _checked(path: Path, table: dict[str, Any]) -> SettingsFile:
    prefix = "tool.ppg." if path.name == PROJECT else ""
    where = f"{path}: [{prefix[:-1]}]" if prefix else f"{path}"
    check_keys(table, KEYS, ("jobs", "profiles"), where)
    check_keys(table.get("jobs", {}), JOB_KEYS, (), f"{path}: [{prefix}jobs]")
    profiles = table.get("profiles", {})
    for name, profile in profiles.items():
        inside = f"{prefix}profiles.{name}"
        if not isinstance(profile, dict):
            raise SettingsError(
                f"{path}: '{inside}' must be a table, not {profile!r}; write [{inside}] above its keys"
            )
        check_keys(profile, KEYS, ("jobs",), f"{path}: [{inside}]")
        check_keys(profile.get("jobs", {}), JOB_KEYS, (), f"{path}: [{inside}.jobs]")
    return SettingsFile(path, {name: value for name, value in table.items() if name != "profiles"}, profiles)
