"""Loading jobs: load data into the compute node, once, for all the jobs that need it.

The jobs that depend on a load are forked from the process that holds the data, and share one copy of it in memory. A
load runs only if one of these jobs must run. The user's script never has the data. An AttributeLoadingJob
sets the attribute on the object in the compute node, not on the one in the script.
"""

import builtins
import functools
import operator
from collections.abc import Callable, Hashable, MutableMapping
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Unpack

from ppg.jobs.callback_job import NamedCallbackJob
from ppg.kinds.execution import LoadOptions, execution_of
from ppg.kinds.kind import ProcessCall
from ppg.kinds.typed import Loaded
from ppg.session.namespaces import full_id
from ppg.worker.calls import call_for_effect, load_attribute, load_entry, unload_attribute, unload_entry
from ppg_graph import NodeKind

if TYPE_CHECKING:
    from ppg.kinds.graph_protocol import GraphProtocol

__all__ = ["AttributeLoadingJob", "DataLoadingJob", "DictEntryLoadingJob", "LoadingJob"]


class LoadingJob(NamedCallbackJob):
    """LoadingJob: the base of jobs that load."""

    __slots__ = ()
    kind: ClassVar[NodeKind] = NodeKind.LOAD

    def process_call(self) -> ProcessCall:
        """Return the call of the callback in the compute node."""
        return ProcessCall(call_for_effect, (self.call,), returns_plain=True)


class DataLoadingJob(LoadingJob):
    """DataLoadingJob: calls a function in the compute node; the function decides where it keeps the data.

        data: list[int] = []
        load = ppg.DataLoadingJob("load", lambda: data.extend([1, 2]))
        total = ppg.FileGeneratingJob("total.txt", lambda out: out.write_text(str(sum(data))))
        total.depends_on(load)
        ppg.run()
        assert total.path.read_text() == "3"

    Parameters:
        job_id: its name.
        callback: called without arguments; puts the data, for example, into an object to which the callbacks of the
            jobs downstream refer as well.
        timeout, retries, cores, memory: see `Execution`.
    """

    __slots__ = ()

    def __init__(
        self,
        job_id: str,
        callback: Callable[[], object],
        *,
        pipegraph: "GraphProtocol | None" = None,
        **options: Unpack[LoadOptions],
    ) -> None:
        job_id = full_id(job_id)
        execution = execution_of(options, LoadOptions, f"DataLoadingJob '{job_id}'")
        super().__init__(job_id, callback, pipegraph, execution)


class AttributeLoadingJob(LoadingJob, Generic[Loaded]):
    """AttributeLoadingJob: sets an attribute to a function's return value, for the jobs directly downstream.

        class Data:
            numbers: list[int]

        data = Data()
        load = ppg.AttributeLoadingJob("load", data, "numbers", lambda: [1, 2])
        total = ppg.FileGeneratingJob("total.txt", lambda out: out.write_text(str(sum(data.numbers))))
        total.depends_on(load)
        ppg.run()
        assert total.path.read_text() == "3"

    Parameters:
        job_id: its name.
        object: gets the attribute, in the compute node; the callbacks of the jobs downstream refer to it.
        attribute_name: the attribute, which is removed again when those jobs are done.
        callback: called without arguments; returns the value.
        timeout, retries, cores, memory: see `Execution`.
    """

    __slots__ = ("attribute_name", "object")

    def __init__(
        self,
        job_id: str,
        object: Any,  # noqa: A002 (the name is part of pypipegraph's interface)
        attribute_name: str,
        callback: Callable[[], Loaded],
        *,
        pipegraph: "GraphProtocol | None" = None,
        **options: Unpack[LoadOptions],
    ) -> None:
        job_id = full_id(job_id)
        if not isinstance(attribute_name, str):
            raise TypeError(
                f"AttributeLoadingJob '{job_id}': attribute_name must be a str, not {attribute_name!r}"
            )
        if not attribute_name.isidentifier():
            raise ValueError(
                f"AttributeLoadingJob '{job_id}': '{attribute_name}' is no attribute's name; use a Python identifier"
            )
        execution = execution_of(options, LoadOptions, f"AttributeLoadingJob '{job_id}'")
        super().__init__(job_id, callback, pipegraph, execution)
        self.object: Any = object
        self.attribute_name: str = attribute_name

    def definition(self) -> dict[str, builtins.object]:
        """Return the identity of the object, the attribute and the function."""
        return super().definition() | {"object": id(self.object), "attribute_name": self.attribute_name}

    def process_call(self) -> ProcessCall:
        """Return the call that sets the attribute."""
        arguments = self.object, self.attribute_name, self.call, self.job_id
        return ProcessCall(load_attribute, arguments, returns_plain=True)

    def unloading_call(self) -> Callable[[], builtins.object]:
        """Return the function that removes the attribute."""
        return functools.partial(unload_attribute, self.object, self.attribute_name, self.job_id)

    def loads_into(self) -> Hashable:
        """Return the attribute of this object."""
        return "attribute", id(self.object), self.attribute_name

    def loaded_value(self) -> Callable[[], builtins.object]:
        """Return the function that reads the attribute."""
        return functools.partial(getattr, self.object, self.attribute_name)


