"""Agent: the program that runs the tasks of a controller elsewhere, on its machine."""
