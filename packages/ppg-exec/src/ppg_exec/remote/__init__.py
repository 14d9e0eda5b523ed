"""Remote: the controller of the agents of one or many machines."""
