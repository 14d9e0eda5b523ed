"""Drawing: turns graphs into text, with pure functions."""

from ppg_graph.drawing.draw import Format, draw
from ppg_graph.drawing.picture import Grouping, by_directory, by_kind, by_prefix

__all__ = ["Format", "Grouping", "by_directory", "by_kind", "by_prefix", "draw"]
