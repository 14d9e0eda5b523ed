"""Text: makes the files of a project."""

import re

from tests.properties.api.watched.model import _SPOT, SCRIPT
from tests.properties.api.watched.restyle import restyled

__all__ = ["files_of"]

LIBRARY = (
    "abc",
    "array",
    "collections",
    "configparser",
    "contextlib",
    "copy",
    "csv",
    "dataclasses",
    "datetime",
    "decimal",
    "enum",
    "fractions",
    "functools",
    "importlib",
    "ipaddress",
    "itertools",
    "json",
    "logging",
    "numpy",
    "operator",
    "pandas",
    "pathlib",
    "random",
    "re",
    "statistics",
    "string",
    "struct",
    "threading",
    "tomllib",
    "types",
    "typing",
    "uuid",
    "weakref",
)
_LIBRARY = re.compile(rf"(?<![\w.\"'])({'|'.join(LIBRARY)})\.")
DECLARE = """
graph = ppg.new_pipegraph(ppg.LocalSystem(max_cores_to_use=1), quiet=True)
{jobs}
would = sorted(graph.verify().will_run)
ran = sorted(graph.run().ran)
pathlib.Path("report.json").write_text(json.dumps({{"would": would, "ran": ran}}))
"""


class _Module:
    """Module: collects the imports and the definitions of one file."""

    def __init__(self, project, name):
        self.project = project
        self.name = name
        self.imports = {}
        self.blocks = []
        self.forms = dict(project.forms)

    def reference(self, number):
        """The expression that names a definition here; adds the import that it needs."""
        one = self.project.by_number[number]
        if one.module == self.name:
            return one.name
        expression, statement = _spelled(one.module, one.name, self.forms[self.name, number])
        if statement:
            self.imports[statement] = None
        return expression

    def use(self, number):
        """The expression that reads a definition here."""
        one = self.project.by_number[number]
        text = self.filled(one, "use", one.kind.use, self.reference(number))
        return f"({text})" if "," in text else text

    def filled(self, one, part, template, name):
        """A part of a definition, with the content of its spots."""
        contents = iter(
            [
                (spot, content)
                for spot, content in zip(one.kind.spots, one.spots, strict=True)
                if spot.part == part
            ]
        )
        reads = [content for spot, content in zip(one.kind.spots, one.spots, strict=True) if spot.what == "L"]

        def content_of(_match):
            spot, content = next(contents)
            if spot.what == "s":
                return repr(content)
            if spot.what == "@":
                return self.use(content)
            if spot.what == "I":
                return self._inner_import(reads[0])
            if spot.what == "L":
                read = self.project.by_number[content]
                return re.sub(r"\bNAME(?![A-Z])", f"local_{read.name}", read.kind.use)
            if spot.is_reference:
                return self.reference(content)
            if spot.what in ("#", "w"):
                return str(content)
            return re.sub(r"\bNAME(?![A-Z])", "\0", spot.what.split("|")[content])

        # The name comes last: what the spots contain has none.
        return _SPOT.sub(content_of, re.sub(r"\bNAME(?![A-Z])", "\0", template)).replace("\0", name)

    def _inner_import(self, number):
        one = self.project.by_number[number]
        form = self.forms[self.name, number]
        if form == "call":
            return f"local_{one.name} = importlib.import_module({one.module!r}).{one.name}"
        if form.startswith("module"):
            return f"import {one.module} as local\n    local_{one.name} = local.{one.name}"
        return f"from {one.module} import {one.name} as local_{one.name}"

    def head(self, end):
        """The lines of its imports."""
        body = "\n".join([*(text for _, text in self.blocks), end])
        library = sorted(set(_LIBRARY.findall(body)))
        return [*(f"import {name}" for name in library), *self.imports]


def _spelled(module, name, form):
    """The expression for a name of another module, and the statement that imports it."""
    parent, _, last = module.rpartition(".")
    other = "as_" + module.replace(".", "_")
    return {
        "module": (f"{module}.{name}", f"import {module}"),
        "module as": (f"{other}.{name}", f"import {module} as {other}"),
        "name": (name, f"from {module} import {name}"),
        "name as": (f"{other}_{name}", f"from {module} import {name} as {other}_{name}"),
        "star": (name, f"from {module} import *"),
        "call": (f"importlib.import_module({module!r}).{name}", ""),
        "from parent": (f"{last}.{name}", f"from {parent} import {last}"),
        "relative name": (name, f"from .{last} import {name}"),
        "relative module": (f"{last}.{name}", f"from . import {last}"),
        "from package": (f"shared_{name}", f"from {parent} import shared_{name}"),
        "package": (f"{parent}.shared_{name}", f"import {parent}"),
    }[form]


def files_of(project):
    """Return the files of a project by path."""
    files = {}
    packages = {module.rpartition(".")[0] for module in project.modules} - {""}
    packages |= {package.rpartition(".")[0] for package in packages} - {""}
    for package in sorted(packages):
        shared = [
            f"from .{one.module.rpartition('.')[2]} import {one.name} as shared_{one.name}"
            for one in project.definitions
            if one.module.rpartition(".")[0] == package and "elsewhere" not in one.kind.flags
        ]
        files[f"{package.replace('.', '/')}/__init__.py"] = "\n".join(shared) + "\n"
    for name in project.modules:
        module = _Module(project, name)
        folder = "/".join(name.split(".")[:-1])
        for one in project.definitions:
            if one.module != name:
                continue
            for part, template in one.kind.parts:
                filled = module.filled(one, part, template.strip("\n"), one.name)
                if part == "":
                    module.blocks.append((one, filled))
                elif part != SCRIPT:
                    path = part.replace("NAME", one.name)
                    files[f"{folder}/{path}".lstrip("/")] = filled + "\n"
        end = _script_end(project, module) if name == SCRIPT else ""
        head = module.head(end)
        if name == SCRIPT:
            head = ["import ppg", *head]
        styles = [(kind, seed) for where, kind, seed in project.styles if where == name]
        files[f"{name.replace('.', '/')}.py"] = restyled(head, module.blocks, end, styles)
    return files


def _script_end(project, script):
    lines = []
    for one in project.definitions:
        for part, template in one.kind.parts:
            if part == SCRIPT:
                script.imports[f"import {one.module}"] = None
                lines.append(script.filled(one, part, template.strip("\n"), f"{one.module}.{one.name}"))
    for one in project.callbacks:
        lines.append(f"ppg.FileGeneratingJob({f'out{one.number}'!r}, {script.use(one.number)})")
    return DECLARE.format(jobs="\n".join(lines))
