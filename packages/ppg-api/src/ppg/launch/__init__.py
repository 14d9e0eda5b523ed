"""Launch: starts a run and its processes."""
