"""Links: what the controller of a run and the agents of its machines send to each other."""
