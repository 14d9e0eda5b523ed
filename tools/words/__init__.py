"""Words: checks that texts for readers have named subjects and plain words.

The texts are docstrings, comments and strings of the packages, and the prose of the documentation.
"""

__all__: list[str] = []
