"""A plot that needs no library, and something to plot: for the claims that are not about libraries."""

from pathlib import Path

__all__ = ["FlexibleSketch", "Sketch", "numbers", "points", "sketched"]


class Sketch:
    """Anything with `save`; quick, for the claims that are not about libraries."""

    def __init__(self, text):
        self.text = text

    def save(self, filename, dpi=None):
        Path(filename).write_text(f"{self.text} at {dpi}")


class FlexibleSketch(Sketch):
    def save(self, filename, **options):
        Path(filename).write_text(f"{self.text} with {options}")


def points():
    """A table; its library is needed where this runs, only."""
    import pandas

    return pandas.DataFrame({"x": [1, 2, 3], "y": [1, 4, 9]})


def numbers():
    return {"x": [1, 2, 3]}


def sketched(data):
    return FlexibleSketch(str(data))
