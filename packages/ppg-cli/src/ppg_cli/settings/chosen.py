"""Chosen: combines the command line, the profile and the rest of the settings file, in this order.

A key is an option of `ppg run`. What stands on the command line is stronger than the profile, which is stronger than the keys
above all profiles, which are stronger than the script. Where a stronger setting says another `on`, the weaker ones about
machines are set aside: 64 GB of a machine of Slurm say nothing about this one.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ppg import DaskCluster, Slurm, Srun
from ppg.kinds.execution import JobDefaults
from ppg_cli.settings.file import SettingsFile, find_settings
from ppg_cli.settings.keys import MACHINE_KEYS, SettingsError, bytes_in, seconds_in

__all__ = ["Chosen"]

LOCAL = "local"
_OF_SLURM = {
    "machines": "machines", "cores-per-machine": "cores_per_machine", "memory": "memory", "walltime": "walltime",
    "partition": "partition", "account": "account", "interface": "interface", "port": "port", "sbatch": "options",
    "prologue": "prologue",
}  # fmt: skip
_OF_SRUN = {"interface": "interface", "port": "port"}
_NEEDED = ("machines", "cores-per-machine", "memory")


class Chosen:
    """Chosen: the settings of one `ppg run`.

    Parameters:
        given: the options of the command line by their keys; None for those that were not given.
        profile: the name of the profile; None for that of PPG_PROFILE.
        inline: whether all jobs run in this process, so that no machines are used.

    Raises:
        SettingsError: the file, the profile or the combination cannot be used.
    """

    def __init__(self, given: Mapping[str, Any], profile: str | None, *, inline: bool) -> None:
        file = _settings_here()
        layers = [file.always, _profile(file, profile or os.environ.get("PPG_PROFILE") or None)]
        command_line = {name: value for name, value in given.items() if value is not None}
        if inline:
            layers = [{name: value for name, value in layer.items() if name != "on"} for layer in layers]
        values: dict[str, Any] = {}
        on, said_by = LOCAL, "the command line"
        for layer, where in (
            (layers[0], f"{file.path}"),
            (layers[1], f"{file.path}"),
            (command_line, "the command line"),
        ):
            if layer.get("on", on) != on:
                on, said_by = layer["on"], where
                values = {name: value for name, value in values.items() if name not in MACHINE_KEYS}
            jobs = {**values.get("jobs", {}), **layer.get("jobs", {})}
            values = {**values, **layer, "jobs": jobs}
        self._said_by = said_by
        self._require_fit(on, values, command_line)
        self.strict: bool = values.get("strict", False)
        self.cores: int | None = values.get("cores") if on == LOCAL else None
        self.memory: int | None = bytes_in(values.get("memory")) if on == LOCAL else None
        self.coordinator: DaskCluster | None = self._coordinator(on, values)
        self.here: bool = values.get("on") == LOCAL
        self.shared_cache: str | None = _folder(values.get("shared-cache"), file.path)
        self.jobs: JobDefaults = JobDefaults(
            timeout=seconds_in(jobs_of(values).get("timeout")),
            retries=jobs_of(values).get("retries", 0),
            memory=bytes_in(jobs_of(values).get("memory")),
        )

    def _require_fit(self, on: str, values: Mapping[str, Any], command_line: Mapping[str, Any]) -> None:
        """Refuse options of the command line that mean nothing for these machines, and machines that are not described."""
        if on == LOCAL:
            allowed = {"cores", "memory"}
        elif on == "slurm":
            allowed = set(_OF_SLURM)
            missing = [name for name in _NEEDED if name not in values]
            if missing:
                raise SettingsError(
                    f'{self._said_by} says on = "slurm", and nothing says {" and ".join(missing)}; add '
                    f"{' '.join(f'--{name} ...' for name in missing)}, or keys of these names in a profile of ppg.toml"
                )
        elif on == "srun":
            allowed = set(_OF_SRUN)
        elif "://" in on:
            allowed = set()
        else:
            raise SettingsError(
                f"{self._said_by} says on = {on!r}; it must be 'local', 'slurm', 'srun', or the address of a Dask scheduler, "
                "such as tcp://10.0.0.1:8786"
            )
        for name in command_line:
            if name in MACHINE_KEYS and name not in allowed:
                which = "this machine" if on == LOCAL else f"--on {on}"
                raise SettingsError(f"--{name} says nothing about {which}; leave it out{_instead(on, name)}")

    def _coordinator(self, on: str, values: Mapping[str, Any]) -> DaskCluster | None:
        if on == LOCAL:
            return None
        if on == "slurm":
            return DaskCluster(cluster=Slurm(**_renamed(values, _OF_SLURM)))
        if on == "srun":
            return DaskCluster(cluster=Srun(**_renamed(values, _OF_SRUN)))
        return DaskCluster(address=on)


def _settings_here() -> SettingsFile:
    try:
        folder = Path.cwd()
    except FileNotFoundError:
        # The working directory has been removed, of which the script's graph tells.
        return SettingsFile()
    return find_settings(folder)


def jobs_of(values: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the defaults for jobs."""
    found: Mapping[str, Any] = values["jobs"]
    return found


def _renamed(values: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    renamed = {names[name]: value for name, value in values.items() if name in names}
    for name, read in (("memory", bytes_in), ("walltime", seconds_in)):
        if name in renamed:
            renamed[name] = read(renamed[name])
    return renamed


def _instead(on: str, name: str) -> str:
    if name == "cores" and on == "slurm":
        return ", or write --cores-per-machine"
    if on == LOCAL:
        return ", or add --on slurm"
    return ""


def _profile(file: SettingsFile, name: str | None) -> Mapping[str, Any]:
    if name is None:
        return {}
    if name in file.profiles:
        return file.profiles[name]
    if file.path is None:
        raise SettingsError(
            f"there is no profile '{name}', as neither ppg.toml nor [tool.ppg] in pyproject.toml is here; write "
            f"[profiles.{name}] into a new ppg.toml"
        )
    import difflib  # noqa: PLC0415 (only a wrong name needs it)

    near = difflib.get_close_matches(name, file.profiles, 1)
    meant = f"did you mean '{near[0]}'? " if near else ""
    known = ", ".join(sorted(file.profiles)) or "none"
    raise SettingsError(f"{file.path}: there is no profile '{name}'; {meant}its profiles: {known}")


def _folder(name: str | None, file: Path | None) -> str | None:
    if name is None or file is None:
        return name
    return str(file.parent / Path(name).expanduser())
