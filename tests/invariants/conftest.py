"""Functions from source texts, as a user's script would define them."""

import linecache
import sys
import types

import pytest


class Scripts:
    """Writes modules and runs them, each from a separate file so that it has a source."""

    def __init__(self, folder):
        self._folder = folder
        self._count = 0

    def module(self, text):
        """The module that this text defines."""
        self._count += 1
        name = f"script_{self._count}"
        path = self._folder / f"{name}.py"
        path.write_text(text)
        module = types.ModuleType(name)
        module.__file__ = str(path)
        sys.modules[name] = module
        exec(compile(text, str(path), "exec", dont_inherit=True), module.__dict__)
        return module

    def function(self, text, name="f"):
        """The function `name` of the module that this text defines."""
        return getattr(self.module(text), name)

    def close(self):
        for number in range(self._count):
            sys.modules.pop(f"script_{number + 1}", None)
        linecache.clearcache()


@pytest.fixture(scope="session")
def scripts(tmp_path_factory):
    """A `Scripts` for the whole session."""
    made = Scripts(tmp_path_factory.mktemp("scripts"))
    yield made
    made.close()
