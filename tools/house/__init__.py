"""House: checks the rooms of each package and the direction of their imports, and draws the picture of both.

A package is a house, and a folder in it is a room.
The modules beside the package's `__init__` are the room ".".
The layers come from the contracts of import-linter in `pyproject.toml`.
"""

__all__: list[str] = []
