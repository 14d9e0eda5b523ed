"""Launching: is the protocol of what starts clusters of Dask, and asks for as many machines as tasks can use.

A run holds no tasks of Dask. So `adapt(minimum=0)` and a smaller number of machines would take machines away from running
tasks, and `scale` replaces none that is lost. The number therefore only grows, and its minimum is its maximum.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, Protocol

import dask.config
from distributed import Scheduler
from distributed.deploy.spec import SpecCluster
from distributed.security import Security

from ppg_exec.links.run_files import RunFile

__all__ = ["Certificates", "Growth", "Launcher", "doubts_about", "start_scheduler", "worker_options"]


_UNSEEN = "127.0.0.1:0"
"""Schedulers and workers serve a page, also without a dashboard. Other machines need not see it."""


class Launcher(Protocol):
    """Launcher: starts a cluster for one run, and ends it with the run."""

    def start(self, folder: str, report: Callable[[str], object], fail: Callable[[str], object]) -> Any:
        """Start a cluster, without waiting for its machines; returns the cluster object.

        Args:
            folder: one that every machine sees.
            report: takes sentences for the user, from any thread.
            fail: takes the reason why no machine will come any more.

        """
        ...

    def want(self, cores: int) -> None:
        """Ask for more machines if tasks can use so many cores."""
        ...

    def close(self) -> None:
        """End the cluster."""
        ...


class Growth:
    """Growth: asks a cluster for machines, up to a largest number.

    Args:
        cluster: an object of Dask with a method `adapt`.
        machines: the largest number.
        cores: of each machine; None for what the cluster says.

    """

    def __init__(self, cluster: Any, machines: int, cores: int | None = None) -> None:
        self._cluster = cluster
        self._machines = machines
        self._cores = cores or _cores_each(cluster)
        self.count: int = 0

    def want(self, cores: int) -> None:
        """Ask for more machines if tasks can use so many cores."""
        count = min(self._machines, -(-cores // self._cores))
        if count > self.count:
            self.count = count
            if "minimum_jobs" in inspect.signature(self._cluster.adapt).parameters:
                self._cluster.adapt(minimum_jobs=count, maximum_jobs=count)
            else:
                self._cluster.adapt(minimum=count, maximum=count)


class Certificates:
    """Certificates: are made for one cluster, and lie in a private folder that the machines see, until `close`."""

    def __init__(self, folder: str) -> None:
        self._folder = RunFile(folder, None)
        made = Security.temporary()
        files = {}
        for role in ("client", "scheduler", "worker"):
            for name, content in made.get_tls_config_for_role(role).items():
                if isinstance(content, str) and "\n" in content:
                    option = "tls_ca_file" if name == "ca_file" else f"tls_{role}_{name}"
                    path = self._folder.path / option
                    path.write_text(content, encoding="ascii")
                    path.chmod(0o600)
                    files[option] = str(path)
        self.security: Security = Security(require_encryption=True, **files)

    def close(self) -> None:
        """Remove them."""
        self._folder.close()


def _cores_each(cluster: Any) -> int:
    """How many cores a machine of a cluster object has; 1 if it does not say, so that rather too many are asked for."""
    options = (getattr(cluster, "new_spec", None) or {}).get("options", {})
    return max([1, *(int(options[name]) for name in ("cores", "nthreads") if options.get(name))])


def start_scheduler(security: Security, interface: str | None, port: int) -> Any:
    """Start a scheduler in a thread of this process, without workers; returns the cluster object.

    It never ends because it has no tasks of Dask.
    """
    options: dict[str, Any] = {
        "port": port,
        "dashboard": False,
        "dashboard_address": _UNSEEN,
        "security": security,
        "protocol": "tls://",
    }
    if interface is not None:
        options["interface"] = interface
    with dask.config.set({"distributed.scheduler.idle-timeout": None}):
        return SpecCluster(
            workers={},
            scheduler={"cls": Scheduler, "options": options},
            security=security,
            silence_logs="error",
        )


def worker_options(security: Security, interface: str | None) -> list[str]:
    """Options of `dask worker` for a scheduler that was started here; the worker ends a minute after it is gone."""
    options = ["--no-dashboard", f"--dashboard-address={_UNSEEN}", "--death-timeout=60"]
    for name, value in security.get_tls_config_for_role("worker").items():
        if value and name in {"ca_file", "cert", "key"}:
            options.append(f"--tls-{name.replace('_', '-')}={value}")
    return options if interface is None else [*options, f"--interface={interface}"]


def doubts_about(client: Any, cluster: object) -> list[str]:
    """What about a cluster of the user, which ppg asks for nothing, would disturb a run, in sentences."""
    doubts = []
    timeout = _idle_timeout(client)
    if timeout:
        doubts.append(
            f"the Dask scheduler ends after {timeout:.0f} s without tasks of Dask, and jobs of ppg are none: "
            "start it with the option distributed.scheduler.idle-timeout: null"
        )
    adaptive = getattr(cluster, "_adaptive", None)
    if adaptive is None and getattr(cluster, "worker_spec", None) == {}:
        doubts.append(
            "the cluster object was asked for no workers: state DaskCluster(machines=...), or call its scale()"
        )
    if adaptive is not None and adaptive.minimum < adaptive.maximum:
        doubts.append(
            f"the cluster adapts between {adaptive.minimum} and {adaptive.maximum} workers, so Dask takes away those "
            "without tasks of Dask, and jobs of ppg are none: leave adapt() out, and state DaskCluster(machines=...)"
        )
    return doubts


def _idle_timeout(client: Any) -> float | None:
    schedulers = f"__import__('sys').modules[{Scheduler.__module__!r}].{Scheduler.__name__}._instances"
    try:
        # A function of the language can be sent to a scheduler without ppg.
        found = client.run_on_scheduler(
            eval, f"[each.idle_timeout for each in {schedulers} if each.status.name == 'running']"
        )
    except Exception:  # noqa: BLE001 - a scheduler may refuse functions, by any error; then it is not known
        return None
    return next((float(each) for each in found if each), None)
