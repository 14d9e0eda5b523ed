"""Node: the process that holds loaded data and forks one child per job."""
