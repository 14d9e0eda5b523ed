"""The house's rules, on small made-up packages: each breach is found, with its place, and a clean house passes."""

import itertools

import pytest

from house.__main__ import main
from house.imports import circles, shortest_circle

CONTRACT = """
[[tool.importlinter.contracts]]
name = "rooms of {package}"
type = "layers"
{containers}
layers = [{layers}]
"""

names = (f"made_up_{number}" for number in itertools.count())


class House:
    """House: writes packages and their plan into a folder, and runs the command there."""

    def __init__(self, root, capsys):
        self.root = root
        self.capsys = capsys
        # Python remembers the folders of packages by name, so every test has its own.
        self.name = next(names)
        self.packages = [self.name]
        self.plan = ""

    def files(self, package=None, **texts):
        """Files: are written by names such as `low__leaf`, with `{p}` for the package."""
        package = package or self.name
        folder = self.root / "packages" / package / "src" / package
        for name, text in {"__init__": "", **texts}.items():
            path = folder.joinpath(*name.replace("__init__", "init").split("__")).with_suffix(".py")
            path = path.with_stem("__init__") if path.stem == "init" else path
            path.parent.mkdir(parents=True, exist_ok=True)
            (path.parent / "__init__.py").touch()
            path.write_text(text.format(p=self.name))

    def layers(self, *layers, full_names=False, package=None):
        package = package or self.name
        prefix = f"{package}." if full_names else ""
        self.plan += CONTRACT.format(
            package=package,
            containers="" if full_names else f'containers = ["{package}"]',
            layers=", ".join(f'"{" | ".join(prefix + name for name in layer.split())}"' for layer in layers),
        )

    def run(self, *options):
        roots = ", ".join(f'"{name}"' for name in self.packages)
        plan = f"[tool.importlinter]\nroot_packages = [{roots}]\n{self.plan}"
        (self.root / "pyproject.toml").write_text(plan)
        code = main(["--root", str(self.root), *options])
        output = self.capsys.readouterr()
        return code, output.out + output.err

    def path(self, rest, package=None):
        package = package or self.name
        return f"packages/{package}/src/{package}/{rest}"


@pytest.fixture
def house(tmp_path, capsys):
    return House(tmp_path, capsys)


@pytest.mark.parametrize("full_names", [False, True])
def test_a_clean_house_passes(house, full_names):
    house.files(
        top="from {p}.high import uses\n",
        high__uses="from {p}.low import leaf\n\n\ndef later():\n    from {p}.low.other import x\n",
        low__leaf="",
        low__other="x = 1\n",
    )
    house.layers("top", "high", "low", full_names=full_names)
    code, output = house.run()
    assert code == 0, output
    assert "The house is in order." in output
    assert "circles: 0 of modules, 0 of rooms" in output
    assert "against the layers: 0\n" in output


def test_a_circle_through_a_lazy_import_is_found(house):
    house.files(
        low__one="from {p}.low import two\n",
        low__two="def later():\n    from {p}.low import one\n    return one\n",
    )
    house.layers("low")
    code, output = house.run()
    assert code == 1
    assert "circles: 1 of modules, 0 of rooms" in output
    assert f"{house.path('low/one.py:1')}: {house.name}.low.one imports {house.name}.low.two" in output
    assert f"{house.path('low/two.py:2')}: {house.name}.low.two imports {house.name}.low.one" in output


def test_a_circle_through_type_checking_is_found(house):
    house.files(
        low__one="from {p}.low.two import x\n",
        low__two="from typing import TYPE_CHECKING\n\nif TYPE_CHECKING:\n    from {p}.low.one import y\n",
    )
    house.layers("low")
    code, output = house.run()
    assert code == 1
    assert "circles: 1 of modules, 0 of rooms" in output
    assert house.path("low/two.py:4") in output


def test_a_circle_of_rooms_without_a_circle_of_modules_is_found(house):
    house.files(a__one="from {p}.b import one\n", b__one="", b__two="from {p}.a import two\n", a__two="")
    house.layers("a", "b")
    code, output = house.run()
    assert code == 1
    assert "circles: 0 of modules, 1 of rooms" in output
    assert house.path("a/one.py:1") in output
    assert house.path("b/two.py:1") in output


