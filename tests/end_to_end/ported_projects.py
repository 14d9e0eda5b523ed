"""Lays out the ported pipelines with their inputs."""

import shutil
from pathlib import Path

__all__ = ["BOOKS", "lay_out"]

BOOKS = ("semantics", "executor", "robustness")

_ROOT = Path(__file__).parents[2]
_PORTED = Path(__file__).with_name("ported")


def lay_out(name: str, folder: Path) -> str:
    """Copy a pipeline and its inputs into a folder; return its script."""
    shutil.copytree(_PORTED / name, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
    if name == "zipf":
        (folder / "books").mkdir()
        for book in BOOKS:
            shutil.copy(_ROOT / f"docs/{book}.md", folder / f"books/{book}.txt")
    if name == "posts":
        shutil.copy(_ROOT / "docs/semantics.md", folder / "posts.txt")
    return f"{name}.py"
