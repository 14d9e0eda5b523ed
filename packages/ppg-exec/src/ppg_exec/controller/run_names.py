"""Run names: lets watched names stand for the same in all processes of a run as in the main process.

The controller sends digests of these names to each node, which compares the modules that it imports (`node_names`). A node
asks for the values of names that differ, and gets them before it goes on. A job that imports a module itself cannot ask: it
reports the names with its end, and runs again once its node has the values. What cannot be sent is reported to the caller.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection, Iterable, Mapping
from types import MappingProxyType

from ppg_exec.hosts.local_host import NodeHandle
from ppg_exec.tasks import NameDiffers
from ppg_exec.transport.node_messages import SetNames, WatchNames

__all__ = ["Entry", "Name", "RunNames"]

_LOADERS = frozenset({"_frozen_importlib_external", "importlib._bootstrap_external", "zipimport"})

Name = tuple[str, str]
"""A module, and the path of a name in it."""
Entry = tuple[str, str, bool, object]
"""A name, whether there is such a name, and its value."""


class RunNames:
    """RunNames: holds the watched names of one executor, with their digests in the main process.

    Args:
        report: gets the events for the caller.
        ask: returns what `entries` does, for names of the process that the tasks come from, if that is another one.

    """

    def __init__(
        self,
        report: Callable[[NameDiffers], object],
        ask: Callable[[Collection[Name]], tuple[list[Entry], list[Name]]] | None = None,
    ) -> None:
        self._report = report
        self._ask = ask
        self._digests: dict[str, dict[str, bytes]] = {}
        self._sent: dict[NodeHandle, dict[Name, int]] = {}
        """By node, the names that it need not ask for any more, each with the number of the message that settled it."""
        self._late: dict[NodeHandle, list[Entry]] = {}
        """By node, the values that only jobs have, each of which reads them with its task."""
        self._messages = 0
        self._reported: set[tuple[str, str, str]] = set()

    def watch(self, names: Iterable[Name], is_own: Callable[[str], bool]) -> WatchNames | None:
        """Take in names; returns the message for nodes that have begun, if there is anything new for them.

        Classes that the values belong to are watched, too, if `is_own` is true for their modules.
        """
        from ppg_exec.names.name_digests import (  # noqa: PLC0415 (only runs with tasks need these)
            CODE,
            MEMBERS,
            REGISTRY,
            Digests,
            found_at,
            has_registry,
            member_names,
        )
        from ppg_exec.pickling.function_parts import Importability  # noqa: PLC0415

        digests, importability = Digests(), Importability()
        new: dict[str, dict[str, bytes]] = {}
        waiting = list(names)
        for module, path in waiting:  # grows while it is walked
            known = self._digests.setdefault(module, {})
            if path in known or not importability.is_found(module):
                continue
            value = found_at(module, path)
            digest = digests.of(module, path, value)
            if not digest.startswith(CODE) or _is_loaded_as_usual(module):
                known[path] = new.setdefault(module, {})[path] = digest
            classes = list(digests.classes)
            digests.classes.clear()
            if digest.startswith(MEMBERS) and isinstance(value, type):
                waiting += [(module, f"{path}.{name}") for name in member_names(value)]
                classes += value.__bases__
            if has_registry(value):
                waiting.append((module, f"{path}.{REGISTRY}"))
            waiting += [
                (kind.__module__, kind.__qualname__)
                for kind in classes
                if "<" not in kind.__qualname__ and is_own(kind.__module__)
            ]
        return WatchNames(new) if new else None

    def take_in(self, digests: Mapping[str, Mapping[str, bytes]]) -> None:
        """Take in the digests of names that another process watches."""
        for module, paths in digests.items():
            self._digests.setdefault(module, {}).update(paths)

    def all(self) -> WatchNames | None:
        """The message for a new node, if there are names."""
        return WatchNames(self._digests) if any(self._digests.values()) else None

    @property
    def messages(self) -> int:
        """How many messages have settled names so far."""
        return self._messages

    def answer(self, node: NodeHandle, differing: Collection[Name], use: str, since: int = 0) -> bool:
        """Send the values of names that differ to a node.

        Returns whether the node can have settled any of these names after message number `since`. An "answer" is sent
        in any case. With "late", jobs get the values from now on, but the node does not; see `late`.
        """
        settled = self._sent.setdefault(node, {})
        new = [name for name in differing if name not in settled and self._is_watched(*name)]
        entries, not_sent = self.entries(new) if self._ask is None else self._ask(new)
        if entries or not_sent or use == "answer":
            self._messages += 1
            settled.update(dict.fromkeys((*(entry[:2] for entry in entries), *not_sent), self._messages))
            if use == "late":
                self._late.setdefault(node, []).extend(entries)
                entries = []
            if entries or not_sent or use == "answer":
                node.channel.put(self._message(node, entries, not_sent, use))
        return any(settled.get(name, 0) > since for name in differing)

    def late(self, node: NodeHandle) -> tuple[Entry, ...]:
        """The values of names that a job of a node gets in one pickle with its task, so that what they share stays shared."""
        return tuple(self._late.get(node, ()))

    def unset(self, names: Iterable[tuple[str, str, str]]) -> None:
        """Report names that a node could not set."""
        for module, name, why in names:
            self._differs(NameDiffers(module, name, f"cannot be set in the processes of jobs ({why})"))

    def _is_watched(self, module: str, path: str) -> bool:
        known = self._digests.get(module, {})
        return path in known or path.rpartition(".")[0] in known

    def entries(self, names: Iterable[Name]) -> tuple[list[Entry], list[Name]]:
        """The entries of names for `SetNames`, and the names with values that cannot be sent.

        Code that travels by name is in neither of them: it cannot differ, unless its file was edited.
        """
        from ppg_exec.names.name_digests import MISSING, REGISTRY, found_at, is_code_of  # noqa: PLC0415
        from ppg_exec.pickling.culprit import CannotPickle  # noqa: PLC0415 (names rarely differ)
        from ppg_exec.pickling.send import dump_alone  # noqa: PLC0415

        entries: list[Entry] = []
        not_sent: list[Name] = []
        for module, path in names:
            value = found_at(module, path)
            if isinstance(value, MappingProxyType) and path.endswith(f".{REGISTRY}"):
                # What the module has made itself is there wherever the module is imported.
                value = {
                    kind: each for kind, each in value.items() if getattr(each, "__module__", "") != module
                }
            if value is MISSING:
                entries.append((module, path, False, None))
            elif is_code_of(module, path, value):
                self._differs(NameDiffers(module, path, "", is_edited=True))
            else:
                try:
                    dump_alone({path: value})
                except CannotPickle as error:
                    why = f"cannot be sent to the processes of jobs ({error})"
                    self._differs(NameDiffers(module, path, why))
                    not_sent.append((module, path))
                else:
                    entries.append((module, path, True, value))
        return entries, not_sent

    def _message(self, node: NodeHandle, entries: list[Entry], not_sent: list[Name], use: str) -> SetNames:
        names = [entry[:2] for entry in entries]
        # One pickle, so that what names share stays shared.
        content = {f"{module}.{path}": (module, path, *rest) for module, path, *rest in entries}
        return SetNames(names, *node.shared.dump(content), not_sent, use)

    def _differs(self, event: NameDiffers) -> None:
        known = (event.module, event.name, event.problem)
        if known not in self._reported:
            self._reported.add(known)
            self._report(event)


def _is_loaded_as_usual(module: str) -> bool:
    """Whether a loader of Python has made the code of a module; others change it, as pytest does with assertions."""
    return type(getattr(sys.modules.get(module), "__loader__", None)).__module__ in _LOADERS