def test_root_modules_above_and_below_a_room_are_no_circle(house):
    house.files(top="from {p}.room import one\n", room__one="from {p} import leaf\n", leaf="")
    house.layers("top", "room", "leaf")
    code, output = house.run()
    assert code == 0, output


def test_only_all_names_every_import_of_a_circle(house):
    house.files(
        a__one="from {p}.a import two\n",
        a__two="from {p}.a import one, three\n",
        a__three="\nfrom {p}.a import one\n",
    )
    house.layers("a")
    assert house.path("a/three.py:2") not in house.run()[1]
    assert house.path("a/three.py:2") in house.run("--all")[1]


@pytest.mark.parametrize("full_names", [False, True])
def test_an_arrow_against_the_layers_is_found_with_file_and_line(house, full_names):
    house.files(high__one="", low__leaf="\n\ndef later():\n    from {p}.high import one\n    return one\n")
    house.layers("high", "low", full_names=full_names)
    code, output = house.run()
    assert code == 1
    assert "against the layers: 1\n" in output
    assert f"{house.path('low/leaf.py:4')}: {house.name}.low.leaf imports {house.name}.high.one" in output


def test_an_arrow_through_a_module_in_no_layer_is_found(house):
    house.files(high__one="", low__leaf="from {p} import beside\n", beside="from {p}.high import one\n")
    house.layers("high", "low")
    code, output = house.run()
    assert code == 1
    assert "in no layer: beside" in output
    assert house.path("low/leaf.py:1") in output
    assert house.path("beside.py:1") in output


def test_neighbours_in_one_layer_may_not_import_each_other(house):
    house.files(a__one="from {p}.b import two\n", b__two="")
    house.layers("a b")
    code, output = house.run()
    assert code == 1
    assert house.path("a/one.py:1") in output


def test_neighbours_with_a_colon_may_import_each_other(house):
    house.files(a__one="from {p}.b import two\n", b__two="")
    house.layers("a b")
    house.plan = house.plan.replace("a | b", "a : b")
    code, output = house.run()
    assert code == 0, output


def test_arrows_between_packages_are_held_too(house):
    upper, lower = house.name, f"{house.name}_below"
    house.packages = [upper, lower]
    house.files()
    house.files(lower, leaf="import {p}\n")
    house.layers("leaf", package=lower)
    house.plan += CONTRACT.format(package="all", containers="", layers=f'"{upper}", "{lower}"')
    code, output = house.run()
    assert code == 1
    assert f"{house.path('leaf.py:1', lower)}: {lower}.leaf imports {upper}" in output


@pytest.mark.parametrize(("room", "shown"), [("room__", "room room"), ("", "room .")])
def test_thirteen_files_in_a_room_fail_and_twelve_pass(house, room, shown):
    house.files(**{f"{room}module{number}": "" for number in range(11)})
    house.layers("(room)", *(["(module0)"] if not room else []))
    code, output = house.run()
    assert code == 0, output
    house.files(**{f"{room}module11": ""})
    code, output = house.run()
    assert code == 1
    assert f"{shown} has 13 files" in output


def test_a_room_without_an_init_is_found(house):
    house.files(room__leaf="")
    (house.root / house.path("room/__init__.py")).unlink()
    (house.root / house.path("room/not-a-name.py")).touch()
    house.layers("(room)")
    code, output = house.run()
    assert code == 1
    assert "give room/ an __init__.py" in output


def test_a_layer_that_does_not_exist_is_found_unless_in_parentheses(house):
    house.files(low__leaf="")
    house.layers("high", "low")
    code, output = house.run()
    assert code == 1
    assert f"names {house.name}.high, which does not exist" in output
    house.plan = house.plan.replace('"high"', '"(high)"')
    assert house.run()[0] == 0


def test_a_package_without_layers_is_found(house):
    house.files(low__leaf="")
    code, output = house.run()
    assert code == 1
    assert f"no contract of type layers orders the rooms of {house.name}" in output