class DictEntryLoadingJob(LoadingJob, Generic[Loaded]):
    """DictEntryLoadingJob: sets an entry of a dictionary to a function's return value, for jobs directly downstream.

        data: dict[str, list[int]] = {}
        load = ppg.DictEntryLoadingJob("load", data, "numbers", lambda: [1, 2])
        total = ppg.FileGeneratingJob("total.txt", lambda out: out.write_text(str(sum(data["numbers"]))))
        total.depends_on(load)
        ppg.run()
        assert total.path.read_text() == "3"

    Parameters:
        job_id: its name.
        dictionary: gets the entry, in the compute node; the callbacks of the jobs downstream refer to it.
        key: the entry, which is removed again when those jobs are done.
        callback: called without arguments; returns the value.
        timeout, retries, cores, memory: see `Execution`.
    """

    __slots__ = ("dictionary", "key")

    def __init__(
        self,
        job_id: str,
        dictionary: MutableMapping[Any, Any],
        key: object,
        callback: Callable[[], Loaded],
        *,
        pipegraph: "GraphProtocol | None" = None,
        **options: Unpack[LoadOptions],
    ) -> None:
        job_id = full_id(job_id)
        if not isinstance(dictionary, MutableMapping):
            raise TypeError(
                f"DictEntryLoadingJob '{job_id}': dictionary must be a dictionary, not {dictionary!r}"
            )
        execution = execution_of(options, LoadOptions, f"DictEntryLoadingJob '{job_id}'")
        super().__init__(job_id, callback, pipegraph, execution)
        self.dictionary: MutableMapping[Any, Any] = dictionary
        self.key: object = key

    def definition(self) -> dict[str, object]:
        """Return the identity of the dictionary, the key and the function."""
        return super().definition() | {"dictionary": id(self.dictionary), "key": self.key}

    def process_call(self) -> ProcessCall:
        """Return the call that sets the entry."""
        arguments = self.dictionary, self.key, self.call, self.job_id
        return ProcessCall(load_entry, arguments, returns_plain=True)

    def unloading_call(self) -> Callable[[], object]:
        """Return the function that removes the entry."""
        return functools.partial(unload_entry, self.dictionary, self.key, self.job_id)

    def loads_into(self) -> Hashable:
        """Return the entry of this dictionary; None for a key that only a mapping of the user's own accepts."""
        try:
            hash(self.key)
        except TypeError:
            return None
        return "entry", id(self.dictionary), self.key

    def loaded_value(self) -> Callable[[], object]:
        """Return the function that reads the entry."""
        return functools.partial(operator.getitem, self.dictionary, self.key)
