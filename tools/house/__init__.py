"""House: checks how modules lie in rooms and which way they import, and draws the picture of it.

A package is a house, a folder in it is a room, and the modules beside the package's `__init__` are the room ".".
The layers come from the contracts of import-linter in `pyproject.toml`; nothing repeats them here.
"""

__all__: list[str] = []