def two_packages(house, text):
    other = f"{house.name}_other"
    house.packages = [house.name, other]
    house.files(one=text.replace("{o}", other))
    house.files(other, __init__=f"from {other}.inner.leaf import x\n", inner__leaf="x = 1\n")
    house.layers("one")
    house.layers("inner", package=other)
    return other


@pytest.mark.parametrize("text", ["import {o}\n", "from {o} import x\n"])
def test_what_a_package_exports_may_be_imported_elsewhere(house, text):
    two_packages(house, text)
    code, output = house.run()
    assert code == 0, output


@pytest.mark.parametrize(
    "text", ["import {o}.inner.leaf\n", "from {o}.inner.leaf import x\n", "from {o} import inner\n"]
)
def test_internals_of_another_package_may_not_be_imported(house, text):
    two_packages(house, text)
    code, output = house.run()
    assert code == 1
    assert "internal modules of other packages imported: 1" in output
    assert house.path("one.py:1") in output


@pytest.mark.parametrize("pattern", ["inner.leaf", "inner.*", "inner.leaf.*"])
def test_an_exception_with_a_reason_lets_internals_through(house, pattern):
    other = two_packages(house, "from {o}.inner.leaf import x\n")
    house.plan += f'\n[tool.house.internals.{house.name}]\n"{other}.{pattern}" = "shows how"\n'
    code, output = house.run()
    assert code == 0, output


def test_an_exception_needs_a_reason(house):
    other = two_packages(house, "from {o}.inner.leaf import x\n")
    house.plan += f'\n[tool.house.internals.{house.name}]\n"{other}.inner.*" = " "\n'
    code, output = house.run()
    assert code == 2
    assert "gives no reason" in output


def test_an_exception_that_no_import_needs_is_noted(house):
    other = two_packages(house, "import {o}\n")
    house.plan += f'\n[tool.house.internals.{house.name}]\n"{other}.inn" = "used to need it"\n'
    code, output = house.run()
    assert code == 0
    assert f"note: no import needs the exception {house.name}: {other}.inn\n" in output


def test_the_picture_shows_layers_and_rooms(house):
    house.files(top="", high__one="", other__one="", low__leaf="", beside="")
    house.layers("top", "high other", "low")
    code, output = house.run("--picture")
    assert code == 0
    assert output.splitlines() == [
        "flowchart TD",
        f'    subgraph {house.name}["{house.name}"]',
        f'        {house.name}_1["top"]',
        f'        {house.name}_2["high/ | other/"]',
        f'        {house.name}_3["low/"]',
        f"        {house.name}_1 --> {house.name}_2",
        f"        {house.name}_2 --> {house.name}_3",
        f'        {house.name}_0["in no layer: beside"]',
        "    end",
    ]


def test_the_page_is_checked_and_written(house):
    house.files(low__leaf="")
    house.layers("low")
    page = house.root / "docs" / "architecture.md"
    page.parent.mkdir()
    page.write_text("before\n<!-- house -->\nold\n<!-- /house -->\nafter\n")
    assert house.run("--check")[0] == 1
    assert "old" in page.read_text()
    assert house.run("--write")[0] == 0
    text = page.read_text()
    assert text.startswith("before\n<!-- house -->\n```mermaid\nflowchart TD\n")
    assert text.endswith("\n```\n<!-- /house -->\nafter\n")
    assert house.run("--check")[0] == 0


def test_a_page_without_markers_is_left_alone(house):
    house.files(low__leaf="")
    page = house.root / "docs" / "architecture.md"
    page.parent.mkdir()
    page.write_text("<!-- /house --> <!-- house -->")
    code, output = house.run("--write")
    assert code == 2
    assert "needs the markers" in output
    assert page.read_text() == "<!-- /house --> <!-- house -->"


def test_circles_are_distinguished_and_the_shortest_is_drawn():
    arrows = {"a": {"b"}, "b": {"c", "d"}, "c": {"a", "b"}, "d": {"e"}, "e": {"f"}, "f": {"e"}, "g": {"g"}}
    assert circles(arrows) == [["a", "b", "c"], ["e", "f"], ["g"]]
    assert shortest_circle(["a", "b", "c"], arrows) == [("b", "c"), ("c", "b")]
    assert shortest_circle(["g"], arrows) == [("g", "g")]
