"""Controller: the executor in the main process."""
