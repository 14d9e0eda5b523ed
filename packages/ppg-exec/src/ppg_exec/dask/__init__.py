"""Dask: runs tasks on the machines of a Dask cluster. Only this room imports Dask, and nothing imports the room without need."""
