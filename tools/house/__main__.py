"""House: prints the rooms of each package and all breaches of the rules; `just house` runs it."""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from house.imports import gather
from house.picture import PAGE, drawn, page_with_picture
from house.plan import ROOT_ROOM, Plan, PlanError, read_plan
from house.rules import FEW, LIMIT, Finding, findings, unused_exemptions

if TYPE_CHECKING:
    from collections.abc import Sequence

    from house.plan import Package

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command, and return its exit code: 0 good, 1 against the rules, 2 not usable."""
    options = _parser().parse_args(arguments)
    try:
        plan = read_plan(options.root.resolve())
        if options.picture:
            print(drawn(plan))
            return 0
        if options.write or options.check:
            return _page(plan, write=options.write)
        return _report(plan, everything=options.all)
    except PlanError as error:
        print(f"house: {error}", file=sys.stderr)
        return 2


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("just house", description=__doc__)
    parser.add_argument(
        "--root", type=Path, default=Path(__file__).parents[2], help="the folder with pyproject.toml"
    )
    parser.add_argument("--all", action="store_true", help="name every import of a circle")
    mode = parser.add_mutually_exclusive_group()
    mode.add_argument("--picture", action="store_true", help="print the picture instead")
    mode.add_argument("--write", action="store_true", help=f"write the picture into {PAGE} instead")
    mode.add_argument("--check", action="store_true", help=f"say whether the picture in {PAGE} is up to date")
    return parser


def _page(plan: Plan, *, write: bool) -> int:
    page = plan.root / PAGE
    old, new = page_with_picture(page, drawn(plan))
    if old == new:
        print(f"{PAGE}: the picture is up to date")
        return 0
    if write:
        page.write_text(new, encoding="utf-8")
        print(f"{PAGE}: the picture is drawn again")
        return 0
    print(f"{PAGE}: the picture differs from the contracts and rooms; run `just house --write`")
    return 1


def _report(plan: Plan, *, everything: bool) -> int:
    imports = gather(plan)
    found = findings(plan, imports)
    for package in plan.packages:
        own = [finding for finding in found if finding.package == package.name]
        _print_rooms(package)
        _print_counts(package, plan, own)
        for finding in own:
            _print_finding(finding, everything=everything)
        print()
    for exemption in unused_exemptions(plan, imports):
        print(f"note: no import needs the exception {exemption}")
    if found:
        print(f"The house is not in order: {len(found)} findings.")
        return 1
    print("The house is in order.")
    return 0


def _print_rooms(package: Package) -> None:
    print(f"{package.name} (rooms: {len(package.rooms)}, files: {len(package.files)})")
    for room, files in package.rooms.items():
        print(f"    {room:<20} {len(files):>3} files{_remark(room, len(files))}")


def _remark(room: str, count: int) -> str:
    if count > LIMIT:
        return f"  over {LIMIT}"
    return "  few" if count < FEW and room != ROOT_ROOM else ""


def _print_counts(package: Package, plan: Plan, found: list[Finding]) -> None:
    counts = Counter(finding.rule for finding in found)
    arrows = sum(finding.rule == "layers" and bool(finding.imports) for finding in found)
    layers = plan.layers_of(package.name)
    ordered = {name.split(".")[0] for layer in layers or () for name in layer.modules}
    others = [name for name in package.children if name not in ordered]
    print(f"  import circles: {counts['circle']} of modules, {counts['circle of rooms']} of rooms")
    print(f"  arrows against the layers: {arrows}" + ("" if layers else " (it has no layers of its own)"))
    print(f"  internal modules of other packages imported: {counts['internals']}")
    if layers and others:
        print(f"  in no layer: {', '.join(others)}")


def _print_finding(finding: Finding, *, everything: bool) -> None:
    print(f"  ✗ {finding.rule}: {finding.message}")
    for statement in finding.imports:
        print(f"      {statement}")
    if finding.further and not everything:
        print(f"      and {len(finding.further)} more imports among them; `--all` names them")
    for statement in finding.further if everything else ():
        print(f"      also {statement}")


if __name__ == "__main__":
    sys.exit(main())
