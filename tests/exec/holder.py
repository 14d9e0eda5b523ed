"""A class that the compute node can import without importing pytest."""


class Holder:
    """Something that loads put attributes on."""
