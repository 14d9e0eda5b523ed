"""Words: checks that texts for readers have named subjects and plain words.

The texts are docstrings, comments and strings of the packages, and the prose of the documentation. The names
of functions and classes are read, too; of the tests, only these.
"""

__all__: list[str] = []
