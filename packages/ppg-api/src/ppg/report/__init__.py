"""Report: the events of a run, and the listeners that show or store them."""
